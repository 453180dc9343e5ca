// SPDX-License-Identifier: GPL-2.0-only
//! One boot, from the programs to the [`Run`].

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nmissed_host::{Cmd, Error as HostError, Finished, write_atomic};
use nmissed_wire::{Message, PLAN, PlannedTest, Run, TESTS_DIR, parse_line};

use crate::accel::Accel;
use crate::clock::emulated_tsc_khz;
use crate::error::{Error, Result};
use crate::guest_time::GuestTime;
use crate::initramfs::Initramfs;
use crate::qemu::{self, Files};
use crate::spec::{BootSpec, Guest};
use crate::tail::Tail;
use crate::watch::{Ending, Watch};

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Boots, runs the plan and powers off; calls `on_message` for each message of the
/// guest as it arrives.
///
/// # Errors
/// [`Error::NoQemu`], [`Error::UnknownProgram`], and [`Error::Host`] for files
/// and interruption. A failure in the guest, or of QEMU while it runs, is in the
/// returned run.
pub fn boot(spec: &BootSpec, on_message: &mut dyn FnMut(&Message)) -> Result<Run> {
    let program = qemu::program()?;
    let files = prepare(spec)?;
    let qemu = qemu::command(&program, spec, &files, &clock(spec.accel)).tied();
    let line = format!("{}\n", qemu.line());
    write_atomic(&files.cmdline, line.as_bytes())?;

    let mut supervisor = Supervisor {
        started: Instant::now(),
        time: GuestTime::start(),
        booted: None,
        messages: Tail::create(&files.records)?,
        console: Tail::create(&files.console)?,
        watch: Watch::new(spec.plan, spec.deadlines),
        on_message,
    };
    let ending = supervisor.follow(&qemu)?;
    Ok(supervisor.finish(spec, ending))
}

/// Returns the files of a boot, and creates their folder.
pub(crate) fn files(spec: &BootSpec) -> Result<Files> {
    fs::create_dir_all(spec.output).map_err(HostError::io("create", spec.output))?;
    let find = |path: &Path| path.canonicalize().map_err(HostError::io("find", path));
    Ok(Files::new(find(spec.image)?, &find(spec.output)?))
}

fn prepare(spec: &BootSpec) -> Result<Files> {
    let files = files(spec)?;
    let mut archive = initramfs(spec.guest, spec.plan)?;
    for (path, content) in spec.files {
        archive.file(path, FILE_MODE, content.clone());
    }
    let archive = archive.into_bytes();
    let archive = archive.map_err(HostError::io("pack", &files.initramfs))?;
    write_atomic(&files.initramfs, &archive)?;
    Ok(files)
}

/// Returns the kernel parameter that replaces the measurement of the TSC, which is
/// unreliable under TCG.
pub(crate) fn clock(accel: Accel) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match (accel, emulated_tsc_khz(&cpuinfo)) {
        (Accel::Tcg, Some(khz)) => format!("tsc_early_khz={khz}"),
        _ => String::new(),
    }
}

/// Packs PID 1, and the devices that the kernel and PID 1 use before devtmpfs is mounted.
pub(crate) fn bare_initramfs(init: &Path) -> Result<Initramfs> {
    let mut initramfs = Initramfs::default();
    initramfs.device("/dev/console", 5, 1);
    initramfs.device("/dev/null", 1, 3);
    initramfs.file("/init", PROGRAM_MODE, read(init)?);
    Ok(initramfs)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(fs::read(path).map_err(HostError::io("read", path))?)
}

/// Packs PID 1, the plan and its programs.
fn initramfs(guest: &Guest, plan: &[PlannedTest]) -> Result<Initramfs> {
    let mut initramfs = bare_initramfs(&guest.init)?;
    let text =
        serde_json::to_vec(plan).map_err(|error| HostError::io("encode", PLAN)(error.into()))?;
    initramfs.file(PLAN, FILE_MODE, text);
    let named: BTreeSet<_> = plan.iter().map(|test| &test.binary).collect();
    for binary in named {
        let found = guest.tests.iter().find(|(name, _)| name == binary);
        let (_, path) = found.ok_or_else(|| Error::UnknownProgram {
            name: binary.clone(),
        })?;
        initramfs.file(&format!("{TESTS_DIR}/{binary}"), PROGRAM_MODE, read(path)?);
    }
    Ok(initramfs)
}

/// A running QEMU.
struct Supervisor<'a> {
    started: Instant,
    /// What the deadlines measure.
    time: GuestTime,
    /// The time from QEMU's start to PID 1's first message.
    booted: Option<Duration>,
    messages: Tail,
    console: Tail,
    watch: Watch<'a>,
    on_message: &'a mut dyn FnMut(&Message),
}

impl Supervisor<'_> {
    fn follow(&mut self, qemu: &Cmd) -> Result<Ending> {
        let (mut stopped, mut failed) = (None, None);
        let finished = qemu.finish_while(
            |_| (),
            |process| {
                self.time.update(process);
                failed = self.read_output().err();
                stopped = self.watch.overdue(self.time.passed());
                failed.is_none() && stopped.is_none()
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        self.read_output()?;
        Ok(stopped.map_or_else(|| exited(finished), Ending::Stopped))
    }

    /// Reads messages before the console, so that a crash counts for the test that
    /// has just begun.
    fn read_output(&mut self) -> Result<()> {
        for line in self.messages.lines()? {
            match parse_line(&line) {
                Ok(message) => {
                    (self.on_message)(&message);
                    self.booted.get_or_insert(self.started.elapsed());
                    self.watch.message(self.time.passed(), message);
                }
                Err(error) => self.watch.invalid_message(&error),
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
        let verdict = self.watch.finish(self.time.passed(), ending);
        let release = verdict.release.or(spec.release.map(str::to_owned));
        Run {
            kernel: spec.kernel.to_owned(),
            variant: spec.variant.to_owned(),
            release: release.unwrap_or_default(),
            accel: spec.accel.name().to_owned(),
            boot_s: self.booted.map(|boot| boot.as_secs_f64()),
            total_s: total.as_secs_f64(),
            machine: verdict.machine,
            tests: verdict.tests,
            records: verdict.records,
            reports: verdict.reports,
            deadly_sources: verdict.deadly_source.into_iter().collect(),
            ..Run::default()
        }
    }
}

fn exited(finished: Finished) -> Ending {
    let output = match finished.lines.as_slice() {
        [] => "without output".to_owned(),
        lines => format!("and printed: {}", lines.join("\n")),
    };
    Ending::Exited {
        failed: !finished.status.success(),
        description: format!("QEMU ended ({}) {output}", finished.status),
    }
}
