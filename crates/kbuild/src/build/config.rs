// SPDX-License-Identifier: GPL-2.0-only
//! Kconfig fragments: the requested options, and those that .config lacks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::LostOption;
use crate::source::KernelSpec;
use crate::{Error, Result};

/// The options that the fragments of a kernel set or unset. All other options are as in
/// `allnoconfig`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KernelConfig {
    options: BTreeMap<String, Setting>,
    /// The lines of a user's .config that set or unset an option. All other options have
    /// their defaults then.
    own: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Setting {
    /// As in .config: `y`, `8`, `"text"`; `None` for `is not set`.
    value: Option<String>,
    fragment: String,
}

impl KernelConfig {
    /// Reads the fragments of a kernel, `<name>.config` in a folder.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a fragment that cannot be read or parsed, with the line.
    pub fn load(folder: &Path, spec: &KernelSpec) -> Result<Self> {
        let mut config = Self::default();
        for fragment in &spec.fragments {
            let file = folder.join(format!("{fragment}.config"));
            let bad = |problem: String| Error::bad_input(&file, problem);
            let text = fs::read_to_string(&file).map_err(|error| bad(error.to_string()))?;
            config.add(fragment, &text).map_err(bad)?;
        }
        Ok(config)
    }

    /// Returns the options of the fragments on top of a user's .config.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a file that cannot be read or parsed, with the line.
    pub fn on_top_of(mut self, file: &Path) -> Result<Self> {
        let bad = |problem: String| Error::bad_input(file, problem);
        let text = fs::read_to_string(file).map_err(|error| bad(error.to_string()))?;
        let mut own = Self::default();
        own.add("", &text).map_err(bad)?;
        if own.options.is_empty() {
            return Err(bad(
                "sets no option: it is no .config of a kernel".to_owned()
            ));
        }
        let own = own.options.into_iter();
        self.own = Some(own.map(|(option, it)| (option, it.value)).collect());
        Ok(self)
    }

    /// Returns how the .config of a built kernel differs from the user's, where they
    /// have one: `CONFIG_NR_CPUS=8, was 64`.
    #[must_use]
    pub fn changes(&self, dot_config: &str) -> Option<Vec<String>> {
        let own = self.own.as_ref()?;
        let built = settings(dot_config);
        let changed = built.iter().filter_map(|(option, value)| {
            let was = own.get(*option).and_then(Option::as_deref);
            let is_name = *option == "CONFIG_LOCALVERSION";
            (was != *value && !is_name && own.contains_key(*option)).then(|| {
                format!(
                    "{} (was {})",
                    line(option, *value),
                    was.unwrap_or("not set")
                )
            })
        });
        let gone = own.iter().filter_map(|(option, was)| {
            let was = was.as_deref()?;
            (!built.contains_key(option.as_str()))
                .then(|| format!("{} (was {was})", line(option, None)))
        });
        Some(changed.chain(gone).collect())
    }

