// SPDX-License-Identifier: GPL-2.0-only
//! What the guest says to the host: one JSON object per line.
//!
//! Lines survive a torn connection: whatever came whole before a crash counts.

use serde::{Deserialize, Serialize};

use crate::{Outcome, Record};

/// Raised whenever an older host would misread a newer guest.
pub const WIRE_VERSION: u32 = 1;

/// One line from the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Message {
    /// PID 1 is up: its first word.
    Hello {
        /// [`WIRE_VERSION`] of the guest.
        version: u32,
        /// `uname -r`.
        release: String,
        /// How many tests will run.
        tests: usize,
    },
    /// A test is about to run.
    Start {
        /// `<binary>::<test>`.
        name: String,
    },
    /// The running test observed something.
    Record {
        /// The observation.
        record: Record,
    },
    /// The running test ended.
    End {
        /// As in [`Message::Start`].
        name: String,
        /// How it ended.
        #[serde(flatten)]
        outcome: Outcome,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// PID 1 could not do its part: not evidence about the kernel.
    Trouble {
        /// What, where and what to do.
        why: String,
    },
    /// All tests ran; the machine powers off next.
    Bye,
}

/// A line that is no [`Message`].
#[derive(Debug, thiserror::Error)]
#[error("the guest sent a line that is no message ({source}): {line}")]
pub struct WireError {
    /// The line, cut to a readable length.
    pub line: String,
    #[source]
    source: serde_json::Error,
}

/// Reads one line, without or with its newline.
///
/// # Errors
/// [`WireError`] if it is not a message, for example half a line written as
/// the kernel died.
pub fn parse_line(line: &str) -> Result<Message, WireError> {
    serde_json::from_str(line.trim()).map_err(|source| WireError {
        line: line.chars().take(200).collect(),
        source,
    })
}
