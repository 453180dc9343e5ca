// SPDX-License-Identifier: GPL-2.0-only
//! How the input of a target is split, and the names and addresses in it.

use crate::compression::Compression;
use crate::testing::fixture::Sym;
use crate::testing::toy::FEATURES;

pub(super) const TEXT: u64 = 0xffff_ffff_8100_0000;
pub(super) const DATA: u64 = 0xffff_ffff_8200_0000;

pub(super) const METHODS: [Compression; 6] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Xz,
    Compression::Lz4,
    Compression::Zstd,
];

/// Sections of entries that refer to their own place.
pub(super) const TABLES: [&str; 7] = [
    "__ex_table",
    "__bug_table",
    ".smp_locks",
    ".altinstructions",
    ".parainstructions",
    ".ibt_endbr_seal",
    ".rodata",
];

pub(super) fn table_at(index: usize) -> u64 {
    DATA + 0x20_0000 + 0x10_0000 * index as u64
}

/// Names that something depends on, apart from [`FEATURES`].
pub(super) const IN_TEXT: [&str; 22] = [
    "traced",
    "traced.cold",
    "traced.isra.0",
    "other",
    "other.part.0",
    "__pfx_traced",
    "__cfi_traced",
    ".hidden",
    "security_hook",
    "__switch_to",
    "__x86_return_thunk",
    "_sinittext",
    "_einittext",
    "_end",
    "__noinstr_text_start",
    "__noinstr_text_end",
    "__entry_text_start",
    "__entry_text_end",
    "__kprobes_text_start",
    "__kprobes_text_end",
    "__indirect_thunk_start",
    "__indirect_thunk_end",
];
pub(super) const IN_DATA: [&str; 15] = [
    "__start_mcount_loc",
    "__stop_mcount_loc",
    "__start_kprobe_blacklist",
    "__stop_kprobe_blacklist",
    "__start_error_injection_whitelist",
    "__stop_error_injection_whitelist",
    "__start___jump_table",
    "__stop___jump_table",
    "__start_static_call_sites",
    "__stop_static_call_sites",
    "btf_id_deny",
    "noreturn_deny",
    "__BTF_ID__set8__one",
    "__BTF_ID__set8__two",
    "__start_rodata",
];

/// An offset and the number of a name.
pub(super) fn symbol([low, high, name]: [u8; 3]) -> Sym {
    let offset = u64::from(u16::from_le_bytes([low, high]));
    let (base, kind, name) = names().cycle().nth(name.into()).expect("it has no end");
    (base + offset, kind, name.to_owned())
}

/// All names, each with where it belongs and its kind.
pub(super) fn names() -> impl Iterator<Item = (u64, u8, &'static str)> + Clone {
    let in_text = IN_TEXT.into_iter().chain(FEATURES);
    let in_data = IN_DATA.into_iter().map(|name| (DATA, b'd', name));
    in_text.map(|name| (TEXT, b't', name)).chain(in_data)
}

/// Splits data into a number of pieces, each behind its length (u16); what is
/// missing is empty.
pub(super) fn parts<const N: usize>(mut data: &[u8]) -> [&[u8]; N] {
    std::array::from_fn(|_| {
        let Some((len, rest)) = data.split_first_chunk() else {
            return &[][..];
        };
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let part;
        (part, data) = rest.split_at(len);
        part
    })
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts {
        data.extend((part.len() as u16).to_le_bytes());
        data.extend(*part);
    }
    data
}
