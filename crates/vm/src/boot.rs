// SPDX-License-Identifier: GPL-2.0-only
//! One boot, from the programs to the [`Run`].

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nmissed_host::{Cmd, Error as HostError, Finished, is_full, write_atomic};
use nmissed_wire::text::printable;
use nmissed_wire::{BOOT, Decoder, Message, PLAN, PlannedTest, Run, TESTS_DIR};

use crate::accel::Accel;
use crate::clock::emulated_tsc_khz;
use crate::error::{Error, Result};
use crate::guest_time::GuestTime;
use crate::initramfs::Initramfs;
use crate::qemu::monitor::{self, Monitor};
use crate::qemu::{self, Files};
use crate::spec::{BootSpec, Guest};
use crate::tail::Tail;
use crate::watch::{Ending, Watch};

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
/// A number that no one has seen before (drivers/char/random.c).
const UUID: &str = "/proc/sys/kernel/random/uuid";
/// One instruction per nanosecond.
const INSTRUCTIONS_KHZ: u32 = 1_000_000;
/// How long a guest that hangs may take to print where it does.
const BACKTRACES: Duration = Duration::from_secs(10);
/// Begins QEMU's line about a signal, after which its exit status is 0.
const SIGNALLED: &str = "terminating on signal";

/// Boots, runs the plan and powers off; calls `on_message` for each message of the
/// guest as it arrives.
///
/// # Errors
/// [`Error::NoQemu`], [`Error::UnknownProgram`], and [`Error::Host`] for files. A failure in
/// the guest, or of QEMU while it runs, is in the returned run; so is an interruption, with
/// the tests that were done.
pub fn boot(spec: &BootSpec, on_message: &mut dyn FnMut(&Message)) -> Result<Run> {
    let program = qemu::program()?;
    let secret = nmissed_host::read_to_string(Path::new(UUID))?
        .trim()
        .to_owned();
    let files = prepare(spec, &secret)?;
    let qemu = qemu::command(&program, spec, &files, &clock(spec)).tied();
    let line = format!("{}\n", qemu.line());
    write_atomic(&files.cmdline, line.as_bytes())?;
    let (monitor, theirs) = Monitor::new().map_err(HostError::io("create", "a socket"))?;
    let qemu = qemu.args(monitor::ARGUMENTS).stdin(theirs);

    let mut supervisor = Supervisor {
        started: Instant::now(),
        time: GuestTime::start(),
        booted: None,
        messages: [Tail::create(&files.records)?, Tail::create(&files.serial)?],
        decoder: Decoder::new(&secret),
        folder: spec.output,
        console: Tail::create(&files.console)?,
        watch: Watch::new(spec.plan, spec.deadlines),
        monitor,
        overdue: None,
        on_message,
    };
    let ending = match supervisor.follow(&qemu) {
        Err(Error::Host(HostError::Interrupted)) => {
            supervisor.read_output()?;
            Ending::Interrupted
        }
        followed => followed?,
    };
    // Without a byte it is of no use: the guest had a virtio port.
    if fs::metadata(&files.serial).is_ok_and(|about| about.len() == 0) {
        let _ = fs::remove_file(&files.serial);
    }
    if let Some(registers) = supervisor.monitor.registers() {
        write_atomic(&files.registers, registers.as_bytes())?;
    }
    Ok(supervisor.finish(spec, ending))
}

/// Returns the files of a boot, and creates their folder.
pub(crate) fn files(spec: &BootSpec) -> Result<Files> {
    fs::create_dir_all(spec.output).map_err(HostError::io("create", spec.output))?;
    let find = |path: &Path| path.canonicalize().map_err(HostError::io("find", path));
    Ok(Files::new(find(spec.image)?, &find(spec.output)?))
}

fn prepare(spec: &BootSpec, secret: &str) -> Result<Files> {
    let files = files(spec)?;
    let mut archive = initramfs(spec.guest, spec.plan)?;
    archive.file(BOOT, FILE_MODE, secret.as_bytes().to_vec());
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
pub(crate) fn clock(spec: &BootSpec) -> String {
    if spec.machine.counts_instructions {
        return format!("tsc_early_khz={INSTRUCTIONS_KHZ}");
    }
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match (spec.accel, emulated_tsc_khz(&cpuinfo)) {
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
    /// The virtio port and the serial port.
    messages: [Tail; 2],
    decoder: Decoder,
    /// Where QEMU writes.
    folder: &'a Path,
    console: Tail,
    watch: Watch<'a>,
    monitor: Monitor,
    /// What the guest has not done in time, and when that was found.
    overdue: Option<(String, Duration)>,
    on_message: &'a mut dyn FnMut(&Message),
}

impl Supervisor<'_> {
    fn follow(&mut self, qemu: &Cmd) -> Result<Ending> {
        let mut failed = None;
        let finished = qemu.finish_while(
            |_| (),
            |process| {
                self.time.update(process);
                failed = self.read_output().err();
                failed.is_none() && self.go_on()
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        self.read_output()?;
        // QEMU leaves out what it cannot write.
        if is_full(self.folder) {
            self.watch.disk_is_full(self.folder);
        }
        let overdue = self.overdue.take();
        Ok(overdue.map_or_else(|| exited(finished), |(silence, _)| Ending::Overdue(silence)))
    }

    /// Whether the machine is to run on. One that hangs does so until it has printed where.
    fn go_on(&mut self) -> bool {
        let now = self.time.passed();
        if let Some((_, since)) = &self.overdue {
            return now - *since < BACKTRACES;
        }
        self.overdue = self.watch.overdue(now).map(|silence| (silence, now));
        let hangs = self.overdue.is_some() && self.watch.hangs();
        if hangs {
            self.monitor.interrupt();
        }
        hangs || self.overdue.is_none()
    }

    /// Reads messages before the console, so that a crash counts for the test that
    /// has just begun.
    fn read_output(&mut self) -> Result<()> {
        for tail in &mut self.messages {
            for line in tail.lines()? {
                match self.decoder.decode(&line) {
                    Ok(message) => {
                        self.booted.get_or_insert(self.started.elapsed());
                        if self.watch.message(self.time.passed(), &message) {
                            (self.on_message)(&message);
                        }
                    }
                    Err(error) => self.watch.invalid_message(&error),
                }
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
    let is_signalled = finished.lines.iter().any(|line| line.contains(SIGNALLED));
    let output = match finished.lines.as_slice() {
        [] => "without output".to_owned(),
        lines => format!("and printed: {}", printable(&lines.join("\n"))),
    };
    Ending::Exited {
        failed: is_signalled || !finished.status.success(),
        description: format!("QEMU ended ({}) {output}", finished.status),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;
    use test_case::test_case;

    #[test_case(0, &[] => false; "the guest restarts")]
    #[test_case(0, &["qemu-system-x86_64: terminating on signal 15 from pid 7 (kill)"] => true; "SIGTERM, which QEMU takes")]
    #[test_case(9, &[] => true; "SIGKILL")]
    #[test_case(1 << 8, &["could not open disk image"] => true; "an error")]
    fn only_the_end_of_a_restarting_guest_is_no_failure_of_qemu(
        status: i32,
        lines: &[&str],
    ) -> bool {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let status = ExitStatus::from_raw(status);
        match exited(Finished { status, lines }) {
            Ending::Exited { failed, .. } => failed,
            ending => panic!("{ending:?}"),
        }
    }
}
