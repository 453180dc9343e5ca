// SPDX-License-Identifier: GPL-2.0-only
//! Boots a kernel, makes each fault, and compares outcomes.

use std::time::Duration;

use anyhow::Result;
use nmissed_evidence::Run;
use nmissed_host::check_interrupt;
use nmissed_vm::{Deadlines, Guest};
use nmissed_wire::{Outcome, PlannedTest};

use crate::boot::guest;
use crate::boot::session::{BootJob, BootSession, BootSettings};
use crate::exit::Exit;
use crate::plan::bootable::Bootable;
use crate::plan::targets::Targets;
use crate::print::print;
use crate::selfcheck::table::{DEADLY, Fault, SURVIVED};
use crate::workspace::Workspace;

/// The program of the guest that makes faults.
const FAULTY: &str = "faulty";
/// Its test that finds what others leave, and the records of both.
const WELL: &str = "well";
const WELL_RECORD: &str = "tp/well";
const ORPHAN_RECORD: &str = "tp/orphan";
/// Seconds of a test with hardware virtualization, and of the power-off.
const TEST_S: f64 = 5.0;
const GRACE_S: f64 = 2.0;

/// Makes each fault in a guest, and prints whether it got its outcome.
///
/// # Errors
/// [`UsageError`](crate::UsageError) for several kernels or variants; else the host could not
/// build or boot.
pub fn selfcheck(
    workspace: &Workspace,
    targets: &Targets,
    settings: &BootSettings,
) -> Result<Exit> {
    targets.check_one()?;
    let boots = BootSession::start(workspace, settings)?;
    let (kernel, _) = targets.one(&boots.host)?;
    let guest = guest::build_own(workspace, FAULTY, &[], &boots.host)?;
    let check = Check {
        boots: &boots,
        kernel: &kernel,
        guest: &guest,
    };
    let mut wrong = check.survived()?;
    for fault in DEADLY {
        wrong += check.deadly(fault)?;
    }
    let all = SURVIVED.len() + DEADLY.len();
    print(&format!(
        "{} of {all} faults have the outcome that they must get",
        all - wrong.min(all)
    ))?;
    boots.say_where();
    Ok(if wrong == 0 { Exit::Good } else { Exit::Failed })
}

struct Check<'a> {
    boots: &'a BootSession,
    kernel: &'a Bootable,
    guest: &'a Guest,
}

impl Check<'_> {
    /// Makes all faults that the machine survives in one boot, each with [`WELL`] after it,
    /// and returns how many have another outcome.
    fn survived(&self) -> Result<usize> {
        let names = SURVIVED.iter().flat_map(|fault| [fault.name, WELL]);
        let run = self.boot("survived", &names.collect::<Vec<_>>())?;
        let mut wrong = 0;
        for (fault, tests) in SURVIVED.iter().zip(run.tests.chunks(2)) {
            let [made, after] = [0, 1].map(|at| tests.get(at).map(|it| it.outcome.clone()));
            let made = fault.differs(&made.unwrap_or_default());
            let after = after.unwrap_or_default();
            let after = (after != Outcome::Pass).then(|| format!("the test after it: {after:?}"));
            wrong += said(fault, made.or(after))?;
        }
        let records = |name| run.records.iter().filter(|it| it.scenario == name).count();
        let ends = run.machine != Outcome::Pass || records(ORPHAN_RECORD) > 0;
        if ends || records(WELL_RECORD) != SURVIVED.len() {
            let (machine, orphan) = (&run.machine, records(ORPHAN_RECORD));
            let well = records(WELL_RECORD);
            print(&format!(
                "WRONG the boot: {machine:?}, {well} records of `{WELL}`, {orphan} of a process that is left"
            ))?;
            wrong += 1;
        }
        Ok(wrong)
    }

    /// Makes a fault that ends the machine; returns 1 if it has another outcome.
    fn deadly(&self, fault: &Fault) -> Result<usize> {
        let run = self.boot(fault.name, &[fault.name])?;
        let test = run.tests.first().map(|test| test.outcome.clone());
        let of_machine = fault.differs(&run.machine);
        let of_machine = of_machine.map(|why| format!("the machine: {why}"));
        said(
            fault,
            fault.differs(&test.unwrap_or_default()).or(of_machine),
        )
    }

    fn boot(&self, label: &str, names: &[&str]) -> Result<Run> {
        let test = |name: &&str| PlannedTest {
            binary: FAULTY.to_owned(),
            test: (*name).to_owned(),
            deadline_s: self.boots.scaled(TEST_S).as_secs_f64(),
        };
        let plan: Vec<_> = names.iter().map(test).collect();
        let job = BootJob {
            guest: self.guest,
            plan: &plan,
            deadlines: Deadlines {
                grace: self.boots.scaled(GRACE_S),
                total: Duration::from_secs(600),
                ..self.boots.deadlines()
            },
            append: "",
            files: &[],
        };
        let kernel = self.kernel.clone().labelled(&format!("selfcheck-{label}"));
        let booted = self.boots.boot(&kernel, &job, &mut |_| ())?;
        check_interrupt()?;
        Ok(booted.run)
    }
}

/// Prints a row of the table; returns 1 if something is wrong.
fn said(fault: &Fault, wrong: Option<String>) -> Result<usize> {
    let (name, outcome) = (fault.name, fault.outcome.0);
    let is_wrong = usize::from(wrong.is_some());
    let line = wrong.map_or_else(
        || format!("ok    {name:<20} {outcome}"),
        |why| format!("WRONG {name:<20} {why}"),
    );
    print(&line).map(|()| is_wrong)
}
