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

use syn::{Fields, Item, Type};

/// Names the folder of the kernel in use.
const UAPI_DIR: &str = "NMISSED_UAPI";

/// What the crate uses of the header, as bindgen and libbpf-sys both name it.
const STRUCTS: &[&str] = &["bpf_link_info", "bpf_prog_info"];
/// Asking bindgen for an enumeration gives its constants.
const ENUMS: &[&str] = &["bpf_link_type", "bpf_perf_event_type"];
const CONSTANTS: &[&str] = &[
    "BPF_LINK_TYPE_KPROBE_MULTI",
    "BPF_LINK_TYPE_PERF_EVENT",
    "BPF_LINK_TYPE_UPROBE_MULTI",
    "BPF_PERF_EVENT_KPROBE",
    "BPF_PERF_EVENT_KRETPROBE",
    "BPF_PERF_EVENT_UPROBE",
    "BPF_PERF_EVENT_URETPROBE",
];

/// Counters of `bpf_link_info` that no released header has: the constant that
/// says where the counter lies, and the fields on the way to it.
const NEW_COUNTERS: &[(&str, &[&str])] = &[
    (
        "UPROBE_MISSED",
        &[
            "__bindgen_anon_1",
            "perf_event",
            "__bindgen_anon_1",
            "uprobe",
            "missed",
        ],
    ),
    (
        "UPROBE_MULTI_MISSED",
        &["__bindgen_anon_1", "uprobe_multi", "missed"],
    ),
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
    let bindings = builder
        .generate()
        .unwrap_or_else(|err| panic!("bindgen on {}: {err}", header.display()))
        .to_string();
    let types = syn::parse_file(&bindings).expect("bindgen writes Rust");
    let offsets = offsets(|path| has_field(&types, path));
    write(out, &(bindings + &offsets));
}

/// Borrows the types from libbpf-sys, which made them with bindgen too.
fn from_libbpf_sys(out: &Path) {
    let names = [STRUCTS, CONSTANTS].concat().join(", ");
    write(
        out,
        &format!("pub use libbpf_sys::{{{names}}};\n{}", offsets(|_| false)),
    );
}

fn write(out: &Path, text: &str) {
    fs::write(out, text).unwrap_or_else(|err| panic!("writing {}: {err}", out.display()));
}

/// A constant for each of the new counters: its offset where there is one.
fn offsets(has: impl Fn(&[&str]) -> bool) -> String {
    let constant = |(name, path): &(&str, &[&str])| {
        let value = if has(path) {
            let path = path.join(".");
            format!("Some(::std::mem::offset_of!(bpf_link_info, {path}))")
        } else {
            "None".to_owned()
        };
        format!("pub const {name}: Option<usize> = {value};\n")
    };
    NEW_COUNTERS.iter().map(constant).collect()
}

/// Whether `bpf_link_info` has the field at the end of this path.
fn has_field(types: &syn::File, path: &[&str]) -> bool {
    let mut place = "bpf_link_info".to_owned();
    path.iter().all(|name| {
        let found = type_of_field(types, &place, name);
        place = found.clone().unwrap_or_default();
        found.is_some()
    })
}

/// The name of the type of a field, for a struct or a union.
fn type_of_field(types: &syn::File, of: &str, name: &str) -> Option<String> {
    let fields = types.items.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == of => Some(item.fields.clone()),
        Item::Union(item) if item.ident == of => Some(Fields::Named(item.fields.clone())),
        _ => None,
    })?;
    let field = fields
        .iter()
        .find(|field| field.ident.as_ref().is_some_and(|ident| ident == name))?;
    match &field.ty {
        Type::Path(kind) => Some(kind.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}
