// SPDX-License-Identifier: GPL-2.0-only
//! How an image and the kernel that runs it compare: plain values, which
//! `render` prints and serde serializes.

use nmissed_wire::{AttachOutcome, KernelList};
use serde::{Serialize, Serializer};

use crate::verify::claim::Kind;
use crate::verify::judge::Unanswered;

/// One kernel, compared with its image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VerifyReport {
    /// The kernel's id, or the file's name.
    pub(crate) kernel: String,
    /// What `uname -r` says.
    pub(crate) release: String,
    /// How many functions the image has, aliases included.
    pub(crate) functions: usize,
    /// The kernel's own lists.
    pub(crate) lists: Vec<ListReport>,
    /// What was attached, by kind, the most frequent kind of each way first.
    pub(crate) compared: Vec<Compared>,
    /// Questions that the kernel did not live to answer.
    pub(crate) unanswered: Vec<Unanswered>,
    /// Whether the host, or whoever sat there, ended it early: then what is not
    /// answered says nothing about the kernel.
    pub(crate) cut_short: bool,
}

impl VerifyReport {
    /// Whether the kernel bears out all that the image promises, as far as it was
    /// asked.
    #[must_use]
    pub(crate) fn agrees(&self) -> bool {
        let answered = self.unanswered.is_empty() && self.lists.iter().all(|list| list.told);
        (answered || self.cut_short)
            && self.disagreements().next().is_none()
            && self.lists.iter().all(ListReport::agrees)
    }

    /// Every promise that was not kept.
    pub(crate) fn disagreements(&self) -> impl Iterator<Item = &Disagreement> {
        self.compared.iter().flat_map(|it| &it.disagreements)
    }
}

/// A list of the kernel and the same list by the image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListReport {
    /// Which.
    #[serde(serialize_with = "path")]
    pub(crate) list: KernelList,
    /// Whether the kernel told it in full, or told that it has none.
    pub(crate) told: bool,
    /// How many lines are in both; `None` if the kernel has no such list.
    pub(crate) both: Option<usize>,
    /// What only the image has.
    pub(crate) only_image: Vec<String>,
    /// What only the kernel has.
    pub(crate) only_kernel: Vec<String>,
}

impl ListReport {
    /// A list that cannot be compared: told to be absent, or not told.
    pub(crate) fn without(list: KernelList, told: bool) -> Self {
        Self {
            list,
            told,
            both: None,
            only_image: Vec::new(),
            only_kernel: Vec::new(),
        }
    }

    /// Whether there is no difference in what was told.
    #[must_use]
    pub(crate) fn agrees(&self) -> bool {
        self.only_image.is_empty() && self.only_kernel.is_empty()
    }
}

/// Promises of one kind, and what became of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Compared {
    /// The kind.
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// How many were asked about and answered.
    pub(crate) asked: usize,
    /// How many of them were kept; 0 where nothing was promised.
    pub(crate) agreed: usize,
    /// What the kernel said where only it knows, and how often.
    #[serde(serialize_with = "outcomes", skip_serializing_if = "Vec::is_empty")]
    pub(crate) open: Vec<(AttachOutcome, usize)>,
    /// Those that were not kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) disagreements: Vec<Disagreement>,
}

/// A promise that was not kept: an error in the verdicts, or in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Disagreement {
    /// `SYMBOL` or `SYMBOL+0xOFFSET`.
    pub(crate) place: String,
    /// How it was attached.
    pub(crate) way: &'static str,
    /// What the image says.
    pub(crate) promised: String,
    /// What the kernel did.
    pub(crate) seen: String,
}

/// What was seen, in the words of the verdicts.
pub(crate) fn word(seen: AttachOutcome) -> String {
    match seen {
        AttachOutcome::Attached => "attached".to_owned(),
        AttachOutcome::Ftrace => "ftrace".to_owned(),
        AttachOutcome::Optimized => "optimized".to_owned(),
        AttachOutcome::Int3 => "int3".to_owned(),
        AttachOutcome::Unlisted => "not at this address".to_owned(),
        AttachOutcome::Refused(number) => nmissed_kimage::Errno::name_of(number)
            .map_or_else(|| format!("error {number}"), str::to_owned),
    }
}

fn path<S: Serializer>(list: &KernelList, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(list.path())
}

fn outcomes<S: Serializer>(
    outcomes: &[(AttachOutcome, usize)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(outcomes.iter().map(|(seen, count)| (word(*seen), count)))
}
