// SPDX-License-Identifier: GPL-2.0-only
//! bpftool of a kernel's source.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use nmissed_host::{Cmd, Host, Lock};

use crate::source::SourceTree;
use crate::{Error, Result, scratch};

const STEP: &str = "building bpftool";

/// Returns bpftool, static, built from `tools/bpf/bpftool` of a kernel only if the cache
/// does not have it. It lacks what needs libraries that are no archives here.
///
/// # Errors
/// [`Error::Host`] with the last lines of make if it does not build.
pub fn build_bpftool(tree: &SourceTree, host: &Host) -> Result<PathBuf> {
    let dir = host.cache.dir("bpftool")?;
    let built = dir.join(&tree.identity);
    if built.is_file() {
        return Ok(built);
    }
    let waiting = || host.progress.say("waiting: another command builds bpftool");
    let _lock = Lock::acquire(&dir.join("lock"), waiting)?;
    if built.is_file() {
        return Ok(built);
    }
    let scratch = scratch::any(&host.cache)?;
    let started = Instant::now();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    host.progress.begin(STEP, None, host.cache.last_time(STEP));
    Cmd::new("make")
        .arg("-C")
        .arg(tree.dir.join("tools/bpf/bpftool"))
        .args([&format!("-j{jobs}"), "EXTRA_LDFLAGS=-static -s"])
        .arg(format!("OUTPUT={}/", scratch.path().display()))
        .inherit_only(&["HOME", "PATH", "TMPDIR"])
        .stream(|line| host.progress.at(0, line.trim()))?;
    // A copy in the same folder, of which a rename is one step.
    let part = dir.join("part");
    fs::copy(scratch.path().join("bpftool"), &part)
        .and_then(|_| fs::rename(&part, &built))
        .map_err(Error::io("write", &built))?;
    host.cache.remember_time(STEP, started.elapsed());
    host.progress.end("built bpftool");
    Ok(built)
}
