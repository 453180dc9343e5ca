// SPDX-License-Identifier: GPL-2.0-only
//! The terminal of a guest, connected with standard input and output.

use std::io::{ErrorKind, IsTerminal, Read, Write, stdin, stdout};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn};

use anyhow::{Context, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Ctrl-A; followed by `x` it ends the machine, and followed by itself it is sent.
const ESCAPE: u8 = 0x01;
/// Ctrl-D ends the input of a program, if it stands at the beginning of a line.
const END_OF_INPUT: [u8; 2] = [0x04; 2];

/// A connection, which lasts until the guest's end is closed.
pub(crate) struct Terminal {
    quit: Arc<AtomicBool>,
    output: JoinHandle<()>,
    /// Dropped last, when nothing is printed any more.
    _raw: Option<RawMode>,
}

impl Terminal {
    /// Connects standard output, and with `input` standard input: a terminal is then in
    /// raw mode, so that each key reaches the guest.
    pub(crate) fn connect(socket: UnixStream, input: bool) -> Result<Self> {
        let quit = Arc::new(AtomicBool::new(false));
        let (first_output, guest_is_ready) = channel();
        let writer = socket.try_clone().context("cannot duplicate a socket")?;
        let output = spawn(move || forward_output(socket, &first_output));
        let is_terminal = stdin().is_terminal();
        let raw = (input && is_terminal).then(RawMode::enter).transpose()?;
        if input {
            let keys = Keys {
                escapes: is_terminal,
                escaped: false,
            };
            let quit = Arc::clone(&quit);
            spawn(move || forward_input(writer, keys, &guest_is_ready, &quit));
        }
        Ok(Self {
            quit,
            output,
            _raw: raw,
        })
    }

    /// Whether the user asked to end the machine.
    pub(crate) fn has_quit(&self) -> impl Fn() -> bool + use<> {
        let quit = Arc::clone(&self.quit);
        move || quit.load(Ordering::Relaxed)
    }

    /// Waits for the last output, and restores the mode of the user's terminal.
    pub(crate) fn close(self) {
        // A panic of the thread has been printed.
        let _ = self.output.join();
        if self.quit.load(Ordering::Relaxed) {
            // The cursor is behind a prompt.
            let _ = stdout().write_all(b"\r\n");
        }
    }
}

fn forward_output(mut socket: UnixStream, first: &Sender<()>) {
    let mut bytes = [0; 4096];
    loop {
        match socket.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                // A closed pipe must not end the guest's program.
                let mut out = stdout().lock();
                let _ = out.write_all(&bytes[..count]).and_then(|()| out.flush());
                let _ = first.send(());
            }
        }
    }
}

/// Sends what is typed; what comes before the guest has opened its terminal would be lost.
fn forward_input(mut socket: UnixStream, mut keys: Keys, ready: &Receiver<()>, quit: &AtomicBool) {
    if ready.recv().is_err() {
        return;
    }
    let mut bytes = [0; 4096];
    loop {
        let sent = match stdin().read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => END_OF_INPUT.to_vec(),
            Ok(count) => match keys.take(&bytes[..count]) {
                Some(bytes) => bytes,
                None => return quit.store(true, Ordering::Relaxed),
            },
        };
        if socket.write_all(&sent).is_err() || sent == END_OF_INPUT {
            return;
        }
    }
}

/// Finds the escape.
struct Keys {
    escapes: bool,
    escaped: bool,
}

impl Keys {
    /// Returns what to send, or `None` to end the machine.
    fn take(&mut self, typed: &[u8]) -> Option<Vec<u8>> {
        let mut sent = Vec::new();
        for &byte in typed {
            match (std::mem::take(&mut self.escaped), byte) {
                (true, b'x' | b'X') => return None,
                (false, ESCAPE) if self.escapes => self.escaped = true,
                _ => sent.push(byte),
            }
        }
        Some(sent)
    }
}

/// The user's terminal in raw mode, until this is dropped.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Result<Self> {
        let before = tcgetattr(stdin()).context("cannot read the mode of the terminal")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)
            .context("cannot set the mode of the terminal")?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(&[b"ls\x03"] => Some(b"ls\x03".to_vec()); "keys are sent")]
    #[test_case(&[b"a\x01", b"x"] => None; "escape and x end the machine")]
    #[test_case(&[b"\x01\x01x"] => Some(b"\x01x".to_vec()); "escape twice is sent once")]
    #[test_case(&[b"\x01ax"] => Some(b"ax".to_vec()); "escape and another key")]
    fn escape_ends_the_machine(typed: &[&[u8]]) -> Option<Vec<u8>> {
        let mut keys = Keys {
            escapes: true,
            escaped: false,
        };
        let mut sent = Vec::new();
        for bytes in typed {
            sent.extend(keys.take(bytes)?);
        }
        Some(sent)
    }

    #[test]
    fn piped_input_has_no_escapes() {
        let mut keys = Keys {
            escapes: false,
            escaped: false,
        };
        assert_eq!(keys.take(b"\x01x").unwrap(), b"\x01x");
    }
}
