// SPDX-License-Identifier: GPL-2.0-only
//! Kernel releases, and since which one something holds.

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

    const fn is_before(self, other: Self) -> bool {
        self.major < other.major || (self.major == other.major && self.minor < other.minor)
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

/// The first release that has something, as exactly as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRelease {
    /// The last release that was seen without it; where there is none, `has_it` is
    /// exact.
    pub lacks_it: Option<Version>,
    /// The first release that was seen with it.
    pub has_it: Version,
}

impl FirstRelease {
    /// Known exactly.
    #[must_use]
    pub const fn exactly(major: u32, minor: u32) -> Self {
        Self {
            lacks_it: None,
            has_it: Version::new(major, minor),
        }
    }

    /// Known to lie after one release, and not after another.
    ///
    /// # Panics
    /// Unless the first is older; in a constant that is an error of the compiler.
    #[must_use]
    pub const fn between(lacks_it: Version, has_it: Version) -> Self {
        assert!(lacks_it.is_before(has_it), "an empty range of releases");
        Self {
            lacks_it: Some(lacks_it),
            has_it,
        }
    }

    /// Whether a release has it; `None` where that is not known.
    #[must_use]
    pub fn is_in(&self, release: Version) -> Option<bool> {
        match self.lacks_it {
            _ if release >= self.has_it => Some(true),
            Some(lacks_it) if release > lacks_it => None,
            _ => Some(false),
        }
    }
}

impl fmt::Display for FirstRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lacks_it {
            None => write!(f, "Linux {}", self.has_it),
            Some(lacks_it) => write!(f, "Linux {}, and not yet {lacks_it}", self.has_it),
        }
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

    const BETWEEN: FirstRelease = FirstRelease::between(Version::new(6, 12), Version::new(6, 16));

    #[test_case(FirstRelease::exactly(6, 14), 6, 13 => Some(false); "before")]
    #[test_case(FirstRelease::exactly(6, 14), 6, 14 => Some(true); "the first one")]
    #[test_case(FirstRelease::exactly(6, 14), 7, 0 => Some(true); "numbers, not decimals")]
    #[test_case(BETWEEN, 6, 12 => Some(false); "seen without it")]
    #[test_case(BETWEEN, 6, 14 => None; "not known")]
    #[test_case(BETWEEN, 6, 16 => Some(true); "seen with it")]
    fn a_release_has_it_or_not(first: FirstRelease, major: u32, minor: u32) -> Option<bool> {
        first.is_in(Version::new(major, minor))
    }
}
