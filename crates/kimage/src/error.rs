// SPDX-License-Identifier: GPL-2.0-only
//! Why an image cannot be read, and where.

use crate::compression::Compression;

/// The result of reading an image.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The image could not be read. Offsets count from the start of the file, or
/// from the start of what was decompressed out of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first bytes belong to no container that this crate knows.
    #[error(
        "not a kernel image: it starts with {magic:02x?} (known: ELF, bzImage, unified kernel image, compressed file)"
    )]
    Unrecognized {
        /// Up to eight bytes.
        magic: Vec<u8>,
    },
    /// A file that no x86 boot loader takes for a kernel.
    #[error(
        "not an image that boots on x86_64 (a bzImage, which distributions call vmlinuz), but {found}"
    )]
    NotBootable {
        /// What it is, as prose.
        found: String,
    },
    /// Too many containers inside each other.
    #[error("more than {limit} containers inside each other")]
    Nested {
        /// How many are followed.
        limit: usize,
    },
    /// A structure that reaches past the end of the bytes it lies in.
    #[error("{what} at {offset:#x} is cut off")]
    Truncated {
        /// The name of the structure.
        what: &'static str,
        /// Offset of its first byte.
        offset: u64,
    },
    /// A structure that contradicts itself.
    #[error("{what} at {offset:#x}: {why}")]
    Malformed {
        /// The name of the structure.
        what: &'static str,
        /// Offset of its first byte.
        offset: u64,
        /// How it contradicts itself, as prose.
        why: &'static str,
    },
    /// An ELF structure that goblin refuses.
    #[error("ELF {what}: {reason}")]
    Elf {
        /// The name of the structure.
        what: &'static str,
        /// The error of goblin.
        reason: goblin::error::Error,
    },
    /// An ELF file for something else.
    #[error("not an x86_64 ELF file: {what} is {value:#x}")]
    OtherMachine {
        /// The name of the header field.
        what: &'static str,
        /// The value of the field.
        value: u64,
    },
    /// Compressed in a way that is recognized, but not read.
    #[error(
        "compressed with {method}, which is not read: extract the kernel with scripts/extract-vmlinux of its source tree, and use the vmlinux"
    )]
    NotRead {
        /// How it is compressed.
        method: Compression,
    },
    /// Compressed data that does not decompress.
    #[error("{method} data: {reason}")]
    Decompress {
        /// How it claims to be compressed.
        method: Compression,
        /// The error of the decompressor.
        reason: std::io::Error,
    },
    /// Compressed data that decompresses to more than a kernel can be.
    #[error("{method} data holds more than {limit} bytes")]
    TooLarge {
        /// How it is compressed.
        method: Compression,
        /// The most that is accepted.
        limit: usize,
    },
    /// Neither a symbol table nor kallsyms tables.
    #[error("no symbols: no .symtab, and no kallsyms tables in read-only data")]
    NoSymbols,
    /// A file of debug information (`objcopy --only-keep-debug`), whose text has no bytes.
    #[error(
        "only debug information: the text has no bytes in this file (NOBITS); inspect the file that it was split from{}",
        with_build_id(.build_id)
    )]
    NoText {
        /// The GNU build ID, in hexadecimal, which both files have.
        build_id: Option<String>,
    },
    /// Sections of a module that cannot be laid out.
    #[error("the sections of the module: {why}")]
    Layout {
        /// The defect, as prose.
        why: &'static str,
    },
    /// A relocation that the kernel would not apply, either.
    #[error("relocation {number} of {section}: {why}")]
    Relocation {
        /// What it would change.
        section: String,
        /// Which of that section's, from 0 on.
        number: usize,
        /// The defect, as prose.
        why: &'static str,
    },
    /// A kernel was given for something that no kernel loads.
    #[error("not a kernel module, so no other kernel loads it")]
    NoModule,
    /// A module was given as the kernel that loads another.
    #[error("the kernel given is a kernel module, too")]
    NoKernel,
    /// Another kernel was given than the one that loads the module.
    #[error("a module of Linux {module}, but the kernel given is {kernel}")]
    OtherKernel {
        /// The release in its `vermagic`.
        module: String,
        /// The release of the kernel.
        kernel: String,
    },
    /// A symbol or section that every answer needs.
    #[error("no {what} in the image")]
    Missing {
        /// The name of the symbol or section.
        what: &'static str,
    },
}

fn with_build_id(build_id: &Option<String>) -> String {
    let id = build_id.as_ref();
    id.map_or_else(String::new, |id| format!(", with build ID {id}"))
}

impl Error {
    pub(crate) fn truncated(what: &'static str, offset: usize) -> Self {
        Self::Truncated {
            what,
            offset: offset as u64,
        }
    }

    pub(crate) fn malformed(what: &'static str, offset: usize, why: &'static str) -> Self {
        Self::Malformed {
            what,
            offset: offset as u64,
            why,
        }
    }
}
