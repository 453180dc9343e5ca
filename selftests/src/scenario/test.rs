// SPDX-License-Identifier: GPL-2.0-only
//! One test: from its preconditions to the verdict.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use libbpf_rs::btf::Btf;
use nmissed_wire::{AttachType, Record, Tally};
use rustix::thread::sched_getcpu;

use super::records;
use super::trigger::bind_to;
use crate::expect::{self, Expectation, Refusal};
use crate::kernel::cpus;
use crate::kernel::needs::{self, Need};
use crate::kernel::under_test::KernelUnderTest;
use crate::probe::sites;
use crate::{Flavor, Probe};

/// The security modules that the kernel asks, with commas between them.
const LSM_LIST: &str = "/sys/kernel/security/lsm";

/// Held by the test that runs: they all probe the same functions.
static STAGE: Mutex<()> = Mutex::new(());

/// A test in progress: collects what disagrees, so that one run shows all.
#[must_use = "a scene says nothing until it is closed"]
pub struct Scene {
    kernel: KernelUnderTest,
    btf: Btf<'static>,
    /// Whether the fdinfo of links shows what they have missed.
    fdinfo_counts: bool,
    times: u64,
    findings: Vec<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// Opens the scene of a test, with the thread bound to the CPU it is on. The test
    /// says as it goes on how many triggers it fires ([`Scene::go_on_to`]): to load
    /// and attach takes longer than most triggers.
    ///
    /// `None` where the kernel lacks what the test needs; the skip is
    /// recorded then.
    ///
    /// # Errors
    /// If something is missing on a kernel that nmissed configured.
    pub fn begin(needs: &[Need]) -> Result<Option<Self>> {
        let turn = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        // The counters that programs yield to are per CPU.
        bind_to(sched_getcpu())?;
        let btf = needs::kernel_btf()?;
        let scene = Self {
            kernel: KernelUnderTest::running()?,
            fdinfo_counts: needs::LINK_FDINFO.is_met(&btf),
            btf,
            times: 0,
            findings: Vec::new(),
            _turn: turn,
        };
        for need in needs {
            if !scene.has(need)? {
                records::write_skip(&format!("the kernel has no {need}"))?;
                return Ok(None);
            }
        }
        Ok(Some(scene))
    }

    /// Whether the kernel has what the test, or a part of it, needs.
    ///
    /// # Errors
    /// If it has not, though nmissed configured it.
    pub fn has(&self, need: &Need) -> Result<bool> {
        let lacking =
            || format!("the kernel has no {need}, though it is configured for these tests");
        self.unless_ours(need.is_met(&self.btf), lacking)
    }

    /// What is missing on a kernel that nmissed configured is an error.
    fn unless_ours(&self, found: bool, lacking: impl Fn() -> String) -> Result<bool> {
        ensure!(found || !self.kernel.configured, lacking());
        Ok(found)
    }

    /// As it; on other kernels the skip is recorded.
    fn found_or_skip(&self, found: bool, lacking: impl Fn() -> String) -> Result<bool> {
        if !self.unless_ours(found, &lacking)? {
            records::write_skip(&lacking())?;
        }
        Ok(found)
    }

    /// Whether the image of the kernel has a place for a kprobe of a flavor in
    /// each call of `function`; the skip is recorded where it has none.
    ///
    /// # Errors
    /// If it has none, though nmissed configured it.
    pub fn has_place(&self, function: &str, flavor: Flavor) -> Result<bool> {
        let found = sites::offset(function, flavor)?.is_some();
        self.found_or_skip(found, || no_place(function, flavor))
    }

    /// As [`Scene::has_place`], for a part of the test, which goes on without.
    ///
    /// # Errors
    /// As [`Scene::has_place`].
    pub fn finds_place(&self, function: &str, flavor: Flavor) -> Result<bool> {
        let found = sites::offset(function, flavor)?.is_some();
        self.unless_ours(found, || no_place(function, flavor))
    }

    /// Whether the kernel counts on as many processors as the books of the test
    /// are written for, present or not; the skip is recorded where it does not.
    ///
    /// # Errors
    /// If nmissed chose the machine, or sysfs does not say.
    pub fn has_possible_cpus(&self, wanted: usize) -> Result<bool> {
        let possible = cpus::possible()?;
        let wrong = || format!("the kernel has {possible} possible CPUs, not {wanted}");
        self.found_or_skip(possible == wanted, wrong)
    }

