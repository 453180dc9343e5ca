// SPDX-License-Identifier: GPL-2.0-only
//! Packages of Debian by apt with state of its own: needs no root privileges, changes
//! nothing on the machine; apt checks signatures and hashes.

use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Finished, Host, find_program, write_atomic};

use crate::source::apt_sources::{self, choose, stanza};
use crate::{Error, Result};

/// How often a download is tried again that must not fail.
pub(crate) const RETRIES: u32 = 3;

/// apt's configuration and state for suites of Debian, in a folder of the cache.
pub(crate) struct AptRoot<'a> {
    root: PathBuf,
    suites: String,
    host: &'a Host,
}

impl<'a> AptRoot<'a> {
    /// Writes a configuration for apt that uses the machine's mirror and keyring.
    pub(crate) fn open(host: &'a Host, root: &Path, suites: &[String]) -> Result<Self> {
        let stanzas = suites.iter().map(|suite| stanza_for(suite));
        let stanzas = stanzas.collect::<Result<Vec<_>>>()?.join("\n");
        for dir in ["state/lists/partial", "cache/archives/partial", "sources"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        }
        write_atomic(&root.join("state/status"), b"")?;
        write_atomic(&root.join("sources/kernel.sources"), stanzas.as_bytes())?;
        write_atomic(&root.join("apt.conf"), configuration(root).as_bytes())?;
        Ok(Self {
            root: root.to_owned(),
            suites: suites.join(", "),
            host,
        })
    }

    /// Returns the file name of the newest version of a package in the archive, such as
    /// `linux-source-6.12_6.12.117-1~deb12u1_all.deb`.
    pub(crate) fn newest(&self, package: &str) -> Result<String> {
        let what = format!("{package} of {}", self.suites);
        self.host.begin(&format!("looking up {what}"));
        self.update(package, RETRIES)?;
        let file = self.file_name(package)?;
        self.host.end(&format!("{what} is {file}"));
        Ok(file)
    }

    /// Downloads the package lists; `wanted` is for the message of an error.
    pub(crate) fn update(&self, wanted: &str, retries: u32) -> Result<()> {
        let retries = format!("Acquire::Retries={retries}");
        let update = self.command().args(["-o", &retries, "update"]);
        self.apt(wanted, update, |_| ())?;
        Ok(())
    }

    /// Returns the file name of a package, as the lists have it.
    pub(crate) fn file_name(&self, package: &str) -> Result<String> {
        let download = self.command().args(["--print-uris", "download", package]);
        let lines = self.apt(package, download, |_| ())?;
        let file = lines.iter().find_map(|line| printed_file(line));
        file.ok_or_else(|| self.failed(package, &lines))
    }

    /// Returns the names of all packages that begin with `prefix`.
    pub(crate) fn packages(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self.command_of("apt-cache").args(["pkgnames", prefix]);
        self.apt(prefix, names, |_| ())
    }

    /// Downloads the newest version to a folder; resumes after an interruption.
    pub(crate) fn download(&self, package: &str, dir: &Path) -> Result<()> {
        let progress = &self.host.progress;
        progress.begin(&format!("downloading {package}"), Some(100), None);
        let download = self
            .command()
            .args(["-o", "APT::Status-Fd=1", "download", package])
            .dir(dir);
        self.apt(package, download, |line| {
            if let Some(percent) = printed_percent(line) {
                progress.at(percent, package);
            }
        })?;
        self.host.end(&format!("downloaded {package}"));
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

    fn apt(&self, package: &str, command: Cmd, on_line: impl FnMut(&str)) -> Result<Vec<String>> {
        let Finished { status, lines } = command.finish(on_line)?;
        if status.success() {
            Ok(lines)
        } else {
            Err(self.failed(package, &lines))
        }
    }

    fn failed(&self, package: &str, lines: &[String]) -> Error {
        let is_error = |line: &&String| line.starts_with("E:") || line.starts_with("W:");
        Error::disk_full(lines).unwrap_or_else(|| Error::Apt {
            package: package.to_owned(),
            suite: self.suites.clone(),
            output: lines.iter().filter(is_error).cloned().collect(),
        })
    }
}

/// Returns the folder of apt's state for a source package.
pub(crate) fn source_root(cache: &Cache, package: &str, suite: &str) -> PathBuf {
    cache.root().join(format!("apt/{package}@{suite}"))
}

/// Returns the file with the version of a package that is in use.
pub(crate) fn version_file(cache: &Cache, package: &str, suite: &str) -> PathBuf {
    source_root(cache, package, suite).join("version")
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
Acquire::Retries "{RETRIES}";
Acquire::http::Timeout "20";
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
