// SPDX-License-Identifier: GPL-2.0-only
//! PID 1 of the guest.
//!
//! Mounts the file systems, runs each planned test in a process of its own with a
//! deadline, sends a [`Message`] for each start, record and end, and powers off; or it
//! runs a program of the user ([`session`]). A failure of its own is sent before the
//! machine goes down.
//!
//! Invariants: it does not interpret records, and a failure of its own ends the machine.
//! `crates/vm` on the host writes its plan and reads its messages.

#![forbid(unsafe_code)]

mod channel;
mod kmsg;
mod leftovers;
mod lines;
mod mounts;
mod parameters;
mod power;
mod records;
mod running;
mod session;
mod settings;
mod suite;
mod test_run;

use std::fs;

use anyhow::{Context, Result, ensure};
use nmissed_wire::{Message, PLAN, PlannedTest, WIRE_VERSION};

use crate::channel::Channel;
use crate::kmsg::Kmsg;
use crate::parameters::Parameters;
use crate::suite::Suite;

fn main() -> ! {
    std::panic::set_hook(Box::new(|panic| {
        power::give_up(&format!("PID 1 panicked: {panic}"))
    }));
    match run() {
        Ok(()) => power::off(),
        Err(why) => power::give_up(&format!("{why:#}")),
    }
}

fn run() -> Result<()> {
    mounts::mount_all()?;
    settings::apply();
    let parameters = Parameters::of_this_boot()?;
    let release = running_release();
    if session::is_requested() {
        check_release(&release, parameters.get("release"))?;
        return session::run(&parameters);
    }
    let channel = channel::open()?;
    let plan = read_plan()?;
    channel.send(&Message::Hello {
        version: WIRE_VERSION,
        release: release.clone(),
        tests: plan.len(),
    })?;
    check_release(&release, parameters.get("release"))?;
    run_plan(channel, &parameters, &plan)?;
    channel.send(&Message::Bye)
}

fn run_plan(
    channel: &'static Channel,
    parameters: &Parameters,
    plan: &[PlannedTest],
) -> Result<()> {
    let mut suite = Suite::new(channel, Kmsg::open()?, parameters.environment())?;
    plan.iter().try_for_each(|test| suite.run(test))
}

fn read_plan() -> Result<Vec<PlannedTest>> {
    let text = fs::read(PLAN).with_context(|| format!("cannot read {PLAN}"))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot parse {PLAN}"))
}

fn running_release() -> String {
    let name = rustix::system::uname();
    name.release().to_string_lossy().into_owned()
}

/// Checks that an old image was not booted by mistake.
fn check_release(running: &str, expected: Option<&str>) -> Result<()> {
    let expected = expected.unwrap_or(running);
    ensure!(
        running == expected,
        "the guest runs kernel {running}, not {expected}: the wrong image was booted"
    );
    Ok(())
}
