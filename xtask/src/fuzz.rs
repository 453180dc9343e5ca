// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask fuzz`: damaged images for the parsers of kimage.
//!
//! Without sanitizers, which only a nightly compiler has: what could break is
//! safe Rust, where it panics, with overflow checks on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use nmissed_host::{Cmd, Finished, Progress, reporter};
use nmissed_runner::{Exit, Step, UsageError, Workspace, ensure};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A parser, by the name of its file in crates/kimage/fuzz/fuzz_targets
    /// (repeatable) [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// Seconds for which each is fed
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// The workspace of its own that has the targets.
const FUZZ_DIR: &str = "crates/kimage/fuzz";
/// Tells a target where to leave the inputs that it starts from.
const SEEDS: &str = "NMISSED_SEEDS";
/// One input may take this long, in seconds, and this much memory, in MB.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1500"];
/// How many lines of output say what a target found.
const TAIL: usize = 30;

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        run(workspace, self, install)
    }
}

/// Runs one target after the other, and prints what each found.
fn run(workspace: &Workspace, options: &Options, install: bool) -> Result<Exit> {
    let targets = targets(workspace, &options.targets)?;
    ensure(&[Step::Fuzz], install)?;
    let progress = reporter();
    let mut exit = Exit::Good;
    for target in &targets {
        let dirs = Dirs::create(workspace, target)?;
        build(workspace, target, progress.as_ref())?;
        let outcome = feed(workspace, target, &dirs, options.seconds, progress.as_ref())?;
        println!("{}", outcome.line);
        if let Some(found) = outcome.found {
            eprintln!("{found}\nwhat it was fed is in {}", dirs.findings.display());
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// Returns the wanted targets, all if none is named.
fn targets(workspace: &Workspace, wanted: &[String]) -> Result<Vec<String>> {
    let dir = workspace.root().join(FUZZ_DIR).join("fuzz_targets");
    let mut all = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        all.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    all.sort_unstable();
    match wanted.iter().find(|name| !all.contains(name)) {
        Some(name) => {
            let known = all.join(", ");
            Err(UsageError(format!(
                "no fuzz target is named `{name}`; there are {known}"
            ))
            .into())
        }
        None if wanted.is_empty() => Ok(all),
        None => Ok(wanted.to_vec()),
    }
}

/// What a target keeps from run to run.
struct Dirs {
    /// Inputs that reached new branches.
    corpus: PathBuf,
    seeds: PathBuf,
    /// Inputs that made it panic.
    findings: PathBuf,
}

impl Dirs {
    fn create(workspace: &Workspace, target: &str) -> Result<Self> {
        let dir = |kind: &str| {
            let dir = workspace.target().join("fuzz").join(kind).join(target);
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            anyhow::Ok(dir)
        };
        Ok(Self {
            corpus: dir("corpus")?,
            seeds: dir("seeds")?,
            findings: dir("findings")?,
        })
    }
}

fn cargo_fuzz(workspace: &Workspace, verb: &str) -> Cmd {
    Cmd::new("cargo")
        .args(["fuzz", verb, "--fuzz-dir", FUZZ_DIR, "--sanitizer", "none"])
        .arg("--target-dir")
        .arg(workspace.target().join("fuzz/build"))
        .dir(workspace.root())
}

fn build(workspace: &Workspace, target: &str, progress: &dyn Progress) -> Result<()> {
    progress.begin(&format!("building the fuzz target {target}"), None, None);
    cargo_fuzz(workspace, "build")
        .arg(target)
        .stream(|line| progress.at(0, line))?;
    progress.end(&format!("built the fuzz target {target}"));
    Ok(())
}

/// What came of a target.
struct Outcome {
    line: String,
    found: Option<String>,
}

fn feed(
    workspace: &Workspace,
    target: &str,
    dirs: &Dirs,
    seconds: u32,
    progress: &dyn Progress,
) -> Result<Outcome> {
    progress.begin(&format!("fuzzing {target} for {seconds} s"), None, None);
    let started = Instant::now();
    let finished = cargo_fuzz(workspace, "run")
        .arg(target)
        .args([&dirs.corpus, &dirs.seeds])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", dirs.findings.display()))
        .args(LIMITS)
        .env(SEEDS, &dirs.seeds)
        .finish(|line| progress.at(0, line))?;
    let took = started.elapsed().as_secs();
    progress.end(&format!("fuzzed {target}"));
    Ok(outcome(target, took, count_files(&dirs.corpus), &finished))
}

fn count_files(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

fn outcome(target: &str, seconds: u64, corpus: usize, finished: &Finished) -> Outcome {
    let (inputs, reached) = tally(&finished.lines);
    let found = (!finished.status.success()).then(|| {
        let skip = finished.lines.len().saturating_sub(TAIL);
        finished.lines[skip..].join("\n")
    });
    let verdict = if found.is_some() { "BROKEN" } else { "ok" };
    Outcome {
        line: format!(
            "{target:<12} {verdict:<6} {seconds:>6} s  {inputs:>10} inputs  {reached:>6} branches reached  {corpus:>6} kept"
        ),
        found,
    }
}

/// How many inputs it had, and how many branches they reached, by the last line
/// of libFuzzer with counters: `#1024 pulse cov: 350 ft: 904 ...`.
fn tally(lines: &[String]) -> (u64, u64) {
    let counters = lines.iter().rev().find_map(|line| {
        let (inputs, rest) = line.strip_prefix('#')?.split_once(char::is_whitespace)?;
        let (_, rest) = rest.split_once("cov: ")?;
        let (reached, _) = rest.split_once(' ')?;
        Some((inputs.parse().ok()?, reached.parse().ok()?))
    });
    counters.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_with_counters_counts() {
        let lines = [
            "INFO: seed corpus: files: 2",
            "#2\tINITED cov: 100 ft: 120 corp: 2/8Kb exec/s: 0 rss: 30Mb",
            "#4096\tpulse  cov: 350 ft: 904 corp: 284/866Kb lim: 5053 exec/s: 107376 rss: 31Mb",
            "Done 5000 runs in 1 second(s)",
        ];
        assert_eq!(tally(&lines.map(str::to_owned)), (4096, 350));
        assert_eq!(tally(&[]), (0, 0));
    }

    #[test]
    fn unknown_target_is_wrong_usage() {
        let workspace = Workspace::find().unwrap();
        let all = targets(&workspace, &[]).unwrap();
        assert!(all.contains(&"image".to_owned()), "{all:?}");
        let error = targets(&workspace, &["imgae".to_owned()]).unwrap_err();
        assert!(error.is::<UsageError>(), "{error}");
        assert!(
            error.to_string().contains("`imgae`; there are btf, "),
            "{error}"
        );
    }
}
