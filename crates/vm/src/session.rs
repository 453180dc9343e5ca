// SPDX-License-Identifier: GPL-2.0-only
//! A boot for a program of the user in place of tests.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nmissed_host::{Cmd, Error as HostError, write_atomic};
use nmissed_wire::{SESSION, SESSION_ENDED, SESSION_STARTED, Severity, TROUBLE_MARK, report};

use crate::boot::{bare_initramfs, clock, files};
use crate::console;
use crate::error::Result;
use crate::qemu::{self, Files};
use crate::spec::BootSpec;
use crate::tail::Tail;

const FILE_MODE: u32 = 0o644;
const PERMISSIONS: u32 = 0o777;

/// A program of the user, and what it needs.
#[derive(Debug)]
pub struct Session<'a> {
    /// For the shell of busybox; standard input and output are the terminal.
    pub script: &'a str,
    /// Copied into the guest, with their permissions.
    pub files: &'a [GuestFile],
    /// A socket: the host's end of the terminal is its peer.
    pub terminal: OwnedFd,
    /// The port of localhost on which QEMU waits for gdb, before the first instruction.
    pub gdb: Option<u16>,
}

/// A file of the host, and where the guest has a copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestFile {
    /// An absolute path.
    pub path: String,
    /// The file on the host.
    pub from: PathBuf,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The program ended with this status.
    Exited(u8),
    /// The machine ended before the program; with the fatal report of the kernel, or the
    /// trouble of PID 1, if there is one.
    MachineEnded(Option<String>),
    /// PID 1 did not start the program in this time.
    NotStarted(Duration),
    /// The caller stopped it.
    Stopped,
}

/// Boots and runs a program, until it or the machine ends, or `go_on`, which is called
/// every few milliseconds, returns false. The plan of `spec` is ignored.
///
/// # Errors
/// [`crate::Error::NoQemu`], and [`crate::Error::Host`] for files, interruption, and
/// where QEMU cannot start.
pub fn session(
    spec: &BootSpec,
    session: Session<'_>,
    mut go_on: impl FnMut() -> bool,
) -> Result<SessionEnd> {
    let files = files(spec)?;
    pack(spec, &session, &files)?;
    let qemu = command(spec, session.gdb, &files)?;
    write_atomic(&files.cmdline, format!("{}\n", qemu.line()).as_bytes())?;
    let deadline = session.gdb.is_none().then_some(spec.deadlines.boot);
    let (begun, mut console) = (Instant::now(), Tail::create(&files.console)?);
    let (mut seen, mut failed, mut stopped) = (Seen::default(), None, None);
    let qemu = qemu.stdin(session.terminal).tied();
    let finished = qemu.finish_while(
        |_| (),
        |_| {
            failed = console.lines().map(|lines| seen.take(&lines)).err();
            let late = deadline.filter(|most| !seen.started && begun.elapsed() > *most);
            stopped = late.map(SessionEnd::NotStarted);
            if stopped.is_none() && !go_on() {
                stopped = Some(SessionEnd::Stopped);
            }
            failed.is_none() && stopped.is_none()
        },
    )?;
    failed.map_or(Ok(()), Err)?;
    seen.take(&console.lines()?);
    match (seen.status, stopped) {
        (Some(status), _) => Ok(SessionEnd::Exited(status)),
        (None, Some(stopped)) => Ok(stopped),
        (None, None) if finished.status.success() => Ok(SessionEnd::MachineEnded(seen.report)),
        (None, None) => Err(HostError::Failed {
            command: qemu.line(),
            status: finished.status.to_string(),
            tail: finished.lines,
        })?,
    }
}

/// Returns the command whose standard input is the guest's terminal.
fn command(spec: &BootSpec, gdb: Option<u16>, files: &Files) -> Result<Cmd> {
    let qemu = qemu::with_console(&qemu::program()?, spec, files, &clock(spec))
        .args(["-chardev", "socket,id=terminal,fd=0"])
        .args(["-device", "isa-serial,chardev=terminal,index=1"]);
    Ok(match gdb {
        Some(port) => qemu.args(["-gdb", &format!("tcp:127.0.0.1:{port}"), "-S"]),
        None => qemu,
    })
}

fn pack(spec: &BootSpec, session: &Session<'_>, files: &Files) -> Result<()> {
    let mut archive = bare_initramfs(&spec.guest.init)?;
    archive.file(SESSION, FILE_MODE, session.script.as_bytes().to_vec());
    for GuestFile { path, from } in session.files {
        let content = fs::read(from).map_err(HostError::io("read", from))?;
        let about = fs::metadata(from).map_err(HostError::io("read", from))?;
        archive.file(path, about.permissions().mode() & PERMISSIONS, content);
    }
    let archive = archive.into_bytes();
    let archive = archive.map_err(HostError::io("pack", &files.initramfs))?;
    Ok(write_atomic(&files.initramfs, &archive)?)
}

/// What the console showed of a session.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    started: bool,
    status: Option<u8>,
    report: Option<String>,
}

impl Seen {
    fn take(&mut self, lines: &[String]) {
        for line in lines.iter().map(|line| console::text(line)) {
            let is_fatal = report(line) == Some(Severity::Fatal);
            if line == SESSION_STARTED {
                self.started = true;
            } else if let Some(status) = line.strip_prefix(SESSION_ENDED) {
                self.status = status.parse().ok();
            } else if self.report.is_none() && (is_fatal || line.starts_with(TROUBLE_MARK)) {
                self.report = Some(line.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(&["[    1.2] nmissed: the session starts", "[    3.4][    T1] nmissed: the session ends with status 137"],
        (true, Some(137), None); "ended")]
    #[test_case(&["nmissed: the session starts", "[ 2.0] BUG: kernel NULL pointer dereference, address: 0", "Oops: 0000"],
        (true, None, Some("BUG: kernel NULL pointer dereference, address: 0")); "crashed")]
    #[test_case(&["nmissed: trouble: cannot mount proc"], (false, None, Some("nmissed: trouble: cannot mount proc")); "trouble of PID 1")]
    #[test_case(&["WARNING: x", "nmissed: the session ends with status x"], (false, None, None); "neither")]
    fn console_shows_how_the_session_went(
        lines: &[&str],
        (started, status, report): (bool, Option<u8>, Option<&str>),
    ) {
        let mut seen = Seen::default();
        seen.take(
            &lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>(),
        );
        let report = report.map(str::to_owned);
        assert_eq!(
            seen,
            Seen {
                started,
                status,
                report
            }
        );
    }
}
