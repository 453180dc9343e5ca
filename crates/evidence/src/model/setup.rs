// SPDX-License-Identifier: GPL-2.0-only
//! With what a run was made: the kernel that QEMU booted, its configuration and
//! compiler, the machine.

use std::collections::BTreeMap;

use nmissed_wire::MadeWith;
use serde::Serialize;

/// What a run's folder keeps beside the results; `None` for a file that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The command line of QEMU, quoted for a shell.
    pub cmdline: Option<String>,
    /// The kernel's configuration.
    pub config: Option<String>,
    /// Everything that the kernel printed, of its first boot.
    pub console: Option<String>,
}

/// What [`Files`] say. `None` where they do not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Setup {
    /// The kernel image: its file, below the folder that the cache names by all that
    /// went into it.
    pub(crate) image: Option<String>,
    /// The compiler, as the configuration or the kernel names it.
    pub(crate) toolchain: Option<String>,
    /// The other programs that built it: `ld: GNU ld (GNU Binutils for Debian) 2.40`.
    pub(crate) tools: Option<String>,
    /// The kernel's source, as its builder names it.
    pub(crate) source: Option<String>,
    /// The commit of the test programs.
    pub(crate) tests: Option<String>,
    /// The number of options that are `y` or `m`.
    pub(crate) options: Option<usize>,
    /// The first line of QEMU's `--version`.
    pub(crate) qemu_version: Option<String>,
    /// The program and options of QEMU without names of files, and without `-append`.
    pub(crate) qemu: Option<String>,
    /// The options of the kernel (`-append`), without those that name the run.
    pub(crate) kernel_options: Option<String>,
}

impl Setup {
    pub(crate) fn of(made_with: &MadeWith, files: &Files) -> Self {
        let words = files.cmdline.as_deref().and_then(shlex::split);
        let words = words.unwrap_or_default();
        let after = |option: &str| {
            let mut places = words.iter().skip_while(|word| *word != option).skip(1);
            places.next().map(String::as_str)
        };
        let config = files.config.as_deref();
        let tools = made_with.toolchain.iter();
        let tools: Vec<&str> = tools
            .filter(|it| !it.starts_with("gcc: "))
            .map(String::as_str)
            .collect();
        Self {
            image: after("-kernel").map(|path| last_names(path, 2)),
            toolchain: config
                .and_then(compiler_of_config)
                .or_else(|| files.console.as_deref().and_then(compiler_of_console)),
            tools: (!tools.is_empty()).then(|| tools.join(", ")),
            source: made_with.source.clone(),
            tests: made_with.tests.clone(),
            options: config.map(|text| {
                options(text)
                    .values()
                    .filter(|it| matches!(**it, "y" | "m"))
                    .count()
            }),
            qemu_version: made_with.qemu.clone(),
            qemu: (!words.is_empty()).then(|| machine(&words)),
            kernel_options: after("-append").map(without_names),
        }
    }

    /// A line for each thing that is known.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let options = self.options.map(|count| format!("{count} options set"));
        let lines = [
            ("image", &self.image),
            ("source", &self.source),
            ("toolchain", &self.toolchain),
            ("other tools", &self.tools),
            ("configuration", &options),
            ("QEMU version", &self.qemu_version),
            ("QEMU", &self.qemu),
            ("tests", &self.tests),
            ("kernel options", &self.kernel_options),
        ];
        let known = lines.into_iter();
        known
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect()
    }
}

/// The options of a configuration by name; one that is not set is `n`.
pub(crate) fn options(config: &str) -> BTreeMap<&str, &str> {
    config.lines().filter_map(option).collect()
}

fn option(line: &str) -> Option<(&str, &str)> {
    if let Some(rest) = line.strip_prefix("# ") {
        return Some((rest.strip_suffix(" is not set")?, "n"));
    }
    let (name, value) = line.split_once('=')?;
    name.starts_with("CONFIG_").then_some((name, value))
}

