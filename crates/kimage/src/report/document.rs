// SPDX-License-Identifier: GPL-2.0-only
//! Reports on an image and its functions: plain values, which `render` prints and
//! `json` serializes.

use std::borrow::Cow;
use std::thread;

use serde::Serialize;

use nmissed_wire::AttachType;

use crate::answer::attach_type::takes_offset;
use crate::facts::features::has_string;
use crate::facts::functions::base_name;
use crate::report::count::Tally;
use crate::{
    ATTACH_TYPES, About, Answer, Audit, Diff, Directory, Evidence, Function, Image, LookupError,
    Query, Region, Site,
};

/// How often each answer was given, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Counts(pub Vec<Count>);

/// How often an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// That many functions or instructions.
    pub count: usize,
    /// The answer that is counted.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Counts {
    fn merge(&mut self, more: Self) {
        let mut tally = Tally::default();
        for Count { count, answer } in std::mem::take(&mut self.0).into_iter().chain(more.0) {
            *tally.entry(answer).or_default() += count;
        }
        *self = tally.into();
    }
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        let mut counts: Vec<Count> = tally
            .into_iter()
            .map(|(answer, count)| Count { count, answer })
            .collect();
        counts.sort_by_cached_key(|it| {
            let Count { count, answer } = it;
            (usize::MAX - count, answer.reason(), answer.label())
        });
        Self(counts)
    }
}

/// The answers for every function of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many functions there are, aliases included.
    pub functions: usize,
    /// Number of symbols of the padding before functions, which no other field counts.
    pub preambles: usize,
    /// How many ftrace call sites.
    pub call_sites: usize,
    /// How many call sites were zeroed when the kernel was built.
    pub zeroed_call_sites: usize,
    /// Functions that [`Function::is_phantom`], by name.
    pub phantoms: Vec<String>,
    /// The answers at entries, per attach type.
    #[serde(serialize_with = "crate::report::json::map")]
    pub entries: Vec<(AttachType, Counts)>,
    /// The functions per directory of the source tree, those with the most that
    /// cannot be traced first; `None` without DWARF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directories: Option<Vec<Directory>>,
    /// The answers for a `register_kprobe()` on each instruction, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Counts>,
}

impl Summary {
    /// Adds the answers of another image: of the modules of a tree. Directories are left
    /// out.
    pub fn merge(&mut self, other: Self) {
        self.functions += other.functions;
        self.preambles += other.preambles;
        self.call_sites += other.call_sites;
        self.zeroed_call_sites += other.zeroed_call_sites;
        self.phantoms.extend(other.phantoms);
        for ((_, all), (_, more)) in self.entries.iter_mut().zip(other.entries) {
            all.merge(more);
        }
        if let Some((all, more)) = self.sites.as_mut().zip(other.sites) {
            all.merge(more);
        }
        self.directories = None;
    }
}

/// A whole report: the JSON form as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The path of the file, as given.
    pub file: String,
    /// Release, layers and symbols of the image.
    #[serde(flatten)]
    pub about: About,
    /// The answers for all functions, if no function was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The functions that were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionReport>,
    /// Differences to another image; excludes all other parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
    /// The comparison with Makefiles; excludes all other parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub makefiles: Option<Audit>,
    /// Whether the text form has all rows of tables, and not only the first.
    #[serde(skip)]
    pub all: bool,
}

/// How much detail a report has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// The chain of evidence behind each answer.
    pub why: bool,
    /// The answer for every instruction.
    pub sites: bool,
}

/// The answers for one function, or for one offset in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionReport {
    /// The name of the function, suffix included.
    pub name: String,
    /// Address of its symbol.
    #[serde(serialize_with = "crate::report::json::hex")]
    pub address: u64,
    /// Bytes up to the next symbol.
    pub size: u64,
    /// The part of the text that it is in.
    pub region: Region,
    /// How many symbols have its name, itself included.
    pub copies: u32,
    /// How many functions of its name BTF has.
    pub prototypes: usize,
    /// [`Function::is_phantom`].
    pub phantom: bool,
    /// Its clones and parts: `.isra.0`, `.cold`...
    pub kin: Vec<String>,
    /// Where in it the answers are for; 0 is the entry.
    pub offset: u64,
    /// Where the instruction around `offset` starts, if none starts there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<u32>,
    /// The answers, per attach type.
    pub answers: Vec<AttachAnswer>,
    /// The answers for `bpf_override_return()` and livepatches, by name; none at an offset.
    #[serde(serialize_with = "crate::report::json::map")]
    pub uses: Vec<(&'static str, Answer)>,
    /// The answer for a `register_kprobe()` on each instruction, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<Site>>,
    /// Whether BPF and perf are refused at all of them, for want of a call site.
    pub notrace: bool,
}

/// The answer for an attach type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttachAnswer {
    /// The attach type that the answer is for.
    pub attach: AttachType,
    /// The answer at the entry or the offset.
    #[serde(flatten)]
    pub answer: Answer,
    /// The facts that it follows from, if requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Evidence>,
}

