// SPDX-License-Identifier: GPL-2.0-only
//! Decompression of a kernel image, with a bound on the size of the result.

use std::io::{self, Read};

use liblzma::stream::Stream;
use zstd::zstd_safe;

use crate::bytes::u32_at;
use crate::compression::{Compression, LZ4_MAGIC};
use crate::error::{Error, Result};

/// The most that a block of a legacy lz4 frame decompresses to.
const LZ4_BLOCK: usize = 8 << 20;
/// What liblzma may use: the kernel's xz has dictionaries of up to 128 MiB.
const XZ_MEMORY: u64 = 256 << 20;

impl Compression {
    /// Decompresses one frame; what follows it is ignored.
    ///
    /// # Errors
    /// [`Error::NotRead`] for lzo, [`Error::Decompress`] with the decompressor's
    /// reason, [`Error::TooLarge`] if more than `limit` bytes come out.
    pub fn decompress(self, data: &[u8], limit: usize) -> Result<Vec<u8>> {
        self.decompress_to(data, 0, limit)
    }

    /// The same, where something says how much it will be: a hint, which saves
    /// memory if it is right.
    pub(crate) fn decompress_to(self, data: &[u8], size: usize, limit: usize) -> Result<Vec<u8>> {
        let out = Vec::with_capacity(size.min(limit));
        let failed = |reason| Error::Decompress {
            method: self,
            reason,
        };
        let out = match self {
            Self::Gzip => read(flate2::bufread::GzDecoder::new(data), out, limit),
            Self::Bzip2 => read(bzip2::bufread::BzDecoder::new(data), out, limit),
            Self::Lzma | Self::Xz => xz(self, data, out, limit),
            Self::Lzo => return Err(Error::NotRead { method: self }),
            Self::Lz4 => lz4(data, out, limit),
            Self::Zstd => zstd(data, out, limit),
        };
        let out = out.map_err(failed)?;
        if out.len() > limit {
            return Err(Error::TooLarge {
                method: self,
                limit,
            });
        }
        Ok(out)
    }
}

/// Reads one byte more than the limit, so that the caller sees the excess.
fn read(decoder: impl Read, mut out: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    decoder.take(limit as u64 + 1).read_to_end(&mut out)?;
    Ok(out)
}

/// At once if there is room for it, which saves a copy and the window: up to
/// 128 MiB of it, as `zstd --ultra -22` has it, which builds kernels.
fn zstd(data: &[u8], mut out: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    if let Ok(Some(size)) = zstd_safe::get_frame_content_size(data) {
        out.reserve(limit.min(size as usize));
    }
    let whole = zstd_safe::find_frame_compressed_size(data)
        .ok()
        .and_then(|len| data.get(..len));
    if let Some(frame) = whole
        && zstd::bulk::Decompressor::new()?
            .decompress_to_buffer(frame, &mut out)
            .is_ok()
    {
        return Ok(out);
    }
    out.clear();
    let decoder = zstd::Decoder::with_buffer(data)?;
    read(decoder.single_frame(), out, limit)
}

fn xz(method: Compression, data: &[u8], out: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    let stream = match method {
        Compression::Lzma => Stream::new_lzma_decoder(XZ_MEMORY),
        _ => Stream::new_stream_decoder(XZ_MEMORY, 0),
    };
    read(
        liblzma::bufread::XzDecoder::new_stream(data, stream?),
        out,
        limit,
    )
}

/// `lz4 -l`: blocks of a 32-bit length and its data, to the end of the file
/// (`lib/decompress_unlz4.c`). Frames may follow each other.
fn lz4(data: &[u8], mut out: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    let mut filled = 0;
    let mut at = 4;
    while let Some(len) = u32_at(data, at) {
        at += 4;
        if len == LZ4_MAGIC {
            continue;
        }
        let block = data
            .get(at..at + len as usize)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        at += block.len();
        // What the last block left of its room is not cleared again.
        out.resize(filled + LZ4_BLOCK, 0);
        filled += lz4_flex::block::decompress_into(block, &mut out[filled..])
            .map_err(io::Error::other)?;
        if filled > limit {
            break;
        }
    }
    out.truncate(filled);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::testing::containers::packed;

    fn plain() -> Vec<u8> {
        (0..100_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect()
    }

    #[test_case(Compression::Gzip; "gzip")]
    #[test_case(Compression::Bzip2; "bzip2")]
    #[test_case(Compression::Lzma; "lzma")]
    #[test_case(Compression::Xz; "xz")]
    #[test_case(Compression::Lz4; "lz4")]
    #[test_case(Compression::Zstd; "zstd")]
    fn what_was_packed_comes_out_and_never_more_than_allowed(method: Compression) {
        let packed = packed(method, &plain());
        assert_eq!(Compression::of(&packed), Some(method));
        let plain = plain();
        assert!(method.decompress(&packed, plain.len()).unwrap() == plain);
        let error = method.decompress(&packed, plain.len() - 1).unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit, .. } if limit == plain.len() - 1),
            "{error}"
        );
        let cut = method.decompress(&packed[..packed.len() / 2], plain.len());
        assert!(cut.is_err(), "half of the data passed");
    }
}