    /// Whether the kernel calls the programs of the LSM `bpf`; the skip is
    /// recorded where it does not.
    ///
    /// # Errors
    /// If it does not, though nmissed configured it.
    pub fn has_bpf_lsm(&self) -> Result<bool> {
        let list = fs::read_to_string(LSM_LIST).unwrap_or_default();
        let active = list.trim_end().split(',').any(|name| name == "bpf");
        let lacking = || format!("the LSM bpf is not in {LSM_LIST}: {list}");
        if !self.unless_ours(active, lacking)? {
            records::write_skip("the kernel runs without the LSM bpf (CONFIG_LSM or lsm=)")?;
        }
        Ok(active)
    }

    /// Whether the kernel is new enough for programs of this kind.
    #[must_use]
    pub fn knows(&self, attach_type: AttachType) -> bool {
        self.number_of(attach_type).is_some()
    }

    /// The number of an attach type, if the kernel is new enough for it.
    #[must_use]
    pub fn number_of(&self, attach_type: AttachType) -> Option<u32> {
        needs::number_of(attach_type, &self.btf)
    }

    /// Whether the kernel is new enough for what comes with a function.
    #[must_use]
    pub fn is_new_enough(&self, need: &Need) -> bool {
        need.is_met(&self.btf)
    }

    /// The number of a function in the kernel's BTF.
    ///
    /// # Errors
    /// If the kernel has no such function.
    pub fn function(&self, need: &Need) -> Result<u32> {
        let number = need.number(&self.btf);
        number.with_context(|| format!("the kernel has no {need}"))
    }

    /// Ends the scene of a test that needs a newer kernel, and says so.
    ///
    /// # Errors
    /// If nobody takes the record.
    pub fn skip(self, what: &impl fmt::Display) -> Result<()> {
        records::write_skip(&format!("the kernel has no {what}"))
    }

    /// As [`Scene::skip`], for a test that needs an attach type.
    ///
    /// # Errors
    /// As [`Scene::skip`].
    pub fn skip_attach_type(self, attach_type: AttachType) -> Result<()> {
        let enumerator = attach_type.enumerator().unwrap_or_default();
        self.skip(&format!("{enumerator} ({})", attach_type.first_release()))
    }

    /// Ends the scene of a test that needs another machine, whoever configured
    /// the kernel, and says so.
    ///
    /// # Errors
    /// If nobody takes the record.
    pub fn skip_on_this_machine(self, what: &str) -> Result<()> {
        records::write_skip(&format!("the machine has no {what}"))
    }

    /// Goes on to a total of `times` triggers; says how many are left to fire.
    ///
    /// # Panics
    /// If that were fewer than there were.
    pub fn go_on_to(&mut self, times: u64) -> u64 {
        let left = times.checked_sub(self.times).expect("no going back");
        self.times = times;
        left
    }

    /// Counts triggers from none again, for a probe that was not hit before.
    pub fn begin_again(&mut self) {
        self.times = 0;
    }

    /// Lets a probe stay attached for another scenario: what it has counted up to
    /// here is forgotten.
    ///
    /// # Errors
    /// If the kernel does not give its counters.
    pub fn start_over(&mut self, probe: &mut Probe<'_, '_>, runs: &u64) -> Result<()> {
        self.begin_again();
        probe.start_over(counted(runs))
    }

    /// Records and judges what became of the hits of one probe; its program
    /// counts in `runs`. Every place it sits on is hit once per trigger.
    ///
    /// # Errors
    /// If the kernel does not give its counters, or nobody takes the record.
    pub fn observe(&mut self, scenario: &str, probe: &Probe<'_, '_>, runs: &u64) -> Result<()> {
        let known = expect::find(scenario, &self.kernel);
        let runs = counted(runs);
        let tally = probe.tally(self.times, runs)?;
        let mut record = Record::new(scenario, probe.attach_type, probe.flavor, tally);
        if let Some(expected) = known.as_ref().filter(|it| self.wanted(it, tally) == tally) {
            record = record.because(&expected.why);
        }
        records::write(&record)?;
        match known {
            Some(expected) => self.compare(scenario, &expected, tally),
            None => self.balance(scenario, probe.attach_type, tally),
        }
        self.check_flavor(scenario, probe.flavor, probe.planned);
        let disagreements = probe.disagreements(tally, runs, self.fdinfo_counts)?;
        let of_this = disagreements.iter().map(|it| format!("{scenario}: {it}"));
        self.findings.extend(of_this);
        Ok(())
    }