    /// Returns the kernel's make target for options that no line sets.
    pub(crate) fn defaults(&self) -> &'static str {
        match self.own {
            Some(_) => "alldefconfig",
            None => "allnoconfig",
        }
    }

    fn add(&mut self, fragment: &str, text: &str) -> Result<(), String> {
        for (index, line) in text.lines().enumerate() {
            let parsed = parse_line(line.trim_end());
            let problem = |_| {
                format!(
                    "line {}: {line:?} is neither a setting nor a comment",
                    index + 1
                )
            };
            if let Some((option, value)) = parsed.map_err(problem)? {
                self.set(option, value, fragment);
            }
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: Option<&str>, fragment: &str) {
        let setting = Setting {
            value: value.map(str::to_owned),
            fragment: fragment.to_owned(),
        };
        self.options.insert(option.to_owned(), setting);
    }

    /// Returns the options with the variant's name in the kernel release.
    pub(crate) fn for_variant(&self, variant: &str) -> Self {
        let mut config = self.clone();
        let release = format!("\"-nmissed-{variant}\"");
        config.set(
            "CONFIG_LOCALVERSION",
            Some(&release),
            "the variant's name, not in any",
        );
        config
    }

    /// Returns the options without some.
    pub(crate) fn without(&self, options: &[&str]) -> Self {
        let mut config = self.clone();
        for option in options {
            config.set(option, None, "switched off, not in any");
        }
        config
    }

    /// Returns the content of the file for `KCONFIG_ALLCONFIG`.
    pub(crate) fn all_config(&self) -> String {
        // In the key of the kernel, as the name of the make target is not.
        let head = self
            .own
            .as_ref()
            .map(|_| "# The other options have their defaults.");
        let own = self.own.iter().flatten();
        let own = own.filter(|(option, _)| !self.options.contains_key(*option));
        let own = own.map(|(option, value)| line(option, value.as_deref()));
        let ours = self.options.iter();
        let ours = ours.map(|(option, setting)| line(option, setting.value.as_deref()));
        let lines = head.map(str::to_owned).into_iter().chain(own).chain(ours);
        lines.map(|line| line + "\n").collect()
    }

    /// Returns the options that a .config does not have as requested.
    pub(crate) fn lost(&self, dot_config: &str) -> Vec<LostOption> {
        let granted = settings(dot_config);
        let lost = self.options.iter().filter_map(|(option, setting)| {
            let wanted = setting.value.as_deref();
            let found = granted.get(option.as_str()).copied().flatten();
            (wanted != found).then(|| LostOption {
                fragment: setting.fragment.clone(),
                wanted: line(option, wanted),
                found: line(option, found),
            })
        });
        lost.collect()
    }
}

fn settings(dot_config: &str) -> BTreeMap<&str, Option<&str>> {
    let lines = dot_config.lines();
    lines
        .filter_map(|line| parse_line(line).ok().flatten())
        .collect()
}

fn line(option: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{option}={value}"),
        None => format!("# {option} is not set"),
    }
}

/// Parses a line of a fragment or .config; `Ok(None)` if it sets nothing.
fn parse_line(line: &str) -> Result<Option<(&str, Option<&str>)>, ()> {
    if let Some(comment) = line.strip_prefix('#') {
        let option = comment
            .strip_prefix(' ')
            .and_then(|rest| rest.strip_suffix(" is not set"));
        return Ok(option
            .filter(|option| is_option(option))
            .map(|option| (option, None)));
    }
    if line.is_empty() {
        return Ok(None);
    }
    match line.split_once('=') {
        Some((option, value)) if is_option(option) && !value.is_empty() => {
            Ok(Some((option, (value != "n").then_some(value))))
        }
        _ => Err(()),
    }
}

