// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's command line.

pub(crate) mod monitor;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nmissed_host::{Cmd, find_program};
use nmissed_wire::{PARAMETER_PREFIX, RECORDS_PORT};

use crate::accel::Accel;
use crate::error::{Error, Result};
use crate::machines::{Channel, Machine};
use crate::spec::BootSpec;

const VERSION_DEADLINE: Duration = Duration::from_secs(10);
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// No default devices and no settings of the user; a restart of the guest ends QEMU.
pub(crate) const BARE: [&str; 5] = [
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-no-reboot",
];

/// The parameters of every kernel. The console shows the boot from its first line. A
/// crash ends the machine after its report; `reboot=t` (triple fault) needs no device.
/// Most of a test's time would be grace periods when its probes are detached
/// (`synchronize_rcu`, `synchronize_srcu`); expedited ones interrupt the busy CPUs and
/// end sooner. They change neither how probes are armed nor what is counted.
///
/// An NMI from the host ends a kernel that hangs by a panic, which prints where all
/// processors and tasks are. Its reason is unknown or, on a machine without port 0x61, SERR
/// (`default_do_nmi`, arch/x86/kernel/nmi.c).
const KERNEL: &str = "console=ttyS0 earlyprintk=serial,ttyS0,115200 loglevel=7 \
                      oops=panic panic=-1 reboot=t rcupdate.rcu_expedited=1 \
                      panic_print=0x41 unknown_nmi_panic \
                      sysctl.kernel.panic_on_unrecovered_nmi=1";

/// The files of one boot, by absolute paths.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) image: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) console: PathBuf,
    pub(crate) records: PathBuf,
    /// What comes from the second serial port, where messages are only without a virtio
    /// port: another program of the guest can write there.
    pub(crate) serial: PathBuf,
    pub(crate) cmdline: PathBuf,
    /// The registers of a machine that hangs.
    pub(crate) registers: PathBuf,
}

impl Files {
    pub(crate) fn new(image: PathBuf, folder: &Path) -> Self {
        Self {
            image,
            initramfs: folder.join("initramfs.cpio"),
            console: folder.join("console.log"),
            records: folder.join("records.jsonl"),
            serial: folder.join("records-serial.jsonl"),
            cmdline: folder.join("cmdline"),
            registers: folder.join("registers"),
        }
    }
}

pub(crate) fn program() -> Result<PathBuf> {
    find_program(PROGRAM).ok_or(Error::NoQemu { program: PROGRAM })
}

/// Returns the first line of QEMU's `--version`.
///
/// # Errors
/// If there is no QEMU, or it fails.
pub fn version() -> Result<String> {
    let version = Cmd::new(program()?).arg("--version");
    let lines = version.deadline(VERSION_DEADLINE).run()?;
    Ok(lines.into_iter().next().unwrap_or_default())
}

/// Returns the options for an accelerator and the processor with all its features.
pub(crate) fn accel(accel: Accel) -> [&'static str; 4] {
    let how = match accel {
        Accel::Kvm => "kvm",
        // These kernels patch text that another CPU executes. With a thread per CPU
        // QEMU has executed an int3 after it was patched out: an oops that is not the
        // kernel's fault.
        Accel::Tcg => "tcg,thread=single",
    };
    ["-accel", how, "-cpu", "max"]
}

/// Returns the options with which clocks count instructions, one per nanosecond. Without
/// sleep an idle guest does not wait for its timers, and a seed makes random numbers the
/// same in each boot.
fn icount(machine: &Machine) -> &'static [&'static str] {
    match machine.counts_instructions {
        true => &["-icount", "shift=0,sleep=off", "-seed", "1"],
        false => &[],
    }
}

/// Returns the command that boots and runs tests; `clock` is a kernel parameter. The guest
/// uses one of the second serial port and the virtio port.
pub(crate) fn command(program: &Path, spec: &BootSpec, files: &Files, clock: &str) -> Cmd {
    let cmd = with_console(program, spec, files, clock)
        .arg("-chardev")
        .arg(chardev("tty", &files.serial, ",append=on"))
        .args(["-device", "isa-serial,chardev=tty,index=1"]);
    let bus = match spec.machine.channel {
        Channel::VirtioMmio => "virtio-serial-device",
        Channel::VirtioPci => "virtio-serial-pci",
        Channel::Serial => return cmd,
    };
    let port = format!("virtserialport,chardev=port,name={RECORDS_PORT}");
    cmd.arg("-chardev")
        .arg(chardev("port", &files.records, ",append=on"))
        .args(["-device", bus, "-device", &port])
}

