// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's make, with a fixed environment and a log.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Finished, check_interrupt};

use crate::build::make_output::first_errors;
use crate::{Error, Result};

/// Make the result depend on its inputs alone. On the command line they also override
/// what a Makefile or .config chooses.
pub(crate) const VARIABLES: [&str; 6] = [
    "ARCH=x86_64",
    // If it is set, even empty, the release gets no "+" for a changed tree.
    "LOCALVERSION=",
    "KBUILD_BUILD_TIMESTAMP=1970-01-01",
    "KBUILD_BUILD_USER=nmissed",
    "KBUILD_BUILD_HOST=nmissed",
    "KBUILD_BUILD_VERSION=1",
];

/// Without `MAKEFLAGS`, `CROSS_COMPILE`, `KCFLAGS` and dozens more that kbuild reads.
const INHERITED: [&str; 3] = ["HOME", "PATH", "TMPDIR"];

/// make for one folder of sources and one of objects.
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

    /// Adds variables; of two with one name the last one counts.
    pub(crate) fn with(mut self, variables: &[&str]) -> Self {
        let more = variables.iter().map(|variable| (*variable).to_owned());
        self.variables.extend(more);
        self
    }

    /// Makes a .config of the options in a file and of what `defaults` sets
    /// (`allnoconfig`). A .config that would not change keeps its modification time.
    pub(crate) fn configure(&self, defaults: &str, all_config: &Path) -> Result<()> {
        let make = self.command().arg(defaults);
        self.succeed(&make.env("KCONFIG_ALLCONFIG", all_config), |_| ())
    }

    pub(crate) fn dot_config(&self) -> Result<String> {
        Ok(nmissed_host::read_to_string(&self.objects.join(".config"))?)
    }

    pub(crate) fn targets(&self, targets: &[&str], on_line: impl FnMut(&str)) -> Result<()> {
        self.succeed(&self.command().args(targets), on_line)
    }

    /// Returns the lines of `make --dry-run`. Errors are ignored: in a dry run of kbuild
    /// a recipe may read a file that no other one wrote.
    pub(crate) fn dry_run(&self, target: &str) -> Result<Vec<String>> {
        let cmd = self.command().args(["--dry-run", "--keep-going", target]);
        Ok(cmd.finish(|_| ())?.lines)
    }

    /// Runs `make --keep-going`, and returns its output.
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
        match Error::disk_full(&lines) {
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
        // make may have got the SIGINT of a terminal first.
        check_interrupt()?;
        Err(Error::disk_full(&lines).unwrap_or_else(|| Error::Build {
            errors: first_errors(&lines, &self.source),
            log: self.log_path.clone(),
        }))
    }

    /// Errors of the log are ignored; a full disk stops make itself.
    fn note(&self, line: &str) {
        let _ = writeln!(&self.log, "{line}");
    }
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
