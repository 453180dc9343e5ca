// SPDX-License-Identifier: GPL-2.0-only
//! Chooses the `linux/bpf.h` from which the crate takes its types.
//!
//! With `NMISSED_UAPI` set to a folder of uapi headers (`include/uapi` of a kernel, or the
//! result of `make headers_install`), bindgen reads its `linux/bpf.h`. Without it the
//! types are those of libbpf-sys, so that a plain `cargo check` needs no kernel; with
//! headers from before 6.7, too: the structs only grow, and the kernel says how much of
//! one it wrote.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Fields, Item, Type};

/// The environment variable with the folder of headers.
const UAPI_DIR: &str = "NMISSED_UAPI";

/// What the crate uses of the header, by the names of both bindgen and libbpf-sys.
const STRUCTS: &[&str] = &["bpf_link_info", "bpf_prog_info"];
/// bindgen generates the constants of these enums.
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

/// The newest fields of `bpf_link_info` that the crate uses of released headers: both of
/// 6.7 (3acf8ace6823 and the commit before it).
const NEWEST: &[&str] = &[
    "__bindgen_anon_1.kprobe_multi.missed",
    "__bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed",
];

/// Counters of `bpf_link_info` that no released header has: the constant with the
/// counter's offset, and the path of fields to it.
const NEW_COUNTERS: &[(&str, &str)] = &[
    (
        "UPROBE_MISSED",
        "__bindgen_anon_1.perf_event.__bindgen_anon_1.uprobe.missed",
    ),
    (
        "UPROBE_MULTI_MISSED",
        "__bindgen_anon_1.uprobe_multi.missed",
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

/// Generates the types, with a check of each offset, from the headers in `dir`.
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
    if !NEWEST.iter().all(|path| has_field(&types, path)) {
        return from_libbpf_sys(out);
    }
    let offsets = offsets(|path| has_field(&types, path));
    write(out, &(bindings + &offsets));
}

/// Re-exports the types of libbpf-sys.
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

/// Returns a constant for each new counter: its offset, or `None`.
fn offsets(has: impl Fn(&str) -> bool) -> String {
    let constant = |(name, path): &(&str, &str)| {
        let value = if has(path) {
            format!("Some(::std::mem::offset_of!(bpf_link_info, {path}))")
        } else {
            "None".to_owned()
        };
        format!("pub const {name}: Option<usize> = {value};\n")
    };
    NEW_COUNTERS.iter().map(constant).collect()
}

/// Checks whether `bpf_link_info` has the field at this path.
fn has_field(types: &syn::File, path: &str) -> bool {
    let mut name_of_type = "bpf_link_info".to_owned();
    path.split('.').all(|name| {
        let found = type_of_field(types, &name_of_type, name);
        name_of_type = found.clone().unwrap_or_default();
        found.is_some()
    })
}

/// Returns the name of the type of a field of a struct or a union.
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
