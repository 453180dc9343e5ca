// SPDX-License-Identifier: GPL-2.0-only
//! `nmissed-inspect`: `cargo xtask inspect` without a workspace.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use nmissed_inspect::{Options, is_usage, print, run};

/// Print which functions of a Linux kernel image can be probed, and how
///
/// Reads the image and boots nothing. Exit status: 0 all answered, 2 wrong
/// usage (symbols that exist are answered), 69 the image cannot be read.
#[derive(Debug, Parser)]
#[command(name = "nmissed-inspect", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    options: Option<Options>,

    /// Print the completions of a shell
    #[arg(long, value_name = "SHELL", exclusive = true)]
    completions: Option<Shell>,

    /// Print the man page
    #[arg(long, exclusive = true)]
    man: bool,
}

impl Cli {
    fn run(&self) -> Result<()> {
        let mut command = Self::command();
        let mut text = Vec::new();
        if let Some(shell) = self.completions {
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut text);
        } else if self.man {
            clap_mangen::Man::new(command).render(&mut text)?;
        } else if let Some(options) = &self.options {
            return run(options);
        }
        print(&text)
    }
}

fn main() -> ExitCode {
    let Err(error) = Cli::parse().run() else {
        return ExitCode::SUCCESS;
    };
    // Standard error may be closed.
    let _ = writeln!(io::stderr(), "error: {error:#}");
    ExitCode::from(if is_usage(&error) { 2 } else { 69 })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test_case(&["--man"], true; "man page")]
    #[test_case(&["--completions", "zsh"], true; "completions")]
    #[test_case(&["vmlinuz"], true; "image")]
    #[test_case(&["vmlinuz", "vfs_read", "--why"], true; "function")]
    #[test_case(&["--sites"], false; "no image")]
    #[test_case(&["vmlinuz", "--man"], false; "image and man page")]
    fn command_line(args: &[&str], good: bool) {
        let args = [&["nmissed-inspect"], args].concat();
        let parsed = Cli::try_parse_from(args);
        assert_eq!(parsed.is_ok(), good, "{parsed:?}");
    }
}
