// SPDX-License-Identifier: GPL-2.0-only
//! PID 1 of the guest.
//!
//! Sets the machine up, runs each planned test alone with a deadline of its
//! own, says what happened line by line ([`nmissed_wire::Message`]) and
//! powers off. Whatever goes wrong, it says so before the machine goes down.
//!
//! Invariants: decides nothing about the tests' meaning, and never outlives a
//! failure of its own. The host (`crates/vm`) writes its plan and reads its
//! messages.

#![forbid(unsafe_code)]

mod channel;
mod judge;
mod kmsg;
mod lines;
mod mounts;
mod parameters;
mod power;
mod records;
mod running;
mod settings;
mod suite;

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
    let channel = channel::open()?;
    let plan = read_plan()?;
    let release = running_release();
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
    serde_json::from_slice(&text).with_context(|| format!("{PLAN} is no plan"))
}

fn running_release() -> String {
    let name = rustix::system::uname();
    name.release().to_string_lossy().into_owned()
}

/// An image that was not rebuilt must not pass for the one that was meant.
fn check_release(runs: &str, meant: Option<&str>) -> Result<()> {
    let meant = meant.unwrap_or(runs);
    ensure!(
        runs == meant,
        "the guest runs kernel {runs}, not {meant}: the wrong image was booted"
    );
    Ok(())
}
