// SPDX-License-Identifier: GPL-2.0-only
//! Whether a file can be booted on x86, and the release that it says it is of.

use crate::bytes::{range, u16_at, u32_at};
use crate::container::layers::{HDRS, SETUP_SECTS, linux_of_uki};
use crate::elf::file::Elf;
use crate::elf::release;
use crate::{Compression, Error, Result};

// Offsets into struct setup_header, as in `layers`.
const SYSSIZE: usize = 0x1f4;
const KERNEL_VERSION: usize = 0x20e;
/// Counted from here on.
const KERNEL_VERSION_BASE: u64 = 0x200;
/// `__NEW_UTS_LEN`.
const RELEASE_LEN: u64 = 64;
const SECTOR: u64 = 512;
/// Magic of an arm64 Image (Documentation/arch/arm64/booting.rst), and where it lies.
const ARM64: (usize, &[u8]) = (0x38, b"ARM\x64");

/// Returns the bytes that a boot loader loads: the kernel in a unified kernel image,
/// whose command line and initramfs are left out, and any other file as it is.
pub fn boot_image(file: &[u8]) -> &[u8] {
    if has_setup_header(file) {
        return file;
    }
    linux_of_uki(file).unwrap_or(file)
}

fn has_setup_header(image: &[u8]) -> bool {
    image.get(HDRS..HDRS + 4) == Some(b"HdrS")
}

/// Returns the release (`uname -r`) of a bzImage or vmlinux, or of the one in a unified
/// kernel image, `None` where it has none.
///
/// # Errors
/// [`Error::NotBootable`] for a module, a compressed file, an image of another
/// architecture and other files without an x86 setup header; [`Error::Truncated`] for a
/// bzImage that is shorter than its header says.
pub fn boot_release(image: &[u8]) -> Result<Option<String>> {
    let image = boot_image(image);
    if has_setup_header(image) {
        return of_bzimage(image);
    }
    if image.starts_with(b"\x7fELF") {
        return of_elf(image);
    }
    let (at, magic) = ARM64;
    let found = if image.get(at..at + magic.len()) == Some(magic) {
        "a kernel for arm64".to_owned()
    } else if let Some(method) = Compression::of(image) {
        format!("a file compressed with {method}")
    } else if image.starts_with(b"MZ") {
        "an EFI program with neither an x86 setup header nor a .linux section".to_owned()
    } else {
        "a file of another kind".to_owned()
    };
    Err(Error::NotBootable { found })
}

fn of_bzimage(image: &[u8]) -> Result<Option<String>> {
    let cut = || Error::truncated("bzImage header", SETUP_SECTS);
    let sectors = u64::from(*image.get(SETUP_SECTS).ok_or_else(cut)?);
    // 0 means 4, for images older than the field.
    let setup = (if sectors == 0 { 4 } else { sectors } + 1) * SECTOR;
    let size = u64::from(u32_at(image, SYSSIZE).ok_or_else(cut)?) * 16;
    if (image.len() as u64) < setup + size {
        return Err(Error::truncated("bzImage code", setup as usize));
    }
    let at = u16_at(image, KERNEL_VERSION).ok_or_else(cut)?;
    let text = range(image, KERNEL_VERSION_BASE + u64::from(at), RELEASE_LEN).filter(|_| at != 0);
    let release = text.and_then(|text| text.split(|byte| !byte.is_ascii_graphic()).next());
    let release = release.map(|text| String::from_utf8_lossy(text).into_owned());
    Ok(release.filter(|text| text.starts_with(|c: char| c.is_ascii_digit())))
}

fn of_elf(image: &[u8]) -> Result<Option<String>> {
    let elf = Elf::parse(image)?;
    if release::of_module(&elf).is_some() {
        let found = "a kernel module".to_owned();
        return Err(Error::NotBootable { found });
    }
    Ok(release::of_kernel(&elf))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::testing::containers::{bzimage, packed, pe};
    use crate::testing::toy::Kernel;
    use crate::testing::toy_module::toy_module;

    const VERSION: &[u8] = b"6.18.15+deb13-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP";

    /// A bzImage whose header has a version at an offset.
    fn versioned(at: u16) -> Vec<u8> {
        let mut image = bzimage(&[7; 992]);
        let size = (image.len() - 3 * 512) as u32 / 16;
        image[SYSSIZE..SYSSIZE + 4].copy_from_slice(&size.to_le_bytes());
        image[KERNEL_VERSION..KERNEL_VERSION + 2].copy_from_slice(&at.to_le_bytes());
        image[0x300..0x300 + VERSION.len()].copy_from_slice(VERSION);
        image
    }

    #[test_case(0x100 => Some("6.18.15+deb13-cloud-amd64".to_owned()); "a release")]
    #[test_case(0 => None; "none")]
    #[test_case(0xfff0 => None; "behind the end")]
    #[test_case(0x110 => None; "not a release")]
    fn release_of_a_bzimage(at: u16) -> Option<String> {
        boot_release(&versioned(at)).unwrap()
    }

    #[test]
    fn a_unified_kernel_image_boots_its_kernel() {
        let image = versioned(0x100);
        let uki = pe(b".linux\0\0", &image);
        assert_eq!(boot_image(&uki), image);
        assert_eq!(boot_image(&image), image);
        let release = boot_release(&uki).unwrap();
        assert_eq!(release.as_deref(), Some("6.18.15+deb13-cloud-amd64"));
    }

    #[test]
    fn release_of_a_vmlinux() {
        let release = boot_release(&Kernel::whole().elf()).unwrap();
        assert_eq!(release.as_deref(), Some("6.12.0-toy"));
    }

    #[test]
    fn an_image_shorter_than_its_header_says_is_cut_off() {
        let image = versioned(0x100);
        let error = boot_release(&image[..image.len() - 1]).unwrap_err();
        assert_eq!(error.to_string(), "bzImage code at 0x600 is cut off");
    }

    #[test_case(&pe(b".text\0\0\0", b"x") => "an EFI program with neither an x86 setup header nor a .linux section"; "an EFI program")]
    #[test_case(&pe(b".linux\0\0", b"x") => "a file of another kind"; "a unified kernel image of something else")]
    #[test_case(&[&[0; 0x38][..], b"ARM\x64", &[0; 64]].concat() => "a kernel for arm64"; "arm64")]
    #[test_case(&packed(Compression::Gzip, b"Image") => "a file compressed with gzip"; "compressed")]
    #[test_case(&toy_module() => "a kernel module"; "a module")]
    #[test_case(b"#!/bin/sh" => "a file of another kind"; "a script")]
    #[test_case(b"" => "a file of another kind"; "nothing")]
    fn what_does_not_boot_is_named(image: &[u8]) -> String {
        let error = boot_release(image).unwrap_err().to_string();
        let (wanted, found) = error.split_once(", but ").unwrap();
        assert!(wanted.starts_with("not an image that boots on x86_64"));
        found.split(" (").next().unwrap().to_owned()
    }

    proptest! {
        #[test]
        fn damaged_images_do_not_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
            let mut image = versioned(0x100);
            let at = at.index(image.len());
            image[at] = value;
            let _ = boot_release(&image);
            let _ = boot_release(&image[..cut.index(image.len())]);
        }
    }
}
