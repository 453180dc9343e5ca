// SPDX-License-Identifier: GPL-2.0-only
//! How an image and the kernel that runs it compare: plain values, which
//! `render` prints and serde serializes. `verify.json` keeps older names of
//! some fields.

use nmissed_wire::{AttachOutcome, KernelList};
use serde::{Serialize, Serializer};

use crate::verify::claim::ClaimKind;

/// One kernel, compared with its image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VerifyReport {
    /// Id and variant, or the file's name.
    pub(crate) kernel: String,
    /// As `uname -r` prints it.
    pub(crate) release: String,
    /// Functions of the image, aliases included.
    pub(crate) functions: usize,
    pub(crate) lists: Vec<ListReport>,
    /// By attach method, the most frequent kind first.
    pub(crate) compared: Vec<KindReport>,
    pub(crate) unanswered: Vec<Unanswered>,
    /// Whether the host or an interrupt ended it early: then what is not answered
    /// says nothing about the kernel.
    pub(crate) cut_short: bool,
}

impl VerifyReport {
    /// Whether the kernel confirms every answer, as far as it was asked.
    pub(crate) fn agrees(&self) -> bool {
        self.wrong().next().is_none() && self.lists.iter().all(ListReport::agrees)
    }

    /// Whether the kernel answered everything.
    pub(crate) fn is_complete(&self) -> bool {
        self.unanswered.is_empty() && self.lists.iter().all(|list| list.complete)
    }

    /// Whether it agrees, and all that it was asked in full is answered.
    pub(crate) fn is_good(&self) -> bool {
        self.agrees() && (self.is_complete() || self.cut_short)
    }

    pub(crate) fn wrong(&self) -> impl Iterator<Item = &WrongAnswer> {
        self.compared.iter().flat_map(|it| &it.wrong)
    }
}

/// A list of the kernel and the same list by the image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListReport {
    #[serde(serialize_with = "path")]
    pub(crate) list: KernelList,
    /// Whether all of it was read, or it is known that the kernel has none.
    #[serde(rename = "told")]
    pub(crate) complete: bool,
    /// Lines in both; `None` if the kernel has no such list.
    pub(crate) both: Option<usize>,
    pub(crate) only_image: Vec<String>,
    pub(crate) only_kernel: Vec<String>,
}

impl ListReport {
    /// A list that cannot be compared: the kernel has none, or not all of it was
    /// read.
    pub(crate) fn without(list: KernelList, complete: bool) -> Self {
        Self {
            list,
            complete,
            both: None,
            only_image: Vec::new(),
            only_kernel: Vec::new(),
        }
    }

    pub(crate) fn agrees(&self) -> bool {
        self.only_image.is_empty() && self.only_kernel.is_empty()
    }
}

/// Claims of one kind, and what the kernel did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KindReport {
    #[serde(flatten)]
    pub(crate) kind: ClaimKind,
    /// Questions that were answered.
    pub(crate) asked: usize,
    /// 0 where the answer depends on run-time state.
    #[serde(rename = "agreed")]
    pub(crate) confirmed: usize,
    /// Outcomes and how often each, where the answer depends on run-time state.
    #[serde(
        rename = "open",
        serialize_with = "outcomes",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(crate) depends: Vec<(AttachOutcome, usize)>,
    #[serde(rename = "disagreements", skip_serializing_if = "Vec::is_empty")]
    pub(crate) wrong: Vec<WrongAnswer>,
}

/// An answer that the kernel contradicts: an error of kimage, or of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WrongAnswer {
    /// `SYMBOL` or `SYMBOL+0xOFFSET`.
    pub(crate) place: String,
    #[serde(rename = "way")]
    pub(crate) method: &'static str,
    #[serde(rename = "promised")]
    pub(crate) expected: String,
    #[serde(rename = "seen")]
    pub(crate) outcome: String,
}

/// A batch that the kernel did not survive, or had no time for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unanswered {
    #[serde(rename = "way")]
    pub(crate) method: &'static str,
    /// `SYMBOL` or `SYMBOL+0xOFFSET`.
    pub(crate) places: Vec<String>,
}

/// An outcome, in the words of kimage's answers.
pub(crate) fn word(outcome: AttachOutcome) -> String {
    match outcome {
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
    serializer.collect_map(outcomes.iter().map(|(it, count)| (word(*it), count)))
}
