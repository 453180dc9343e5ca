// SPDX-License-Identifier: GPL-2.0-only
//! Release, layers and symbols of an image, and what it lacks.

use std::fmt;

use serde::Serialize;

use crate::elf::release;
use crate::{Image, Layer, Mechanism, SymbolSource};

/// Facts about an image as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// As `uname -r` has it; of a module, that of the kernel that loads it.
    pub release: Option<String>,
    /// Its name, if it is a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What the ELF file was wrapped in, the outermost first.
    pub layers: Vec<Layer>,
    /// Where the symbols come from.
    pub symbol_source: SymbolSource,
    /// How many there are, data included.
    pub symbols: usize,
    /// What the image lacks that probes, or exact answers, need.
    pub missing: Vec<Missing>,
}

/// Something that an image does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The kernel that loads a module was not given.
    Kernel,
    /// No kallsyms tables: `CONFIG_KALLSYMS` is off, and `.symtab` stood in.
    Kallsyms,
    /// No `__mcount_loc`: `CONFIG_DYNAMIC_FTRACE` is off.
    CallSites,
    /// No bounds of the kprobe blacklist: symbols of data are in kallsyms with
    /// `CONFIG_KALLSYMS_ALL` only.
    Blacklist,
    /// No `.BTF`.
    Btf,
    /// The BTF is that of another build.
    OwnBtf,
    /// An option is off.
    Mechanism(Mechanism),
    /// `CONFIG_OPTPROBES` is off.
    Optprobes,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => {
                "the kernel that loads the module was not given (--base): nearly all depends on it"
            }
            Self::Kallsyms => {
                "no kallsyms tables: symbols are those of the linker, local labels and all"
            }
            Self::CallSites => "no ftrace call sites: every kprobe is an int3",
            Self::Blacklist => {
                "no data symbols (CONFIG_KALLSYMS_ALL): the kprobe blacklist was not found"
            }
            Self::Btf => "no BTF: fentry, fexit and fmod_ret are refused",
            Self::OwnBtf => "the BTF is not this build's: the numbers in .BTF_ids mean other types",
            Self::Mechanism(mechanism) => return write!(f, "{} is off", mechanism.option()),
            Self::Optprobes => "CONFIG_OPTPROBES is off: no int3 becomes a jump",
        })
    }
}

impl Image<'_> {
    /// Describes the image. `layers` are those that [`unwrap`](crate::unwrap) removed.
    #[must_use]
    pub fn about(&self, layers: &[Layer]) -> About {
        let release = if self.is_module() {
            release::of_module(&self.elf)
        } else {
            release::of_kernel(&self.elf)
        };
        About {
            release,
            module: self.module_name(),
            layers: layers.to_vec(),
            symbol_source: self.symbols.source(),
            symbols: self.symbols.len(),
            missing: self.missing(),
        }
    }

    /// As `lsmod` has it.
    pub(crate) fn module_name(&self) -> Option<String> {
        self.module.as_ref()?;
        Some(release::info(&self.elf, "name").unwrap_or_else(|| "?".to_owned()))
    }

    fn missing(&self) -> Vec<Missing> {
        let features = &self.features;
        let mechanism = Missing::Mechanism;
        let all = [
            (!self.lacks_kernel(), Missing::Kernel),
            (
                self.is_module() || self.symbols.source() == SymbolSource::Kallsyms,
                Missing::Kallsyms,
            ),
            (!self.tables.call_sites.is_empty(), Missing::CallSites),
            (self.tables.nokprobe.is_some(), Missing::Blacklist),
            (self.btf.is_some() || self.types_unknown(), Missing::Btf),
            (!self.other_types, Missing::OwnBtf),
            (features.kprobe_events, mechanism(Mechanism::KprobeEvents)),
            (
                features.kprobes_on_ftrace,
                mechanism(Mechanism::KprobesOnFtrace),
            ),
            (features.optprobes, Missing::Optprobes),
            (features.kretprobes, mechanism(Mechanism::Kretprobes)),
            (features.fprobe, mechanism(Mechanism::Fprobe)),
            (features.direct_calls, mechanism(Mechanism::DirectCalls)),
        ];
        all.into_iter()
            .filter(|(present, _)| !present)
            .map(|(_, what)| what)
            .collect()
    }
}