    /// Judges the runs of a program that is no more than a step on the way to
    /// the probes in question: one per trigger.
    pub fn check_step(&mut self, program: &str, runs: &u64) {
        let runs = counted(runs);
        if runs != self.times {
            self.findings
                .push(format!("the program {program} ran {runs} times"));
        }
    }

    /// Judges the runs of a program whose probe is not to be hit.
    pub fn check_never(&mut self, program: &str, runs: &u64) {
        let runs = counted(runs);
        if runs != 0 {
            self.findings
                .push(format!("the program {program} ran {runs} times, not never"));
        }
    }

    /// Judges the runs of a session: none on entry without one on return.
    pub fn check_pairs(&mut self, entries: &u64, returns: &u64) {
        let (entries, returns) = (counted(entries), counted(returns));
        if entries != returns {
            self.findings.push(format!(
                "a session ran {entries} times on entry, {returns} times on return"
            ));
        }
    }

    /// Judges the order in which programs ran.
    pub fn check_order(&mut self, want: &str, seen: &str) {
        if seen != want {
            self.findings
                .push(format!("programs ran in the order {seen}, not {want}"));
        }
    }

    /// Judges what the kernel said to whoever wanted to attach to a function
    /// without a call site.
    pub fn check_refusal(&mut self, attach_type: AttachType, said: io::Result<OwnedFd>) {
        let Refusal { errno, why } = expect::refusal(attach_type);
        let want = Err(errno.raw_os_error());
        let seen = said
            .map(drop)
            .map_err(|err| err.raw_os_error().unwrap_or(0));
        if seen != want {
            self.findings.push(format!(
                "{attach_type} without a call site\n  want {want:?}\n  seen {seen:?}\n  why  {why}"
            ));
        }
    }

    /// Ends the scene.
    ///
    /// # Errors
    /// If anything disagreed: all of it, one line each.
    pub fn close(self) -> Result<()> {
        if self.findings.is_empty() {
            return Ok(());
        }
        let KernelUnderTest { name, variant, .. } = &self.kernel;
        bail!(
            "{} triggers on kernel {name:?}, variant {variant:?}:\n{}",
            self.times,
            self.findings.join("\n")
        )
    }

    /// Every counter, exactly; but a kernel that is not ours may lack some.
    fn wanted(&self, expected: &Expectation, seen: Tally) -> Tally {
        let mut want = expected.counts.times(self.times);
        if !self.kernel.configured {
            want.link_missed = want.link_missed.and(seen.link_missed);
            want.prog_missed = want.prog_missed.and(seen.prog_missed);
        }
        want
    }

    fn compare(&mut self, scenario: &str, expected: &Expectation, seen: Tally) {
        let want = self.wanted(expected, seen);
        if seen != want {
            let why = &expected.why;
            let mut finding = format!("{scenario}\n  want {want:?}\n  seen {seen:?}\n  why  {why}");
            for condition in &expected.when {
                finding.push_str(&format!("\n  the kernel {condition}"));
            }
            self.findings.push(finding);
        }
    }

    /// What holds whatever the patch: no hit runs a program or a counter
    /// twice. A session's miss may be counted on entry and on return.
    fn balance(&mut self, scenario: &str, attach_type: AttachType, seen: Tally) {
        if seen.lost() < 0 && !attach_type.is_session() {
            self.findings
                .push(format!("{scenario}: more counted than hit: {seen:?}"));
        }
    }

    /// The image and the kernel that runs it agree on how a probe is armed.
    fn check_flavor(&mut self, scenario: &str, seen: Option<Flavor>, planned: Option<Flavor>) {
        if seen != planned {
            self.findings.push(format!(
                "{scenario}: armed as {seen:?}, where the image promises {planned:?}"
            ));
        }
    }
}

fn no_place(function: &str, flavor: Flavor) -> String {
    let flavor = flavor.name();
    format!("the kernel has no place for an {flavor} kprobe in {function}")
}

/// Reads a counter of a BPF program.
#[must_use]
pub fn counted(counter: &u64) -> u64 {
    // SAFETY: a reference is valid to read. Volatile, because the kernel
    // writes to the page behind it.
    unsafe { ptr::from_ref(counter).read_volatile() }
}

/// A word that a BPF program and threads write to while others read it.
pub fn shared(word: &mut u64) -> &AtomicU64 {
    // SAFETY: a unique reference is valid for as long as the result is, and
    // aligned as an atomic of the same size has to be on x86-64.
    unsafe { AtomicU64::from_ptr(word) }
}