impl Image<'_> {
    /// Counts the answers for all functions and, with `sites`, for all instructions.
    #[must_use]
    pub fn summary(&self, functions: &[Function], sites: bool) -> Summary {
        let (preambles, functions): (Vec<Function>, Vec<Function>) = functions
            .iter()
            .partition(|it| self.is_preamble(it.symbol as usize));
        // DWARF takes about as long as all the answers.
        let (counted, directories) = thread::scope(|scope| {
            let counting = scope.spawn(|| self.count(&functions, sites));
            let directories = self.directories(&functions);
            let counted = counting.join();
            (counted.expect("counting does not panic"), directories)
        });
        let entries = ATTACH_TYPES.into_iter().zip(counted.entries);
        let phantoms = functions.iter().filter(|it| it.is_phantom());
        Summary {
            functions: functions.len(),
            preambles: preambles.len(),
            call_sites: self.call_sites().len(),
            zeroed_call_sites: self.zeroed_call_sites(),
            phantoms: phantoms.map(|it| self.name(it).to_owned()).collect(),
            entries: entries
                .map(|(attach, tally)| (attach, tally.into()))
                .collect(),
            directories,
            sites: sites.then(|| counted.sites.into()),
        }
    }

    /// Reports on the functions that a query matches.
    ///
    /// # Errors
    /// [`LookupError`] if there are none.
    pub fn report(
        &self,
        functions: &[Function],
        query: &Query,
        detail: Detail,
    ) -> Result<Vec<FunctionReport>, LookupError> {
        let found = self.look_up(functions, query)?;
        Ok(found
            .iter()
            .map(|function| self.report_on(functions, function, query.offset, detail))
            .collect())
    }

    fn report_on(
        &self,
        functions: &[Function],
        function: &Function,
        offset: u64,
        detail: Detail,
    ) -> FunctionReport {
        let attach_types = ATTACH_TYPES
            .into_iter()
            .filter(|attach| offset == 0 || takes_offset(*attach));
        FunctionReport {
            name: self.name(function).to_owned(),
            address: function.addr,
            size: function.size,
            region: function.region,
            copies: function.copies,
            prototypes: self.prototypes(function),
            phantom: function.is_phantom(),
            kin: self.kin(functions, function),
            offset,
            inside: self.inside(function, offset),
            answers: attach_types
                .map(|attach| self.given(function, attach, offset, detail.why))
                .collect(),
            uses: if offset == 0 {
                vec![
                    ("override_return", self.override_return(function)),
                    ("livepatch", self.livepatch(function)),
                ]
            } else {
                Vec::new()
            },
            sites: detail.sites.then(|| self.sites(function)),
            notrace: self.within_notrace(function) && !self.lacks_kernel(),
        }
    }

    fn given(
        &self,
        function: &Function,
        attach: AttachType,
        offset: u64,
        why: bool,
    ) -> AttachAnswer {
        let explanation = self.explain_at(function, attach, offset);
        AttachAnswer {
            attach,
            answer: explanation.answer,
            why: if why {
                explanation.evidence
            } else {
                Vec::new()
            },
        }
    }

    /// The number of functions in BTF that have its name.
    fn prototypes(&self, function: &Function) -> usize {
        let name = self.name(function).as_bytes();
        let all = self.btf.iter().flat_map(|btf| btf.functions());
        all.filter(|(_, other)| *other == name).count()
    }

    /// Clones and parts of a function, or the function that it is one of.
    fn kin(&self, functions: &[Function], function: &Function) -> Vec<String> {
        let name = self.name(function);
        let base = base_name(name);
        let mut kin: Vec<String> = functions
            .iter()
            .map(|other| self.name(other))
            .filter(|other| *other != name && base_name(other) == base)
            .map(str::to_owned)
            .collect();
        kin.sort_unstable();
        kin.dedup();
        kin
    }

    /// The start of the instruction around an offset that is not one.
    fn inside(&self, function: &Function, offset: u64) -> Option<u32> {
        let sites = self.sites(function);
        let around = sites.iter().find(|site| {
            let start = u64::from(site.offset);
            (start + 1..start + u64::from(site.len)).contains(&offset)
        });
        around.map(|site| site.offset)
    }

    /// Returns the functions that can be traced, as `available_filter_functions` lists
    /// them: by address of their call sites, which are behind an ENDBR. A module's have
    /// its name behind them. A call site of a weak function that the linker dropped has
    /// the name of the symbol before it, and since b39181f7c690 (6.0) one that is made up,
    /// `__ftrace_invalid_address___N`: that one is left out.
    pub fn traceable_functions(&self) -> impl Iterator<Item = (u64, Cow<'_, str>)> {
        let module = self.module_name();
        let loader = self.kernel().unwrap_or(self);
        let names_dropped = has_string(&loader.elf, b"__ftrace_invalid_address__");
        self.kept_call_sites().filter_map(move |site| {
            let symbol = self.symbols.around(site)?;
            // FTRACE_MCOUNT_MAX_OFFSET
            let most = if self.features.ibt { 4 } else { 0 };
            let near = site - self.symbols.get(symbol).addr <= most || !names_dropped;
            let name = self.symbols.name(symbol);
            near.then(|| match &module {
                Some(module) => (site, format!("{name} [{module}]").into()),
                None => (site, name.into()),
            })
        })
    }
}
