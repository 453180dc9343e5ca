// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's monitor (docs/interop/qmp-spec.rst), asked about a guest that hangs.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_json::Value;

/// QEMU's arguments; its standard input is the other end of a [`Monitor`].
pub(crate) const ARGUMENTS: [&str; 4] = [
    "-chardev",
    "socket,id=monitor,fd=0",
    "-mon",
    "chardev=monitor,mode=control",
];

/// The registers of all processors, and then an NMI for them.
const HANG: &str = concat!(
    r#"{"execute":"qmp_capabilities"}"#,
    r#"{"execute":"human-monitor-command","arguments":{"command-line":"info registers -a"}}"#,
    r#"{"execute":"inject-nmi"}"#,
);

/// The host's end of the monitor.
#[derive(Debug)]
pub(crate) struct Monitor(UnixStream);

impl Monitor {
    /// Returns it, and QEMU's end.
    pub(crate) fn new() -> std::io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok((Self(ours), theirs.into()))
    }

    /// Makes a guest with `unknown_nmi_panic` panic, wherever it hangs. A QEMU that has
    /// ended, or does not answer, is found by others.
    pub(crate) fn interrupt(&mut self) {
        let _ = self.0.write_all(HANG.as_bytes());
    }

    /// Returns the registers, if QEMU has sent them.
    pub(crate) fn registers(&mut self) -> Option<String> {
        let mut received = Vec::new();
        // Fails where there is no more, and where QEMU ended with a command unread.
        let _ = self.0.read_to_end(&mut received);
        registers(&received)
    }
}

fn registers(received: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(received);
    let replies = text.lines().map(serde_json::from_str::<Value>);
    let mut replies = replies.filter_map(Result::ok);
    replies.find_map(|reply| Some(reply.get("return")?.as_str()?.replace("\r\n", "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test]
    fn a_qemu_that_ends_with_commands_unread_is_no_error() {
        let (mut monitor, theirs) = Monitor::new().unwrap();
        monitor.interrupt();
        drop(theirs);
        assert_eq!(monitor.registers(), None);
    }

    #[test_case("" => None; "nothing")]
    #[test_case("{\"QMP\":{}}\n{\"return\":{}}\n{\"return\":\"CPU#0\\r\\nRAX=0\"}\n{\"return\":{}}\n" => Some("CPU#0\nRAX=0".to_owned()); "all replies")]
    #[test_case("{\"return\":\"CPU#0" => None; "cut")]
    fn registers_are_the_reply_that_is_text(received: &str) -> Option<String> {
        registers(received.as_bytes())
    }
}
