// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench inspect`: how long inspecting an image takes, and how
//! much memory, against other programs that read one.
//!
//! Every program runs as a process of its own, on a file that has been read
//! before, and prints to nowhere. `inspect` is built as a release: the profile
//! that `cargo xtask` uses optimizes what matters, and is as fast within 10 %.

use std::fs::{self, File};
use std::io::Read;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use nmissed_host::{Cmd, Host, check_interrupt, find_program, reporter};
use nmissed_kbuild::lookup;
use nmissed_runner::{Exit, Step, UsageError, Workspace, ensure, everything};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// `inspect` against readelf, nm, vmlinux-to-elf and extract-vmlinux
    Inspect(Options),
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A vmlinux or vmlinuz (repeatable) [default: the vmlinux of each kernel
    /// that is built]
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,

    /// How often each program runs
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

impl Verb {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let Self::Inspect(options) = self;
        inspect(workspace, options, install)
    }
}

/// Measures each image and prints a table for it.
fn inspect(workspace: &Workspace, options: &Options, install: bool) -> Result<Exit> {
    if let Some(missing) = options.images.iter().find(|image| !image.is_file()) {
        return Err(UsageError(format!("{}: no such file", missing.display())).into());
    }
    ensure(&[Step::Bench], install)?;
    let images = if options.images.is_empty() {
        built(workspace)?
    } else {
        options.images.clone()
    };
    let bench = Bench {
        xtask: release(workspace)?,
        scratch: workspace.target().join("bench.out"),
        runs: options.runs,
    };
    println!(
        "Wall time of {} runs each, one at a time; the file is in memory, what is\nprinted goes nowhere. x: against `inspect`.",
        options.runs
    );
    for image in &images {
        bench.table(image)?;
    }
    Ok(Exit::Good)
}

/// The vmlinux of each kernel as it is.
fn built(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let host = Host::open()?;
    let mut found = Vec::new();
    for plan in everything(workspace)? {
        let Some(series) = plan.series.first() else {
            continue;
        };
        let kernel = lookup(&plan.spec, series, &plan.config, &host)?;
        found.extend(kernel.map(|kernel| kernel.vmlinux));
    }
    if found.is_empty() {
        bail!("no kernel is built yet: name an image, or `cargo xtask kernel build` first");
    }
    Ok(found)
}

/// Builds this program as a release, and says where it is.
fn release(workspace: &Workspace) -> Result<PathBuf> {
    let progress = reporter();
    progress.begin("building inspect as a release", None, None);
    Cmd::new("cargo")
        .args(["build", "--release", "--locked", "--package", "xtask"])
        .dir(workspace.root())
        .stream(|line| progress.at(0, line))?;
    progress.end("built inspect as a release");
    Ok(workspace.target().join("release/xtask"))
}

/// Stand for files in an argument list.
const IMAGE: &str = "IMAGE";
const OUTPUT: &str = "OUTPUT";

/// Another program that reads images.
struct Peer {
    program: &'static str,
    args: &'static [&'static str],
    /// Whether it reads a vmlinuz, and not a vmlinux.
    compressed: bool,
    /// How often it runs at most.
    runs: u32,
    /// How to get it.
    from: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        program: "readelf",
        args: &["--syms", IMAGE],
        compressed: false,
        runs: u32::MAX,
        from: "package binutils",
    },
    Peer {
        program: "nm",
        args: &[IMAGE],
        compressed: false,
        runs: u32::MAX,
        from: "package binutils",
    },
    Peer {
        program: "vmlinux-to-elf",
        args: &[IMAGE, OUTPUT],
        compressed: true,
        // It takes seconds.
        runs: 3,
        from: "`pip install vmlinux-to-elf` in a virtual environment (GPL-3)",
    },
    Peer {
        program: "extract-vmlinux",
        args: &[IMAGE],
        compressed: true,
        runs: u32::MAX,
        from: "scripts/ of the kernel's source",
    },
];

/// What holds for all measurements.
struct Bench {
    xtask: PathBuf,
    /// Where a program that writes a file writes it.
    scratch: PathBuf,
    runs: u32,
}

impl Bench {
    /// Measures all that read an image, `inspect` first.
    fn table(&self, image: &Path) -> Result<()> {
        let (megabytes, elf) = look_at(image)?;
        println!("\n{}, {megabytes} MB", image.display());
        println!(
            "{:<20}{:>10}{:>10}{:>9}{:>9}",
            "", "best", "median", "memory", "x"
        );
        let mut against = None;
        for args in [&["inspect", IMAGE][..], &["inspect", "--sites", IMAGE]] {
            let took = self.measured(&self.xtask, args, image).run(self.runs)?;
            let took = took.context("inspect failed")?;
            let best = *against.get_or_insert(took.best());
            println!("{}", row(&name(&args[0..1], &args[1..]), &took, best));
        }
        let best = against.unwrap_or_default();
        for peer in PEERS.iter().filter(|peer| peer.compressed != elf) {
            println!("{}", self.peer(peer, image, best)?);
        }
        Ok(())
    }

