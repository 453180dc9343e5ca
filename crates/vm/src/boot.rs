// SPDX-License-Identifier: GPL-2.0-only
//! One boot, from the programs to the verdict.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nmissed_host::{Cmd, Error as HostError, Finished, write_atomic};
use nmissed_wire::{Message, PLAN, PlannedTest, Run, TESTS_DIR, parse_line};

use crate::clock::emulated_tsc_khz;
use crate::initramfs::Initramfs;
use crate::qemu::{self, Files};
use crate::tail::Tail;
use crate::watch::{Ending, Watch};
use crate::{Accel, Deadlines, Error, Machine, Result};

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// What runs in the guest; all of it static.
#[derive(Clone, Debug)]
pub struct Guest {
    /// PID 1.
    pub init: PathBuf,
    /// Name and path of each test program.
    pub tests: Vec<(String, PathBuf)>,
}

/// What to boot, on what, and where to leave what was seen.
#[derive(Clone, Copy, Debug)]
pub struct BootSpec<'a> {
    /// The kernel's id, for the result.
    pub kernel: &'a str,
    /// The kernel that the tests take it for.
    pub taken_for: &'a str,
    /// The variant, for the result and the tests.
    pub variant: &'a str,
    /// What `uname -r` must say, where that is known.
    pub release: Option<&'a str>,
    /// Whether nmissed configured this kernel: what a test misses there is a
    /// failure, not a skip.
    pub configured: bool,
    /// bzImage, or an ELF vmlinux with a PVH entry.
    pub image: &'a Path,
    /// The programs.
    pub guest: &'a Guest,
    /// Which tests to run, in this order.
    pub plan: &'a [PlannedTest],
    /// More files for the guest: path and content.
    pub files: &'a [(&'a str, Vec<u8>)],
    /// The machine.
    pub machine: &'a Machine,
    /// Who runs its instructions.
    pub accel: Accel,
    /// How long it may take.
    pub deadlines: Deadlines,
    /// More kernel parameters.
    pub append: &'a str,
    /// The folder for `console.log`, `records.jsonl`, `cmdline` and
    /// `initramfs.cpio`; made if it is not there.
    pub output: &'a Path,
}

/// Boots, runs the plan and powers off; hands over each message of the guest
/// as it comes.
///
/// # Errors
/// [`Error::NoQemu`], [`Error::UnknownProgram`], and [`Error::Host`] for files
/// and interruption. What goes wrong in the guest, or with QEMU while it runs,
/// is in the returned run.
pub fn boot(spec: &BootSpec, on_message: &mut dyn FnMut(&Message)) -> Result<Run> {
    let program = qemu::program()?;
    let files = prepare(spec)?;
    let arguments = qemu::arguments(spec, &files, &clock(spec.accel));
    let qemu = Cmd::new(program).args(arguments).tied();
    let line = format!("{}\n", qemu.line());
    write_atomic(&files.cmdline, line.as_bytes())?;

    let mut session = Session {
        started: Instant::now(),
        messages: Tail::create(&files.records)?,
        console: Tail::create(&files.console)?,
        watch: Watch::new(spec.plan, spec.deadlines),
        on_message,
    };
    let ending = session.follow(&qemu)?;
    Ok(session.finish(spec, ending))
}

fn prepare(spec: &BootSpec) -> Result<Files> {
    fs::create_dir_all(spec.output).map_err(HostError::io("create", spec.output))?;
    let find = |path: &Path| path.canonicalize().map_err(HostError::io("find", path));
    let files = Files::new(find(spec.image)?, &find(spec.output)?);
    let mut archive = initramfs(spec.guest, spec.plan)?;
    for (path, content) in spec.files {
        archive.file(path, FILE_MODE, content.clone());
    }
    let archive = archive.into_bytes();
    let archive = archive.map_err(HostError::io("pack", &files.initramfs))?;
    write_atomic(&files.initramfs, &archive)?;
    Ok(files)
}

/// Spares an emulated kernel a measurement that goes wrong.
fn clock(accel: Accel) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match (accel, emulated_tsc_khz(&cpuinfo)) {
        (Accel::Tcg, Some(khz)) => format!("tsc_early_khz={khz}"),
        _ => String::new(),
    }
}

/// PID 1, the plan, the programs that it names, and the devices that the
/// kernel wants before anything is mounted.
fn initramfs(guest: &Guest, plan: &[PlannedTest]) -> Result<Initramfs> {
    let read = |path: &Path| fs::read(path).map_err(HostError::io("read", path));
    let mut initramfs = Initramfs::default();
    initramfs.device("/dev/console", 5, 1);
    initramfs.device("/dev/null", 1, 3);
    initramfs.file("/init", PROGRAM_MODE, read(&guest.init)?);
    let text =
        serde_json::to_vec(plan).map_err(|error| HostError::io("encode", PLAN)(error.into()))?;
    initramfs.file(PLAN, FILE_MODE, text);
    let named: BTreeSet<_> = plan.iter().map(|test| &test.binary).collect();
    for binary in named {
        let given = guest.tests.iter().find(|(name, _)| name == binary);
        let (_, path) = given.ok_or_else(|| Error::UnknownProgram {
            name: binary.clone(),
        })?;
        initramfs.file(&format!("{TESTS_DIR}/{binary}"), PROGRAM_MODE, read(path)?);
    }
    Ok(initramfs)
}

/// One QEMU while it runs.
struct Session<'a> {
    started: Instant,
    messages: Tail,
    console: Tail,
    watch: Watch<'a>,
    on_message: &'a mut dyn FnMut(&Message),
}

impl Session<'_> {
    fn follow(&mut self, qemu: &Cmd) -> Result<Ending> {
        let mut stopped = None;
        let mut failed = None;
        let finished = qemu.finish_while(
            |_| (),
            || {
                failed = self.take_in().err();
                stopped = self.watch.overdue(self.started.elapsed());
                failed.is_none() && stopped.is_none()
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        self.take_in()?;
        Ok(stopped.map_or_else(|| exited(finished), Ending::Stopped))
    }

    /// Messages first: a test that began a moment ago is the one that crashed.
    fn take_in(&mut self) -> Result<()> {
        for line in self.messages.lines()? {
            match parse_line(&line) {
                Ok(message) => {
                    (self.on_message)(&message);
                    self.watch.message(self.started.elapsed(), message);
                }
                Err(error) => self.watch.noise(&error),
            }
        }
        for line in self.console.lines()? {
            self.watch.console(&line);
        }
        Ok(())
    }

    fn finish(mut self, spec: &BootSpec, ending: Ending) -> Run {
        if let Some(line) = self.console.rest() {
            self.watch.console(&line);
        }
        let total = self.started.elapsed();
        let verdict = self.watch.finish(total, ending);
        let release = verdict.release.or(spec.release.map(str::to_owned));
        Run {
            kernel: spec.kernel.to_owned(),
            variant: spec.variant.to_owned(),
            release: release.unwrap_or_default(),
            accel: spec.accel.name().to_owned(),
            boot_s: verdict.boot.map(|boot| boot.as_secs_f64()),
            total_s: total.as_secs_f64(),
            machine: verdict.machine,
            tests: verdict.tests,
            records: verdict.records,
            reports: verdict.reports,
            repetitions: Vec::new(),
        }
    }
}

fn exited(finished: Finished) -> Ending {
    let said = match finished.lines.as_slice() {
        [] => "without a word".to_owned(),
        lines => format!("and said: {}", lines.join("\n")),
    };
    Ending::Exited {
        failed: !finished.status.success(),
        words: format!("QEMU ended ({}) {said}", finished.status),
    }
}
