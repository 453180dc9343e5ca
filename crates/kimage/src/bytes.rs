// SPDX-License-Identifier: GPL-2.0-only
//! Checked little-endian reads: nothing here panics, whatever the offset.

/// The `N` bytes at `at`.
pub(crate) fn array<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk().copied()
}

pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    array(data, at).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    array(data, at).map(u64::from_le_bytes)
}

pub(crate) fn i32_at(data: &[u8], at: usize) -> Option<i32> {
    array(data, at).map(i32::from_le_bytes)
}

/// `len` bytes from `at`, both as a file format has them.
pub(crate) fn range(data: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    let len = usize::try_from(len).ok()?;
    data.get(at..at.checked_add(len)?)
}

/// `KSYM_NAME_LEN`, which no name reaches: `scripts/kallsyms.c` and BTF leave
/// longer ones out.
pub(crate) const NAME_LEN: usize = 512;
/// The length up to which the end of a string is looked for.
const LONGEST: usize = 4096;

/// The bytes up to, but without, the next NUL: a name. It is not looked for
/// without end, since a damaged file can have any number of names that end
/// nowhere.
pub(crate) fn until_nul(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    let rest = &rest[..rest.len().min(LONGEST)];
    rest.get(..memchr::memchr(0, rest)?)
}

/// The same for fewer than [`NAME_LEN`] bytes: of many names that share one end,
/// each is cheap to read.
pub(crate) fn name_at(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    until_nul(&rest[..rest.len().min(NAME_LEN)], 0)
}

/// `at` rounded up to a multiple of `to`, a power of two.
pub(crate) fn align_up(at: usize, to: usize) -> usize {
    at.saturating_add(to - 1) & !(to - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_a_nul_not_too_far_away() {
        let mut data = vec![b'n'; 2 * LONGEST];
        data[LONGEST] = 0;
        assert_eq!(until_nul(&data, 1).map(<[u8]>::len), Some(LONGEST - 1));
        for at in [0, LONGEST + 1, 2 * LONGEST, 3 * LONGEST] {
            assert_eq!(until_nul(&data, at), None, "{at}");
        }
    }
}
