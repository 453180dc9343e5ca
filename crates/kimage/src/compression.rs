// SPDX-License-Identifier: GPL-2.0-only
//! The compressions of a kernel image (`lib/decompress*.c`), by their magic numbers.

use std::fmt;

/// How a kernel can be compressed: `CONFIG_KERNEL_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// `CONFIG_KERNEL_GZIP`.
    Gzip,
    /// `CONFIG_KERNEL_BZIP2`.
    Bzip2,
    /// `CONFIG_KERNEL_LZMA`: the format that came before xz.
    Lzma,
    /// `CONFIG_KERNEL_XZ`.
    Xz,
    /// `CONFIG_KERNEL_LZO`: recognized, but not read, since no distribution
    /// compresses its kernels with it.
    Lzo,
    /// `CONFIG_KERNEL_LZ4`: a legacy frame.
    Lz4,
    /// `CONFIG_KERNEL_ZSTD`.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

/// First bytes, as in `lib/decompress.c`; lzma has no magic number, only properties
/// that all kernels use.
const MAGIC: [(&[u8], Compression); 7] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (b"BZh", Compression::Bzip2),
    (&[0x5d, 0, 0], Compression::Lzma),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Compression::Xz),
    (b"\x89LZO\0\r\n\x1a\n", Compression::Lzo),
    (&LZ4_MAGIC.to_le_bytes(), Compression::Lz4),
    (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
];
pub(crate) const LZ4_MAGIC: u32 = 0x184c_2102;

impl Compression {
    /// Recognizes compressed data by how it starts.
    #[must_use]
    pub fn of(data: &[u8]) -> Option<Self> {
        MAGIC
            .iter()
            .find(|(magic, _)| data.starts_with(magic))
            .map(|(_, method)| *method)
    }
}
