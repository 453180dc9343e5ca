// SPDX-License-Identifier: GPL-2.0-only
//! From names of packages to kernel releases, and from a name such as `6.18-rt` to the
//! newest of them.

use std::collections::BTreeMap;

use nmissed_wire::Version;

use crate::{Error, Result};

/// A kernel that a distribution has as a package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StockKernel {
    /// As `uname -r` prints it: `6.18.15+deb13-cloud-amd64`.
    pub release: String,
    /// Its release line: 6.18.
    pub line: Version,
    /// End of the release: `cloud-amd64`.
    pub flavor: String,
    /// Name of the package with the image.
    pub(crate) package: String,
}

impl StockKernel {
    /// Parses `linux-image-6.18.15+deb13-cloud-amd64`; `None` for packages of headers,
    /// unsigned images and debug symbols, and for those that only depend on the newest
    /// kernel of a line (`linux-image-6.12-amd64`).
    pub(crate) fn of_package(package: &str, prefix: &str, flavors: &[String]) -> Option<Self> {
        let release = package.strip_prefix(prefix)?;
        let with_flavor = |flavor: &&String| {
            let base = release.strip_suffix(flavor.as_str())?.strip_suffix('-');
            base.is_some_and(is_point_release).then_some(())
        };
        let flavor = flavors.iter().find(|it| with_flavor(it).is_some())?;
        Some(Self {
            release: release.to_owned(),
            line: release.parse().ok()?,
            flavor: flavor.clone(),
            package: package.to_owned(),
        })
    }

    /// The release without the flavor: `6.18.15+deb13`.
    #[must_use]
    pub fn point(&self) -> &str {
        let point = self.release.strip_suffix(&self.flavor);
        point.map_or(&self.release, |point| point.trim_end_matches('-'))
    }
}

/// Whether a text is `6.18.15` and what a distribution adds, which has no word of letters
/// alone: `6.1.0-0.deb11.52` is one, `6.18.15+deb13-cloud` is none.
fn is_point_release(text: &str) -> bool {
    let numbers = text.split(['.', '+', '-', '~']).take(3);
    let is_number = |part: &str| part.parse::<u32>().is_ok();
    numbers.clone().count() == 3
        && numbers.clone().all(is_number)
        && text
            .split('-')
            .all(|part| part.contains(|c: char| c.is_ascii_digit()))
}

/// The numbers of a point release, which order its packages: 6.12.101+deb13 is newer than
/// 6.12.96+deb13.
fn order(point: &str) -> Vec<u64> {
    let numbers = point.split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// Kernels of a distribution, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StockKernels {
    kernels: Vec<StockKernel>,
    flavors: Vec<String>,
}

