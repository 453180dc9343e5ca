// SPDX-License-Identifier: GPL-2.0-only
//! Makes faults, as a test program that PID 1 runs: `--exact NAME` with the name of one.
//!
//! `crates/runner/src/selfcheck` on the host has the outcome of each. `well` is no fault:
//! it fails if the test before it has left anything.

#![forbid(unsafe_code)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nmissed_wire::output::{RECORDS, write_line};
use nmissed_wire::{AttachType, Message, Outcome, RECORDS_TTY, Record, Tally};
use rustix::system::{RebootCommand, reboot};

/// More records than PID 1 takes of one test.
const FLOOD: usize = 12_000;
/// A process that a fault starts, and that outlives it.
const ORPHAN: &str = "orphan";

fn main() -> Result<()> {
    let mut args = std::env::args().skip_while(|arg| arg != "--exact");
    let name = args.nth(1).context("no --exact NAME given")?;
    match name.as_str() {
        "well" => well(),
        "exits" => bail!("this test fails"),
        "aborts" => std::process::abort(),
        "loops" => loop {
            std::hint::spin_loop();
        },
        "sleeps" => loop {
            std::thread::park();
        },
        "leaves-a-process" => leave_a_process(),
        ORPHAN => orphan(),
        "leaves-files" => Ok(fs::write("/tmp/left", "x")?),
        "removes-the-channel" => Ok(fs::remove_file(path_of_records()?)?),
        "unmounts-proc" => Ok(rustix::mount::unmount(
            "/proc",
            rustix::mount::UnmountFlags::DETACH,
        )?),
        "half-record" => write_raw(r#"{"scenario":"tp/half"#),
        "wrong-sum" => Ok(write_line(&Record {
            lost: 9,
            ..record("tp/wrong-sum")
        })?),
        "escape-sequence" => Ok(write_line(&record("tp/\u{1b}[2J"))?),
        "floods-records" => (0..FLOOD).try_for_each(|_| Ok(write_line(&record("tp/flood"))?)),
        "floods-garbage" => write_raw(&"garbage\n".repeat(1 << 19)),
        "floods-output" => Ok(std::io::stdout().write_all(&b"output\n".repeat(1 << 18))?),
        "forges-an-end" => forge_an_end(),
        "forges-a-panic" => Ok(fs::write(
            "/dev/kmsg",
            "---[ end Kernel panic - not syncing: by a program ]---",
        )?),
        "takes-all-memory" => take_all_memory(),
        "panics-the-kernel" => {
            fs::write("/proc/sys/vm/panic_on_oom", "1")?;
            take_all_memory()
        }
        "kills-pid-1" => kill_pid_1(),
        "powers-off" => Ok(reboot(RebootCommand::PowerOff)?),
        "restarts" => Ok(reboot(RebootCommand::Restart)?),
        other => bail!("there is no fault {other:?}"),
    }
}

/// Checks that no process and no file is left of an earlier test, and writes a record.
fn well() -> Result<()> {
    // Time for a process that is left to show itself.
    sleep(Duration::from_millis(100));
    let own = std::process::id().to_string();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_other = name.parse::<u32>().is_ok_and(|pid| pid > 1) && name != own;
        // Of a thread of the kernel it is empty.
        let line = fs::read(format!("/proc/{name}/cmdline")).unwrap_or_default();
        ensure!(!is_other || line.is_empty(), "process {name} is left");
    }
    ensure!(fs::read_dir("/tmp")?.count() == 0, "/tmp is not empty");
    Ok(write_line(&record("tp/well"))?)
}

fn record(scenario: &str) -> Record {
    Record::new(scenario, AttachType::Tp, None, Tally::default())
}

fn path_of_records() -> Result<String> {
    std::env::var(RECORDS).with_context(|| format!("{RECORDS} is not set"))
}

fn write_raw(text: &str) -> Result<()> {
    let path = path_of_records()?;
    let file = OpenOptions::new().append(true).open(&path);
    let mut file = file.with_context(|| format!("cannot open {path}"))?;
    Ok(file.write_all(text.as_bytes())?)
}

fn leave_a_process() -> Result<()> {
    let own = std::env::current_exe()?;
    let mut orphan = Command::new(own);
    orphan
        .args(["--exact", ORPHAN])
        .stdin(Stdio::null())
        .spawn()?;
    // It has a session of its own then.
    sleep(Duration::from_millis(20));
    Ok(())
}

fn orphan() -> Result<()> {
    rustix::process::setsid()?;
    sleep(Duration::from_millis(60));
    loop {
        write_line(&record("tp/orphan"))?;
        writeln!(std::io::stdout(), "output of the orphan")?;
    }
}

/// Writes what PID 1 would, where any program can write.
fn forge_an_end() -> Result<()> {
    let end = Message::End {
        name: "faulty::well".to_owned(),
        outcome: Outcome::Pass,
        seconds: 0.0,
    };
    let mut tty = OpenOptions::new().write(true).open(RECORDS_TTY)?;
    for message in [end, Message::Bye] {
        let line = serde_json::to_string(&message)? + "\n";
        tty.write_all(line.as_bytes())?;
    }
    rustix::termios::tcdrain(&tty)?;
    // PID 1 may have another channel: the host reads this one while the test still runs.
    sleep(Duration::from_secs(1));
    Ok(())
}

fn take_all_memory() -> Result<()> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 1 << 20]);
    }
}

/// Overwrites the stack of PID 1, which then returns to address 0.
fn kill_pid_1() -> Result<()> {
    let maps = fs::read_to_string("/proc/1/maps")?;
    let stack = maps.lines().find(|line| line.ends_with("[stack]"));
    let range = stack.and_then(|line| line.split(' ').next()?.split_once('-'));
    let (start, end) = range.context("PID 1 has no stack")?;
    let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16));
    let (start, end) = (start?, end?);
    let memory = OpenOptions::new().write(true).open("/proc/1/mem")?;
    memory.write_all_at(&vec![0; usize::try_from(end - start)?], start)?;
    sleep(Duration::from_secs(1));
    Ok(())
}
