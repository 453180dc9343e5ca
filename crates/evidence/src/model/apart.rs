// SPDX-License-Identifier: GPL-2.0-only
//! Why two runs may count differently: what differs in what they were made with.

use nmissed_wire::Run;

use crate::model::setup::{Files, Setup, options};

/// Changed options that are named.
const NAMED: usize = 10;

/// What a difference of counts may be put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Kernel,
    Configuration,
    Harness,
}

/// What differs between two runs beside their results.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// In the order kernel, configuration, harness: `release: 6.12.1 -> 7.3.4`.
    pub(crate) differences: Vec<(Cause, String)>,
    /// What cannot be compared, since a run does not have it.
    pub(crate) unknown: Vec<&'static str>,
}

/// A run with what is known of how it was made.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) run: &'a Run,
    pub(crate) files: &'a Files,
    pub(crate) setup: &'a Setup,
}

impl Cause {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Configuration => "configuration",
            Self::Harness => "harness",
        }
    }
}

impl Apart {
    pub(crate) fn of(one: Side<'_>, other: Side<'_>) -> Self {
        let mut apart = Self::default();
        let [a, b] = [one.setup, other.setup];
        let releases = [&one.run.release, &other.run.release].map(|it| known(it));
        apart.note(Cause::Kernel, "release", releases);
        apart.note_known(Cause::Kernel, "source", [&a.source, &b.source]);
        apart.note(
            Cause::Kernel,
            "toolchain",
            [&a.toolchain, &b.toolchain].map(Option::as_deref),
        );
        apart.note_known(Cause::Kernel, "other tools", [&a.tools, &b.tools]);
        apart.configuration(one, other);
        // The name of the image has a hash of all that went in, so that it says something
        // only where nothing else does.
        if apart.differences.is_empty() {
            apart.note(
                Cause::Kernel,
                "image",
                [&a.image, &b.image].map(Option::as_deref),
            );
        }
        let accels = [&one.run.accel, &other.run.accel].map(|it| known(it));
        apart.note(Cause::Harness, "accelerator", accels);
        apart.note_known(
            Cause::Harness,
            "QEMU version",
            [&a.qemu_version, &b.qemu_version],
        );
        apart.note(
            Cause::Harness,
            "QEMU",
            [&a.qemu, &b.qemu].map(Option::as_deref),
        );
        let options = [&a.kernel_options, &b.kernel_options].map(Option::as_deref);
        apart.note(Cause::Harness, "kernel options", options);
        apart.note_known(Cause::Harness, "tests", [&a.tests, &b.tests]);
        apart.tests(one.run, other.run);
        apart
    }

    /// The causes that differences have, each once.
    pub(crate) fn causes(&self) -> Vec<Cause> {
        let mut causes: Vec<_> = self.differences.iter().map(|(cause, _)| *cause).collect();
        causes.dedup();
        causes
    }

    /// The differences with the names of their causes.
    pub(crate) fn named(self) -> Vec<(&'static str, String)> {
        let all = self.differences.into_iter();
        all.map(|(cause, text)| (cause.name(), text)).collect()
    }

    /// As [`Self::note`], of what neither a run of an older version of nmissed nor one of a
    /// kernel that was not built here has.
    fn note_known(&mut self, cause: Cause, what: &'static str, values: [&Option<String>; 2]) {
        if values.iter().any(|it| it.is_some()) {
            self.note(cause, what, values.map(Option::as_deref));
        }
    }

    fn note(&mut self, cause: Cause, what: &'static str, values: [Option<&str>; 2]) {
        match values.into() {
            (Some(one), Some(other)) if one == other => (),
            (Some(one), Some(other)) => {
                let text = format!("{what}: {}", changed_words(one, other));
                self.differences.push((cause, text));
            }
            _ => self.unknown.push(what),
        }
    }

    /// An option that only one of two releases has comes with the kernel.
    fn configuration(&mut self, one: Side<'_>, other: Side<'_>) {
        let configs = [one, other].map(|side| side.files.config.as_deref().map(options));
        let [Some(a), Some(b)] = configs else {
            self.unknown.push("configuration");
            return;
        };
        let is_chosen = |name: &&&str| {
            !name.starts_with("CONFIG_CC_VERSION") && !name.starts_with("CONFIG_LOCALVERSION")
        };
        let both = a
            .keys()
            .filter(|name| b.contains_key(*name))
            .filter(is_chosen);
        let mut changed: Vec<String> = both
            .filter(|name| a[*name] != b[*name])
            .map(|name| format!("{name}: {} -> {}", a[name], b[name]))
            .collect();
        let own = a.keys().filter(|name| !b.contains_key(*name));
        let others = b.keys().filter(|name| !a.contains_key(*name));
        let alone = own.chain(others).filter(is_chosen).count();
        let same_source = one.run.release == other.run.release;
        if alone > 0 && same_source {
            changed.push(format!("{alone} options that only one of them has"));
        }
        let more = changed.len().saturating_sub(NAMED);
        changed.truncate(NAMED);
        if more > 0 {
            changed.push(format!("{more} more options"));
        }
        let all = changed.into_iter().map(|it| (Cause::Configuration, it));
        self.differences.extend(all);
    }

