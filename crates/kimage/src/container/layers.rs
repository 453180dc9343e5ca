// SPDX-License-Identifier: GPL-2.0-only
//! From the file that boots, or is loaded, to the ELF file inside it.

use std::borrow::Cow;
use std::fmt;

use crate::bytes::{range, u16_at, u32_at};
use crate::{Compression, Error, Result};

/// The most that a compressed image may hold: allyesconfig with DWARF would
/// not fit a bzImage, and everything else is far below.
const LIMIT: usize = 1 << 30;
/// The most that is always accepted.
const SMALL: usize = 64 << 20;
/// How much more than the file itself: kernels with DWARF compress to a tenth.
const MAX_GAIN: usize = 64;
/// UKI, bzImage and ELF are three; the rest is for compressed files of those.
const DEPTH: usize = 5;

/// A container around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A PE file with a `.linux` section: a unified kernel image.
    Uki,
    /// The x86 boot protocol's header, and how its payload is compressed.
    BzImage(Option<Compression>),
    /// A compressed file, as gzip or zstd write it.
    Compressed(Compression),
    /// A module's signature behind it (`scripts/sign-file`); it is not checked.
    Signature,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uki => f.write_str("unified kernel image"),
            Self::BzImage(None) => f.write_str("bzImage"),
            Self::BzImage(Some(method)) => write!(f, "bzImage ({method})"),
            Self::Compressed(method) => method.fmt(f),
            Self::Signature => f.write_str("signed"),
        }
    }
}

/// The ELF file inside an image: borrowed from the image if it lies there as
/// it is.
#[derive(Debug)]
pub struct Unwrapped<'a> {
    /// The bytes of the ELF file.
    pub elf: Cow<'a, [u8]>,
    /// The containers that were removed, the outermost first.
    pub layers: Vec<Layer>,
}

/// Removes the containers of a kernel image or a module: a unified kernel image,
/// a bzImage, any of the kernel's compressions, an appended signature.
///
/// # Errors
/// [`Error::Unrecognized`], [`Error::Truncated`] or [`Error::Malformed`] for a
/// damaged or unknown container, [`Error::NotRead`], [`Error::Decompress`] and [`Error::TooLarge`] for
/// its payload.
pub fn unwrap(image: &[u8]) -> Result<Unwrapped<'_>> {
    let limit = SMALL.saturating_add(image.len().saturating_mul(MAX_GAIN));
    let limit = limit.min(LIMIT);
    let mut layers = Vec::new();
    let mut data = Cow::Borrowed(image);
    while !data.starts_with(b"\x7fELF") {
        if layers.len() == DEPTH {
            return Err(Error::Nested { limit: DEPTH });
        }
        let (layer, inner) = match data {
            Cow::Borrowed(data) => peel(data, limit)?,
            Cow::Owned(data) => {
                let (layer, inner) = peel(&data, limit)?;
                (layer, Cow::Owned(inner.into_owned()))
            }
        };
        layers.push(layer);
        data = inner;
    }
    if let Some(len) = unsigned(&data)? {
        layers.push(Layer::Signature);
        data = match data {
            Cow::Borrowed(data) => data[..len].into(),
            Cow::Owned(mut data) => {
                data.truncate(len);
                data.into()
            }
        };
    }
    Ok(Unwrapped { elf: data, layers })
}

/// How long a signed module is without its signature: `mod_check_sig()`. Behind
/// the module are the signature, a `struct module_signature`, which ends with the
/// signature's length, and a line of text.
fn unsigned(data: &[u8]) -> Result<Option<usize>> {
    const LINE: &[u8] = b"~Module signature appended~\n";
    const INFO: usize = 12;
    let Some(signed) = data.strip_suffix(LINE) else {
        return Ok(None);
    };
    let signature = signed
        .last_chunk()
        .map_or(usize::MAX, |len| u32::from_be_bytes(*len) as usize);
    let rest = signed.len().checked_sub(INFO);
    let module = rest.and_then(|rest| rest.checked_sub(signature));
    module.map(Some).ok_or(Error::Truncated {
        what: "module signature",
        offset: signed.len() as u64,
    })
}

fn peel(data: &[u8], limit: usize) -> Result<(Layer, Cow<'_, [u8]>)> {
    if let Some(method) = Compression::of(data) {
        return Ok((
            Layer::Compressed(method),
            method.decompress(data, limit)?.into(),
        ));
    }
    if data.get(HDRS..HDRS + 4) == Some(b"HdrS") {
        let (method, elf) = payload(data, limit)?;
        return Ok((Layer::BzImage(method), elf));
    }
    if let Some(linux) = linux_of_uki(data) {
        return Ok((Layer::Uki, linux.into()));
    }
    Err(Error::Unrecognized {
        magic: data[..data.len().min(8)].to_vec(),
    })
}

