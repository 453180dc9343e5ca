// SPDX-License-Identifier: GPL-2.0-only
//! The way to the host: a virtio port, or the second serial port.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use nmissed_wire::{Message, RECORDS_PORT, RECORDS_TTY};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

const PORTS: &str = "/sys/class/virtio-ports";

/// The one channel of this boot, there for whoever must give up.
static CHANNEL: OnceLock<Channel> = OnceLock::new();

pub(crate) struct Channel {
    file: File,
}

impl Channel {
    /// Says one message, as one write: a crash tears at most the last.
    pub(crate) fn send(&self, message: &Message) -> Result<()> {
        let mut line = serde_json::to_vec(message).context("cannot encode a message")?;
        line.push(b'\n');
        (&self.file)
            .write_all(&line)
            .context("cannot write to the host")
    }
}

/// Opens the channel.
pub(crate) fn open() -> Result<&'static Channel> {
    let file = match virtio_port() {
        Some(path) => open_for_writing(&path)?,
        None => open_tty(Path::new(RECORDS_TTY))?,
    };
    Ok(CHANNEL.get_or_init(|| Channel { file }))
}

/// The channel, if it is open.
pub(crate) fn opened() -> Option<&'static Channel> {
    CHANNEL.get()
}

/// Ports have names in sysfs, and numbers in /dev.
fn virtio_port() -> Option<PathBuf> {
    let mut ports = fs::read_dir(PORTS).ok()?.flatten();
    let named = |port: &fs::DirEntry| {
        fs::read_to_string(port.path().join("name")).is_ok_and(|name| name.trim() == RECORDS_PORT)
    };
    let port = ports.find(named)?;
    Some(Path::new("/dev").join(port.file_name()))
}

/// A terminal that changes nothing of what is written.
fn open_tty(path: &Path) -> Result<File> {
    let file = open_for_writing(path)?;
    let raw = tcgetattr(&file).and_then(|mut mode| {
        mode.make_raw();
        tcsetattr(&file, OptionalActions::Now, &mode)
    });
    raw.with_context(|| {
        format!(
            "no way to the host: there is no virtio port {RECORDS_PORT}, and {} is no serial port",
            path.display()
        )
    })?;
    Ok(file)
}

fn open_for_writing(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}
