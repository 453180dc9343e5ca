// SPDX-License-Identifier: GPL-2.0-only
//! Kernel releases.

use std::fmt;
use std::fs;
use std::str::FromStr;

/// The release of the running kernel, as `uname -r` prints it.
const OSRELEASE: &str = "/proc/sys/kernel/osrelease";

/// A release of the kernel: `6.12`. Point releases, and what a distribution adds, do
/// not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 6 in 6.12.
    pub major: u32,
    /// 12 in 6.12.
    pub minor: u32,
}

/// A text that does not begin with a version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not begin with a kernel version such as 6.12")]
pub struct VersionError(String);

impl Version {
    /// `Version::new(6, 12)` is 6.12.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Reads the version of the running kernel.
    ///
    /// # Errors
    /// If /proc is not mounted, or its text is no version.
    pub fn running() -> std::io::Result<Self> {
        let release = fs::read_to_string(OSRELEASE)?;
        release.parse().map_err(std::io::Error::other)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads the first two numbers of a release: `6.12.117+deb12-cloud-amd64` is 6.12,
    /// `7.3-rc1` is 7.3.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.trim().to_owned());
        let mut parts = text.trim().splitn(3, '.');
        let mut number = || {
            let digits = parts.next()?;
            let end = digits.find(|c: char| !c.is_ascii_digit());
            digits[..end.unwrap_or(digits.len())].parse().ok()
        };
        Ok(Self {
            major: number().ok_or_else(error)?,
            minor: number().ok_or_else(error)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("6.12.117+deb12-cloud-amd64" => Ok((6, 12)); "debian")]
    #[test_case("7.3.4-nmissed-baseline\n" => Ok((7, 3)); "a kernel of this project")]
    #[test_case("7.4-rc1" => Ok((7, 4)); "a release candidate")]
    #[test_case("6" => Err(()); "no minor number")]
    #[test_case("" => Err(()); "nothing")]
    #[test_case("6.x" => Err(()); "no number")]
    fn a_release_begins_with_its_version(release: &str) -> Result<(u32, u32), ()> {
        let version = release.parse::<Version>();
        version
            .map(|it| (it.major, it.minor))
            .map_err(|error| assert!(error.to_string().contains(release.trim())))
    }

    #[test]
    fn versions_are_numbers_not_decimals() {
        assert!(Version::new(6, 2) < Version::new(6, 12));
        assert!(Version::new(6, 19) < Version::new(7, 0));
    }
}
