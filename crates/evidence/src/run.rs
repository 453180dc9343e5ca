// SPDX-License-Identifier: GPL-2.0-only
//! What one boot showed, and what a whole command showed.

use serde::{Deserialize, Serialize};

use crate::Record;

/// How a test, or the machine under it, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// Every check held.
    Pass,
    /// A check did not hold; the text is what the test printed.
    Fail(String),
    /// The kernel lacks what the test needs; the text names the option or
    /// symbol. Only on kernels that nmissed did not configure.
    Skip(String),
    /// The kernel crashed while the test ran; the text is the first line of
    /// the report on the console.
    Crash(String),
    /// The test, or the kernel under it, did not end before its deadline.
    Hang(String),
    /// The machine went away without a word of the kernel.
    LostVm(String),
    /// The host could not do its part. Never evidence.
    Infra(String),
}

impl Outcome {
    /// Whether this outcome lets the run count as good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Pass | Self::Skip(_))
    }

    /// The one-word name that tables and `results.json` use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Skip(_) => "skip",
            Self::Crash(_) => "crash",
            Self::Hang(_) => "hang",
            Self::LostVm(_) => "lost-vm",
            Self::Infra(_) => "infra",
        }
    }

    /// Why, where there is more to say than the name.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Fail(why)
            | Self::Skip(why)
            | Self::Crash(why)
            | Self::Hang(why)
            | Self::LostVm(why)
            | Self::Infra(why) => Some(why),
        }
    }
}

/// One test of one boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `<binary>::<test>`, as the guest ran it.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Wall-clock seconds inside the guest.
    pub seconds: f64,
}

/// Everything one boot of one variant of one kernel showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The kernel's id in `vmconfig/kernels.toml`.
    pub kernel: String,
    /// The variant: `baseline`, `active`, ...
    pub variant: String,
    /// What `uname -r` said in the guest; what the build said if it never got
    /// that far.
    pub release: String,
    /// `kvm` or `tcg`.
    pub accel: String,
    /// Seconds from QEMU's start to PID 1's first word; absent if PID 1 never
    /// spoke.
    pub boot_s: Option<f64>,
    /// Seconds from QEMU's start to its exit.
    pub total_s: f64,
    /// How the machine ended: `Pass` after an orderly power-off.
    pub machine: Outcome,
    /// The tests, in the order they ran.
    pub tests: Vec<TestResult>,
    /// The records of all tests, in the order they were written.
    pub records: Vec<Record>,
}

impl Run {
    /// Whether every test was good and the machine powered off in order.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.machine.is_good()
            && !self.tests.is_empty()
            && self.tests.iter().all(|test| test.outcome.is_good())
    }
}

/// What `results.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// One entry per kernel and variant, in the order they ran.
    pub runs: Vec<Run>,
}
