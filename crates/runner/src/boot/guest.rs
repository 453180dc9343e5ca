// SPDX-License-Identifier: GPL-2.0-only
//! Builds what runs in the guest: PID 1 and the test programs, all static.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nmissed_host::{Cmd, Host, Lock, hash_parts, write_atomic};
use nmissed_kbuild::UAPI_HEADERS;
use nmissed_vm::Guest;
use serde_json::Value;

use crate::workspace::Workspace;

/// Named even where it is the host's own: only with an explicit target does
/// `crt-static` leave build scripts and proc macros alone.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The step's name, on the screen and in the cache of times.
const STEP: &str = "building the guest's programs";

/// The package of the guest's own programs.
const PACKAGE: &str = "nmissed-guest";
const INIT: &str = "nmissed-init";

/// Builds PID 1 and the test programs against the uapi headers of one kernel, or
/// libbpf's copy of them.
pub(crate) fn build(workspace: &Workspace, uapi: Option<&Path>, host: &Host) -> Result<Guest> {
    let _lock = lock(workspace, host)?;
    let build = match uapi {
        Some(uapi) => {
            let target = target_dir(workspace, uapi)?;
            let uapi = target.join("uapi");
            Build::new(workspace, target, Some(uapi), host)
        }
        None => Build::without_headers(workspace, host)?,
    };
    build.timed(|build| {
        Ok(Guest {
            init: program(
                build.cargo(&["build", "--package", PACKAGE, "--bin", INIT])?,
                INIT,
            )?,
            tests: build.tests()?,
        })
    })
}

/// Builds PID 1 and one of the guest's own programs, which any kernel will do for, with the
/// features that the program needs.
pub(crate) fn build_own(
    workspace: &Workspace,
    name: &str,
    features: &[&str],
    host: &Host,
) -> Result<Guest> {
    let _lock = lock(workspace, host)?;
    let build = Build::without_headers(workspace, host)?;
    let full = format!("nmissed-{name}");
    build.timed(|build| {
        let programs = ["build", "--package", PACKAGE, "--bin", INIT, "--bin", &full];
        let made = build.cargo(&[&programs, features].concat())?;
        Ok(Guest {
            init: program(made.clone(), INIT)?,
            tests: vec![(name.to_owned(), program(made, &full)?)],
        })
    })
}

/// Returns the folder of all target folders.
fn targets(workspace: &Workspace) -> PathBuf {
    workspace.target().join("guest")
}

/// One command at a time builds there: a copy of what another one writes would be
/// torn.
fn lock(workspace: &Workspace, host: &Host) -> Result<Lock> {
    let targets = targets(workspace);
    fs::create_dir_all(&targets).with_context(|| format!("cannot create {}", targets.display()))?;
    let waiting = || {
        let what = "waiting: another command builds the guest's programs";
        host.progress.say(what);
    };
    Ok(Lock::acquire(&targets.join("lock"), waiting)?)
}

/// One target folder per set of headers, so that going back and forth between
/// kernels builds nothing. It holds the headers, too: where they come from
/// differs between variants that share them.
fn target_dir(workspace: &Workspace, uapi: &Path) -> Result<PathBuf> {
    let mut headers = Vec::new();
    for name in UAPI_HEADERS {
        let header = uapi.join("linux").join(name);
        let text = fs::read(&header).with_context(|| format!("cannot read {}", header.display()));
        headers.push(text?);
    }
    let target = targets(workspace).join(&hash_parts(&headers)[..16]);
    seed(&target)?;
    let own = target.join("uapi/linux");
    fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
    for (name, text) in UAPI_HEADERS.iter().zip(&headers) {
        let header = own.join(name);
        // A new time would have everything built again.
        if fs::read(&header).ok().as_ref() != Some(text) {
            write_atomic(&header, text)?;
        }
    }
    Ok(target)
}

/// Starts a new target folder as a copy of another one: of the hundred crates few
/// depend on the headers, and cargo compiles these alone. Takes about a second.
fn seed(target: &Path) -> Result<()> {
    let (Some(targets), false) = (target.parent(), target.exists()) else {
        return Ok(());
    };
    // What an interrupted copy left.
    let part = targets.join("part");
    let _ = fs::remove_dir_all(&part);
    let folders = fs::read_dir(targets).into_iter().flatten().flatten();
    let mut folders = folders.map(|folder| folder.path());
    let Some(other) = folders.find(|folder| folder.join(TARGET).is_dir()) else {
        return Ok(());
    };
    // Not as hard links: cargo writes some files in place.
    Cmd::new("cp")
        .args(["--archive", "--reflink=auto", "--no-target-directory"])
        .args([&other, &part])
        .run()?;
    fs::rename(&part, target).with_context(|| format!("cannot create {}", target.display()))
}

struct Build<'a> {
    workspace: &'a Workspace,
    target: PathBuf,
    /// The headers for nmissed-uapi; libbpf's copy if `None`.
    uapi: Option<PathBuf>,
    host: &'a Host,
    /// Whether anything had to be compiled.
    compiled: Cell<bool>,
}

impl<'a> Build<'a> {
    fn new(
        workspace: &'a Workspace,
        target: PathBuf,
        uapi: Option<PathBuf>,
        host: &'a Host,
    ) -> Self {
        Self {
            workspace,
            target,
            uapi,
            host,
            compiled: Cell::new(false),
        }
    }

