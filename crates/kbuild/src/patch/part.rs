// SPDX-License-Identifier: GPL-2.0-only
//! Files of the kernel's source that no kernel here is built from.

use std::fmt;

/// Folder of arch/ that is compiled here, for 64 or 32 bits.
const ARCH: &str = "x86";

/// Part of the kernel's source that is not built here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// `Documentation/`, and text files at the top.
    Documentation,
    /// `tools/`: bpftool, perf, the selftests.
    Tools,
    /// `samples/`: example modules.
    Samples,
    /// Another architecture, by the name of its folder in arch/.
    Arch(String),
    /// Definitions of options.
    Kconfig,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documentation => f.write_str("documentation"),
            Self::Tools => f.write_str("tools/"),
            Self::Samples => f.write_str("samples/"),
            Self::Arch(arch) => write!(f, "architecture {arch}"),
            Self::Kconfig => f.write_str("Kconfig"),
        }
    }
}

impl Part {
    /// Returns the part that a path, relative to the top of the tree, belongs to; `None`
    /// for a file that kernels are built from here.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let (top, rest) = path.split_once('/').unwrap_or(("", path));
        match top {
            _ if path.ends_with("Kconfig") => Some(Self::Kconfig),
            "Documentation" => Some(Self::Documentation),
            "tools" => Some(Self::Tools),
            "samples" => Some(Self::Samples),
            "arch" => {
                let arch = rest.split('/').next().unwrap_or(rest);
                (arch != ARCH).then(|| Self::Arch(arch.to_owned()))
            }
            "" if !matches!(path, "Makefile" | "Kbuild") => Some(Self::Documentation),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("kernel/trace/fprobe.c" => None; "code")]
    #[test_case("arch/x86/kernel/kprobes/ftrace.c" => None; "x86")]
    #[test_case("include/uapi/linux/bpf.h" => None; "uapi")]
    #[test_case("arch/s390/kernel/ftrace.c" => Some("architecture s390".into()); "another architecture")]
    #[test_case("Documentation/trace/fprobe.rst" => Some("documentation".into()); "documentation")]
    #[test_case("MAINTAINERS" => Some("documentation".into()); "at the top")]
    #[test_case("Makefile" => None; "the first Makefile")]
    #[test_case("tools/include/uapi/linux/bpf.h" => Some("tools/".into()); "tools")]
    #[test_case("kernel/trace/Kconfig" => Some("Kconfig".into()); "options")]
    fn the_part_of(path: &str) -> Option<String> {
        Part::of(path).map(|part| part.to_string())
    }
}
