// SPDX-License-Identifier: GPL-2.0-only
//! `vmconfig/kernels.toml`: the kernels, and where their source comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nmissed_wire::Version;
use serde::Deserialize;

use crate::source::name::is_name;
use crate::source::own::Revision;
use crate::{Error, Result};

/// Where a kernel's source comes from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A source package of Debian, from the mirror in the machine's apt configuration.
    Debian {
        /// Name of the package: `linux-source-6.12`.
        package: String,
        /// Suite of Debian: `bookworm-security`.
        suite: String,
    },
    /// A tarball with one folder at its top, as kernel.org has them.
    Tarball {
        /// Begins with `https://` or `file:///`.
        url: String,
        /// Hash of the downloaded file, in lower-case hex.
        sha256: String,
    },
    /// A state of an author's own tree; kernels.toml has none.
    #[serde(skip)]
    Own(Revision),
}

/// One kernel of kernels.toml.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelSpec {
    /// Name on the command line, and in the kernel cache.
    pub id: String,
    /// Folder of patches/ with its stacks; the id, unless kernels.toml names another.
    pub patches: String,
    /// Kconfig fragments of vmconfig/; a later one overrides an earlier one.
    pub fragments: Vec<String>,
    /// Package or tarball with its source.
    pub source: Source,
    /// Whether commands on all kernels leave it out.
    pub by_name_only: bool,
}

/// A distribution of kernels.toml whose kernels are booted as they are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct StockSpec {
    /// What names of its kernels begin with: `debian`.
    #[serde(skip)]
    pub name: String,
    /// Suites of Debian.
    pub suites: Vec<String>,
    /// What names of packages with a kernel begin with, before its release. Of two
    /// packages with one release the first kind holds the image.
    pub packages: Vec<String>,
    /// What the name of a package with a kernel's modules begins with, where they are not
    /// beside its image.
    pub modules: String,
    /// What releases end with; the first is meant if a name has none.
    pub flavors: Vec<String>,
}

/// The content of kernels.toml, checked.
#[derive(Clone, Debug)]
pub struct Kernels {
    file: PathBuf,
    default: String,
    compare: Vec<String>,
    kernels: BTreeMap<String, KernelSpec>,
    stock: BTreeMap<String, StockSpec>,
    /// By release; never empty.
    own_tree: BTreeMap<Version, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KernelsFile {
    default: String,
    compare: Vec<String>,
    kernel: BTreeMap<String, KernelEntry>,
    #[serde(default)]
    stock: BTreeMap<String, StockSpec>,
    #[serde(rename = "own-tree")]
    own_tree: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KernelEntry {
    source: Source,
    fragments: Vec<String>,
    patches: Option<String>,
    #[serde(default, rename = "by-name-only")]
    by_name_only: bool,
}

impl Kernels {
    /// Reads kernels.toml.
    ///
    /// # Errors
    /// [`Error::BadInput`] with the line of the mistake, [`Error::Host`] if
    /// the file cannot be read.
    pub fn load(file: &Path) -> Result<Self> {
        Self::parse(file, &nmissed_host::read_to_string(file)?)
    }

    fn parse(file: &Path, text: &str) -> Result<Self> {
        let bad = |problem: String| Error::bad_input(file, problem);
        let raw: KernelsFile = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        let mut kernels = BTreeMap::new();
        for (id, kernel) in raw.kernel {
            let spec =
                check(&id, kernel).map_err(|problem| bad(format!("kernel {id:?}: {problem}")))?;
            kernels.insert(id, spec);
        }
        if !kernels.contains_key(&raw.default) {
            return Err(bad(format!(
                "default = {:?} is not one of its kernels",
                raw.default
            )));
        }
        if raw.compare.is_empty() {
            return Err(bad("compare is empty: name at least one variant".to_owned()));
        }
        let mut stock = raw.stock;
        for (name, spec) in &mut stock {
            spec.name.clone_from(name);
            check_stock(spec).map_err(|problem| bad(format!("stock {name:?}: {problem}")))?;
        }
        let own_tree = check_own_tree(raw.own_tree);
        Ok(Self {
            own_tree: own_tree.map_err(|problem| bad(format!("own-tree: {problem}")))?,
            file: file.to_owned(),
            default: raw.default,
            compare: raw.compare,
            kernels,
            stock,
        })
    }

    /// Returns the kernel with this id.
    ///
    /// # Errors
    /// [`Error::UnknownKernel`].
    pub fn get(&self, id: &str) -> Result<&KernelSpec> {
        self.kernels.get(id).ok_or_else(|| Error::UnknownKernel {
            id: id.to_owned(),
            file: self.file.clone(),
            known: self.known(),
        })
    }

    fn known(&self) -> String {
        let known = self.ids().map(str::to_owned);
        let stock = self.stock.keys().map(|name| format!("{name}-X.Y"));
        known.chain(stock).collect::<Vec<_>>().join(", ")
    }

    /// Splits the id of a distribution's kernel, `debian-6.18-rt`, into the distribution
    /// and the name that the kernel has there.
    #[must_use]
    pub fn stock<'a>(&self, id: &'a str) -> Option<(&StockSpec, &'a str)> {
        if self.kernels.contains_key(id) {
            return None;
        }
        let (name, kernel) = id.split_once('-')?;
        Some((self.stock.get(name)?, kernel))
    }

    /// Distributions whose kernels are booted as they are, sorted.
    pub fn distributions(&self) -> impl Iterator<Item = &StockSpec> {
        self.stock.values()
    }

    /// Returns the Kconfig fragments for an author's tree of a release: those of the
    /// newest row that is not newer, of the oldest row if all are.
    #[must_use]
    pub fn own_tree_fragments(&self, release: Version) -> &[String] {
        let row = self.own_tree.range(..=release).next_back();
        let row = row.or_else(|| self.own_tree.first_key_value());
        row.map_or(&[], |(_, fragments)| fragments)
    }

    /// Id of the kernel to take when none is named.
    #[must_use]
    pub fn default_id(&self) -> &str {
        &self.default
    }

    /// Variants to compare when none is named.
    #[must_use]
    pub fn compare(&self) -> &[String] {
        &self.compare
    }

    /// Ids of the kernels that are not `by-name-only`, sorted.
    pub fn routine_ids(&self) -> impl Iterator<Item = &str> {
        let routine = self.kernels.values().filter(|spec| !spec.by_name_only);
        routine.map(|spec| spec.id.as_str())
    }

    /// Ids of all kernels that are built here, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.kernels.keys().map(String::as_str)
    }
}