// Offsets into struct setup_header (Documentation/arch/x86/boot.rst).
pub(crate) const SETUP_SECTS: usize = 0x1f1;
pub(crate) const HDRS: usize = 0x202;
pub(crate) const VERSION: usize = 0x206;
pub(crate) const PAYLOAD_OFFSET: usize = 0x248;
pub(crate) const PAYLOAD_LENGTH: usize = 0x24c;

const SECTOR: u64 = 512;
/// Boot protocol 2.08 (Linux 2.6.26) says where the payload is.
const PAYLOAD_SINCE: u16 = 0x0208;

/// The payload of a bzImage, decompressed.
fn payload(data: &[u8], limit: usize) -> Result<(Option<Compression>, Cow<'_, [u8]>)> {
    const WHAT: &str = "bzImage header";
    let cut = || Error::truncated(WHAT, SETUP_SECTS);
    if u16_at(data, VERSION).ok_or_else(cut)? < PAYLOAD_SINCE {
        return Err(Error::malformed(
            WHAT,
            VERSION,
            "boot protocol before 2.08 does not say where the payload is",
        ));
    }
    let sectors = u64::from(*data.get(SETUP_SECTS).ok_or_else(cut)?);
    // 0 means 4, for images older than the field.
    let sectors = if sectors == 0 { 4 } else { sectors };
    let offset = u64::from(u32_at(data, PAYLOAD_OFFSET).ok_or_else(cut)?) + (sectors + 1) * SECTOR;
    let length = u32_at(data, PAYLOAD_LENGTH).ok_or_else(cut)?;
    let payload = range(data, offset, length.into()).ok_or(Error::Truncated {
        what: "bzImage payload",
        offset,
    })?;
    inflate(payload, offset, limit)
}

/// Decompresses a payload, whose last four bytes hold the size of what comes
/// out (gzip has them as its own trailer, for the rest the build appends them:
/// `size_append` in `scripts/Makefile.lib`).
fn inflate(
    payload: &[u8],
    offset: u64,
    limit: usize,
) -> Result<(Option<Compression>, Cow<'_, [u8]>)> {
    const WHAT: &str = "bzImage payload";
    if payload.starts_with(b"\x7fELF") {
        return Ok((None, payload.into()));
    }
    let method = Compression::of(payload).ok_or(Error::Malformed {
        what: WHAT,
        offset,
        why: "neither ELF nor compressed in a way that the kernel knows",
    })?;
    let body = payload
        .len()
        .checked_sub(4)
        .ok_or(Error::Truncated { what: WHAT, offset })?;
    let size = u32_at(payload, body).map_or(0, |size| size as usize);
    let stream = if method == Compression::Gzip {
        payload
    } else {
        &payload[..body]
    };
    let plain = method.decompress_to(stream, size, limit)?;
    if plain.len() != size {
        return Err(Error::Malformed {
            what: WHAT,
            offset,
            why: "its size is not the one that is stored behind it",
        });
    }
    Ok((Some(method), plain.into()))
}

/// Returns the kernel in a unified kernel image.
pub(crate) fn linux_of_uki(data: &[u8]) -> Option<&[u8]> {
    pe_section(data, b".linux\0\0")
}

