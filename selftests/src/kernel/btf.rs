// SPDX-License-Identifier: GPL-2.0-only
//! As much of the kernel's BTF (`Documentation/bpf/btf.rst`) as says which functions and
//! enumerators there are.
//!
//! libbpf checks and indexes all types first, which takes a fifth of a second under TCG:
//! half of a short test.

use std::fs;

use anyhow::{Context, Result};

/// The BTF of the running kernel.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

// Kinds and sizes, from include/uapi/linux/btf.h.
const ENUM: u32 = 6;
const FUNC: u32 = 12;
/// `struct btf_type`.
const TYPE: usize = 12;
/// `struct btf_enum`.
const MEMBER: usize = 8;

/// The types of a kernel.
pub(crate) struct KernelBtf {
    types: Vec<u8>,
    strings: Vec<u8>,
    /// Id and offset of the name of each function.
    functions: Vec<(u32, u32)>,
}

/// `struct btf_type`, and the bytes behind it.
struct Type<'a> {
    id: u32,
    name: u32,
    kind: u32,
    rest: &'a [u8],
}

impl KernelBtf {
    /// Reads the types of the running kernel.
    ///
    /// # Errors
    /// If the kernel has no BTF.
    pub(crate) fn read() -> Result<Self> {
        let data = fs::read(VMLINUX)
            .with_context(|| format!("reading {VMLINUX} (CONFIG_DEBUG_INFO_BTF)"))?;
        Self::parse(&data).with_context(|| format!("{VMLINUX} is no BTF"))
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let word = |at: usize| word_at(data, at).map(|word| word as usize);
        let body = data.get(word(4)?..)?;
        let part = |at: usize| body.get(word(at)?..)?.get(..word(at + 4)?);
        let mut btf = Self {
            types: part(8)?.to_vec(),
            strings: part(16)?.to_vec(),
            functions: Vec::new(),
        };
        let functions = btf.all().filter(|it| it.kind == FUNC);
        btf.functions = functions.map(|it| (it.id, it.name)).collect();
        Some(btf)
    }

    /// Returns the id of a function.
    pub(crate) fn function(&self, name: &str) -> Option<u32> {
        let mut functions = self.functions.iter();
        let found = functions.find(|(_, at)| self.is_name(*at, name))?;
        Some(found.0)
    }

    /// Returns the value of an enumerator of a 32-bit enum.
    pub(crate) fn enumerator(&self, of: &str, name: &str) -> Option<u32> {
        let mut enums = self.all().filter(|it| it.kind == ENUM);
        let found = enums.find(|it| self.is_name(it.name, of))?;
        let mut members = found.rest.chunks_exact(MEMBER);
        let is_wanted = |member: &[u8]| word_at(member, 0).is_some_and(|it| self.is_name(it, name));
        word_at(members.find(|member| is_wanted(member))?, 4)
    }

    /// Returns all types up to the first of an unknown kind.
    fn all(&self) -> impl Iterator<Item = Type<'_>> {
        let (mut left, mut id) = (&self.types[..], 0);
        std::iter::from_fn(move || {
            let (head, behind) = left.split_at_checked(TYPE)?;
            let (name, info) = (word_at(head, 0)?, word_at(head, 4)?);
            let kind = info >> 24 & 0x1f;
            let (rest, behind) = behind.split_at_checked(4 * words_behind(kind, info)?)?;
            (left, id) = (behind, id + 1);
            Some(Type {
                id,
                name,
                kind,
                rest,
            })
        })
    }

    fn is_name(&self, at: u32, name: &str) -> bool {
        let rest = self.strings.get(at as usize..);
        let rest = rest.and_then(|rest| rest.strip_prefix(name.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }
}

/// Returns how many words follow a type; `None` for an unknown kind.
fn words_behind(kind: u32, info: u32) -> Option<usize> {
    let vlen = (info & 0xffff) as usize;
    Some(match kind {
        // Pointers, modifiers, forward declarations, functions, floats and type tags.
        2 | 7..=12 | 16 | 18 => 0,
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 1,
        // Arrays.
        3 => 3,
        // Structs, unions, sections, 64-bit enums.
        4 | 5 | 15 | 19 => 3 * vlen,
        // Enums, prototypes.
        ENUM | 13 => 2 * vlen,
        _ => return None,
    })
}

fn word_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::{FUNC, KernelBtf};

    const STRINGS: &[u8] = b"\0one\0two\0bpf_attach_type\0KPROBE_MULTI\0";

    /// A header of 24 bytes, an integer `one`, a function `two`, an enum of one member.
    fn sample() -> Vec<u8> {
        let types = [
            [1, 1 << 24, 4].as_slice(),
            &[0x0100_0020],
            &[5, FUNC << 24, 0],
            &[9, 6 << 24 | 1, 4],
            &[25, 42],
        ]
        .concat();
        let length = 4 * types.len() as u32;
        let header = [0x0001_eb9f, 24, 0, length, length, STRINGS.len() as u32];
        let words = header.into_iter().chain(types);
        let bytes = words.flat_map(u32::to_ne_bytes);
        bytes.chain(STRINGS.iter().copied()).collect()
    }

    #[test]
    fn functions_and_enumerators_are_found_by_name() {
        let btf = KernelBtf::parse(&sample()).unwrap();
        assert_eq!(btf.function("two"), Some(2));
        assert_eq!(btf.function("one"), None, "it is an integer");
        assert_eq!(btf.function("tw"), None, "a prefix is another name");
        let number = |name| btf.enumerator("bpf_attach_type", name);
        assert_eq!(number("KPROBE_MULTI"), Some(42));
        assert_eq!(number("KPROBE"), None);
    }

    #[test]
    fn damaged_bytes_are_no_panic() {
        let whole = sample();
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut data = whole.clone();
                data[at] = byte;
                for data in [&data[..], &data[..at]] {
                    let btf = KernelBtf::parse(data);
                    let _ = btf.map(|it| (it.function("two"), it.enumerator("two", "x")));
                }
            }
        }
    }
}
