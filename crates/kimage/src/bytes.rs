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

/// The bytes up to, but without, the next NUL.
pub(crate) fn until_nul(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    rest.get(..memchr::memchr(0, rest)?)
}

/// The same, if they are fewer than `limit`: of many strings that share one
/// end, each is cheap.
pub(crate) fn short_string(data: &[u8], at: usize, limit: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    until_nul(&rest[..rest.len().min(limit)], 0)
}

/// `at` rounded up to a multiple of `to`, a power of two.
pub(crate) fn align_up(at: usize, to: usize) -> usize {
    at.saturating_add(to - 1) & !(to - 1)
}
