// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel has replied so far, over all boots of it.

use nmissed_evidence::Run;
use nmissed_wire::{AttachMethod, Message, ProbeBatch, ProberReply};

/// The prober's test that sends the kernel's lists.
pub(crate) const LISTS: &str = "lists";

/// What a kernel has replied so far.
#[derive(Default)]
pub(crate) struct Replies {
    /// As `uname -r` prints it.
    pub(crate) release: String,
    pub(crate) all: Vec<ProberReply>,
    /// Answers of this boot.
    pub(crate) count: u64,
    /// The prober's test that runs.
    pub(crate) test: String,
}

impl Replies {
    pub(crate) fn take(&mut self, message: &Message) {
        match message {
            Message::Hello { release, .. } => self.release.clone_from(release),
            Message::Start { name } => self.test.clone_from(name),
            Message::Answer { answer } => {
                if let ProberReply::Batch { outcomes, .. } = answer {
                    self.count += outcomes.len() as u64;
                }
                self.all.push(answer.clone());
            }
            _ => {}
        }
    }

    /// Empties the batches that were answered.
    pub(crate) fn close_answered(&self, open: &mut [ProbeBatch]) {
        for reply in &self.all {
            if let ProberReply::Batch { batch, .. } = reply
                && let Some(batch) = open.get_mut(*batch)
            {
                batch.sites.clear();
            }
        }
    }
}

/// Returns the prober's test that a machine did not survive.
pub(crate) fn died_at(run: &Run) -> Option<&'static str> {
    if !run.machine.is_failure() {
        return None;
    }
    let last = run.tests.iter().find(|test| test.outcome == run.machine)?;
    let (_, test) = last.name.split_once("::")?;
    let tests = AttachMethod::ALL.iter().map(|method| method.name());
    tests.chain([LISTS]).find(|name| *name == test)
}

/// Empties the batch that the machine did not survive: the first that is open.
pub(crate) fn drop_culprit(open: &mut [ProbeBatch]) {
    let culprit = open.iter_mut().find(|batch| !batch.sites.is_empty());
    culprit.into_iter().for_each(|batch| batch.sites.clear());
}

pub(crate) fn questions(batches: &[ProbeBatch]) -> usize {
    batches.iter().map(|batch| batch.sites.len()).sum()
}
