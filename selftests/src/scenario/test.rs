// SPDX-License-Identifier: GPL-2.0-only
//! One test: preconditions, triggers, observations, verdict.

use std::fmt;
use std::fs;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Error, Result, bail, ensure};
use nmissed_wire::{AttachType, Version};
use rustix::thread::sched_getcpu;

use super::records;
use super::trigger::bind_to;
use crate::expect;
use crate::kernel::btf::KernelBtf;
use crate::kernel::cpus;
use crate::kernel::needs::{self, HELPER, KFUNC, KernelFunction, LINK_FDINFO};
use crate::kernel::under_test::KernelUnderTest;
use crate::probe::{Shown, sites};
use crate::{Flavor, Module};

/// The active security modules, separated by commas.
const LSM_LIST: &str = "/sys/kernel/security/lsm";

/// Held by the running test: all tests probe the same functions.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A running test: collects findings, so that one run shows all of them.
pub struct Test {
    pub(super) kernel: KernelUnderTest,
    btf: KernelBtf,
    pub(super) shown: Shown,
    /// How many triggers the current measurement has fired.
    pub(super) triggers: u64,
    pub(super) findings: Vec<String>,
}

/// Why a test ends early without having failed.
#[derive(Debug)]
struct Skip(String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Runs a test on a kernel that has these functions, with the thread bound to its CPU:
/// the counters that programs yield to are per CPU.
///
/// # Errors
/// If `body` fails or anything differs from what is expected: all findings, one per
/// line. A skip is recorded and is no error.
pub fn run_test(
    needs: &[KernelFunction],
    body: impl FnOnce(&mut Test) -> Result<()>,
) -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    bind_to(sched_getcpu())?;
    let mut test = Test::new()?;
    let ended = needs
        .iter()
        .try_for_each(|need| test.require(need))
        .and_then(|()| body(&mut test));
    match ended.map_err(Error::downcast::<Skip>) {
        Ok(()) => test.verdict(),
        Err(Ok(skip)) => records::write_skip(&skip.0),
        Err(Err(error)) => Err(error),
    }
}

impl Test {
    fn new() -> Result<Self> {
        let btf = KernelBtf::read()?;
        let kernel = KernelUnderTest::running()?;
        Ok(Self {
            shown: Shown {
                link_misses: LINK_FDINFO.is_in(&btf),
                all_skips: expect::counts_prog_active_misses(&kernel),
            },
            kernel,
            btf,
            triggers: 0,
            findings: Vec::new(),
        })
    }

    /// Skips the test if the kernel lacks a function.
    ///
    /// # Errors
    /// If it does: the skip, or a failure on a kernel that nmissed configured.
    pub fn require(&self, need: &KernelFunction) -> Result<()> {
        self.require_that(need.is_in(&self.btf), || lacks(need))
    }

    /// Returns whether the kernel has what a part of the test needs.
    ///
    /// # Errors
    /// If it has not, though nmissed configured it.
    pub fn has(&self, need: &KernelFunction) -> Result<bool> {
        self.has_that(need.is_in(&self.btf), || lacks(need))
    }

