// SPDX-License-Identifier: GPL-2.0-only
//! A module of the running kernel whose functions tests probe: `binfmt_misc`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nmissed_wire::MODULE;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::init_module;

/// The module's name.
const NAME: &str = "binfmt_misc";
/// Where its file system is mounted.
const MOUNT_POINT: &str = "/nmissed/binfmt_misc";

/// A loaded module.
#[derive(Debug)]
pub struct Module {
    status: File,
}

impl Module {
    /// The function that [`Module::call`] calls; no other code of the guest does.
    pub const FUNCTION: &'static str = "bm_status_read";

    /// Loads the module, unless an earlier test has; `None` if the host has none for this
    /// kernel.
    pub(crate) fn load() -> Result<Option<Self>> {
        let image = match fs::read(MODULE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            image => image.with_context(|| format!("cannot read {MODULE}"))?,
        };
        match init_module(&image, c"") {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(errno) => return Err(errno).context(format!("cannot load the module {NAME}")),
        }
        let status = Path::new(MOUNT_POINT).join("status");
        if !status.exists() {
            fs::create_dir_all(MOUNT_POINT)
                .with_context(|| format!("cannot create {MOUNT_POINT}"))?;
            mount(NAME, MOUNT_POINT, NAME, MountFlags::empty(), None)
                .with_context(|| format!("cannot mount {NAME}"))?;
        }
        let status =
            File::open(&status).with_context(|| format!("cannot open {}", status.display()))?;
        Ok(Some(Self { status }))
    }

    /// Calls [`Module::FUNCTION`] `times` times, by pread(2).
    ///
    /// # Errors
    /// If a read fails.
    pub fn call(&self, times: u64) -> Result<()> {
        for _ in 0..times {
            let read = self.status.read_at(&mut [0; 16], 0);
            ensure!(read.context("reading binfmt_misc/status")? > 0, "no status");
        }
        Ok(())
    }

    /// Returns whether the kernel has the module's BTF, which trampolines need.
    pub(crate) fn has_btf() -> bool {
        Path::new("/sys/kernel/btf").join(NAME).exists()
    }
}
