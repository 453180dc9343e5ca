// SPDX-License-Identifier: GPL-2.0-only
//! A program of the user in place of the tests, on the second serial port.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};
use nmissed_wire::{BUSYBOX, SESSION, SESSION_ENDED, SESSION_STARTED, TERMINAL};
use rustix::fs::OFlags;

use crate::kmsg;
use crate::parameters::Parameters;

/// Whether the initramfs has a script for this.
pub(crate) fn is_requested() -> bool {
    Path::new(SESSION).exists()
}

/// Runs the script, and reports its exit status on the console: the host's only other
/// way to read it is the serial port that the program uses.
pub(crate) fn run(parameters: &Parameters) -> Result<()> {
    let tty = open_terminal()?;
    let end = || tty.try_clone().context("cannot duplicate the terminal");
    kmsg::write_once(SESSION_STARTED);
    let status = Command::new(BUSYBOX)
        .args(["sh", SESSION])
        .envs(parameters.environment())
        .stdin(end()?)
        .stdout(end()?)
        .stderr(end()?)
        .status()
        .with_context(|| format!("cannot run {BUSYBOX}"))?;
    // Ends when the last byte has left.
    let _ = rustix::termios::tcdrain(&tty);
    kmsg::write_once(&format!("{SESSION_ENDED}{}", code(status)));
    Ok(())
}

fn open_terminal() -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        // It is to be the controlling terminal of the shell, not of PID 1.
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open(TERMINAL)
        .with_context(|| format!("cannot open {TERMINAL}"))
}

/// Returns an exit status as shells do: 128 and the signal, if one ended the program.
fn code(status: ExitStatus) -> i32 {
    let by_signal = || status.signal().map_or(1, |signal| 128 + signal);
    status.code().unwrap_or_else(by_signal)
}
