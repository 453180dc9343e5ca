// SPDX-License-Identifier: GPL-2.0-only
//! Asks the running kernel where probes can be attached, by attaching them.
//!
//! PID 1 runs it as it runs a test program: `--exact NAME`, where the name is that of
//! an [`AttachMethod`] or `lists`. It reads [`QUESTIONS`] and writes one
//! [`ProberReply`] per batch as it goes, so the replies before a batch that crashes
//! the kernel are kept.
//!
//! Invariants: it has no expectations and no verdicts; the probes of a batch are
//! detached before the next batch.

#![forbid(unsafe_code)]

mod attach;
mod lists;

use std::fs;

use anyhow::{Context, Result, bail};
use nmissed_wire::output::write_line;
use nmissed_wire::{AttachMethod, ProbeBatch, ProberReply, QUESTIONS};

use crate::attach::Attacher;

/// The name that asks for the kernel's lists.
const LISTS: &str = "lists";

fn main() -> Result<()> {
    let name = exact_name(std::env::args().skip(1)).context("no --exact NAME given")?;
    if name == LISTS {
        return lists::send_all();
    }
    match AttachMethod::ALL.into_iter().find(|it| it.name() == name) {
        Some(method) => attach_all(method),
        None => bail!("{name} is no attach method"),
    }
}

fn exact_name(args: impl Iterator<Item = String>) -> Option<String> {
    args.skip_while(|arg| arg != "--exact").nth(1)
}

fn attach_all(method: AttachMethod) -> Result<()> {
    let text = fs::read(QUESTIONS).with_context(|| format!("cannot read {QUESTIONS}"))?;
    let batches: Vec<ProbeBatch> =
        serde_json::from_slice(&text).with_context(|| format!("cannot parse {QUESTIONS}"))?;
    let attacher = Attacher::new(method)?;
    // After a crash the host empties the batches that have been answered.
    let open = |it: &ProbeBatch| it.method == method && !it.sites.is_empty();
    for (batch, questions) in batches.iter().enumerate().filter(|(_, it)| open(it)) {
        let outcomes = attacher
            .attempt(questions)
            .with_context(|| format!("batch {batch}"))?;
        write_line(&ProberReply::Batch { batch, outcomes })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::exact_name;

    #[test_case(&["--exact", "kprobe", "--nocapture"] => Some("kprobe".to_owned()); "as PID 1 does it")]
    #[test_case(&["kprobe"] => None; "without")]
    fn the_name_follows_exact(args: &[&str]) -> Option<String> {
        exact_name(args.iter().map(|arg| (*arg).to_owned()))
    }
}
