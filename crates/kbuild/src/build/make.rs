// SPDX-License-Identifier: GPL-2.0-only
//! Running the kernel's make: nothing inherited, everything logged.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Finished, check_interrupt};

use crate::build::make_output::first_errors;
use crate::error::says_disk_full;
use crate::{Error, Result};

/// Variables that make the result depend on its inputs alone. On the command
/// line they also override what a Makefile or .config would choose.
pub(crate) const VARIABLES: [&str; 6] = [
    "ARCH=x86_64",
    // Set, even if empty, it keeps a "+" for changed trees out of the release.
    "LOCALVERSION=",
    "KBUILD_BUILD_TIMESTAMP=1970-01-01",
    "KBUILD_BUILD_USER=nmissed",
    "KBUILD_BUILD_HOST=nmissed",
    "KBUILD_BUILD_VERSION=1",
];

/// kbuild reads dozens of variables: MAKEFLAGS, CROSS_COMPILE, KCFLAGS...
const INHERITED: [&str; 3] = ["HOME", "PATH", "TMPDIR"];

/// make in one source and object folder.
pub(crate) struct Make {
    source: PathBuf,
    objects: PathBuf,
    jobs: usize,
    variables: Vec<String>,
    log: File,
    log_path: PathBuf,
}

impl Make {
    /// Starts a new log.
    pub(crate) fn new(
        source: PathBuf,
        objects: PathBuf,
        log_path: PathBuf,
        jobs: usize,
    ) -> Result<Self> {
        let log = File::create(&log_path).map_err(Error::io("create", &log_path))?;
        Ok(Self {
            source,
            objects,
            jobs,
            variables: VARIABLES.map(str::to_owned).to_vec(),
            log,
            log_path,
        })
    }

    /// With more variables; of two with one name the last counts.
    pub(crate) fn with(mut self, variables: &[&str]) -> Self {
        let more = variables.iter().map(|variable| (*variable).to_owned());
        self.variables.extend(more);
        self
    }

    /// `allnoconfig`, but for what the given file asks for. .config and its
    /// time stay if nothing changes.
    pub(crate) fn all_no_config(&self, all_config: &Path) -> Result<()> {
        let allnoconfig = self.command().arg("allnoconfig");
        self.succeed(&allnoconfig.env("KCONFIG_ALLCONFIG", all_config), |_| ())
    }

    /// What Kconfig made of it.
    pub(crate) fn dot_config(&self) -> Result<String> {
        Ok(nmissed_host::read_to_string(&self.objects.join(".config"))?)
    }

    /// Makes targets.
    pub(crate) fn targets(&self, targets: &[&str], on_line: impl FnMut(&str)) -> Result<()> {
        self.succeed(&self.command().args(targets), on_line)
    }

    /// What a make would print. A dry run of kbuild ends with an error where
    /// a recipe reads what another one did not write; that is of no interest.
    pub(crate) fn dry_run(&self, target: &str) -> Result<Vec<String>> {
        let cmd = self.command().args(["--dry-run", "--keep-going", target]);
        Ok(cmd.finish(|_| ())?.lines)
    }

    /// Makes as many of the targets as can be made; gives what was printed.
    pub(crate) fn keep_going(
        &self,
        targets: &[String],
        mut on_line: impl FnMut(&str),
    ) -> Result<Vec<String>> {
        let cmd = self.command().arg("--keep-going").args(targets);
        self.note(&cmd.line());
        let Finished { lines, .. } = cmd.finish(|line| {
            self.note(line);
            on_line(line);
        })?;
        check_interrupt()?;
        match disk_full(&lines) {
            Some(error) => Err(error),
            None => Ok(lines),
        }
    }

    fn command(&self) -> Cmd {
        let mut objects = std::ffi::OsString::from("O=");
        objects.push(&self.objects);
        Cmd::new("make")
            .arg("-C")
            .arg(&self.source)
            .arg(objects)
            .arg(format!("-j{}", self.jobs))
            .args(&self.variables)
            .inherit_only(&INHERITED)
            .env("LC_ALL", "C")
    }

    fn succeed(&self, cmd: &Cmd, mut on_line: impl FnMut(&str)) -> Result<()> {
        self.note(&cmd.line());
        let Finished { status, lines } = cmd.finish(|line| {
            self.note(line);
            on_line(line);
        })?;
        if status.success() {
            return Ok(());
        }
        // Ctrl-C on a terminal may reach make before us.
        check_interrupt()?;
        Err(disk_full(&lines).unwrap_or_else(|| Error::Build {
            errors: first_errors(&lines, &self.source),
            log: self.log_path.clone(),
        }))
    }

    /// A log that cannot be written is no reason to stop; a full disk stops
    /// make itself.
    fn note(&self, line: &str) {
        let _ = writeln!(&self.log, "{line}");
    }
}

/// What failed for lack of room says so somewhere.
fn disk_full(lines: &[String]) -> Option<Error> {
    let line = lines.iter().find(|line| says_disk_full(line))?;
    Some(Error::DiskFull {
        detail: line.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn run(makefile: &str) -> (Result<()>, String) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Makefile"), makefile).unwrap();
        let here = || dir.path().to_owned();
        let log = dir.path().join("log");
        let make = Make::new(here(), here(), log.clone(), 2).unwrap();
        let result = make.targets(&["vmlinux"], |_| ());
        (result, fs::read_to_string(log).unwrap())
    }

    #[test]
    fn variables_reach_make_and_all_is_logged() {
        let (result, log) =
            run("vmlinux:\n\t@echo $(ARCH) $(KBUILD_BUILD_USER) [$(CARGO)] $$LC_ALL\n");
        result.unwrap();
        assert!(log.contains("x86_64 nmissed [] C"), "{log}");
        assert!(log.starts_with("make -C "), "{log}");
    }

    #[test]
    fn a_failure_names_its_error_and_the_log() {
        let (result, log) = run("vmlinux:\n\t@echo a.c:1:1: error: bad; false\n");
        let error = result.unwrap_err();
        assert!(!error.is_usage());
        let text = error.to_string();
        for part in ["a.c:1:1: error: bad", "/log"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(log.contains("a.c:1:1: error: bad"));
    }

    #[test]
    fn a_full_disk_is_not_a_compiler_error() {
        let (result, _) =
            run("vmlinux:\n\t@echo 'ld: error: vmlinux: No space left on device'; false\n");
        assert!(matches!(result, Err(Error::DiskFull { .. })));
    }
}