    fn tests(&mut self, one: &Run, other: &Run) {
        let missing = |from: &Run, of: &Run| {
            let is_missing = |name: &&str| from.tests.iter().all(|test| test.name != *name);
            of.tests
                .iter()
                .map(|test| test.name.as_str())
                .filter(is_missing)
                .count()
        };
        let sides = [("A", missing(other, one)), ("B", missing(one, other))];
        for (side, count) in sides.into_iter().filter(|(_, count)| *count > 0) {
            let text = format!("tests: {count} ran only in {side}");
            self.differences.push((Cause::Harness, text));
        }
    }
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `-smp 2 -> -smp 4`: from the first word that differs to the last one.
fn changed_words(one: &str, other: &str) -> String {
    let [a, b]: [Vec<&str>; 2] = [one, other].map(|it| it.split(' ').collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = a.iter().zip(&b).take_while(same).count();
    let tails = a[head..].iter().rev().zip(b[head..].iter().rev());
    let tail = tails.take_while(same).count();
    let middle = |words: &[&str]| match &words[head..words.len() - tail] {
        [] => "nothing".to_owned(),
        some => some.join(" "),
    };
    format!("{} -> {}", middle(&a), middle(&b))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn files(config: &str, smp: &str) -> Files {
        Files {
            cmdline: Some(format!(
                "qemu -smp {smp} -m 512M -kernel /c/6.12-x/bzImage -append 'oops=panic'"
            )),
            config: Some(format!("CONFIG_CC_VERSION_TEXT=\"gcc 12\"\n{config}")),
            console: None,
        }
    }

    fn run(release: &str) -> Run {
        Run {
            release: release.to_owned(),
            accel: "tcg".to_owned(),
            ..Run::default()
        }
    }

    fn apart((release_a, a): (&str, Files), (release_b, b): (&str, Files)) -> Apart {
        let (run_a, run_b) = (run(release_a), run(release_b));
        let (setup_a, setup_b) = (
            Setup::of(&run_a.made_with, &a),
            Setup::of(&run_b.made_with, &b),
        );
        let side = |run, files, setup| Side { run, files, setup };
        Apart::of(
            Side {
                setup: &setup_a,
                ..side(&run_a, &a, &setup_a)
            },
            side(&run_b, &b, &setup_b),
        )
    }

    fn texts(apart: &Apart) -> Vec<(Cause, &str)> {
        apart
            .differences
            .iter()
            .map(|(cause, text)| (*cause, text.as_str()))
            .collect()
    }

    #[test]
    fn runs_of_one_kernel_with_one_machine_differ_in_nothing() {
        let it = || ("6.12.1", files("CONFIG_A=y", "2"));
        let apart = apart(it(), it());
        assert!(texts(&apart).is_empty() && apart.unknown.is_empty());
    }

    #[test]
    fn another_release_is_the_kernel_and_so_are_its_new_options() {
        let new = files("CONFIG_A=y\nCONFIG_NEW=y", "2");
        let apart = apart(("6.12.1", files("CONFIG_A=y", "2")), ("7.3.4", new));
        assert_eq!(texts(&apart), [(Cause::Kernel, "release: 6.12.1 -> 7.3.4")]);
    }

    #[test_case("CONFIG_A=m", "2" => vec![(Cause::Configuration, "CONFIG_A: y -> m".to_owned())]; "an option")]
    #[test_case("CONFIG_A=y", "4" => vec![(Cause::Harness, "QEMU: 2 -> 4".to_owned())]; "the machine")]
    #[test_case("# CONFIG_A is not set", "4" => vec![
        (Cause::Configuration, "CONFIG_A: y -> n".to_owned()), (Cause::Harness, "QEMU: 2 -> 4".to_owned())]; "both")]
    fn differences_from_a_run(config: &str, smp: &str) -> Vec<(Cause, String)> {
        let first = files("CONFIG_A=y", "2");
        apart(("6.12.1", first), ("6.12.1", files(config, smp))).differences
    }

    #[test]
    fn what_has_no_file_is_unknown_and_not_the_same() {
        let apart = apart(("6.12.1", Files::default()), ("6.12.1", files("", "2")));
        assert_eq!(
            apart.unknown,
            [
                "toolchain",
                "configuration",
                "image",
                "QEMU",
                "kernel options"
            ]
        );
    }
}
