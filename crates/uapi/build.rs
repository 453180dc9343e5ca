// SPDX-License-Identifier: GPL-2.0-only
//! Chooses whose `linux/bpf.h` the crate speaks.
//!
//! With `NMISSED_UAPI` set to a folder of uapi headers (holding
//! `linux/bpf.h`, as `make headers_install` or an untouched `include/uapi`
//! has it), bindgen reads that one. Without it the crate takes the types that
//! libbpf-sys generated from the copy it ships, so that a plain `cargo check`
//! needs no kernel.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Names the folder of the kernel in use.
const UAPI_DIR: &str = "NMISSED_UAPI";

/// What the crate uses of the header, as bindgen and libbpf-sys both name it.
const STRUCTS: &[&str] = &["bpf_link_info", "bpf_prog_info"];
/// Asking bindgen for an enumeration gives its constants.
const ENUMS: &[&str] = &["bpf_link_type", "bpf_perf_event_type"];
const CONSTANTS: &[&str] = &[
    "BPF_LINK_TYPE_KPROBE_MULTI",
    "BPF_LINK_TYPE_PERF_EVENT",
    "BPF_PERF_EVENT_KPROBE",
    "BPF_PERF_EVENT_KRETPROBE",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={UAPI_DIR}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("uapi.rs");
    match env::var_os(UAPI_DIR) {
        Some(dir) => from_headers(Path::new(&dir), &out),
        None => from_libbpf_sys(&out),
    }
}

/// Generates the types, with a check of every offset, from the headers in
/// `dir`.
fn from_headers(dir: &Path, out: &Path) {
    let header = dir.join("linux/bpf.h");
    println!("cargo::rerun-if-changed={}", dir.display());
    assert!(
        header.is_file(),
        "{UAPI_DIR}={} has no linux/bpf.h; unset it to use libbpf-sys' copy",
        dir.display()
    );
    let mut builder = bindgen::Builder::default()
        .header(header.display().to_string())
        .clang_arg(format!("-I{}", dir.display()))
        .derive_default(true)
        .prepend_enum_name(false)
        .generate_comments(false)
        .layout_tests(true);
    for name in [STRUCTS, ENUMS].concat() {
        builder = builder.allowlist_type(name);
    }
    builder
        .generate()
        .unwrap_or_else(|err| panic!("bindgen on {}: {err}", header.display()))
        .write_to_file(out)
        .unwrap_or_else(|err| panic!("writing {}: {err}", out.display()));
}

/// Borrows the types from libbpf-sys, which made them with bindgen too.
fn from_libbpf_sys(out: &Path) {
    let names = [STRUCTS, CONSTANTS].concat().join(", ");
    fs::write(out, format!("pub use libbpf_sys::{{{names}}};\n"))
        .unwrap_or_else(|err| panic!("writing {}: {err}", out.display()));
}
