// SPDX-License-Identifier: GPL-2.0-only
//! What became of the hits of a probe: the record, and whether it is as expected.

use std::io;
use std::os::fd::OwnedFd;

use anyhow::Result;
use nmissed_wire::{AttachType, Record, Tally};

use super::records;
use super::test::Test;
use super::trigger::TRIGGERS;
use crate::expect::{self, Expectation, Refusal};
use crate::probe::Source;
use crate::{Flavor, Probe, read_counter};

/// A probe, and the name under which the fate of its hits is recorded.
pub struct Scenario<'p, 'obj> {
    id: String,
    probe: Probe<'p, 'obj>,
    /// The program's own count of its runs.
    runs: &'p u64,
    /// Of a session: its count of runs on return, and how many of both came earlier.
    returns: Option<&'p u64>,
    unpaired_before: i64,
}

/// Returns the scenario `id` (`<attach type>/<what happens>`), whose program counts in
/// `runs`. Every place of the probe is hit once per trigger.
pub fn scenario<'p, 'obj>(
    id: impl Into<String>,
    probe: Probe<'p, 'obj>,
    runs: &'p u64,
) -> Scenario<'p, 'obj> {
    Scenario {
        id: id.into(),
        probe,
        runs,
        returns: None,
        unpaired_before: 0,
    }
}

impl<'p, 'obj> Scenario<'p, 'obj> {
    /// Has every run on entry matched by one on return, which the program counts in
    /// `returns`.
    #[must_use]
    pub fn session(self, returns: &'p u64) -> Self {
        Self {
            returns: Some(returns),
            ..self
        }
    }

    /// Leaves the probe attached for another scenario: what it has counted so far does
    /// not count there.
    ///
    /// # Errors
    /// If the kernel does not give its counters.
    pub fn restart(&mut self, id: impl Into<String>) -> Result<()> {
        self.id = id.into();
        self.unpaired_before = self.unpaired();
        self.start_over()
    }

    /// Attaches the program in another place, too.
    #[must_use]
    pub fn and(self, probe: Probe<'p, 'obj>) -> Self {
        Self {
            probe: self.probe.and(probe),
            ..self
        }
    }

    /// Records what became of so many hits.
    pub(super) fn record(&self, triggers: u64) -> Result<Record> {
        let tally = self.probe.tally(triggers, read_counter(self.runs))?;
        let (attach_type, flavor) = (self.probe.attach_type, self.probe.flavor);
        Ok(Record::new(&self.id, attach_type, flavor, tally))
    }

    /// Counts from here on.
    pub(super) fn start_over(&mut self) -> Result<()> {
        self.probe.start_over(read_counter(self.runs))
    }

    /// Returns how the program is attached.
    #[must_use]
    pub fn attach_type(&self) -> AttachType {
        self.probe.attach_type
    }

    /// Returns how many runs on entry have none on return.
    fn unpaired(&self) -> i64 {
        self.returns.map_or(0, |returns| {
            read_counter(self.runs)
                .wrapping_sub(read_counter(returns))
                .cast_signed()
        })
    }
}

impl Test {
    /// Fires 1, 2 and 1000 triggers in all; each time checks that every program of
    /// `steps` ran once per trigger, and observes every scenario; at the end compares the
    /// sources of each counter. `fire` is called with
    /// the number of triggers to add.
    ///
    /// # Errors
    /// If `fire` fails, the kernel does not give its counters, or a record cannot be
    /// written.
    pub fn measure(
        &mut self,
        fire: impl FnMut(u64) -> Result<()>,
        steps: &[(&str, &u64)],
        scenarios: &[Scenario<'_, '_>],
    ) -> Result<()> {
        self.measure_at(TRIGGERS, fire, steps, scenarios)
    }

    /// As [`Test::measure`], with other numbers of triggers, which increase.
    ///
    /// # Errors
    /// As [`Test::measure`].
    pub fn measure_at(
        &mut self,
        triggers: impl IntoIterator<Item = u64>,
        mut fire: impl FnMut(u64) -> Result<()>,
        steps: &[(&str, &u64)],
        scenarios: &[Scenario<'_, '_>],
    ) -> Result<()> {
        let before: Vec<_> = steps.iter().map(|(_, runs)| read_counter(runs)).collect();
        let mut seen = Vec::new();
        self.triggers = 0;
        for triggers in triggers {
            fire(triggers - self.triggers)?;
            self.triggers = triggers;
            for ((program, runs), before) in steps.iter().zip(&before) {
                self.check_runs(program, read_counter(runs) - before, triggers);
            }
            seen = scenarios
                .iter()
                .map(|scenario| Ok((scenario, self.observe(scenario)?)))
                .collect::<Result<_>>()?;
        }
        self.read_sources(&seen)
    }