/// Returns the command that boots with the console in a file, and nothing else.
pub(crate) fn with_console(program: &Path, spec: &BootSpec, files: &Files, clock: &str) -> Cmd {
    let machine = spec.machine;
    Cmd::new(program)
        .args(BARE)
        .args(["-machine", &machine.qemu])
        .args(accel(spec.accel))
        .args(icount(machine))
        .args(["-smp", &machine.cpus.to_string()])
        .args(["-m", &format!("{}M", machine.memory_mib)])
        .arg("-kernel")
        .arg(&files.image)
        .arg("-initrd")
        .arg(&files.initramfs)
        .args(["-append", &append(spec, clock)])
        .arg("-chardev")
        .arg(chardev("console", &files.console, ""))
        .args(["-serial", "chardev:console"])
}

/// Returns the kernel's command line, which x86 cuts at `COMMAND_LINE_SIZE` (2048 bytes).
fn append(spec: &BootSpec, clock: &str) -> String {
    let for_init = [
        ("kernel", spec.kernel),
        ("variant", spec.variant),
        ("behaviours", spec.behaviours),
        ("configured", if spec.configured { "1" } else { "0" }),
    ];
    let release = spec.release.map(|release| ("release", release));
    let for_init = for_init.into_iter().chain(release);
    // A blank would begin another parameter, as in the name of a user's image.
    let word = |value: &str| value.replace(|c: char| c.is_whitespace() || c == '"', "_");
    let for_init = for_init.map(|(key, value)| format!("{PARAMETER_PREFIX}{key}={}", word(value)));
    let words = [KERNEL, clock, &spec.machine.append, spec.append].map(str::to_owned);
    let words = words.into_iter().filter(|words| !words.is_empty());
    words.chain(for_init).collect::<Vec<_>>().join(" ")
}

/// A file as a character device, which QEMU writes without a buffer.
fn chardev(id: &str, path: &Path, options: &str) -> OsString {
    let mut text = OsString::from(format!("file,id={id},path="));
    text.push(escape(path.as_os_str()));
    text.push(options);
    text
}

/// Doubles commas: QEMU splits options at single ones.
fn escape(path: &OsStr) -> OsString {
    let doubled = |&byte: &u8| std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 });
    OsString::from_vec(path.as_bytes().iter().flat_map(doubled).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::Deadlines;
    use crate::spec::Guest;
    use std::time::Duration;

    fn line(machine: &Machine, accel: Accel, release: Option<&str>) -> String {
        let guest = Guest {
            init: PathBuf::from("/build/init"),
            tests: Vec::new(),
        };
        let spec = BootSpec {
            kernel: "6.12",
            variant: "active",
            behaviours: "counts-perf-event-misses,-yields-to-prog-active",
            release,
            configured: release.is_some(),
            image: Path::new("/build/bzImage"),
            guest: &guest,
            plan: &[],
            files: &[],
            machine,
            accel,
            deadlines: Deadlines {
                boot: Duration::ZERO,
                test: Duration::ZERO,
                grace: Duration::ZERO,
                total: Duration::ZERO,
            },
            append: "",
            output: Path::new("/out,6.12"),
        };
        let clock = match accel {
            Accel::Kvm => "",
            Accel::Tcg => "tsc_early_khz=2596148",
        };
        let files = Files::new(spec.image.to_owned(), spec.output);
        let line = command(Path::new(PROGRAM), &spec, &files, clock).line();
        line.replace(" -", "\n-")
    }

    fn machine(qemu: &str, channel: Channel, append: &str) -> Machine {
        Machine {
            qemu: qemu.to_owned(),
            cpus: 2,
            memory_mib: 512,
            channel,
            append: append.to_owned(),
            counts_instructions: false,
        }
    }

    #[test]
    fn microvm_under_tcg() {
        let machine = machine("microvm,acpi=off", Channel::VirtioMmio, "tsc=reliable");
        insta::assert_snapshot!(line(&machine, Accel::Tcg, Some("6.12.117-nmissed-active")));
    }

    #[test]
    fn clocks_count_instructions_on_request() {
        let machine = Machine {
            counts_instructions: true,
            ..machine("microvm,acpi=off", Channel::VirtioMmio, "")
        };
        let line = line(&machine, Accel::Tcg, None);
        assert!(
            line.contains("\n-icount shift=0,sleep=off\n-seed 1\n"),
            "{line}"
        );
    }

    #[test]
    fn q35_under_kvm() {
        let machine = machine("q35", Channel::VirtioPci, "");
        insta::assert_snapshot!(line(&machine, Accel::Kvm, None));
    }

    #[test]
    fn a_blank_in_a_name_begins_no_parameter() {
        let machine = machine("q35", Channel::VirtioPci, "");
        let line = line(&machine, Accel::Tcg, Some("my image init=/bin/sh"));
        assert!(
            line.contains("nmissed.release=my_image_init=/bin/sh'"),
            "{line}"
        );
    }

    #[test]
    fn a_serial_channel_has_no_virtio_device() {
        let machine = machine("microvm,acpi=off", Channel::Serial, "");
        assert!(!line(&machine, Accel::Tcg, None).contains("virt"));
    }
}
