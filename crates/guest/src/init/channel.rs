// SPDX-License-Identifier: GPL-2.0-only
//! The channel for messages to the host: a virtio port, or the second serial port.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use nmissed_wire::{BOOT, Message, RECORDS_PORT, RECORDS_TTY, encode};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

const PORTS: &str = "/sys/class/virtio-ports";

/// Static, so that the panic hook can send on it.
static CHANNEL: OnceLock<Channel> = OnceLock::new();

pub(crate) struct Channel {
    file: File,
    /// What shows the host that PID 1 sends.
    secret: String,
    /// How many messages were sent.
    sent: AtomicU64,
}

impl Channel {
    /// Sends a message in one write, so that a crash can cut the last line alone.
    pub(crate) fn send(&self, message: &Message) -> Result<()> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let line = encode(&self.secret, number, message).context("cannot encode a message")?;
        (&self.file)
            .write_all((line + "\n").as_bytes())
            .context("cannot write to the host")
    }
}

/// Opens the channel, and removes the secret, so that no test can send on it.
pub(crate) fn open() -> Result<&'static Channel> {
    let secret = fs::read_to_string(BOOT).with_context(|| format!("cannot read {BOOT}"))?;
    fs::remove_file(BOOT).with_context(|| format!("cannot remove {BOOT}"))?;
    let file = match virtio_port() {
        Some(path) => open_for_writing(&path)?,
        None => open_tty(Path::new(RECORDS_TTY))?,
    };
    Ok(CHANNEL.get_or_init(|| Channel {
        file,
        secret,
        sent: AtomicU64::new(0),
    }))
}

/// Returns the channel, if it is open.
pub(crate) fn opened() -> Option<&'static Channel> {
    CHANNEL.get()
}

/// Finds the port by its name in sysfs; in /dev it has a number.
fn virtio_port() -> Option<PathBuf> {
    let mut ports = fs::read_dir(PORTS).ok()?.flatten();
    let named = |port: &fs::DirEntry| {
        fs::read_to_string(port.path().join("name")).is_ok_and(|name| name.trim() == RECORDS_PORT)
    };
    let port = ports.find(named)?;
    Some(Path::new("/dev").join(port.file_name()))
}

/// Opens a terminal in raw mode, so that it does not change the bytes.
fn open_tty(path: &Path) -> Result<File> {
    let file = open_for_writing(path)?;
    let raw = tcgetattr(&file).and_then(|mut mode| {
        mode.make_raw();
        tcsetattr(&file, OptionalActions::Now, &mode)
    });
    raw.with_context(|| {
        format!(
            "no channel to the host: no virtio port {RECORDS_PORT}, and {} is no serial port",
            path.display()
        )
    })?;
    Ok(file)
}

fn open_for_writing(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}
