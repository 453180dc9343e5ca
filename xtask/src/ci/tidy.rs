// SPDX-License-Identifier: GPL-2.0-only
//! Rules of this repository that no other tool checks.

use anyhow::{Result, bail};
use nmissed_host::{Cmd, read_to_string};

use nmissed_runner::Workspace;

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
/// The only crates where `unsafe` may stand.
const MAY_BE_UNSAFE: &[&str] = &["crates/uapi/", "selftests/"];
/// Crates that deny it to all but a module, which says why it is the exception:
/// `forbid` knows none.
const MAY_EXPECT_UNSAFE: &[&str] = &["crates/kimage/src/"];

/// The tracked files that match these pathspecs.
pub(crate) fn files(workspace: &Workspace, pathspecs: &[&str]) -> Result<Vec<String>> {
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
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut breaches = Vec::new();
    for path in files(workspace, &["."])? {
        if NO_SPDX.iter().any(|suffix| path.ends_with(suffix)) {
            continue;
        }
        let text = read_to_string(&workspace.root().join(&path))?;
        breaches.extend(
            breaches_of(&path, &text)
                .into_iter()
                .map(|what| format!("{path}: {what}")),
        );
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("\n  {}", breaches.join("\n  "))
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
    let root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
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
}
