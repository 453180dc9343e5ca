// SPDX-License-Identifier: GPL-2.0-only
//! Packages of Debian by apt with state of its own: needs no root privileges, changes
//! nothing on the machine; apt checks signatures and hashes.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Finished, Host, find_program, write_atomic};

use crate::source::apt_sources::{self, choose, stanza};
use crate::{Error, Result};

/// A package of one suite, and apt's state for it.
#[derive(Clone)]
pub(crate) struct AptPackage<'a> {
    package: Cow<'a, str>,
    suite: &'a str,
    root: PathBuf,
    host: &'a Host,
}

impl<'a> AptPackage<'a> {
    /// Writes a configuration for apt that uses the machine's mirror and keyring.
    pub(crate) fn open(host: &'a Host, package: &'a str, suite: &'a str) -> Result<Self> {
        let stanza = stanza_for(suite)?;
        let root = host
            .cache
            .dir(Path::new("apt").join(format!("{package}@{suite}")))?;
        for dir in ["state/lists/partial", "cache/archives/partial", "sources"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        }
        write_atomic(&root.join("state/status"), b"")?;
        write_atomic(&root.join("sources/kernel.sources"), stanza.as_bytes())?;
        write_atomic(&root.join("apt.conf"), configuration(&root).as_bytes())?;
        Ok(Self {
            package: package.into(),
            suite,
            root,
            host,
        })
    }

    /// Returns the file name of the newest version in the archive, such as
    /// `linux-source-6.12_6.12.117-1~deb12u1_all.deb`.
    pub(crate) fn newest(&self) -> Result<String> {
        self.host
            .begin(&format!("looking up {} of {}", self.package, self.suite));
        self.update()?;
        let download = self
            .command()
            .args(["--print-uris", "download", &self.package]);
        let lines = self.apt(download, |_| ())?;
        let file = lines.iter().find_map(|line| printed_file(line));
        let file = file.ok_or_else(|| self.failed(&lines))?;
        self.host
            .end(&format!("{} of {} is {file}", self.package, self.suite));
        Ok(file)
    }

    /// Returns the package that holds the kernel: this one, or the one that it depends on,
    /// directly or through another one.
    pub(crate) fn kernel_package(&self) -> Result<Self> {
        let what = format!("finding the kernel package of {}", self.package);
        self.host.begin(&what);
        self.update()?;
        let mut found = self.clone();
        while let Some(package) = found.kernel_dependency()? {
            found.package = package.into();
        }
        self.host.end(&format!(
            "the kernel package of {} is {}",
            self.package, found.package
        ));
        Ok(found)
    }

    fn kernel_dependency(&self) -> Result<Option<String>> {
        let depends = self
            .command_of("apt-cache")
            .args(["depends", &self.package]);
        let lines = self.apt(depends, |_| ())?;
        let kernel = lines.iter().find_map(|line| printed_kernel(line));
        Ok(kernel
            .filter(|name| *name != self.package)
            .map(str::to_owned))
    }

    fn update(&self) -> Result<()> {
        self.apt(self.command().arg("update"), |_| ()).map(drop)
    }

    /// Downloads the newest version to a folder; resumes after an interruption.
    pub(crate) fn download(&self, dir: &Path) -> Result<()> {
        self.host
            .progress
            .begin(&format!("downloading {}", self.package), Some(100), None);
        let download = self
            .command()
            .args(["-o", "APT::Status-Fd=1", "download", &self.package])
            .dir(dir);
        self.apt(download, |line| {
            if let Some(percent) = printed_percent(line) {
                self.host.progress.at(percent, &self.package);
            }
        })?;
        self.host.end(&format!("downloaded {}", self.package));
        Ok(())
    }

    fn command(&self) -> Cmd {
        self.command_of("apt-get").args(["-q", "-q"])
    }

    fn command_of(&self, program: &str) -> Cmd {
        let mut file = std::ffi::OsString::from("--config-file=");
        file.push(self.root.join("apt.conf"));
        Cmd::new(program).arg(file).env("LC_ALL", "C")
    }

    fn apt(&self, command: Cmd, on_line: impl FnMut(&str)) -> Result<Vec<String>> {
        let Finished { status, lines } = command.finish(on_line)?;
        if status.success() {
            Ok(lines)
        } else {
            Err(self.failed(&lines))
        }
    }

