// SPDX-License-Identifier: GPL-2.0-only
//! Rules of this repository that no other tool checks.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use nmissed_host::{Cmd, read_to_string};
use nmissed_runner::Workspace;

use super::cycles::cycles;

const SPDX: &str = "SPDX-License-Identifier: GPL-2.0-only";
/// How far down a file may say its licence: a patch says it below its message.
const SPDX_WITHIN_LINES: usize = 120;
/// Files that cannot hold a comment, or that other programs write whole.
const NO_SPDX: &[&str] = &[
    "LICENSE",
    "Cargo.lock",
    ".snap",
    ".proptest-regressions",
    ".json",
];
/// A folder with more holds more than one idea.
const MOST_RS_FILES: usize = 14;
/// The top README is one screen or three, not a manual.
const README_LINES: usize = 150;
/// The only crates where `unsafe` may stand.
const MAY_BE_UNSAFE: &[&str] = &["crates/uapi/", "selftests/"];
/// Crates that deny it to all but a module, which says why it is the exception:
/// `forbid` knows none.
const MAY_EXPECT_UNSAFE: &[&str] = &["crates/kimage/src/"];

/// The tracked files that match these pathspecs.
pub(super) fn files(workspace: &Workspace, pathspecs: &[&str]) -> Result<Vec<String>> {
    let args = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ];
    let listed = Cmd::new("git")
        .args(args)
        .args(pathspecs.iter().copied())
        .dir(workspace.root())
        .run()?;
    Ok(listed
        .into_iter()
        .filter(|path| workspace.root().join(path).is_file())
        .collect())
}

/// Checks them all and lists every breach.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut texts = BTreeMap::new();
    for path in files(workspace, &["."])? {
        if !NO_SPDX.iter().any(|suffix| path.ends_with(suffix)) {
            let text = read_to_string(&workspace.root().join(&path))?;
            texts.insert(path, text);
        }
    }
    let mut breaches = Vec::new();
    for (path, text) in &texts {
        let of_file = breaches_of(path, text);
        breaches.extend(of_file.into_iter().map(|what| format!("{path}: {what}")));
    }
    breaches.extend(crowded_folders(texts.keys()));
    breaches.extend(module_cycles(&texts));
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("\n  {}", breaches.join("\n  "))
}

/// Folders with more than [`MOST_RS_FILES`], beside the one that lists them.
fn crowded_folders<'a>(paths: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for path in paths.filter(|path| path.ends_with(".rs")) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !["mod.rs", "lib.rs", "main.rs"].contains(&name) {
            *counts.entry(folder).or_default() += 1;
        }
    }
    counts.retain(|_, count| *count > MOST_RS_FILES);
    let crowded = counts
        .iter()
        .map(|(folder, count)| format!("{folder}: {count} .rs files, of at most {MOST_RS_FILES}"));
    crowded.collect()
}

/// Crates whose modules use each other in a circle.
fn module_cycles(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut crates = BTreeMap::<&str, Vec<(&str, &str)>>::new();
    for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".rs")) {
        if let Some((krate, below)) = path.split_once("/src/") {
            crates.entry(krate).or_default().push((below, text));
        }
    }
    let found = crates.iter().flat_map(|(krate, files)| {
        let cycles = cycles(files).into_iter();
        cycles.map(move |cycle| format!("{krate}: modules use each other: {cycle}"))
    });
    found.collect()
}

fn breaches_of(path: &str, text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    if !text
        .lines()
        .take(SPDX_WITHIN_LINES)
        .any(|line| line.contains(SPDX))
    {
        found.push("has no SPDX-License-Identifier line");
    }
    if is_crate_manifest(path) && !text.contains("[lints]\nworkspace = true") {
        found.push("does not take the lints of the workspace");
    }
    if path == "README.md" && text.lines().count() > README_LINES {
        found.push("has more than 150 lines");
    }
    if is_crate_root(path) && !text.contains(unsafe_lint(path)) {
        found.push("does not forbid unsafe code");
    }
    found
}

/// What the root of a crate says about `unsafe`.
fn unsafe_lint(path: &str) -> &'static str {
    if MAY_EXPECT_UNSAFE.iter().any(|dir| path.starts_with(dir)) {
        "#![deny(unsafe_code)]"
    } else {
        "#![forbid(unsafe_code)]"
    }
}

fn is_crate_manifest(path: &str) -> bool {
    path.ends_with("/Cargo.toml")
}

fn is_crate_root(path: &str) -> bool {
    let root = path.ends_with("src/lib.rs") || path.ends_with("/main.rs");
    root && !MAY_BE_UNSAFE.iter().any(|dir| path.starts_with(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("a.rs", "// SPDX-License-Identifier: GPL-2.0-only\n" => Vec::<&str>::new(); "in order")]
    #[test_case("a.rs", "fn main() {}" => vec!["has no SPDX-License-Identifier line"]; "no licence")]
    #[test_case("x/Cargo.toml", "# SPDX-License-Identifier: GPL-2.0-only\n"
        => vec!["does not take the lints of the workspace"]; "no lints")]
    #[test_case("x/src/lib.rs", "// SPDX-License-Identifier: GPL-2.0-only\n"
        => vec!["does not forbid unsafe code"]; "may be unsafe")]
    #[test_case("crates/uapi/src/lib.rs", "// SPDX-License-Identifier: GPL-2.0-only\n"
        => Vec::<&str>::new(); "uapi may be unsafe")]
    #[test_case("crates/kimage/src/lib.rs", "// SPDX-License-Identifier: GPL-2.0-only\n#![deny(unsafe_code)]"
        => Vec::<&str>::new(); "a module of kimage may be unsafe")]
    #[test_case("crates/vm/src/lib.rs", "// SPDX-License-Identifier: GPL-2.0-only\n#![deny(unsafe_code)]"
        => vec!["does not forbid unsafe code"]; "no module of another may")]
    fn breaches_are_named(path: &str, text: &str) -> Vec<&'static str> {
        breaches_of(path, text)
    }

    #[test]
    fn long_readme_is_named() {
        let text = format!("<!-- {SPDX} -->\n{}", "line\n".repeat(README_LINES));
        assert_eq!(breaches_of("README.md", &text), ["has more than 150 lines"]);
        assert!(breaches_of("crates/README.md", &text).is_empty());
    }

    #[test]
    fn crowded_folder_is_named() {
        let paths: Vec<_> = (0..15).map(|it| format!("a/src/{it}.rs")).collect();
        let most = [&paths[1..], &["a/src/mod.rs".to_owned()]].concat();
        assert!(crowded_folders(most.iter()).is_empty());
        assert_eq!(
            crowded_folders(paths.iter()),
            ["a/src: 15 .rs files, of at most 14"]
        );
    }
}