    /// Returns the function that outer programs call and inner probes sit on: [`KFUNC`],
    /// or [`HELPER`] on a kernel that is too old for it.
    ///
    /// # Errors
    /// As [`Test::require`], if it has neither.
    pub fn callee(&self) -> Result<&'static KernelFunction> {
        if self.has(&KFUNC)? {
            return Ok(&KFUNC);
        }
        self.require(&HELPER)?;
        Ok(&HELPER)
    }

    /// Returns group and name of the tracepoint that outer programs fire when they call
    /// [`Test::callee`].
    ///
    /// # Errors
    /// As [`Test::callee`].
    pub fn fired_tracepoint(&self) -> Result<(&'static str, &'static str)> {
        Ok(self.callee()?.fires())
    }

    /// Skips the test unless the kernel's image has a site in `function` where a kprobe
    /// is of this flavor and that each call passes once.
    ///
    /// # Errors
    /// As [`Test::require`].
    pub fn require_site(&self, function: &str, flavor: Flavor) -> Result<()> {
        let found = sites::offset(function, flavor)?.is_some();
        self.require_that(found, || no_site(function, flavor))
    }

    /// As [`Test::require_site`], for a part of the test.
    ///
    /// # Errors
    /// As [`Test::has`].
    pub fn has_site(&self, function: &str, flavor: Flavor) -> Result<bool> {
        let found = sites::offset(function, flavor)?.is_some();
        self.has_that(found, || no_site(function, flavor))
    }

    /// Loads the module whose function tests probe, or skips the test where the host has none
    /// of this kernel.
    ///
    /// # Errors
    /// As [`Test::require`], or if the module does not load.
    pub fn require_module(&self) -> Result<Module> {
        let module = Module::load()?;
        let why = || "the host has no module of this kernel".to_owned();
        self.require_that(module.is_some(), why)?;
        module.context(why())
    }

    /// Skips the test unless the kernel has the BTF of that module.
    ///
    /// # Errors
    /// As [`Test::require`].
    pub fn require_module_btf(&self) -> Result<()> {
        self.require_that(Module::has_btf(), || {
            lacks("BTF of modules (Linux 5.11 with CONFIG_DEBUG_INFO_BTF_MODULES)")
        })
    }

    /// Skips the test unless `possible` CPUs, present or not, equal the number that its
    /// expectations assume.
    ///
    /// # Errors
    /// As [`Test::require`], or if sysfs does not say.
    pub fn require_possible_cpus(&self, assumed: usize) -> Result<()> {
        let possible = cpus::possible()?;
        self.require_that(possible == assumed, || {
            format!("the kernel has {possible} possible CPUs, not {assumed}")
        })
    }

    /// Skips the test unless the kernel calls the programs of the LSM `bpf`.
    ///
    /// # Errors
    /// As [`Test::require`].
    pub fn require_bpf_lsm(&self) -> Result<()> {
        if self.has_bpf_lsm()? {
            return Ok(());
        }
        self.skip("the kernel runs without the LSM bpf (CONFIG_LSM or lsm=)")
    }

    /// As [`Test::require_bpf_lsm`], for a part of the test.
    ///
    /// # Errors
    /// As [`Test::has`].
    pub fn has_bpf_lsm(&self) -> Result<bool> {
        let list = fs::read_to_string(LSM_LIST).unwrap_or_default();
        let active = list.trim_end().split(',').any(|name| name == "bpf");
        self.has_that(active, || {
            format!("the LSM bpf is not in {LSM_LIST}: {list}")
        })
    }

    /// Skips the test if the kernel is too old for an attach type, also on one that nmissed
    /// configured.
    ///
    /// # Errors
    /// The skip.
    pub fn require_attach_type(&self, attach_type: AttachType) -> Result<()> {
        if self.supports(attach_type) {
            return Ok(());
        }
        let enumerator = attach_type.enumerator().unwrap_or_default();
        self.skip(&lacks(format_args!(
            "{enumerator} (Linux {})",
            attach_type.first_release()
        )))
    }

    /// Returns whether the kernel is new enough for an attach type. Those that need no
    /// number of `enum bpf_attach_type` are older than BTF.
    #[must_use]
    pub fn supports(&self, attach_type: AttachType) -> bool {
        attach_type.enumerator().is_none() || self.number_of(attach_type).is_ok()
    }

    /// Skips the test if the kernel is too old for a function, also on one that nmissed
    /// configured.
    ///
    /// # Errors
    /// The skip.
    pub fn require_release_of(&self, need: &KernelFunction) -> Result<()> {
        if self.is_new_enough_for(need) {
            return Ok(());
        }
        self.skip(&lacks(need))
    }

    /// Returns whether the kernel is new enough for a function.
    #[must_use]
    pub fn is_new_enough_for(&self, need: &KernelFunction) -> bool {
        need.is_in(&self.btf)
    }

    /// Skips the test if the kernel is older than the release that brought `what`, also on
    /// one that nmissed configured.
    ///
    /// # Errors
    /// The skip.
    pub fn require_release(&self, major: u32, minor: u32, what: &str) -> Result<()> {
        let first = Version::new(major, minor);
        if self.kernel.version >= first {
            return Ok(());
        }
        self.skip(&lacks(format_args!("{what} (Linux {first})")))
    }

    /// Skips the test where the kernel is expected to hang in a scenario.
    ///
    /// # Errors
    /// The skip.
    pub fn require_no_hang(&self, scenario: &str) -> Result<()> {
        match expect::find(scenario, &self.kernel) {
            Some(expected) if expected.hangs => {
                self.skip(&format!("{scenario} hangs this kernel: {}", expected.why))
            }
            _ => Ok(()),
        }
    }

    /// Skips the test where `irq_work` and timers of BPF run in threads.
    ///
    /// # Errors
    /// The skip.
    pub fn require_interrupts(&self) -> Result<()> {
        if self.kernel.preempt_rt {
            return self.skip("irq_work and timers run in threads (CONFIG_PREEMPT_RT)");
        }
        Ok(())
    }

    /// Returns the number of an attach type in `enum bpf_attach_type`.
    ///
    /// # Errors
    /// If the kernel is too old for it.
    pub fn number_of(&self, attach_type: AttachType) -> Result<u32> {
        needs::number_of(attach_type, &self.btf)
            .with_context(|| format!("the kernel has no number for {attach_type}"))
    }

    /// Returns the id of a function in the kernel's BTF.
    ///
    /// # Errors
    /// If the kernel has no such function.
    pub fn btf_id(&self, function: &KernelFunction) -> Result<u32> {
        function.id(&self.btf).with_context(|| lacks(function))
    }

    /// Ends the test because the machine lacks something, also with a kernel that nmissed
    /// configured.
    ///
    /// # Errors
    /// The skip.
    pub fn skip_on_this_machine<T>(&self, what: impl fmt::Display) -> Result<T> {
        self.skip(&format!("the machine has no {what}"))
    }

    fn skip<T>(&self, why: &str) -> Result<T> {
        bail!(Skip(why.to_owned()))
    }

    fn require_that(&self, met: bool, lacking: impl Fn() -> String) -> Result<()> {
        if self.has_that(met, &lacking)? {
            return Ok(());
        }
        self.skip(&lacking())
    }

    /// Returns `met`, and fails if it is false on a complete kernel.
    fn has_that(&self, met: bool, lacking: impl Fn() -> String) -> Result<bool> {
        ensure!(
            met || !self.kernel.complete,
            "{}, though it is configured for these tests",
            lacking()
        );
        Ok(met)
    }

    fn verdict(self) -> Result<()> {
        if self.findings.is_empty() {
            return Ok(());
        }
        let KernelUnderTest { name, variant, .. } = &self.kernel;
        bail!(
            "{} triggers on kernel {name:?}, variant {variant:?}:\n{}",
            self.triggers,
            self.findings.join("\n")
        )
    }
}

fn lacks(what: impl fmt::Display) -> String {
    format!("the kernel has no {what}")
}

fn no_site(function: &str, flavor: Flavor) -> String {
    lacks(format_args!(
        "site for an {} kprobe in {function}",
        flavor.name()
    ))
}