    /// Records and judges what became of the hits of one scenario.
    fn observe(&mut self, scenario: &Scenario<'_, '_>) -> Result<Tally> {
        let Scenario { id, probe, .. } = scenario;
        let known = expect::find(id, &self.kernel);
        let mut record = scenario.record(self.triggers)?;
        let tally = record.tally;
        if let Some(expected) = known.as_ref().filter(|it| self.wanted(it, tally) == tally) {
            record = record.because(&expected.why);
            record.depends_on = expected.when.iter().map(ToString::to_string).collect();
        }
        records::write(&record)?;
        match known {
            Some(expected) => self.compare(id, &expected, tally),
            None => self.check_sum(id, probe.attach_type, tally),
        }
        self.check_flavor(id, probe.flavor, probe.planned);
        let unpaired = scenario.unpaired() - scenario.unpaired_before;
        if unpaired != 0 {
            self.find(format!(
                "{id}: {unpaired} more runs on entry than on return"
            ));
        }
        Ok(tally)
    }

    /// Compares all sources of the counters, after the records: a source may kill the
    /// kernel.
    fn read_sources(&mut self, scenarios: &[(&Scenario<'_, '_>, Tally)]) -> Result<()> {
        let mut announced = String::new();
        for source in Source::ALL {
            for (scenario, tally) in scenarios.iter().filter(|it| it.0.probe.has(source)) {
                let name = source.name(scenario.probe.attach_type);
                if !records::may_read(&name) {
                    continue;
                }
                if name != announced {
                    records::write_reading(&name)?;
                    announced = name;
                }
                for disagreement in scenario.probe.disagreements(source, *tally, self.shown)? {
                    self.find(format!("{}: {disagreement}", scenario.id));
                }
            }
        }
        records::write_reading("")
    }

    /// Checks that a program whose probe is not to be hit never ran.
    pub fn check_never_ran(&mut self, program: &str, runs: &u64) {
        self.check_runs(program, read_counter(runs), 0);
    }

    fn check_runs(&mut self, program: &str, runs: u64, expected: u64) {
        if runs != expected {
            self.find(format!(
                "the program {program} ran {runs} times, not {expected}"
            ));
        }
    }

    /// Checks in which order programs ran.
    pub fn check_order(&mut self, expected: &str, seen: &str) {
        if seen != expected {
            self.find(format!("programs ran in the order {seen}, not {expected}"));
        }
    }

    /// Checks with which errno the kernel refused to attach to a function without a call
    /// site.
    pub fn check_refusal(&mut self, attach_type: AttachType, attached: io::Result<OwnedFd>) {
        let Refusal { errno, why } = expect::refusal(attach_type);
        let want = Err(errno.raw_os_error());
        let seen = attached
            .map(drop)
            .map_err(|err| err.raw_os_error().unwrap_or(0));
        if seen != want {
            self.find(format!(
                "{attach_type} without a call site\n  want {want:?}\n  seen {seen:?}\n  why  {why}"
            ));
        }
    }

    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// Returns the counters that `expected` stands for. One that is not complete
    /// may lack some.
    fn wanted(&self, expected: &Expectation, seen: Tally) -> Tally {
        let mut want = expected.counts.times(self.triggers);
        if !self.kernel.complete {
            want.link_missed = want.link_missed.and(seen.link_missed);
            want.prog_missed = want.prog_missed.and(seen.prog_missed);
        }
        want
    }

    fn compare(&mut self, id: &str, expected: &Expectation, seen: Tally) {
        let want = self.wanted(expected, seen);
        if seen != want {
            let why = &expected.why;
            let mut finding = format!("{id}\n  want {want:?}\n  seen {seen:?}\n  why  {why}");
            for condition in &expected.when {
                finding.push_str(&format!("\n  the kernel {condition}"));
            }
            self.find(finding);
        }
    }

    /// Checks what holds on every kernel: a hit is not counted twice. A session's miss
    /// may be, on entry and on return.
    pub(super) fn check_sum(&mut self, id: &str, attach_type: AttachType, seen: Tally) {
        if seen.lost() < 0 && !attach_type.is_session() {
            self.find(format!("{id}: more counted than hit: {seen:?}"));
        }
    }

    /// Checks that a kprobe is armed as the kernel's image says.
    fn check_flavor(&mut self, id: &str, seen: Option<Flavor>, planned: Option<Flavor>) {
        if seen != planned {
            self.find(format!(
                "{id}: armed as {seen:?}, the kernel's image says {planned:?}"
            ));
        }
    }
}
