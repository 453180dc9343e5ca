// SPDX-License-Identifier: GPL-2.0-only
//! Boots one kernel for a program of the user.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nmissed_host::{Host, find_program};
use nmissed_kbuild::{SourceTree, build_bpftool, fetch};
use nmissed_vm::{Guest, GuestFile, Session, SessionEnd};
use nmissed_wire::{BUSYBOX, TESTS_DIR};

use crate::boot::guest;
use crate::boot::session::{BootJob, BootSession, BootSettings};
use crate::exit::Exit;
use crate::plan::bootable::Bootable;
use crate::plan::kernels::kernels;
use crate::plan::targets::Targets;
use crate::shell::copy::shared;
use crate::shell::script::{self, Looks};
use crate::shell::terminal::Terminal;
use crate::workspace::Workspace;

/// What to run, and what it finds in the guest.
#[derive(Clone, Debug, Default)]
pub struct ShellRequest {
    /// How to boot.
    pub boot: BootSettings,
    /// A program and its arguments; a shell on the user's terminal if empty.
    pub command: Vec<String>,
    /// A folder that is copied to `/share` of the guest.
    pub share: Option<PathBuf>,
    /// The port of localhost on which the machine waits for gdb.
    pub gdb: Option<u16>,
}

/// Boots one kernel, and runs a shell or a command in it.
///
/// # Errors
/// [`UsageError`](crate::UsageError) for several kernels or variants, and for a folder that
/// cannot be shared; else the host could not do it.
pub fn shell(workspace: &Workspace, targets: &Targets, request: &ShellRequest) -> Result<Exit> {
    targets.check_one()?;
    let share = request.share.as_deref().map(shared).transpose()?;
    let boots = BootSession::start(workspace, &request.boot)?;
    let exit = boot(
        workspace,
        targets,
        &boots,
        share.unwrap_or_default(),
        request,
    );
    let is_evidence = match &exit {
        Ok(exit) => *exit == Exit::Failed,
        Err(_) => nmissed_host::check_interrupt().is_ok() && !boots.output.discard(),
    };
    let dir = boots.output.dir();
    if !is_evidence && request.boot.output.is_none() && dir.exists() {
        // The console of a machine that did what it should is no evidence.
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    exit
}

fn boot(
    workspace: &Workspace,
    targets: &Targets,
    boots: &BootSession,
    share: Vec<GuestFile>,
    request: &ShellRequest,
) -> Result<Exit> {
    let (kernel, headers) = targets.one(&boots.host)?;
    let guest = guest::build(workspace, headers.as_deref(), &boots.host)?;
    let mut files = programs(workspace, targets, &guest, &boots.host)?;
    files.extend(share);
    let end = run(boots, &kernel, &guest, &files, request)?;
    conclude(boots, &end, request)
}

/// Lists busybox, the test programs, and bpftool where it can be built.
fn programs(
    workspace: &Workspace,
    targets: &Targets,
    guest: &Guest,
    host: &Host,
) -> Result<Vec<GuestFile>> {
    let file = |path: String, from: &Path| GuestFile {
        path,
        from: from.to_owned(),
    };
    let mut files = vec![file(BUSYBOX.to_owned(), &busybox()?)];
    let tests = guest.tests.iter();
    files.extend(tests.map(|(name, from)| file(format!("{TESTS_DIR}/{name}"), from)));
    match source(workspace, targets, host).and_then(|tree| Ok(build_bpftool(&tree, host)?)) {
        Ok(bpftool) => files.push(file("/bin/bpftool".to_owned(), &bpftool)),
        Err(error) => {
            nmissed_host::check_interrupt()?;
            let text = format!("{error:#}");
            let why = text.lines().next().unwrap_or_default();
            host.progress.say(&format!("without bpftool: {why}"));
        }
    }
    Ok(files)
}

/// Returns the source of the kernel; for one that is not built here that of the newest
/// that is.
fn source(workspace: &Workspace, targets: &Targets, host: &Host) -> Result<SourceTree> {
    if let Some(plan) = targets.to_build.first() {
        return Ok(fetch(&plan.spec, host)?);
    }
    let kernels = kernels(workspace)?;
    let newest = kernels.routine_ids().last();
    let newest = newest.context("no kernel is built here, whose bpftool could be used")?;
    Ok(fetch(kernels.get(newest)?, host)?)
}

fn busybox() -> Result<PathBuf> {
    let path = find_program("busybox").context("busybox is not installed")?;
    let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    // Of the program header that names the dynamic linker.
    let interpreter = b"/ld-linux";
    let head = &content[..content.len().min(4096)];
    if head.windows(interpreter.len()).any(|it| it == interpreter) {
        bail!(
            "{} is not static: install Debian's busybox-static in place of busybox",
            path.display()
        );
    }
    Ok(path)
}

fn run(
    boots: &BootSession,
    kernel: &Bootable,
    guest: &Guest,
    files: &[GuestFile],
    request: &ShellRequest,
) -> Result<SessionEnd> {
    let interactive = request.command.is_empty();
    let name = format!("{} {}", kernel.id, kernel.variant);
    let script = if interactive {
        script::shell(&Looks {
            size: size(),
            term: std::env::var("TERM").unwrap_or_else(|_| "vt100".to_owned()),
            kernel: name.clone(),
        })
    } else {
        script::command(&request.command)
    };
    let job = BootJob {
        guest,
        plan: &[],
        deadlines: boots.deadlines(),
        // gdb has the addresses of vmlinux.
        append: if request.gdb.is_some() { "nokaslr" } else { "" },
        files: &[],
    };
    let dir = boots.run_dir(kernel)?;
    let spec = boots.spec(kernel, &job, &dir)?;
    announce(&boots.host, &name, kernel, request);
    let (ours, theirs) = UnixStream::pair().context("cannot create a pair of sockets")?;
    let terminal = Terminal::connect(ours, interactive)?;
    let has_quit = terminal.has_quit();
    let session = Session {
        script: &script,
        files,
        terminal: theirs.into(),
        gdb: request.gdb,
    };
    let end = nmissed_vm::session(&spec, session, || !has_quit());
    terminal.close();
    Ok(end?)
}

fn announce(host: &Host, name: &str, kernel: &Bootable, request: &ShellRequest) {
    let mut line = format!("booting {name}");
    if request.command.is_empty() && stdin().is_terminal() {
        line += "; exit, or Ctrl-A x, ends the machine";
    }
    host.progress.say(&line);
    if let Some(port) = request.gdb {
        host.progress.say("waiting for gdb:");
        let vmlinux = kernel.vmlinux.display();
        host.progress
            .say(&format!("  gdb {vmlinux} -ex 'target remote :{port}'"));
        if kernel.configured.is_none() {
            let package = "linux-image-RELEASE-dbg";
            host.progress.say(&format!(
                "  with the vmlinux of {package} in place of the image, which has no symbols"
            ));
        }
    }
}

fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(stdin()).ok()?;
    (size.ws_row > 0).then_some((size.ws_row, size.ws_col))
}

/// A shell that ended is no verdict; a command's status is the result.
fn conclude(boots: &BootSession, end: &SessionEnd, request: &ShellRequest) -> Result<Exit> {
    let say = |line: &str| {
        boots.host.progress.say(line);
        boots.say_where();
    };
    match end {
        SessionEnd::Exited(status) if !request.command.is_empty() => Ok(Exit::Command(*status)),
        SessionEnd::Exited(_) | SessionEnd::Stopped => Ok(Exit::Good),
        // poweroff and the like.
        SessionEnd::MachineEnded(None) if request.command.is_empty() => Ok(Exit::Good),
        SessionEnd::MachineEnded(why) => {
            let why = why.as_deref().unwrap_or("before the command had");
            say(&format!("the machine ended: {why}"));
            Ok(Exit::Failed)
        }
        SessionEnd::NotStarted(after) => {
            say(&format!(
                "the kernel did not boot within {} s",
                after.as_secs()
            ));
            Ok(Exit::Failed)
        }
    }
}