fn is_option(name: &str) -> bool {
    name.strip_prefix("CONFIG_").is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use test_case::test_case;

    fn config(fragments: &[(&str, &str)]) -> KernelConfig {
        let mut config = KernelConfig::default();
        for (name, text) in fragments {
            config.add(name, text).unwrap();
        }
        config
    }

    #[test]
    fn a_later_fragment_overrides_an_earlier_one() {
        let config = config(&[
            (
                "base",
                "# why\nCONFIG_A=y\nCONFIG_B=y\n\n# CONFIG_C is not set\n",
            ),
            ("more", "CONFIG_B=n\nCONFIG_S=\"x=y\"\n"),
        ]);
        let expected =
            "CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_S=\"x=y\"\n";
        assert_eq!(config.all_config(), expected);
    }

    #[test_case("CONFIG_A=y\nCONFIG_N=8\n# CONFIG_C is not set\n", &[]; "all granted")]
    #[test_case("CONFIG_A=y\nCONFIG_N=8\n", &[]; "not mentioned is not set")]
    #[test_case("CONFIG_N=8\n", &["CONFIG_A=y (base.config) became # CONFIG_A is not set"]; "gone")]
    #[test_case("CONFIG_A=m\nCONFIG_N=8\n", &["CONFIG_A=y (base.config) became CONFIG_A=m"]; "made a module")]
    #[test_case(
        "CONFIG_A=y\nCONFIG_N=64\nCONFIG_C=y\n",
        &["# CONFIG_C is not set (more.config) became CONFIG_C=y", "CONFIG_N=8 (base.config) became CONFIG_N=64"];
        "changed and forced on"
    )]
    fn lost_options_name_their_fragment(dot_config: &str, expected: &[&str]) {
        let config = config(&[
            ("base", "CONFIG_A=y\nCONFIG_N=8\n"),
            ("more", "# CONFIG_C is not set\n"),
        ]);
        let lost: Vec<_> = config
            .lost(dot_config)
            .iter()
            .map(LostOption::to_string)
            .collect();
        assert_eq!(lost, expected);
    }

    fn on_top_of(text: &str) -> Result<KernelConfig> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        config(&[("base", "CONFIG_A=y\n# CONFIG_B is not set\n")]).on_top_of(file.path())
    }

    #[test]
    fn a_users_config_is_below_the_fragments() {
        let own = on_top_of("# Linux\nCONFIG_B=m\nCONFIG_C=m\n# CONFIG_D is not set\n").unwrap();
        let expected = "# The other options have their defaults.\n\
            CONFIG_C=m\n# CONFIG_D is not set\nCONFIG_A=y\n# CONFIG_B is not set\n";
        assert_eq!(own.all_config(), expected);
        assert_eq!(own.defaults(), "alldefconfig");
        assert_eq!(config(&[]).defaults(), "allnoconfig");
        // Only what the fragments request can be lost.
        assert_eq!(own.lost("CONFIG_A=y\n"), []);
    }

    #[test]
    fn what_differs_from_a_users_config_is_listed() {
        let own = on_top_of("CONFIG_B=m\nCONFIG_C=8\nCONFIG_D=y\n# CONFIG_A is not set\n").unwrap();
        let built = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=8\nCONFIG_NEW=y\n";
        let expected = [
            "CONFIG_A=y (was not set)",
            "# CONFIG_B is not set (was m)",
            "# CONFIG_D is not set (was y)",
        ];
        assert_eq!(own.changes(built).unwrap(), expected);
        assert_eq!(config(&[]).changes(built), None);
    }

    #[test_case("", "it is no .config"; "empty")]
    #[test_case("CONFIG_A=y\nobj-y := fork.o\n", "line 2"; "a Makefile")]
    fn what_is_no_config_is_refused(text: &str, problem: &str) {
        let error = on_top_of(text).unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains(problem),
            "{error}"
        );
    }

    #[test]
    fn the_release_names_the_variant() {
        let config = config(&[("base", "CONFIG_A=y\n")]).for_variant("active");
        assert!(
            config
                .all_config()
                .contains("CONFIG_LOCALVERSION=\"-nmissed-active\"\n")
        );
    }

    #[test_case("FOO=y"; "no CONFIG_")]
    #[test_case("CONFIG_A"; "no value")]
    #[test_case("CONFIG_A="; "empty value")]
    #[test_case("CONFIG_A =y"; "blank")]
    fn a_bad_line_is_located(line: &str) {
        let problem = KernelConfig::default()
            .add("base", &format!("# fine\n{line}\n"))
            .unwrap_err();
        assert!(problem.starts_with("line 2: "), "{problem}");
    }

    proptest! {
        #[test]
        fn options_that_are_requested_are_not_lost(options in proptest::collection::btree_map("CONFIG_[A-Z0-9_]{1,9}", proptest::option::of("[a-m0-9]{1,5}|\"[ -!#-~]{0,9}\""), 0..9)) {
            let mut config = KernelConfig::default();
            for (option, value) in &options {
                config.set(option, value.as_deref(), "base");
            }
            prop_assert_eq!(config.lost(&config.all_config()), []);
        }
    }
}