fn compiler_of_config(config: &str) -> Option<String> {
    let text = options(config)
        .get("CONFIG_CC_VERSION_TEXT")?
        .trim_matches('"');
    Some(text.to_owned())
}

/// From `Linux version 6.12.117 (builder) (gcc (Debian 12.2.0-14) 12.2.0, GNU ld ...) #1`.
fn compiler_of_console(console: &str) -> Option<String> {
    let mut lines = console.lines();
    let banner = lines.find_map(|line| Some(line.split_once("Linux version ")?.1))?;
    let (_, rest) = banner.split_once(") (")?;
    Some(rest.rsplit_once(") #")?.0.to_owned())
}

/// Words that neither name a file nor the kernel.
fn machine(words: &[String]) -> String {
    const WITH_A_FILE: [&str; 5] = ["-kernel", "-initrd", "-append", "-chardev", "-serial"];
    let mut shown = vec![last_names(&words[0], 1)];
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        if WITH_A_FILE.contains(&word.as_str()) {
            rest.next();
        } else {
            shown.push(word.clone());
        }
    }
    shown.join(" ")
}

/// The last names of a path.
fn last_names(path: &str, names: usize) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts[parts.len().saturating_sub(names)..].join("/")
}

fn without_names(append: &str) -> String {
    let words = append.split_whitespace();
    let words: Vec<&str> = words.filter(|it| !it.starts_with("nmissed.")).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    const CMDLINE: &str = "/usr/bin/qemu-system-x86_64 -nodefaults -machine microvm -smp 2 \
        -kernel /c/kernels/6.12-active-b47a/bzImage -initrd /o/i.cpio -append 'oops=panic \
        nmissed.kernel=6.12' -chardev file,id=console,path=/o/console.log -serial chardev:console";

    fn setup(cmdline: Option<&str>, config: Option<&str>, console: Option<&str>) -> Setup {
        Setup::of(
            &MadeWith::default(),
            &Files {
                cmdline: cmdline.map(str::to_owned),
                config: config.map(str::to_owned),
                console: console.map(str::to_owned),
            },
        )
    }

    #[test]
    fn command_line_of_qemu_is_taken_apart_without_paths() {
        let setup = setup(Some(CMDLINE), None, None);
        assert_eq!(setup.image.as_deref(), Some("6.12-active-b47a/bzImage"));
        let qemu = "qemu-system-x86_64 -nodefaults -machine microvm -smp 2";
        assert_eq!(setup.qemu.as_deref(), Some(qemu));
        assert_eq!(setup.kernel_options.as_deref(), Some("oops=panic"));
        assert_eq!(setup.lines().len(), 3);
    }

    #[test]
    fn set_options_are_counted() {
        let config = "# a comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n";
        assert_eq!(setup(None, Some(config), None).options, Some(2));
        assert_eq!(options(config).get("CONFIG_B"), Some(&"n"));
    }

    #[test_case(Some("CONFIG_CC_VERSION_TEXT=\"gcc 12\"\n"), None => Some("gcc 12".to_owned()); "of the configuration")]
    #[test_case(None, Some("[ 0.0] Linux version 6.1 (a@b) (gcc (D) 12.2.0, GNU ld (B) 2.40) #1 SMP")
        => Some("gcc (D) 12.2.0, GNU ld (B) 2.40".to_owned()); "of the console")]
    #[test_case(None, Some("[ 0.0] Linux version") => None; "of half a line")]
    fn toolchain(config: Option<&str>, console: Option<&str>) -> Option<String> {
        setup(None, config, console).toolchain
    }

    #[test]
    fn nothing_is_known_of_no_files() {
        assert_eq!(setup(None, None, None), Setup::default());
    }

    proptest! {
        #[test]
        fn foreign_text_is_read_without_a_panic(text in "(?s).{0,200}") {
            let _ = setup(Some(&text), Some(&text), Some(&text)).lines();
        }
    }
}
