// SPDX-License-Identifier: GPL-2.0-only
//! The script that busybox's shell runs in the guest.

use nmissed_host::Cmd;
use nmissed_wire::{BUSYBOX, TESTS_DIR};

/// The terminal and prompt of a shell.
#[derive(Clone, Debug)]
pub(crate) struct Looks {
    /// Rows and columns, where they are known.
    pub(crate) size: Option<(u16, u16)>,
    /// As in TERM.
    pub(crate) term: String,
    /// Stands in the prompt.
    pub(crate) kernel: String,
}

/// Returns the script for a shell with job control.
pub(crate) fn shell(looks: &Looks) -> String {
    let Looks { size, term, kernel } = looks;
    let size = size.map_or(String::new(), |(rows, columns)| {
        format!("stty rows {rows} cols {columns}\n")
    });
    let variables = format!(
        "export TERM={} PS1={}",
        word(term),
        word(&format!("{kernel} \\w # "))
    );
    // Its controlling terminal lets Ctrl-C end what runs in it.
    format!("{}{size}{variables}\nexec setsid -c sh -i\n", start())
}

/// Returns the script for one command, whose output arrives as it is.
pub(crate) fn command(command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|it| word(it)).collect();
    format!(
        "{}stty raw -echo\nexec {} </dev/null\n",
        start(),
        words.join(" ")
    )
}

fn start() -> String {
    format!(
        "{BUSYBOX} --install -s /bin\n\
         export PATH=/bin:{TESTS_DIR} HOME=/\n\
         cd /\n"
    )
}

/// Quotes for a shell.
fn word(text: &str) -> String {
    Cmd::new(text).line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_stay_apart() {
        let words = ["sh", "-c", "echo $1; exit 3", "it's"].map(str::to_owned);
        let script = command(&words);
        let last = script.lines().last().unwrap();
        assert_eq!(last, r"exec sh -c 'echo $1; exit 3' 'it'\''s' </dev/null");
    }

    #[test]
    fn shell_has_the_size_of_the_terminal() {
        let looks = Looks {
            size: Some((24, 80)),
            term: "xterm".to_owned(),
            kernel: "6.12 baseline".to_owned(),
        };
        let script = shell(&looks);
        assert!(script.contains("\nstty rows 24 cols 80\n"), "{script}");
        assert!(
            script.contains(r"TERM=xterm PS1='6.12 baseline \w # '"),
            "{script}"
        );
        assert!(script.ends_with("\nexec setsid -c sh -i\n"), "{script}");
        let unknown = shell(&Looks {
            size: None,
            ..looks
        });
        assert!(!unknown.contains("stty"), "{unknown}");
    }
}