    fn failed(&self, lines: &[String]) -> Error {
        let is_error = |line: &&String| line.starts_with("E:") || line.starts_with("W:");
        Error::disk_full(lines).unwrap_or_else(|| Error::Apt {
            package: self.package.clone().into_owned(),
            suite: self.suite.to_owned(),
            output: lines.iter().filter(is_error).cloned().collect(),
        })
    }
}

/// Returns the file with the version of a package that is in use.
pub(crate) fn version_file(cache: &Cache, package: &str, suite: &str) -> PathBuf {
    cache.root().join(format!("apt/{package}@{suite}/version"))
}

/// Returns the deb822 stanza of a suite of Debian on this machine's mirror.
fn stanza_for(suite: &str) -> Result<String> {
    let none = |problem: &str| Error::NoArchive {
        problem: problem.to_owned(),
    };
    if find_program("apt-get").is_none() {
        return Err(none(
            "Debian's kernel source needs apt-get, which this machine does not have",
        ));
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if release_field(&release, "ID") != Some("debian") {
        return Err(none(
            "Debian's kernel source needs Debian's mirror and keys, and this machine does not run Debian",
        ));
    }
    let codename = release_field(&release, "VERSION_CODENAME").unwrap_or("sid");
    let entries = apt_sources::read(Path::new("/etc/apt"))?;
    let entry = choose(&entries, suite, codename).ok_or_else(|| {
        none(&format!(
            "nothing in /etc/apt/sources.list or sources.list.d has {suite} or {codename}"
        ))
    })?;
    Ok(stanza(entry, suite))
}

/// Returns a value of os-release(5).
fn release_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find_map(|(field, value)| (field == name).then(|| value.trim_matches('"')))
}

/// Returns an apt.conf: the machine's proxies and credentials apply; its pins, its hooks
/// and its package state do not.
fn configuration(root: &Path) -> String {
    let root = root.display();
    format!(
        r##"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"##
    )
}

/// Parses the file name in `'uri' name size hash`, as `--print-uris` has it.
fn printed_file(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let uri = words.next()?;
    let name = words.next()?;
    (uri.starts_with('\'') && name.ends_with(".deb")).then(|| name.to_owned())
}

/// Parses the package in `  Depends: linux-image-6.12.117+deb12-cloud-amd64`. Since 7.x
/// such a package has no kernel itself, and depends on `linux-binary-`.
fn printed_kernel(line: &str) -> Option<&str> {
    let package = line.trim_start().strip_prefix("Depends: ")?;
    let kernel = ["linux-image-", "linux-binary-"];
    kernel
        .iter()
        .any(|prefix| package.starts_with(prefix))
        .then_some(package)
}

/// Parses the percentage in `dlstatus:1:12.3456:Retrieving file 1 of 1`.
fn printed_percent(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("dlstatus:")?;
    rest.split(':').nth(1)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("'http://m/p/a_1%7e2_all.deb' a_1~2_all.deb 153 SHA256:e8", Some("a_1~2_all.deb"); "uri")]
    #[test_case("W: Download is performed unsandboxed", None; "warning")]
    #[test_case("", None; "empty")]
    fn file_of_print_uris(line: &str, expected: Option<&str>) {
        assert_eq!(printed_file(line).as_deref(), expected);
    }

    #[test_case("  Depends: linux-image-6.1.0-47-cloud-amd64", Some("linux-image-6.1.0-47-cloud-amd64"); "a kernel")]
    #[test_case("  Depends: linux-binary-7.3.4+deb13-cloud-amd64", Some("linux-binary-7.3.4+deb13-cloud-amd64"); "since 7")]
    #[test_case("  Depends: kmod", None; "something else")]
    #[test_case("linux-image-cloud-amd64", None; "the package itself")]
    fn kernel_of_depends(line: &str, expected: Option<&str>) {
        assert_eq!(printed_kernel(line), expected);
    }

    #[test_case("dlstatus:1:42.9876:Retrieving file 1 of 1", Some(42); "running")]
    #[test_case("dlstatus:1", None; "cut off")]
    #[test_case("pmstatus:a:1.0:b", None; "another kind")]
    fn percent_of_status(line: &str, expected: Option<u64>) {
        assert_eq!(printed_percent(line), expected);
    }

    #[test]
    fn os_release_is_read_with_and_without_quotes() {
        let text =
            "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_CODENAME=\"bookworm\"\n";
        assert_eq!(release_field(text, "ID"), Some("debian"));
        assert_eq!(release_field(text, "VERSION_CODENAME"), Some("bookworm"));
        assert_eq!(release_field(text, "NAME"), None);
    }
}
