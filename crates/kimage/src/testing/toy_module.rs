// SPDX-License-Identifier: GPL-2.0-only
//! A module of two dozen functions for the toy kernel, for tests: assembled
//! anew each time, since no binaries are kept.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::testing::btf::Builder;
use crate::testing::toy;

const SOURCE: &str = r#"
.macro function name
    .p2align 4, 0xcc
    .type \name, @function
    \name:
.endm
.macro body
    push %rbp
    mov %rsp, %rbp
    sub $8, %rsp
    pop %rbp
    ret
.endm
.macro call_ftrace
    100: call __fentry__
    .pushsection __mcount_loc, "a"
    .quad 100b
    .popsection
.endm
.macro traced name
    function \name
    call_ftrace
    body
.endm
.macro relative section, label, more
    .pushsection \section, "a"
    .long \label - .
    .zero \more
    .popsection
.endm

.text
traced first
function behind_endbr
    endbr64
    call_ftrace
    body
function plain
    body
function first.cold
    body
function plain.part.0
    body
traced listed
function listed.part.0
    body
.pushsection _kprobe_blacklist, "aw"
    .quad listed
.popsection
function keyed
    1: .byte 0x0f, 0x1f, 0x44, 0, 0
    relative __jump_table, 1b, 12
    body
function calls
    1: call elsewhere
    relative .static_call_sites, 1b, 4
    body
function warns
    1: ud2
    relative __bug_table, 1b, 8
    ret
function faults
    1: mov (%rdi), %rax
    relative __ex_table, 1b, 8
    body
function locks
    1: lock incl (%rdi)
    relative .smp_locks, 1b, 0
    nop
    nop
    ret
function returns
    nop
    jmp __x86_return_thunk
function only_nop
    .byte 0x0f, 0x1f, 0x44, 0, 0
    body
traced injectable
.pushsection _error_injection_whitelist, "aw"
    .quad injectable, 0
.popsection
traced twice
function twicf
    body
# The kernel has functions of these names, too.
traced takes_struct
traced no_instrumentation
function no_instrumentation.cold
    body
traced large_argument
function __pfx_last
    .zero 16, 0x90
traced last

.section .noinstr.text, "ax"
traced not_instrumented
.section .kprobes.text, "ax"
function no_kprobes
    body
.section .init.text, "ax"
traced init_module
.section .exit.text, "ax"
traced cleanup_module
    mov variable(%rip), %eax
    mov %gs:counter(%rip), %eax
    mov $buffer, %rdi

.data
.type variable, @object
variable: .quad elsewhere + 8
.bss
buffer: .zero 64
.section .data..percpu, "aw"
counter: .quad 0
.section .modinfo, "a"
.asciz "license=GPL"
.asciz "vermagic=6.12.0-toy SMP preempt"
.asciz "name=toymod"
"#;

/// The module, with BTF.
pub(crate) fn toy_module() -> Vec<u8> {
    assemble(&format!("{SOURCE}{}", btf_section(".BTF", &types())))
}

/// The same without BTF.
pub(crate) fn toy_module_without_btf() -> Vec<u8> {
    assemble(SOURCE)
}

/// The same, built apart from the kernel: with what it takes of its types.
pub(crate) fn toy_module_apart() -> Vec<u8> {
    let base = btf_section(".BTF.base", &toy::types().build());
    assemble(&format!("{SOURCE}{}{base}", btf_section(".BTF", &types())))
}

fn types() -> Vec<u8> {
    let mut btf = Builder::after(&toy::types());
    for name in [
        "first",
        "behind_endbr",
        "plain",
        "only_nop",
        "injectable",
        "twice",
        "init_module",
    ] {
        btf.function(name, 0, &[]);
    }
    // The structure of 24 bytes that is the kernel's first type.
    btf.function("large_argument", 0, &[1]);
    btf.build()
}

fn btf_section(name: &str, content: &[u8]) -> String {
    let mut text = format!(".section {name}\n");
    for byte in content {
        let _ = writeln!(text, ".byte {byte}");
    }
    text
}

/// Assembles a source, of which `twicf` becomes a second `twice`: no assembler
/// has two symbols of a name.
fn assemble(source: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("it.s"), dir.path().join("it.o"));
    std::fs::write(&from, source).unwrap();
    run(Command::new("gcc").args(["-c", "-o"]).args([&to, &from]));
    let mut file = std::fs::read(to).unwrap();
    if let Some(at) = memchr::memmem::find(&file, b"twicf\0") {
        file[at + 4] = b'e';
    }
    file
}

/// Compiles C as Kbuild does where it matters here.
pub(crate) fn compile(source: &str, to: &Path) {
    let from = to.with_extension("c");
    std::fs::write(&from, source).unwrap();
    let options = "-O2 -pg -mfentry -mrecord-mcount -mcmodel=kernel -fno-pic -fno-pie \
                   -fno-asynchronous-unwind-tables -fcf-protection=branch -mno-red-zone \
                   -fno-merge-constants -ffreestanding";
    run(Command::new("gcc")
        .args(options.split_whitespace())
        .args(["-c", "-o"])
        .args([to, &from]));
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().expect("gcc and binutils");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
}
