// SPDX-License-Identifier: GPL-2.0-only
//! What the host must have, why, and how to see whether it does.

use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, find_program};

use Check::{Cargo, Header, Libclang, Library, Program};

/// A step that needs something of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Getting and unpacking kernel source, and patching it.
    Source,
    /// Downloading a tarball of source, where a kernel comes from one.
    Tarball,
    /// Building a kernel.
    Kernel,
    /// Building PID 1 and the test programs.
    Guest,
    /// Booting.
    Boot,
    /// A shell in the guest.
    Shell,
    /// Checking patches as a reviewer would.
    Review,
    /// Turning patches into commits and back.
    History,
    /// Checking the project itself.
    Ci,
    /// Fuzzing the parsers of images.
    Fuzz,
    /// Measuring against other programs.
    Bench,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 11] = [
        Self::Source,
        Self::Tarball,
        Self::Kernel,
        Self::Guest,
        Self::Boot,
        Self::Shell,
        Self::Review,
        Self::History,
        Self::Ci,
        Self::Fuzz,
        Self::Bench,
    ];
}

/// How to see whether it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// One of these programs is in PATH.
    Program(&'static [&'static str]),
    /// The C compiler finds this header.
    Header(&'static str),
    /// The C compiler finds this library.
    Library(&'static str),
    /// bindgen finds a libclang.
    Libclang,
    /// This cargo subcommand is installed.
    Cargo(&'static str),
}

/// One thing that the host must have.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub(crate) check: Check,
    /// Its package, as Debian and Ubuntu name it; the crate of a cargo subcommand.
    pub package: &'static str,
    /// What it does here, in the third person.
    pub why: &'static str,
    pub(crate) step: Step,
}

impl Need {
    /// What is looked for, in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.check {
            Check::Program(names) => names[0],
            Check::Header(name) | Check::Library(name) | Check::Cargo(name) => name,
            Check::Libclang => "libclang",
        }
    }

    /// Looks on the host.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.check {
            Check::Program(names) => names.iter().any(|name| find_program(name).is_some()),
            Check::Header(name) => compiler_finds_header(name),
            Check::Library(name) => compiler_finds_library(name),
            Check::Libclang => has_libclang(),
            Check::Cargo(name) => find_program(&format!("cargo-{name}")).is_some(),
        }
    }
}

/// Rows of a table: step, check, package, reason.
macro_rules! needs {
    ($($step:ident: $check:expr, $package:literal, $why:literal;)*) => {
        &[$(Need { check: $check, package: $package, why: $why, step: Step::$step }),*]
    };
}

/// Everything, in the order in which a run comes to need it.
pub const NEEDS: &[Need] = needs! {
    Source: Program(&["tar"]), "tar", "unpacks kernel source";
    Source: Program(&["xz"]), "xz-utils", "decompresses kernel source";
    Source: Program(&["patch"]), "patch", "applies a patch series with fuzz";
    Tarball: Program(&["curl"]), "curl", "downloads a kernel that comes as a tarball";
    Kernel: Program(&["gcc"]), "gcc", "compiles the kernel";
    Kernel: Program(&["make"]), "make", "drives the kernel build";
    Kernel: Program(&["flex"]), "flex", "builds the kernel's Kconfig parser";
    Kernel: Program(&["bison"]), "bison", "builds the kernel's Kconfig parser";
    Kernel: Program(&["bc"]), "bc", "computes the kernel's time constants";
    Kernel: Program(&["perl"]), "perl", "runs scripts of the kernel build";
    Kernel: Program(&["python3"]), "python3", "runs scripts of the kernel build";
    Kernel: Program(&["pahole"]), "pahole", "makes BTF from DWARF";
    Kernel: Header("gelf.h"), "libelf-dev", "objtool and resolve_btfids read ELF with it";
    Guest: Library("libelf.a"), "libelf-dev", "libbpf, statically linked into the tests";
    Guest: Header("zlib.h"), "zlib1g-dev", "libelf and libbpf compress with it";
    Guest: Library("libz.a"), "zlib1g-dev", "libbpf, statically linked into the tests";
    Guest: Library("libc.a"), "libc6-dev", "the guest has no dynamic linker";
    Guest: Program(&["pkg-config"]), "pkg-config", "libbpf-sys finds libelf and zlib with it";
    Guest: Program(&["clang-19", "clang-18", "clang-17", "clang-16"]), "clang-19", "compiles BPF programs (16 or newer)";
    Guest: Libclang, "libclang1-19", "bindgen reads the kernel's uapi headers with it";
    Boot: Program(&["qemu-system-x86_64"]), "qemu-system-x86", "boots the kernels";
    Shell: Program(&["busybox"]), "busybox-static", "is the shell, and its programs, in the guest";
    Review: Program(&["perl"]), "perl", "runs checkpatch.pl";
    Review: Program(&["sparse"]), "sparse", "checks types that C has no words for";
    History: Program(&["git"]), "git", "turns patches into commits and back";
    Ci: Program(&["git"]), "git", "lists the files to check";
    Ci: Program(&["clang-format-19"]), "clang-format-19", "checks the format of BPF programs";
    Fuzz: Program(&["g++"]), "g++", "compiles libFuzzer";
    Fuzz: Cargo("fuzz"), "cargo-fuzz", "builds and runs the fuzz targets";
    Bench: Program(&["time"]), "time", "measures the memory that a program takes";
    Bench: Program(&["readelf"]), "binutils", "is what inspecting is measured against";
};

/// What these steps need and the host lacks.
pub(crate) fn missing(steps: &[Step]) -> Vec<&'static Need> {
    NEEDS
        .iter()
        .filter(|need| steps.contains(&need.step) && !need.is_met())
        .collect()
}

fn compiler_finds_header(name: &str) -> bool {
    Cmd::new("gcc")
        .args(["-E", "-include", name, "-x", "c", "/dev/null"])
        .run()
        .is_ok()
}

/// gcc answers with a full path if it finds the library, else with the name.
fn compiler_finds_library(name: &str) -> bool {
    let answer = Cmd::new("gcc")
        .arg(format!("-print-file-name={name}"))
        .run();
    answer.is_ok_and(|lines| lines.first().is_some_and(|path| path.starts_with('/')))
}

/// The places where clang-sys, and so bindgen, looks on Linux.
fn has_libclang() -> bool {
    let own = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    let llvm = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let llvm = llvm
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm"))
        .map(|entry| entry.path().join("lib"));
    let fixed = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    ];
    own.into_iter()
        .chain(llvm)
        .chain(fixed.map(PathBuf::from))
        .any(|dir| holds_libclang(&dir))
}

fn holds_libclang(dir: &Path) -> bool {
    let is_libclang = |name: &str| {
        (name.starts_with("libclang.so") || name.starts_with("libclang-")) && name.contains(".so")
    };
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_str().is_some_and(is_libclang))
}