impl StockKernels {
    /// Finds the kernels among names of packages. Of two packages with one release the one
    /// with the earlier prefix is taken.
    pub(crate) fn of_packages<'a>(
        packages: impl Iterator<Item = &'a str> + Clone,
        prefixes: &[String],
        flavors: &[String],
    ) -> Self {
        let mut by_release = BTreeMap::new();
        for prefix in prefixes {
            let kernels = packages
                .clone()
                .filter_map(|package| StockKernel::of_package(package, prefix, flavors));
            for kernel in kernels {
                by_release.entry(kernel.release.clone()).or_insert(kernel);
            }
        }
        let mut kernels: Vec<_> = by_release.into_values().collect();
        kernels.sort_by_cached_key(|kernel| order(kernel.point()));
        Self {
            kernels,
            flavors: flavors.to_vec(),
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(&self) -> &[StockKernel] {
        &self.kernels
    }

    /// Flavors; the first is meant if a name has none.
    #[must_use]
    pub fn flavors(&self) -> &[String] {
        &self.flavors
    }

    /// Release lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Version> {
        let mut lines: Vec<_> = self.kernels.iter().map(|kernel| kernel.line).collect();
        lines.dedup();
        lines
    }

    /// Returns the newest point release of a line.
    #[must_use]
    pub fn newest(&self, line: Version, flavor: &str) -> Option<&StockKernel> {
        let mut kernels = self.kernels.iter().rev();
        kernels.find(|kernel| kernel.line == line && kernel.flavor == flavor)
    }

    /// Returns the kernel of a whole release, or the newest of a line and a flavor:
    /// `6.18`, `6.18-rt`, `6.18-amd64`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&StockKernel> {
        let whole = self.kernels.iter().find(|kernel| kernel.release == name);
        whole.or_else(|| {
            let (line, flavor) = name.split_once('-').unwrap_or((name, ""));
            let flavor = self.flavor(flavor)?;
            let version: Version = line.parse().ok()?;
            // Not a point release without its end, which `parse` would accept.
            (version.to_string() == line).then(|| self.newest(version, flavor))?
        })
    }

    /// As [`Self::find`], for a name of the user.
    ///
    /// # Errors
    /// [`Error::UnknownStock`], which lists the names that there are.
    pub fn get(&self, distribution: &str, name: &str) -> Result<&StockKernel> {
        self.find(name).ok_or_else(|| {
            let lines: Vec<_> = self.lines().iter().map(ToString::to_string).collect();
            Error::UnknownStock {
                distribution: distribution.to_owned(),
                name: name.to_owned(),
                lines: lines.join(", "),
                flavors: self.flavors.join(", "),
            }
        })
    }

    fn flavor(&self, name: &str) -> Option<&str> {
        let mut flavors = self.flavors.iter().map(String::as_str);
        if name.is_empty() {
            return flavors.next();
        }
        flavors.find(|flavor| *flavor == name || flavor.strip_suffix("-amd64") == Some(name))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use test_case::test_case;

    const PACKAGES: &[&str] = &[
        "linux-image-6.1.0-56-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64",
        "linux-image-6.12-cloud-amd64",
        "linux-image-6.12.96+deb13-cloud-amd64",
        "linux-image-6.12.101+deb12-cloud-amd64",
        "linux-image-6.12.101+deb13-cloud-amd64",
        "linux-image-6.12.101+deb13.1-cloud-amd64",
        "linux-image-6.12.101+deb13-rt-amd64",
        "linux-image-6.12.118+deb13-cloud-amd64-unsigned",
        "linux-image-6.12.118+deb13-cloud-amd64-dbg",
        "linux-image-7.3.4+deb13-amd64",
        "linux-binary-7.3.4+deb13-amd64",
        "linux-binary-unsigned-7.3.5+deb13-amd64",
        "linux-image-cloud-amd64",
        "linux-image-amd64-signed-template",
    ];

    pub(crate) fn kernels() -> StockKernels {
        let owned = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        StockKernels::of_packages(
            PACKAGES.iter().copied(),
            &owned(&["linux-binary-", "linux-image-"]),
            &owned(&["cloud-amd64", "rt-amd64", "amd64"]),
        )
    }

    #[test_case("6.1" => Some("linux-image-6.1.0-56-cloud-amd64"); "a rebuild for an older release is older")]
    #[test_case("6.12" => Some("linux-image-6.12.101+deb13.1-cloud-amd64"); "by numbers, neither unsigned nor debug symbols")]
    #[test_case("6.12-cloud" => Some("linux-image-6.12.101+deb13.1-cloud-amd64"); "the first flavor by name")]
    #[test_case("6.12-rt" => Some("linux-image-6.12.101+deb13-rt-amd64"); "another flavor")]
    #[test_case("7.3-amd64" => Some("linux-binary-7.3.4+deb13-amd64"); "the package with the image")]
    #[test_case("6.12.101+deb12-cloud-amd64" => Some("linux-image-6.12.101+deb12-cloud-amd64"); "a whole release")]
    #[test_case("7.3" => None; "a line without this flavor")]
    #[test_case("6.12-big" => None; "no such flavor")]
    #[test_case("6.12.101" => None; "half a release")]
    #[test_case("6.13" => None; "no such line")]
    #[test_case("" => None; "nothing")]
    fn package_of_a_name(name: &str) -> Option<&'static str> {
        let kernels = kernels();
        let package = &kernels.find(name)?.package;
        PACKAGES.iter().copied().find(|it| it == package)
    }

    #[test]
    fn an_unknown_name_lists_lines_and_flavors() {
        let error = kernels().get("debian", "6.20-rt").unwrap_err();
        assert!(error.is_usage());
        let expected = "no suite has debian-6.20-rt: there are debian-X.Y of 6.1, 6.12, 7.3, with or without a flavor \
                        (cloud-amd64, rt-amd64, amd64), and whole releases: `cargo xtask vm test --list-kernels`";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn every_release_is_there_once_oldest_first() {
        let kernels = kernels();
        let points: Vec<_> = kernels.all().iter().map(StockKernel::point).collect();
        let expected = [
            "6.1.0-0.deb11.52",
            "6.1.0-56",
            "6.12.96+deb13",
            "6.12.101+deb12",
            "6.12.101+deb13",
            "6.12.101+deb13",
            "6.12.101+deb13.1",
            "7.3.4+deb13",
        ];
        assert_eq!(points, expected);
        let lines: Vec<_> = kernels.lines().iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["6.1", "6.12", "7.3"]);
    }
}
