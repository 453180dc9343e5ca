// SPDX-License-Identifier: GPL-2.0-only
//! The files of the guest, and where they lie.

use serde::{Deserialize, Serialize};

use crate::Flavor;

/// The name of the virtio port that carries [`crate::Message`] lines.
pub const RECORDS_PORT: &str = "nmissed.records";
/// The serial port that carries them where there is no virtio port.
pub const RECORDS_TTY: &str = "/dev/ttyS1";
/// The folder of the test programs.
pub const TESTS_DIR: &str = "/nmissed/tests";
/// What to run: a JSON array of [`PlannedTest`].
pub const PLAN: &str = "/nmissed/plan";
/// The secret of the boot, which each [`crate::Message`] line carries: PID 1 reads the file,
/// and removes it before a test runs.
pub const BOOT: &str = "/nmissed/boot";
/// A script to run on [`TERMINAL`] in place of the tests.
pub const SESSION: &str = "/nmissed/session";
/// The terminal of that script: the second serial port, which carries no messages then.
pub const TERMINAL: &str = RECORDS_TTY;
/// The program that runs the script.
pub const BUSYBOX: &str = "/bin/busybox";
/// The console line on which PID 1 starts the script.
pub const SESSION_STARTED: &str = "nmissed: the session starts";
/// Begins the console line with the script's exit status.
pub const SESSION_ENDED: &str = "nmissed: the session ends with status ";
/// Where to put probes of each flavor: a JSON array of [`PlannedProbe`].
pub const PROBE_PLAN: &str = "/nmissed/probes";
/// The functions that tests probe past their entry, too.
pub const PROBED: &[&str] = &[
    "array_map_update_elem",
    "bpf_fentry_test1",
    "bpf_fentry_test2",
    "bpf_fentry_test3",
    "bpf_modify_return_test_tp",
    "bpf_get_current_comm",
];
/// A module of the running kernel, for tests that probe its functions; missing if the host
/// has none.
pub const MODULE: &str = "/nmissed/module.ko";
/// Kernel parameters that begin like this are meant for PID 1, which hands
/// `nmissed.<key>=<value>` to each test as `NMISSED_<KEY>`.
pub const PARAMETER_PREFIX: &str = "nmissed.";
/// The key of the parameter with the sources that tests must not read, as
/// [`source_key`], separated by commas.
pub const AVOID: &str = "avoid";
/// Begins the console line with a source of counters that the running test reads next, and
/// that may kill the kernel; the line with none says that it has not.
pub const READING_MARK: &str = "nmissed: reading: ";
/// Begins the console line on which PID 1 gives up; it may have had no other
/// way to say why.
pub const TROUBLE_MARK: &str = "nmissed: trouble: ";

/// Returns the name of a source of counters as one word, which a kernel parameter can hold.
#[must_use]
pub fn source_key(source: &str) -> String {
    source.replace([' ', ','], "-")
}

/// One test for PID 1 to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedTest {
    /// The program's name in [`TESTS_DIR`].
    pub binary: String,
    /// The test's name as the program's own `--list` has it.
    pub test: String,
    /// Seconds it may take, without those in which the host does not run the guest.
    pub deadline_s: f64,
}

/// A place for a kprobe, which every call of the function passes once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedProbe {
    /// The function.
    pub function: String,
    /// How a kprobe is armed there, by the kernel's image.
    pub flavor: Flavor,
    /// Bytes from the function's start.
    pub offset: u64,
}

impl PlannedTest {
    /// `<binary>::<test>`, the name all results use.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}::{}", self.binary, self.test)
    }
}
