// SPDX-License-Identifier: GPL-2.0-only
//! The kernel release that an image says it is of.

use memchr::memmem;

use crate::elf::file::Elf;

/// Returns the value of a `MODULE_INFO()` tag.
pub(crate) fn info(elf: &Elf<'_>, tag: &str) -> Option<String> {
    let all = elf.unrelocated(".modinfo")?;
    let mut entries = all.split(|byte| *byte == 0);
    let value = entries.find_map(|entry| {
        let value = entry.strip_prefix(tag.as_bytes())?;
        value.strip_prefix(b"=")
    });
    value.map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Returns the release in `linux_banner`. Its symbol is one of data, so the text
/// is searched for; `linux_proc_banner` has a `%s` there.
pub(crate) fn of_kernel(elf: &Elf<'_>) -> Option<String> {
    const BANNER: &[u8] = b"Linux version ";
    let rodata = elf.section(".rodata")?.bytes;
    let banners = memmem::find_iter(rodata, BANNER).map(|at| &rodata[at + BANNER.len()..]);
    let release = banners
        .filter(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        .find_map(|rest| rest.split(|byte| !byte.is_ascii_graphic()).next())?;
    Some(String::from_utf8_lossy(release).into_owned())
}

/// Returns the release that a module's `vermagic` starts with.
pub(crate) fn of_module(elf: &Elf<'_>) -> Option<String> {
    let magic = info(elf, "vermagic")?;
    magic.split(' ').next().map(str::to_owned)
}
