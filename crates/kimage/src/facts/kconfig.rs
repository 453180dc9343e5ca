// SPDX-License-Identifier: GPL-2.0-only
//! The configuration of a kernel, as far as its image has it.

use std::io::Read;

use flate2::bufread::GzDecoder;
use memchr::memmem;
use nmissed_kmakefile::Kconfig;

use crate::facts::image::Image;

impl Image<'_> {
    /// Returns the configuration that `CONFIG_IKCONFIG` built in.
    #[must_use]
    pub fn built_in_config(&self) -> Option<Kconfig> {
        /// More than a configuration has.
        const MOST: u64 = 4 << 20;
        const START: &[u8] = b"IKCFG_ST";
        let rodata = self.elf.section(".rodata")?.bytes;
        let packed = &rodata[memmem::find(rodata, START)? + START.len()..];
        let mut text = String::new();
        GzDecoder::new(packed)
            .take(MOST)
            .read_to_string(&mut text)
            .ok()?;
        Some(Kconfig::parse(&text))
    }

    /// Returns the symbols that the image itself implies.
    #[must_use]
    pub fn implied_config(&self) -> Kconfig {
        let mut on = vec!["CONFIG_X86", "CONFIG_X86_64", "CONFIG_64BIT"];
        if !self.tables.call_sites.is_empty() {
            on.extend([
                "CONFIG_FTRACE",
                "CONFIG_FUNCTION_TRACER",
                "CONFIG_DYNAMIC_FTRACE",
            ]);
        }
        Kconfig::partial(on)
    }
}
