// SPDX-License-Identifier: GPL-2.0-only
//! Licences and sources of dependencies, by `.deny.toml`: with cargo-deny where it
//! is installed, which takes long to compile, and from what cargo knows elsewhere.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use nmissed_host::{Cmd, find_program, read_to_string};
use nmissed_runner::Workspace;
use serde::Deserialize;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};

use super::checks::{cargo, run};

/// Where a package may come from; one without a source is of this workspace.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    if find_program("cargo-deny").is_some() {
        // What is only for other platforms is not fetched by a build.
        run(workspace, cargo(["fetch", "--locked"]))?;
        let deny = cargo(["deny", "--locked", "--offline", "--workspace", "check"]);
        return run(workspace, deny.args(["bans", "licenses", "sources"]));
    }
    let policy = Policy::parse(&read_to_string(&workspace.root().join(".deny.toml"))?)?;
    let lock = read_to_string(&workspace.root().join("Cargo.lock"))?;
    let mut breaches = foreign_sources(&lock)?;
    breaches.extend(policy.breaches(&licences(workspace)?));
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("\n  {}", breaches.join("\n  "))
}

/// Returns `NAME VERSION|LICENCE` of each package that is built, here or in a test.
fn licences(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let tree = Cmd::new("cargo")
        .args(["tree", "--workspace", "--locked", "--target", TARGET])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .dir(workspace.root())
        .run()?;
    // A package that was listed before is marked.
    let plain = |line: &String| line.trim_end_matches("(*)").trim_end().to_owned();
    Ok(tree.iter().map(plain).filter(|it| !it.is_empty()).collect())
}

/// What `.deny.toml` says about licences.
struct Policy {
    allow: Vec<Licensee>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            licenses: Licenses,
        }
        #[derive(Deserialize)]
        struct Licenses {
            allow: Vec<String>,
        }
        let file: File = toml::from_str(text).context(".deny.toml")?;
        let parse = |name: &String| {
            Licensee::parse(name).with_context(|| format!(".deny.toml: licence `{name}`"))
        };
        let allow = file.licenses.allow.iter().map(parse);
        Ok(Self {
            allow: allow.collect::<Result<_>>()?,
        })
    }

    fn breaches(&self, packages: &BTreeSet<String>) -> Vec<String> {
        let refused = packages.iter().filter_map(|line| {
            let (package, licence) = line.split_once('|')?;
            (!self.allows(licence)).then(|| format!("{package}: licence `{licence}`"))
        });
        refused.collect()
    }

    /// An expression that cannot be parsed, or none at all, is not allowed.
    fn allows(&self, licence: &str) -> bool {
        let is_allowed = |wanted: &LicenseReq| self.allow.iter().any(|it| it.satisfies(wanted));
        Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|expression| expression.evaluate(is_allowed))
    }
}

/// Returns the packages of a lock file that are neither of this workspace nor of
/// crates.io: of a git repository, or of another registry.
fn foreign_sources(lock: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        source: Option<String>,
    }
    let lock: Lock = toml::from_str(lock).context("Cargo.lock")?;
    let foreign = lock.package.into_iter().filter_map(|package| {
        let source = package.source.filter(|source| source != CRATES_IO)?;
        Some(format!("{}: comes from {source}", package.name))
    });
    Ok(foreign.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn policy() -> Policy {
        let text = "[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \
                    \"Apache-2.0 WITH LLVM-exception\", \"Unicode-3.0\", \"bzip2-1.0.6\"]";
        Policy::parse(text).unwrap()
    }

    #[test_case("MIT", true; "allowed")]
    #[test_case("GPL-3.0-only OR MIT", true; "one of two")]
    #[test_case("MIT/Apache-2.0", true; "the old notation")]
    #[test_case("(MIT OR Apache-2.0) AND Unicode-3.0", true; "two at once")]
    #[test_case("Apache-2.0 WITH LLVM-exception", true; "with an exception")]
    #[test_case("bzip2-1.0.6", true; "bzip2")]
    #[test_case("GPL-3.0-only", false; "not allowed")]
    #[test_case("MIT AND GPL-3.0-only", false; "one of two at once")]
    #[test_case("", false; "none")]
    #[test_case("see LICENSE", false; "no expression")]
    fn licence_is_allowed(licence: &str, allowed: bool) {
        assert_eq!(policy().allows(licence), allowed);
    }

    #[test]
    fn package_without_an_allowed_licence_is_named() {
        let packages = ["a v1.0.0|MIT", "b v2.0.0|GPL-3.0-only", "c v3.0.0|"];
        let breaches = policy().breaches(&packages.map(str::to_owned).into());
        assert_eq!(
            breaches,
            ["b v2.0.0: licence `GPL-3.0-only`", "c v3.0.0: licence ``"]
        );
    }

    #[test]
    fn git_repository_and_other_registry_are_refused() {
        let lock = r#"
            [[package]]
            name = "own"
            [[package]]
            name = "public"
            source = "registry+https://github.com/rust-lang/crates.io-index"
            [[package]]
            name = "forked"
            source = "git+https://example.org/forked#0123"
            [[package]]
            name = "private"
            source = "sparse+https://example.org/index/"
        "#;
        assert_eq!(
            foreign_sources(lock).unwrap(),
            [
                "forked: comes from git+https://example.org/forked#0123",
                "private: comes from sparse+https://example.org/index/"
            ]
        );
    }

    #[test]
    fn policy_of_this_repository_is_understood() {
        let text = include_str!("../../../.deny.toml");
        assert!(Policy::parse(text).unwrap().allows("GPL-2.0-only"));
    }
}
