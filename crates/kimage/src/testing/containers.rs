// SPDX-License-Identifier: GPL-2.0-only
//! Compressed data, boot images and signed modules.

use std::io::Write;

use liblzma::stream::Stream;

use crate::compression::{Compression, LZ4_MAGIC};
use crate::container::layers::{HDRS, PAYLOAD_LENGTH, PAYLOAD_OFFSET, SETUP_SECTS, VERSION};

/// Data as the kernel's build compresses it.
pub(crate) fn packed(method: Compression, plain: &[u8]) -> Vec<u8> {
    match method {
        Compression::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(plain).unwrap();
            gzip.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            bzip2.write_all(plain).unwrap();
            bzip2.finish().unwrap()
        }
        Compression::Lzma => {
            let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
            let stream = Stream::new_lzma_encoder(&options).unwrap();
            let mut lzma = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            lzma.write_all(plain).unwrap();
            lzma.finish().unwrap()
        }
        Compression::Xz => {
            // As scripts/xz_wrap.sh does for x86.
            let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
            let mut filters = liblzma::stream::Filters::new();
            filters.x86().lzma2(&options);
            let stream = Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32);
            let mut xz = liblzma::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
            xz.write_all(plain).unwrap();
            xz.finish().unwrap()
        }
        Compression::Lz4 => {
            let block = lz4_flex::block::compress(plain);
            let len = u32::try_from(block.len()).unwrap();
            [
                &LZ4_MAGIC.to_le_bytes(),
                &len.to_le_bytes(),
                block.as_slice(),
            ]
            .concat()
        }
        Compression::Lzo => unreachable!("lzo is not read"),
        Compression::Zstd => zstd::encode_all(plain, 1).unwrap(),
    }
}

/// A module with a signature of a length behind it, which says that it has
/// another.
#[cfg(test)]
pub(crate) fn signed(module: &[u8], len: usize, said: u32) -> Vec<u8> {
    let mut file = module.to_vec();
    file.resize(file.len() + len, b's');
    file.extend([0, 0, 2, 0, 0, 0, 0, 0]);
    file.extend(said.to_be_bytes());
    file.extend(b"~Module signature appended~\n");
    file
}

/// A bzImage with two setup sectors before the payload.
pub(crate) fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 3 * 512];
    file[SETUP_SECTS] = 2;
    file[HDRS..HDRS + 4].copy_from_slice(b"HdrS");
    file[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
    file[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
    file[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    file.extend([0; 16]);
    file.extend(payload);
    file
}

/// A PE file of one section.
pub(crate) fn pe(name: &[u8; 8], content: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 0x40];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x40;
    file.extend(b"PE\0\0\x64\x86\x01\0");
    file.resize(0x40 + 20, 0);
    file.extend([8, 0, 0, 0]);
    file.resize(0x40 + 24 + 8, 0);
    file.extend(name);
    let at = file.len() as u32 + 32;
    for field in [content.len() as u32, 0x1000, content.len() as u32 + 7, at] {
        file.extend(field.to_le_bytes());
    }
    file.resize(at as usize, 0);
    file.extend(content);
    file.resize(file.len() + 7, 0);
    file
}