fn check(id: &str, raw: KernelEntry) -> Result<KernelSpec, String> {
    let patches = raw.patches.unwrap_or_else(|| id.to_owned());
    check_names([id, &patches])?;
    check_names(raw.fragments.iter().map(String::as_str))?;
    if raw.fragments.is_empty() {
        return Err("fragments is empty: nothing would be configured".to_owned());
    }
    check_source(&raw.source)?;
    Ok(KernelSpec {
        id: id.to_owned(),
        patches,
        fragments: raw.fragments,
        source: raw.source,
        by_name_only: raw.by_name_only,
    })
}

fn check_own_tree(
    rows: BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<Version, Vec<String>>, String> {
    if rows.is_empty() {
        return Err("name fragments for at least one release".to_owned());
    }
    let row = |(release, fragments): (String, Vec<String>)| {
        check_names(fragments.iter().map(String::as_str))?;
        let release = release
            .parse::<Version>()
            .map_err(|error| error.to_string())?;
        Ok((release, fragments))
    };
    rows.into_iter().map(row).collect()
}

fn check_stock(spec: &StockSpec) -> Result<(), String> {
    if spec.name.contains('-') {
        return Err("its name ends at the first `-` of a kernel's id".to_owned());
    }
    for (field, values) in [
        ("suites", &spec.suites),
        ("packages", &spec.packages),
        ("flavors", &spec.flavors),
    ] {
        if values.is_empty() {
            return Err(format!("{field} is empty"));
        }
        check_names(values.iter().map(String::as_str))?;
    }
    check_names([spec.name.as_str(), &spec.modules])
}

fn check_source(source: &Source) -> Result<(), String> {
    match source {
        Source::Debian { package, suite } => check_names([package.as_str(), suite]),
        Source::Tarball { url, .. } if !is_url(url) => {
            Err(format!("url = {url:?} is neither https:// nor file:///"))
        }
        Source::Tarball { sha256, .. } if !is_sha256(sha256) => Err(format!(
            "sha256 = {sha256:?} is not 64 digits of lower-case hex"
        )),
        Source::Tarball { .. } | Source::Own(_) => Ok(()),
    }
}

fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let odd = names.into_iter().find(|name| !is_name(name));
    odd.map_or(Ok(()), |name| {
        let rule = "letters, digits, and .+- after the first";
        Err(format!("{name:?} is not a name: {rule}"))
    })
}

fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("file:///"));
    rest.is_some_and(|rest| !rest.is_empty()) && !url.contains(char::is_whitespace)
}

fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    const GOOD: &str = r#"
        default = "6.12"
        compare = ["baseline", "active"]
        [kernel."6.12"]
        source.debian = { package = "linux-source-6.12", suite = "bookworm-security" }
        fragments = ["base", "preempt-none"]
        [kernel.vanilla]
        source.tarball = { url = "file:///v.tar.xz", sha256 = "SHA" }
        fragments = ["base"]
        patches = "6.12"
        by-name-only = true
        [stock.debian]
        suites = ["bookworm"]
        packages = ["linux-image-"]
        modules = "linux-modules-"
        flavors = ["amd64"]
        [own-tree]
        "6.12" = ["base", "old"]
        "7.0" = ["base", "new"]
    "#;

    fn parse(text: &str) -> Result<Kernels> {
        Kernels::parse(
            Path::new("kernels.toml"),
            &text.replace("SHA", &"0a".repeat(32)),
        )
    }

    #[test]
    fn both_kinds_of_source_are_understood() {
        let kernels = parse(GOOD).unwrap();
        assert_eq!(kernels.default_id(), "6.12");
        assert_eq!(kernels.compare(), ["baseline", "active"]);
        let debian = kernels.get("6.12").unwrap();
        assert_eq!(
            (debian.patches.as_str(), debian.fragments.len()),
            ("6.12", 2)
        );
        assert!(
            matches!(&debian.source, Source::Debian { suite, .. } if suite == "bookworm-security")
        );
        let vanilla = kernels.get("vanilla").unwrap();
        assert_eq!(vanilla.patches, "6.12");
        assert_eq!(kernels.routine_ids().collect::<Vec<_>>(), ["6.12"]);
        assert!(
            matches!(&vanilla.source, Source::Tarball { url, .. } if url == "file:///v.tar.xz")
        );
    }

    #[test]
    fn the_id_of_a_stock_kernel_begins_with_its_distribution() {
        let kernels = parse(&GOOD.replace("kernel.vanilla", "kernel.debian-mine")).unwrap();
        let (spec, name) = kernels.stock("debian-6.18-rt").unwrap();
        assert_eq!((spec.name.as_str(), name), ("debian", "6.18-rt"));
        assert_eq!(kernels.distributions().count(), 1);
        assert_eq!(kernels.stock("debian-mine"), None);
        assert_eq!(kernels.stock("6.12"), None);
    }

    #[test_case(6, 1 => "old"; "older than all")]
    #[test_case(6, 12 => "old"; "the release itself")]
    #[test_case(6, 19 => "old"; "between")]
    #[test_case(7, 4 => "new"; "newer than all")]
    fn own_tree_has_the_fragments_of_its_release(major: u32, minor: u32) -> String {
        let kernels = parse(GOOD).unwrap();
        kernels.own_tree_fragments(Version::new(major, minor))[1].clone()
    }

    #[test]
    fn an_unknown_id_lists_the_known_ones() {
        let error = parse(GOOD).unwrap().get("5.10").unwrap_err();
        assert!(error.is_usage());
        let known = r#"there is no kernel "5.10"; kernels.toml has 6.12, vanilla, debian-X.Y"#;
        assert_eq!(error.to_string(), known);
    }

    #[test_case("default = \"6.12\"", "default = \"6.13\"", "not one of its kernels"; "default without entry")]
    #[test_case("default = \"6.12\"", "", "missing field `default`"; "no default")]
    #[test_case("\"baseline\", \"active\"", "", "compare is empty"; "nothing to compare")]
    #[test_case("suite =", "siute =", "siute"; "misspelled key")]
    #[test_case("\"preempt-none\"]", "\"preempt-none\"", "line "; "broken syntax")]
    #[test_case("[\"base\", \"preempt-none\"]", "[]", "nothing would be configured"; "no fragment")]
    #[test_case("\"preempt-none\"", "\"../x\"", "not a name"; "fragment outside of vmconfig")]
    #[test_case("[kernel.vanilla]", "[kernel.\"a b\"]", "not a name"; "blank in an id")]
    #[test_case("bookworm-security", "a suite", "not a name"; "blank in a suite")]
    #[test_case("file:///", "http://", "neither https:// nor file:///"; "plain http")]
    #[test_case("\"7.0\" =", "seven =", "does not begin with a kernel version"; "own trees of no release")]
    #[test_case("\"old\"", "\"o/d\"", "not a name"; "fragment of own trees outside of vmconfig")]
    #[test_case("stock.debian", "stock.debian-sid", "ends at the first"; "distribution with a hyphen")]
    #[test_case("linux-image-", "linux image", "not a name"; "blank in a package")]
    #[test_case("[\"bookworm\"]", "[]", "suites is empty"; "no suite")]
    #[test_case("SHA", "0123", "64 digits"; "short hash")]
    #[test_case("source.tarball =", "source.torball =", "torball"; "unknown kind of source")]
    fn a_mistake_is_named(good: &str, bad: &str, expected: &str) {
        let error = parse(&GOOD.replacen(good, bad, 1)).unwrap_err();
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(
            text.starts_with("kernels.toml: ") && text.contains(expected),
            "{text}"
        );
    }
}
