// SPDX-License-Identifier: GPL-2.0-only
//! Options without which a change should be compiled.

/// An option that is often off, and those to turn off for that: itself, and options that
/// select it (in 6.12 and 7.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DisabledOption {
    pub(crate) option: &'static str,
    pub(crate) with: &'static [&'static str],
}

const OPTIONS: [DisabledOption; 9] = [
    off("CONFIG_FPROBE", &["CONFIG_FPROBE", FPROBE_EVENTS]),
    off(
        FUNCTION_GRAPH,
        &[FUNCTION_GRAPH, "CONFIG_FPROBE", FPROBE_EVENTS],
    ),
    // 7.3 has no prompt for it.
    off(DYNAMIC_FTRACE, &[DYNAMIC_FTRACE]),
    off(
        "CONFIG_FUNCTION_TRACER",
        &[
            "CONFIG_FUNCTION_TRACER",
            FUNCTION_GRAPH,
            DYNAMIC_FTRACE,
            "CONFIG_FPROBE",
            FPROBE_EVENTS,
        ],
    ),
    off("CONFIG_KPROBES", &["CONFIG_KPROBES"]),
    off("CONFIG_KPROBE_EVENTS", &["CONFIG_KPROBE_EVENTS"]),
    off("CONFIG_UPROBES", &["CONFIG_UPROBE_EVENTS"]),
    off(
        "CONFIG_BPF_EVENTS",
        &["CONFIG_KPROBE_EVENTS", "CONFIG_UPROBE_EVENTS"],
    ),
    off("CONFIG_BPF_SYSCALL", &["CONFIG_BPF_SYSCALL"]),
];

const DYNAMIC_FTRACE: &str = "CONFIG_DYNAMIC_FTRACE";
const FPROBE_EVENTS: &str = "CONFIG_FPROBE_EVENTS";
const FUNCTION_GRAPH: &str = "CONFIG_FUNCTION_GRAPH_TRACER";

const fn off(option: &'static str, with: &'static [&'static str]) -> DisabledOption {
    DisabledOption { option, with }
}

/// Returns the options that texts mention. The texts are those of the files, and the lines
/// of Makefiles that decide whether they are compiled.
pub(crate) fn concerned<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<DisabledOption> {
    let texts: Vec<_> = texts.into_iter().collect();
    let is_mentioned = |off: &DisabledOption| texts.iter().any(|text| mentions(text, off.option));
    OPTIONS.into_iter().filter(is_mentioned).collect()
}

/// Whether a text has an option, not as a part of a longer name.
fn mentions(text: &str, option: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(option)
        .any(|(at, _)| !text[at + option.len()..].starts_with(goes_on))
}

/// Returns the lines of a Makefile that name an object.
pub(crate) fn rules<'a>(makefile: &'a str, object: &str) -> impl Iterator<Item = &'a str> {
    makefile
        .lines()
        .filter(move |line| line.split_whitespace().any(|word| word == object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("#ifdef CONFIG_FPROBE\n" => vec!["CONFIG_FPROBE"]; "one")]
    #[test_case("#ifdef CONFIG_FPROBE_EVENTS\n" => Vec::<&str>::new(); "a longer name")]
    #[test_case("IS_ENABLED(CONFIG_UPROBES) || defined(CONFIG_KPROBES)" => vec!["CONFIG_KPROBES", "CONFIG_UPROBES"]; "two")]
    fn options_of(text: &str) -> Vec<&'static str> {
        concerned([text]).iter().map(|off| off.option).collect()
    }

    #[test]
    fn a_makefile_says_what_decides() {
        let makefile = "obj-y += a.o b.o\nobj-$(CONFIG_FPROBE) += fprobe.o\nobj-$(CONFIG_KPROBES) += xfprobe.o\n";
        let lines: Vec<_> = rules(makefile, "fprobe.o").collect();
        assert_eq!(lines, ["obj-$(CONFIG_FPROBE) += fprobe.o"]);
    }
}
