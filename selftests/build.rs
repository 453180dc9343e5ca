// SPDX-License-Identifier: GPL-2.0-only
//! Compiles `bpf/*.bpf.c` and generates a skeleton of each.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use libbpf_cargo::SkeletonBuilder;

/// Names the clang to use, for who has it elsewhere.
const CLANG: &str = "NMISSED_CLANG";

/// Tried in this order when `NMISSED_CLANG` is not set.
const CLANGS: &[&str] = &["clang-19", "clang-18", "clang-17", "clang-16", "clang"];

/// Older ones drop the high halves of 64-bit enumerators from the BTF.
const OLDEST: u32 = 16;

/// v3 is the last instruction set that every kernel since 5.1 takes.
const FLAGS: &[&str] = &["-mcpu=v3", "-Wall", "-Werror"];

fn main() -> Result<()> {
    let bpf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpf");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", bpf.display());
    println!("cargo::rerun-if-env-changed={CLANG}");
    println!("cargo::rerun-if-env-changed=PATH");

    let clang = find_clang()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    for source in sources(&bpf)? {
        generate(&clang, &source, &out)?;
    }
    Ok(())
}

/// Every `*.bpf.c` in `dir`, in the order of their names.
fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".bpf.c") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Makes `<out>/<name>.skel.rs` of `<name>.bpf.c`.
fn generate(clang: &Path, source: &Path, out: &Path) -> Result<()> {
    let skeleton =
        Path::new(source.file_stem().context("a source has a name")?).with_extension("skel.rs");
    SkeletonBuilder::new()
        .source(source)
        .clang(clang)
        .clang_args(FLAGS)
        .reference_obj(true)
        .build_and_generate(out.join(skeleton))
}

/// The clang to use: the one that was named, else the first that will do.
fn find_clang() -> Result<PathBuf> {
    if let Some(named) = env::var_os(CLANG) {
        let clang = PathBuf::from(named);
        let major = major_version(&clang)
            .with_context(|| format!("{CLANG}={} is no clang", clang.display()))?;
        ensure!(
            major >= OLDEST,
            "{CLANG}={} is version {major}; {OLDEST} is the oldest that will do",
            clang.display()
        );
        return Ok(clang);
    }
    for name in CLANGS {
        let clang = PathBuf::from(name);
        if major_version(&clang).is_some_and(|major| major >= OLDEST) {
            return Ok(clang);
        }
    }
    bail!(
        "no clang of version {OLDEST} or newer found (tried {}); \
         install the package clang-19, or set {CLANG}",
        CLANGS.join(", ")
    )
}

/// The major version of `clang`, `None` if it does not run or is no clang.
fn major_version(clang: &Path) -> Option<u32> {
    let output = Command::new(clang).arg("-dumpversion").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.split('.').next()?.trim().parse().ok()
}
