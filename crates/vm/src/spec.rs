// SPDX-License-Identifier: GPL-2.0-only
//! The input of a boot.

use std::path::{Path, PathBuf};

use nmissed_wire::PlannedTest;

use crate::accel::Accel;
use crate::machines::{Deadlines, Machine};

/// The programs of the guest, all static.
#[derive(Clone, Debug)]
pub struct Guest {
    /// PID 1.
    pub init: PathBuf,
    /// Name and path of each test program.
    pub tests: Vec<(String, PathBuf)>,
}

/// A kernel, the tests to run on it, the machine, and the folder for the output.
#[derive(Clone, Copy, Debug)]
pub struct BootSpec<'a> {
    /// The kernel's id, for the result and for messages of the tests.
    pub kernel: &'a str,
    /// The variant, for the result and the tests.
    pub variant: &'a str,
    /// The behaviours that the kernel's patches add and remove, for the tests: names
    /// of [`nmissed_wire::Behaviour`] separated by commas, with a `-` before each
    /// removed one; `?` if the patches declare none.
    pub behaviours: &'a str,
    /// The expected `uname -r`, where it is known.
    pub release: Option<&'a str>,
    /// Whether the kernel was configured here: an unmet precondition of a test is then
    /// a failure, not a skip.
    pub configured: bool,
    /// bzImage, or an ELF vmlinux with a PVH entry.
    pub image: &'a Path,
    /// The guest's programs.
    pub guest: &'a Guest,
    /// The tests to run, in this order.
    pub plan: &'a [PlannedTest],
    /// More files for the guest: path and content.
    pub files: &'a [(&'a str, Vec<u8>)],
    /// The virtual machine.
    pub machine: &'a Machine,
    /// What executes its instructions.
    pub accel: Accel,
    /// How long its parts may take.
    pub deadlines: Deadlines,
    /// More kernel parameters.
    pub append: &'a str,
    /// The folder for `console.log`, `records.jsonl`, `cmdline` and
    /// `initramfs.cpio`; created if it does not exist.
    pub output: &'a Path,
}