    fn peer(&self, peer: &Peer, image: &Path, against: Duration) -> Result<String> {
        let name = name(&[peer.program], peer.args);
        let Some(program) = find_program(peer.program) else {
            return Ok(format!("{name:<20} not here; {}", peer.from));
        };
        let runs = self.runs.min(peer.runs);
        let took = self.measured(&program, peer.args, image).run(runs)?;
        Ok(took.map_or_else(
            || format!("{name:<20} failed on it"),
            |took| row(&name, &took, against),
        ))
    }

    fn measured(&self, program: &Path, args: &[&str], image: &Path) -> Measured {
        let word = |arg: &&str| match *arg {
            IMAGE => image.to_owned(),
            OUTPUT => self.scratch.clone(),
            arg => arg.into(),
        };
        let output = args.contains(&OUTPUT).then(|| self.scratch.clone());
        let words = iter::once(program.to_owned()).chain(args.iter().map(word));
        Measured {
            words: words.collect(),
            output,
        }
    }
}

/// The size of a file in MB, and whether it is an ELF file.
fn look_at(image: &Path) -> Result<(u64, bool)> {
    let mut file = File::open(image).with_context(|| image.display().to_string())?;
    let mut magic = [0; 4];
    let elf = file.read_exact(&mut magic).is_ok() && magic == *b"\x7fELF";
    Ok((file.metadata()?.len() / 1_000_000, elf))
}

/// What a command is called in the table.
fn name(program: &[&str], args: &[&str]) -> String {
    let args = args.iter().filter(|arg| ![IMAGE, OUTPUT].contains(arg));
    let words: Vec<_> = program.iter().chain(args).copied().collect();
    words.join(" ")
}

fn row(name: &str, took: &Took, against: Duration) -> String {
    let seconds = |time: Duration| format!("{:.3} s", time.as_secs_f64());
    format!(
        "{name:<20}{:>10}{:>10}{:>6} MB{:>9.2}",
        seconds(took.best()),
        seconds(took.median()),
        took.kilobytes.div_ceil(1000),
        took.best().as_secs_f64() / against.as_secs_f64(),
    )
}

/// A program to measure.
struct Measured {
    words: Vec<PathBuf>,
    /// What it writes unless it fails, whatever its exit status says.
    output: Option<PathBuf>,
}

/// What its runs took.
#[derive(Debug)]
struct Took {
    /// Sorted, and not empty.
    times: Vec<Duration>,
    /// The most memory that one had at a time.
    kilobytes: u64,
}

impl Took {
    fn best(&self) -> Duration {
        self.times[0]
    }

    fn median(&self) -> Duration {
        self.times[self.times.len() / 2]
    }
}

impl Measured {
    /// `None` if it fails.
    fn run(&self, runs: u32) -> Result<Option<Took>> {
        // Reads the file into memory, too.
        let Some(kilobytes) = self.memory()? else {
            return Ok(None);
        };
        if let Some(output) = &self.output
            && fs::remove_file(output).is_err()
        {
            return Ok(None);
        }
        let mut times = Vec::new();
        for _ in 0..runs {
            let started = Instant::now();
            let status = self.command(&self.words).status();
            times.push(started.elapsed());
            check_interrupt()?;
            if !status?.success() {
                return Ok(None);
            }
        }
        if let Some(output) = &self.output {
            fs::remove_file(output)?;
        }
        times.sort_unstable();
        Ok(Some(Took { times, kilobytes }))
    }

    /// The kilobytes that the kernel says it had at most (`ru_maxrss`).
    fn memory(&self) -> Result<Option<u64>> {
        let mut words = ["time", "--quiet", "--format=%M"]
            .map(PathBuf::from)
            .to_vec();
        words.extend_from_slice(&self.words);
        let output = self.command(&words).stderr(Stdio::piped()).output()?;
        check_interrupt()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().last().and_then(|line| line.parse().ok());
        Ok(last.filter(|_| output.status.success()))
    }

    fn command(&self, words: &[PathBuf]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_has_times_memory_and_ratio() {
        let took = Took {
            times: [90, 100, 300].map(Duration::from_millis).to_vec(),
            kilobytes: 61_500,
        };
        let row = row("inspect --sites", &took, Duration::from_millis(45));
        assert_eq!(
            row,
            "inspect --sites        0.090 s   0.100 s    62 MB     2.00"
        );
    }

    #[test]
    fn image_and_output_are_replaced_in_arguments() {
        let bench = Bench {
            xtask: "xtask".into(),
            scratch: "out".into(),
            runs: 1,
        };
        let words = |args: &[&str]| bench.measured(Path::new("a"), args, Path::new("in")).words;
        assert_eq!(words(&["-s", IMAGE]), ["a", "-s", "in"].map(PathBuf::from));
        assert_eq!(
            words(&[IMAGE, OUTPUT]),
            ["a", "in", "out"].map(PathBuf::from)
        );
        assert_eq!(name(&["a"], &["-s", IMAGE, OUTPUT]), "a -s");
    }
}
