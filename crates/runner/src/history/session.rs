// SPDX-License-Identifier: GPL-2.0-only
//! From releases to the matrix of what each scenario counts on them.

use std::path::PathBuf;

use anyhow::Result;
use nmissed_evidence::{History, Run, without_known_faults};
use nmissed_host::{check_interrupt, write_atomic};
use nmissed_wire::Version;
use regex::Regex;

use crate::boot::guest;
use crate::boot::output::read_runs;
use crate::boot::session::BootSettings;
use crate::exit::Exit;
use crate::history::cache::RunCache;
use crate::history::table;
use crate::plan::prebuilt::fetch_all;
use crate::plan::targets::Targets;
use crate::print::print;
use crate::test::session::{TestRequest, TestSession};
use crate::test::view::wide_style;
use crate::workspace::Workspace;

/// What a history shows.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// How to boot, and where the evidence goes.
    pub boot: BootSettings,
    /// Only tests whose name, `FAMILY::TEST`, matches.
    pub filter: Option<Regex>,
    /// Also scenarios that count the same everywhere.
    pub all: bool,
    /// Where the matrix is written as Markdown.
    pub markdown: Option<PathBuf>,
}

/// Runs the tests on each kernel, unless the cache has a run of this image with these
/// programs, and prints the matrix.
///
/// # Errors
/// If the host cannot do it; what was seen before is printed and kept.
pub fn history(workspace: &Workspace, targets: &Targets, request: &HistoryRequest) -> Result<Exit> {
    let test = TestRequest {
        boot: request.boot.clone(),
        filter: request.filter.clone(),
        ..TestRequest::default()
    };
    let session = TestSession::start(workspace, &test)?;
    let outcome = run_all(workspace, targets, request, &session);
    session.boots.say_where();
    // What was seen before something went wrong is evidence all the same.
    let runs = &session.boots.output.results().runs;
    let exit = match runs.as_slice() {
        [] => Exit::Host,
        runs => show(runs, request)?,
    };
    outcome.map(|()| exit)
}

fn run_all(
    workspace: &Workspace,
    targets: &Targets,
    request: &HistoryRequest,
    session: &TestSession<'_>,
) -> Result<()> {
    let kernels = fetch_all(&targets.prebuilt, &session.boots.host)?;
    let guest = guest::build(workspace, None, &session.boots.host)?;
    let filter = request.filter.as_ref().map_or("", Regex::as_str);
    let runs = RunCache::of_tests(workspace, &session.boots.host.cache, &guest, filter)?;
    for kernel in &kernels {
        let run = match runs.get(kernel)? {
            Some(run) => {
                let line = format!("{}: as an earlier call saw it", kernel.id);
                session.boots.host.say(&line);
                run
            }
            None => {
                let run = session.boot(kernel, &guest)?;
                runs.put(kernel, &run)?;
                run
            }
        };
        session.boots.output.keep(run)?;
        check_interrupt()?;
    }
    Ok(())
}

/// Prints the matrix of runs that earlier commands kept, oldest release first, those with
/// PREEMPT_RT last. Of several runs of one release that of the last folder is shown.
///
/// # Errors
/// [`UsageError`](crate::UsageError) for a folder without a results.json that can be read.
pub fn history_of(folders: &[PathBuf], request: &HistoryRequest) -> Result<Exit> {
    let mut runs: Vec<Run> = Vec::new();
    for folder in folders {
        for run in read_runs(folder)? {
            runs.retain(|it| (release(it), &it.variant) != (release(&run), &run.variant));
            runs.push(run);
        }
    }
    runs.sort_by_key(|run| {
        let release = release(run);
        (release.contains("-rt"), release.parse::<Version>().ok())
    });
    show(&runs, request)
}

/// The release; of a kernel that never ran a program its name, which is the same for those
/// that were not built here.
fn release(run: &Run) -> &str {
    match run.release.as_str() {
        "" => &run.kernel,
        release => release,
    }
}

fn show(runs: &[Run], request: &HistoryRequest) -> Result<Exit> {
    let history = History::of(runs);
    print(history.to_text(request.all, wide_style()).trim_end())?;
    if let Some(file) = &request.markdown {
        write_atomic(file, table::text(&history, request.all).as_bytes())?;
    }
    // A known fault of a released kernel is a finding that has been named.
    let runs: Vec<_> = runs.iter().map(without_known_faults).collect();
    Ok(match Exit::of(&runs) {
        Exit::Good if history.unexplained() > 0 => Exit::Failed,
        exit => exit,
    })
}