    /// For any kernel.
    fn without_headers(workspace: &'a Workspace, host: &'a Host) -> Result<Self> {
        let target = targets(workspace).join("any");
        seed(&target)?;
        Ok(Self::new(workspace, target, None, host))
    }

    /// Builds, and prints whether anything was compiled.
    fn timed(self, act: impl FnOnce(&Self) -> Result<Guest>) -> Result<Guest> {
        let started = Instant::now();
        self.host
            .progress
            .begin(STEP, None, self.host.cache.last_time(STEP));
        let guest = act(&self)?;
        if self.compiled.get() {
            self.host.cache.remember_time(STEP, started.elapsed());
            self.host.progress.end("built the guest's programs");
        } else {
            self.host
                .progress
                .end("the guest's programs: nothing to build");
        }
        Ok(guest)
    }

    /// Sorted by name: cargo lists them as they get ready, in an order that differs
    /// from time to time.
    fn tests(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut tests = self.cargo(&[
            "test",
            "--no-run",
            "--package",
            "nmissed-selftests",
            "--features",
            "static",
            "--test",
            "*",
        ])?;
        tests.sort();
        Ok(tests)
    }

    /// Runs cargo and returns the name and path of each program it made.
    fn cargo(&self, args: &[&str]) -> Result<Vec<(String, PathBuf)>> {
        let cmd = self.command(args)?;
        let finished = cmd.finish(|line| self.follow(line))?;
        if !finished.status.success() {
            bail!(
                "the guest's programs do not build\n{}",
                error_text(&finished.lines)
            );
        }
        Ok(finished
            .lines
            .iter()
            .filter_map(|line| executable(line))
            .collect())
    }

    fn command(&self, args: &[&str]) -> Result<Cmd> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let uapi = self.uapi.iter().map(|dir| ("NMISSED_UAPI", dir));
        let cmd = Cmd::new(cargo)
            .args(args.iter().copied())
            .args(["--locked", "--profile", "guest", "--target", TARGET])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--target-dir")
            .arg(&self.target)
            .dir(self.workspace.root())
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env("LIBBPF_SYS_LIBRARY_PATH", library_path()?);
        Ok(uapi.fold(cmd, |cmd, (name, dir)| cmd.env(name, dir)))
    }

    fn follow(&self, line: &str) {
        if let Some(what) = line.trim_start().strip_prefix("Compiling ") {
            self.compiled.set(true);
            self.host.progress.at(0, what);
        }
    }
}

/// Finds a program among those that cargo made.
fn program(made: Vec<(String, PathBuf)>, name: &str) -> Result<PathBuf> {
    let program = made.into_iter().find(|(built, _)| built == name);
    let (_, path) = program.with_context(|| format!("cargo built no {name}"))?;
    Ok(path)
}

/// Returns the lines of cargo that are not JSON, from its first error on.
fn error_text(lines: &[String]) -> String {
    let human = lines
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with('{'));
    let from_error = human.clone().skip_while(|line| !line.starts_with("error"));
    let said: Vec<_> = from_error.collect();
    if said.is_empty() {
        human.collect::<Vec<_>>().join("\n")
    } else {
        said.join("\n")
    }
}

/// Returns the folder of the static libelf and libz.
fn library_path() -> Result<PathBuf> {
    let answer = Cmd::new("gcc").arg("-print-file-name=libelf.a").run()?;
    let path = answer
        .first()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let path = path.context("gcc finds no libelf.a")?;
    let full = path
        .canonicalize()
        .with_context(|| format!("cannot find {}", path.display()))?;
    full.parent()
        .map(Path::to_owned)
        .context("libelf.a has no folder")
}

/// Returns name and path of the program in one of cargo's JSON messages.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_target_folder_has_what_another_one_has() {
        let targets = tempfile::tempdir().unwrap();
        let [any, new] = ["any", "new"].map(|name| targets.path().join(name));
        seed(&any).unwrap();
        assert!(!any.exists(), "there is nothing to copy");
        fs::create_dir_all(any.join(TARGET)).unwrap();
        fs::create_dir_all(targets.path().join("part/torn")).unwrap();
        seed(&new).unwrap();
        assert!(new.join(TARGET).is_dir() && !new.join("torn").exists());
        assert!(!targets.path().join("part").exists());
    }
    use test_case::test_case;

    #[test_case(&["Compiling x", "{}", "error[E0]: no", "  --> y"] => "error[E0]: no\n  --> y"; "from the error on")]
    #[test_case(&["{}", "killed"] => "killed"; "all of it if there is none")]
    fn error_of_cargo_is_shown_without_its_json(lines: &[&str]) -> String {
        error_text(
            &lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test_case(r#"{"reason":"compiler-artifact","target":{"name":"missed"},"executable":"/t/missed-1"}"#
        => Some(("missed".to_owned(), PathBuf::from("/t/missed-1"))); "a program")]
    #[test_case(r#"{"reason":"compiler-artifact","target":{"name":"lib"},"executable":null}"# => None; "a library")]
    #[test_case("   Compiling libc v0.2" => None; "a line for people")]
    fn program_is_found_in_a_message(line: &str) -> Option<(String, PathBuf)> {
        executable(line)
    }
}
