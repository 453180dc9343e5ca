// SPDX-License-Identifier: GPL-2.0-only
//! Asks the running kernel where probes can be attached, by attaching them.
//!
//! PID 1 runs it as it runs a test program: `--exact NAME`, where the name is
//! that of a [`AttachMethod`] or `lists`. It reads [`QUESTIONS`], and writes one
//! [`ProberReply`] per batch as it goes, so that a kernel that does not survive a
//! batch has answered all before it.
//!
//! Invariants: expects nothing and judges nothing; what was attached for a
//! batch is gone before the next one.

#![forbid(unsafe_code)]

mod attach;
mod kprobes;
mod lists;
mod say;

use std::fs;

use anyhow::{Context, Result, bail};
use nmissed_wire::{AttachMethod, ProbeBatch, ProberReply, QUESTIONS};

use crate::attach::Attacher;

/// What asks for the kernel's own lists.
const LISTS: &str = "lists";

fn main() -> Result<()> {
    let name = asked_for(std::env::args().skip(1)).context("no --exact NAME given")?;
    if name == LISTS {
        return lists::tell_all();
    }
    match AttachMethod::ALL.into_iter().find(|way| way.name() == name) {
        Some(way) => attach_all(way),
        None => bail!("{name} is no way to attach"),
    }
}

/// The word behind `--exact`.
fn asked_for(args: impl Iterator<Item = String>) -> Option<String> {
    args.skip_while(|arg| arg != "--exact").nth(1)
}

fn attach_all(way: AttachMethod) -> Result<()> {
    let text = fs::read(QUESTIONS).with_context(|| format!("cannot read {QUESTIONS}"))?;
    let batches: Vec<ProbeBatch> =
        serde_json::from_slice(&text).with_context(|| format!("{QUESTIONS} has no questions"))?;
    let attacher = Attacher::new(way)?;
    // The host leaves those empty that it has no questions about any more.
    let ours = batches
        .iter()
        .enumerate()
        .filter(|(_, it)| it.method == way && !it.sites.is_empty());
    for (batch, questions) in ours {
        let outcomes = attacher
            .try_out(questions)
            .with_context(|| format!("batch {batch}"))?;
        say::answer(&ProberReply::Batch { batch, outcomes })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::asked_for;

    #[test_case(&["--exact", "kprobe", "--nocapture"] => Some("kprobe".to_owned()); "as PID 1 does it")]
    #[test_case(&["kprobe"] => None; "without")]
    fn the_name_is_behind_exact(args: &[&str]) -> Option<String> {
        asked_for(args.iter().map(|arg| (*arg).to_owned()))
    }
}
