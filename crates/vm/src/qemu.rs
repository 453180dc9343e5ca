// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, find_program};
use nmissed_wire::{PARAMETER_PREFIX, RECORDS_PORT};

use crate::{Accel, BootSpec, Channel, Error, Result};

pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// No devices and no settings but ours; a restart of the guest ends QEMU.
pub(crate) const BARE: [&str; 5] = [
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-no-reboot",
];

/// For every kernel. The console shows all of the boot, from its first
/// moments. A crash ends the machine at once, after its report; a restart is a
/// triple fault, which needs nothing of the machine. Most of a test's time would be
/// the waits for RCU when its probes are detached (`synchronize_rcu`,
/// `synchronize_srcu`); expedited, a grace period interrupts the CPUs that are busy,
/// and ends sooner. Which probes are armed and what is counted when they are hit
/// does not depend on it.
const KERNEL: &str = "console=ttyS0 earlyprintk=serial,ttyS0,115200 loglevel=7 \
                      oops=panic panic=-1 reboot=t rcupdate.rcu_expedited=1";

/// The files of one boot, by paths that hold in any folder.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) image: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) console: PathBuf,
    pub(crate) records: PathBuf,
    pub(crate) cmdline: PathBuf,
}

impl Files {
    pub(crate) fn new(image: PathBuf, folder: &Path) -> Self {
        Self {
            image,
            initramfs: folder.join("initramfs.cpio"),
            console: folder.join("console.log"),
            records: folder.join("records.jsonl"),
            cmdline: folder.join("cmdline"),
        }
    }
}

/// Where QEMU is.
///
/// # Errors
/// [`Error::NoQemu`].
pub(crate) fn program() -> Result<PathBuf> {
    find_program(PROGRAM).ok_or(Error::NoQemu { program: PROGRAM })
}

/// What QEMU says it is.
///
/// # Errors
/// [`Error::NoQemu`], [`Error::Host`] if it does not run.
pub(crate) fn version() -> Result<String> {
    let lines = Cmd::new(program()?).arg("--version").run()?;
    Ok(lines.into_iter().next().unwrap_or_default())
}

/// The accelerator, with the richest processor that it offers.
pub(crate) fn accel(accel: Accel) -> [&'static str; 4] {
    let how = match accel {
        Accel::Kvm => "kvm",
        // Kernels that patch their own text while another CPU runs it are all we
        // boot. With a thread per CPU QEMU has been seen to execute the int3 of a
        // patch that was over: an oops that says nothing about the kernel.
        Accel::Tcg => "tcg,thread=single",
    };
    ["-accel", how, "-cpu", "max"]
}

/// The whole command line but for the program. `clock` is a kernel parameter.
pub(crate) fn arguments(spec: &BootSpec, files: &Files, clock: &str) -> Vec<OsString> {
    let machine = spec.machine;
    let mut args: Vec<OsString> = BARE.map(OsString::from).to_vec();
    args.extend(["-machine", &machine.qemu].map(OsString::from));
    args.extend(accel(spec.accel).map(OsString::from));
    args.extend(["-smp".into(), machine.cpus.to_string().into()]);
    args.extend(["-m".into(), format!("{}M", machine.memory_mib).into()]);
    args.extend(["-kernel".into(), files.image.clone().into()]);
    args.extend(["-initrd".into(), files.initramfs.clone().into()]);
    args.extend(["-append".into(), append(spec, clock).into()]);
    args.extend(console(&files.console));
    args.extend(tty_channel(&files.records));
    args.extend(virtio_channel(machine.channel, &files.records));
    args
}

/// The kernel's command line.
fn append(spec: &BootSpec, clock: &str) -> String {
    let ours = [
        ("kernel", spec.taken_for),
        ("variant", spec.variant),
        ("configured", if spec.configured { "1" } else { "0" }),
    ];
    let release = spec.release.map(|release| ("release", release));
    let ours = ours.into_iter().chain(release);
    let words = [KERNEL, clock, &spec.machine.append, spec.append].map(str::to_owned);
    words
        .into_iter()
        .filter(|words| !words.is_empty())
        .chain(ours.map(|(key, value)| format!("{PARAMETER_PREFIX}{key}={value}")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The first serial port.
fn console(log: &Path) -> [OsString; 4] {
    [
        "-chardev".into(),
        chardev("console", log, ""),
        "-serial".into(),
        "chardev:console".into(),
    ]
}

/// The second serial port. It and the virtio port append to one file, and the
/// guest uses one of them: the host need not know which.
fn tty_channel(records: &Path) -> [OsString; 4] {
    [
        "-chardev".into(),
        chardev("tty", records, ",append=on"),
        "-device".into(),
        "isa-serial,chardev=tty,index=1".into(),
    ]
}

fn virtio_channel(channel: Channel, records: &Path) -> Vec<OsString> {
    let bus = match channel {
        Channel::VirtioMmio => "virtio-serial-device",
        Channel::VirtioPci => "virtio-serial-pci",
        Channel::Serial => return Vec::new(),
    };
    vec![
        "-chardev".into(),
        chardev("port", records, ",append=on"),
        "-device".into(),
        bus.into(),
        "-device".into(),
        format!("virtserialport,chardev=port,name={RECORDS_PORT}").into(),
    ]
}

/// A file as a character device. Nothing that reached QEMU is lost with QEMU.
fn chardev(id: &str, path: &Path, options: &str) -> OsString {
    let mut text = OsString::from(format!("file,id={id},path="));
    text.push(escape(path.as_os_str()));
    text.push(options);
    text
}

/// QEMU splits options at commas, and reads two as one.
fn escape(path: &OsStr) -> OsString {
    let doubled = |&byte: &u8| std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 });
    OsString::from_vec(path.as_bytes().iter().flat_map(doubled).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deadlines, Guest, Machine};
    use std::time::Duration;

    fn line(machine: &Machine, accel: Accel, release: Option<&str>) -> String {
        let guest = Guest {
            init: PathBuf::from("/build/init"),
            tests: Vec::new(),
        };
        let spec = BootSpec {
            kernel: "6.12",
            taken_for: "6.12",
            variant: "active",
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
        let line = Cmd::new(PROGRAM)
            .args(arguments(&spec, &files, clock))
            .line();
        line.replace(" -", "\n-")
    }

    fn machine(qemu: &str, channel: Channel, append: &str) -> Machine {
        Machine {
            qemu: qemu.to_owned(),
            cpus: 2,
            memory_mib: 512,
            channel,
            append: append.to_owned(),
        }
    }

    #[test]
    fn our_kernels_under_emulation() {
        let machine = machine("microvm,acpi=off", Channel::VirtioMmio, "tsc=reliable");
        insta::assert_snapshot!(line(&machine, Accel::Tcg, Some("6.12.117-nmissed-active")));
    }

    #[test]
    fn other_kernels_on_hardware() {
        let machine = machine("q35", Channel::VirtioPci, "");
        insta::assert_snapshot!(line(&machine, Accel::Kvm, None));
    }

    #[test]
    fn no_virtio_at_all() {
        let machine = machine("microvm,acpi=off", Channel::Serial, "");
        assert!(!line(&machine, Accel::Tcg, None).contains("virt"));
    }
}
