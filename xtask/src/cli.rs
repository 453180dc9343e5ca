// SPDX-License-Identifier: GPL-2.0-only
//! What can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use nmissed_kimage::Query;
use regex::Regex;

/// When a kernel probe fires, did anybody hear it?
///
/// Exit status: 0 all as expected, 1 a test failed or a kernel crashed or
/// hung, 2 wrong usage, 69 the host could not do its part, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// Install what the host lacks first (apt where there is apt)
    #[arg(long, global = true)]
    pub(crate) install_deps: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Boot kernels and see where the hits of their probes go
    #[command(subcommand)]
    Vm(VmVerb),
    /// Build kernels and find them
    #[command(subcommand)]
    Kernel(KernelVerb),
    /// Work on the series of patches, and find what a reviewer would find
    #[command(subcommand)]
    Patch(PatchVerb),
    /// Ask a kernel image which of its functions can be probed, and how
    Inspect(InspectOptions),
    /// Measure how fast that is, against other programs
    #[command(subcommand)]
    Bench(BenchVerb),
    /// Feed damaged images to the parsers behind it, and see whether one breaks
    Fuzz(FuzzOptions),
    /// List what this machine lacks, and why it is needed
    Doctor,
    /// Run every check of the project itself
    Ci(CiOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum VmVerb {
    /// Build, boot and test variants of kernels, and compare what they lose
    Test(TestOptions),
    /// Show as a grid what becomes of a hit of each attach type while a program
    /// of each other runs
    Pairs(BootOptions),
    /// Boot a kernel, attach probes, and compare with what its image promises
    Verify(VerifyOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KernelVerb {
    /// Build variants of kernels
    Build(BuildOptions),
    /// Print where a built kernel lies
    Path(Selection),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchVerb {
    /// `inspect` against readelf, nm, vmlinux-to-elf and extract-vmlinux
    Inspect(BenchOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PatchVerb {
    /// Apply, checkpatch, compile with W=1, sparse, 32 bits and options off
    Check(CheckOptions),
    /// Drop one hunk after the other, and see whether any test notices
    Mutate(MutateOptions),
    /// Make a git repository of a kernel with the patches as commits
    Edit(EditOptions),
    /// Write the commits of such a repository back to patch files
    Refresh(RefreshOptions),
    /// Print the cover letter, with the table of the last evidence
    Cover(CoverOptions),
}

/// Which kernels, and which variants with patches of each.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Stacks {
    /// A kernel of vmconfig/kernels.toml (repeatable) [default: the one marked
    /// there]
    #[arg(long, value_name = "ID")]
    pub(crate) kernel: Vec<String>,

    /// counters, active or guarded (repeatable) [default: all that there are
    /// patches for]
    #[arg(long, value_name = "V")]
    pub(crate) variant: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) stacks: Stacks,

    /// Also build and boot the kernel after each patch, and run all tests
    #[arg(long)]
    pub(crate) each: bool,

    #[command(flatten)]
    pub(crate) evidence: EvidenceOptions,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct MutateOptions {
    #[command(flatten)]
    pub(crate) stacks: Stacks,

    /// Drop only hunks of files whose path matches this regular expression
    #[arg(long, value_name = "RE")]
    pub(crate) file: Option<Regex>,

    #[command(flatten)]
    pub(crate) evidence: EvidenceOptions,
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct EvidenceOptions {
    /// Keep results.json, consoles and configurations here
    /// [default: target/patch/run-NNNN]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// kvm or tcg [default: kvm if a kernel really boots with it]
    #[arg(long, value_name = "ACCEL")]
    pub(crate) accel: Option<nmissed_vm::Accel>,
}

/// One variant of one kernel.
#[derive(Args, Clone, Debug)]
pub(crate) struct Stack {
    /// A kernel of vmconfig/kernels.toml [default: the one marked there]
    #[arg(long, value_name = "ID")]
    pub(crate) kernel: Option<String>,

    /// counters, active or guarded
    #[arg(long, value_name = "V")]
    pub(crate) variant: String,
}

impl From<&Stack> for Stacks {
    fn from(stack: &Stack) -> Self {
        Self {
            kernel: stack.kernel.iter().cloned().collect(),
            variant: vec![stack.variant.clone()],
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct EditOptions {
    #[command(flatten)]
    pub(crate) stack: Stack,

    /// Where: a folder that does not exist [default: target/edit/ID-V]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RefreshOptions {
    /// What `patch edit` made
    pub(crate) dir: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CoverOptions {
    #[command(flatten)]
    pub(crate) stack: Stack,
}

/// Which kernels, and which variants of each.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// A kernel of vmconfig/kernels.toml, which has some to be booted as Debian
    /// built them (repeatable) [default: the one marked there]
    #[arg(long, value_name = "ID")]
    pub(crate) kernel: Vec<String>,

    /// baseline, counters, active or guarded (repeatable) [default: baseline, and
    /// active to compare with unless there is a --patch]
    #[arg(long, value_name = "V")]
    pub(crate) variant: Vec<String>,

    /// A patch file of your own (repeatable, in order); adds the variant
    /// `patched`, which is baseline with these patches
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Vec<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct BuildOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Ask the archive for a newer version of the source first
    #[arg(long)]
    pub(crate) refresh: bool,
}

/// What to boot, how, and where the evidence goes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BootOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// A bzImage or vmlinuz that is booted as it is
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,

    /// Keep results.json, consoles, configurations and command lines here
    /// [default: target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// kvm or tcg [default: kvm if a kernel really boots with it]
    #[arg(long, value_name = "ACCEL")]
    pub(crate) accel: Option<nmissed_vm::Accel>,
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TestOptions {
    #[command(flatten)]
    pub(crate) boot: BootOptions,

    /// Run only tests whose name, FAMILY::TEST, matches this regular expression;
    /// a family is a file of selftests/tests: --filter '^missed::'
    #[arg(long, value_name = "RE")]
    pub(crate) filter: Option<Regex>,

    /// Run all tests N times in a row, and once more after another boot, and fail
    /// unless all records and outcomes are the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,

    /// Also list the tests that took longest: 10, or N
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "10")]
    pub(crate) slowest: Option<usize>,
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// A bzImage or vmlinuz that is booted as it is
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,

    /// Attach this many probes for each answer of each kind that the image gives
    /// [default: 25]
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,

    /// Attach to every function in every way, and to an offset of each kind in
    /// each; takes an hour or more where the processor is emulated
    #[arg(long, conflicts_with = "sample")]
    pub(crate) exhaustive: bool,

    /// Keep verify.json, results.json and consoles here
    /// [default: target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// kvm or tcg [default: kvm if a kernel really boots with it]
    #[arg(long, value_name = "ACCEL")]
    pub(crate) accel: Option<nmissed_vm::Accel>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct InspectOptions {
    /// A vmlinux, bzImage, vmlinuz, unified kernel image or module (.ko, also
    /// .ko.gz, .ko.xz or .ko.zst)
    pub(crate) image: PathBuf,

    /// The kernel that loads the module: without it, what depends on its
    /// options and types is left open
    #[arg(long, value_name = "VMLINUX", conflicts_with = "diff")]
    pub(crate) base: Option<PathBuf>,

    /// Functions, or places in them; all functions are counted without
    #[arg(value_name = "SYMBOL[+OFF]")]
    pub(crate) symbols: Vec<Query>,

    /// Tell what leads to each answer, in the order in which the kernel asks
    #[arg(long, requires = "symbols")]
    pub(crate) why: bool,

    /// Answer for every instruction, too
    #[arg(long)]
    pub(crate) sites: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the functions that ftrace can trace, one a line, as tracefs would
    /// list them in available_filter_functions
    #[arg(long, conflicts_with_all = ["symbols", "why", "sites", "json"])]
    pub(crate) traceable_functions: bool,

    /// Tell what is different in another image, for these functions or all
    #[arg(long, value_name = "OTHER", conflicts_with_all = ["why", "sites", "traceable_functions"])]
    pub(crate) diff: Option<PathBuf>,

    /// Tell which objects lose their call sites in the Makefiles of a kernel's
    /// source, and whether the image agrees
    #[arg(long, value_name = "TREE", conflicts_with_all = ["symbols", "why", "sites", "traceable_functions", "diff"])]
    pub(crate) makefiles: Option<PathBuf>,

    /// The image's configuration, for --makefiles [default: the one built into
    /// it, or `config` or `.config` beside it]
    #[arg(long, value_name = "FILE", requires = "makefiles")]
    pub(crate) config: Option<PathBuf>,

    /// Tell all directories and lines, not only the first
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct BenchOptions {
    /// A vmlinux or vmlinuz (repeatable) [default: the vmlinux of each kernel
    /// that is built]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,

    /// How often each program runs
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct FuzzOptions {
    /// A parser, by the name of its file in crates/kimage/fuzz/fuzz_targets
    /// (repeatable) [default: all]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,

    /// How long each is fed
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CiOptions {
    /// Leave out the virtual machines
    #[arg(long)]
    pub(crate) no_vm: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
