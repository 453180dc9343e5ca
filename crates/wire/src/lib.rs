// SPDX-License-Identifier: GPL-2.0-only
//! The vocabulary that the host, the guest and the tests share.
//!
//! | module | what it defines |
//! | --- | --- |
//! | `attach_type`, `flavor` | how a BPF program is attached, and how a kprobe is armed |
//! | `version`, `behaviour` | what expectations depend on |
//! | `record`, `outcome` | one observation of a scenario, and how a test ended |
//! | `run` | what one boot showed |
//! | `message` | the lines that PID 1 sends to the host |
//! | `prober` | what the host asks about probes, and the replies |
//! | `guest` | the files of the guest, and where they lie |
//! | `output` | how a test hands a line to PID 1 |
//! | `kprobes_list`, `klog` | text that the kernel writes |
//! | `text` | numbers and lists in messages |
//!
//! Invariants: depends on no crate of this workspace; no processes, and no I/O
//! but in `output`, `kprobes_list::read_settled` and [`Version::running`]; an attach
//! type that is not in the table of `attach_type` cannot be named anywhere.

#![forbid(unsafe_code)]

mod attach_type;
mod behaviour;
mod flavor;
mod guest;
mod klog;
pub mod kprobes_list;
mod message;
mod outcome;
pub mod output;
mod prober;
mod record;
mod run;
pub mod text;
mod version;

pub use attach_type::{AttachType, LinkCounter, UnknownAttachType};
pub use behaviour::{Behaviour, UnknownBehaviour};
pub use flavor::Flavor;
pub use guest::{
    AVOID, BOOT, BUSYBOX, MODULE, PARAMETER_PREFIX, PLAN, PROBE_PLAN, PROBED, PlannedProbe,
    PlannedTest, READING_MARK, RECORDS_PORT, RECORDS_TTY, SESSION, SESSION_ENDED, SESSION_STARTED,
    TERMINAL, TESTS_DIR, TROUBLE_MARK, source_key,
};
pub use klog::{Severity, report};
pub use message::{Decoder, Message, WIRE_VERSION, WireError, encode};
pub use outcome::Outcome;
pub use prober::{
    AttachMethod, AttachOutcome, KernelList, ProbeBatch, ProbeSite, ProberReply, QUESTIONS, Target,
};
pub use record::{COST, PAIR_IN, Record, SAMPLED, Tally};
pub use run::{MadeWith, Repetition, Run, TestResult};
pub use version::{Version, VersionError};