/// The content of a PE file's section.
fn pe_section<'a>(data: &'a [u8], name: &[u8; 8]) -> Option<&'a [u8]> {
    const HEADER: usize = 40;
    if !data.starts_with(b"MZ") {
        return None;
    }
    let pe = u32_at(data, 0x3c)? as usize;
    if data.get(pe..)?.get(..4)? != b"PE\0\0" {
        return None;
    }
    let count = usize::from(u16_at(data, pe + 6)?);
    let table = pe + 24 + usize::from(u16_at(data, pe + 20)?);
    let headers = data.get(table..)?.chunks_exact(HEADER).take(count);
    let header = headers
        .into_iter()
        .find(|header| header.starts_with(name))?;
    // VirtualSize is the exact one, SizeOfRawData is padded.
    let size = u32_at(header, 8)?.min(u32_at(header, 16)?);
    range(data, u32_at(header, 20)?.into(), size.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::containers::{bzimage, pe, signed};

    const ELF: &[u8] = b"\x7fELF and so on";

    fn zstd(data: &[u8], size: u32) -> Vec<u8> {
        [
            zstd::encode_all(data, 3).unwrap().as_slice(),
            &size.to_le_bytes(),
        ]
        .concat()
    }

    fn layers(image: &[u8]) -> Result<Vec<Layer>> {
        let unwrapped = unwrap(image)?;
        assert_eq!(unwrapped.elf, ELF);
        Ok(unwrapped.layers)
    }

    #[test]
    fn a_signature_is_taken_off() {
        let file = signed(ELF, 100, 100);
        let unwrapped = unwrap(&file).unwrap();
        assert_eq!(*unwrapped.elf, *ELF);
        assert_eq!(unwrapped.layers, [Layer::Signature]);
        let packed = zstd::encode_all(file.as_slice(), 1).unwrap();
        let unwrapped = unwrap(&packed).unwrap();
        assert_eq!(*unwrapped.elf, *ELF);
        let layers = [Layer::Compressed(Compression::Zstd), Layer::Signature];
        assert_eq!(unwrapped.layers, layers);
    }

    #[test]
    fn a_signature_longer_than_the_file_is_cut_off() {
        for said in [100 + ELF.len() as u32 + 1, u32::MAX] {
            let error = unwrap(&signed(ELF, 100, said)).unwrap_err();
            assert!(error.to_string().contains("module signature"), "{error}");
        }
        assert!(unwrap(b"\x7fELF~Module signature appended~\n").is_err());
    }

    #[test]
    fn every_container_comes_off() {
        let zstd = Layer::BzImage(Some(Compression::Zstd));
        let image = bzimage(&self::zstd(ELF, ELF.len() as u32));
        assert_eq!(layers(ELF).unwrap(), []);
        assert_eq!(layers(&image).unwrap(), [zstd]);
        assert_eq!(layers(&bzimage(ELF)).unwrap(), [Layer::BzImage(None)]);
        assert_eq!(
            layers(&pe(b".linux\0\0", &image)).unwrap(),
            [Layer::Uki, zstd]
        );
    }

    #[test]
    fn gzip_needs_no_appended_size() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(ELF).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(
            layers(&bzimage(&gzip)).unwrap(),
            [Layer::BzImage(Some(Compression::Gzip))]
        );
        assert_eq!(
            layers(&gzip).unwrap(),
            [Layer::Compressed(Compression::Gzip)]
        );
    }

    #[test]
    fn errors_say_what_and_where() {
        let error = |image: &[u8]| unwrap(image).unwrap_err().to_string();
        let whole = bzimage(&zstd(ELF, ELF.len() as u32));
        assert_eq!(
            error(&whole[..whole.len() - 1]),
            "bzImage payload at 0x610 is cut off"
        );
        assert_eq!(
            error(&whole[..HDRS + 4]),
            "bzImage header at 0x1f1 is cut off"
        );
        let lies = bzimage(&zstd(ELF, 5));
        assert_eq!(
            error(&lies),
            "bzImage payload at 0x610: its size is not the one that is stored behind it"
        );
        let other = bzimage(b"what is this");
        assert_eq!(
            error(&other),
            "bzImage payload at 0x610: neither ELF nor compressed in a way that the kernel knows"
        );
        assert!(
            error(b"\x1f\x8b").starts_with("gzip data: "),
            "{}",
            error(b"\x1f\x8b")
        );
        assert!(error(b"#!/bin/sh").starts_with("not a kernel image: it starts with [23, 21"));
    }

    #[test]
    fn lzo_is_recognized_and_refused_with_a_way_out() {
        let lzo = b"\x89LZO\0\r\n\x1a\n and so on";
        for image in [lzo.to_vec(), bzimage(lzo)] {
            let error = unwrap(&image).unwrap_err().to_string();
            assert_eq!(
                error,
                "compressed with lzo, which is not read: extract the kernel with \
                 scripts/extract-vmlinux of its source tree, and use the vmlinux"
            );
        }
    }

    #[test]
    fn containers_in_containers_end() {
        let nested = (0..=DEPTH).fold(ELF.to_vec(), |inner, _| pe(b".linux\0\0", &inner));
        assert!(matches!(
            unwrap(&nested),
            Err(Error::Nested { limit: DEPTH })
        ));
    }

    proptest! {
        #[test]
        fn damaged_containers_do_not_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
            let mut image = pe(b".linux\0\0", &bzimage(&zstd(ELF, ELF.len() as u32)));
            let at = at.index(image.len());
            image[at] = value;
            let _ = unwrap(&image);
            let _ = unwrap(&image[..cut.index(image.len())]);
        }
    }
}
