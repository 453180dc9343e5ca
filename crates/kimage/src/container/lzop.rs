// SPDX-License-Identifier: GPL-2.0-only
//! lzop files, read as `lib/decompress_unlzo.c` reads them, and LZO1X itself
//! (`Documentation/staging/lzo.rst`): what crates there are panic on bad data.

use std::io::{self, ErrorKind};

use crate::bytes::{array, u16_at};

pub(crate) const MAGIC: [u8; 9] = [0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a];

/// `LZO_BLOCK_SIZE`: the most that a block decompresses to.
const BLOCK: usize = 256 << 10;
/// `HEADER_HAS_FILTER`.
const HAS_FILTER: u32 = 0x800;
/// The version that added the compression level and the time's upper half.
const WITH_LEVEL: u16 = 0x0940;

/// Decompresses blocks until the one of size 0, or until the limit is passed.
pub(crate) fn decompress(data: &[u8], mut out: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    let mut at = first_block(data).ok_or(ErrorKind::InvalidData)?;
    while out.len() <= limit {
        let size = be32(data, at).ok_or(ErrorKind::UnexpectedEof)? as usize;
        if size == 0 {
            break;
        }
        let packed = be32(data, at + 4).ok_or(ErrorKind::UnexpectedEof)? as usize;
        // 12: both sizes, and the checksum that lzop writes by default.
        let block = data
            .get(at + 12..)
            .and_then(|rest| rest.get(..packed))
            .ok_or(ErrorKind::UnexpectedEof)?;
        append(&mut out, block, size)?;
        at += 12 + packed;
    }
    Ok(out)
}

fn append(out: &mut Vec<u8>, block: &[u8], size: usize) -> io::Result<()> {
    if size > BLOCK || block.len() > size {
        return Err(ErrorKind::InvalidData.into());
    }
    if block.len() == size {
        out.extend_from_slice(block);
        return Ok(());
    }
    let plain = block_of(block, size).filter(|plain| plain.len() == size);
    out.extend_from_slice(&plain.ok_or(ErrorKind::InvalidData)?);
    Ok(())
}

/// Decompresses a block to at most so many bytes.
pub(crate) fn block_of(block: &[u8], limit: usize) -> Option<Vec<u8>> {
    Lzo1x::new(block, limit).run()
}

/// The length of the header.
fn first_block(data: &[u8]) -> Option<usize> {
    let version = array(data, MAGIC.len()).map(u16::from_be_bytes)?;
    let newer = version >= WITH_LEVEL;
    // Three versions of two bytes, the method, and the level.
    let mut at = MAGIC.len() + 7 + usize::from(newer);
    at += if be32(data, at)? & HAS_FILTER != 0 {
        8
    } else {
        4
    };
    // The mode and the time.
    at += if newer { 12 } else { 8 };
    // The file's name, and the header's checksum.
    Some(at + 1 + usize::from(*data.get(at)?) + 4)
}

fn be32(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(u32::from_be_bytes)
}

enum Instruction {
    Literals(usize),
    /// What was there `distance` bytes ago, then up to three literals.
    Match {
        distance: usize,
        len: usize,
        literals: usize,
    },
    End,
}

/// A block being decompressed.
struct Lzo1x<'a> {
    data: &'a [u8],
    at: usize,
    out: Vec<u8>,
    limit: usize,
}

impl<'a> Lzo1x<'a> {
    /// How many literals came last, if it was a long run of them.
    const LONG_RUN: usize = 4;

    fn new(data: &'a [u8], limit: usize) -> Self {
        Self {
            data,
            at: 0,
            out: Vec::with_capacity(limit),
            limit,
        }
    }

    /// `None` for a block that is cut off, refers to before its start, or holds
    /// more than its limit.
    fn run(mut self) -> Option<Vec<u8>> {
        let mut state = self.first_literals()?;
        loop {
            state = match self.instruction(state)? {
                Instruction::Literals(count) => {
                    self.literals(count)?;
                    Self::LONG_RUN
                }
                Instruction::Match {
                    distance,
                    len,
                    literals,
                } => {
                    self.repeat(distance, len)?;
                    self.literals(literals)?;
                    literals
                }
                Instruction::End => return Some(self.out),
            };
        }
    }

    /// The first byte may stand for literals alone.
    fn first_literals(&mut self) -> Option<usize> {
        let count = usize::from(*self.data.first()?).saturating_sub(17);
        if count > 0 {
            self.at = 1;
            self.literals(count)?;
        }
        Some(count.min(Self::LONG_RUN))
    }

    /// Reads one; `state` is how many literals the last one ended with.
    fn instruction(&mut self, state: usize) -> Option<Instruction> {
        let code = usize::from(self.byte()?);
        let (distance, len, last) = match code {
            0..16 if state == 0 => return Some(Instruction::Literals(3 + self.length(code, 15)?)),
            0..16 => {
                let low = usize::from(self.byte()?) << 2 | code >> 2;
                if state == Self::LONG_RUN {
                    (low + 2049, 3, code)
                } else {
                    (low + 1, 2, code)
                }
            }
            16..32 => {
                let len = 2 + self.length(code & 7, 7)?;
                let word = self.word()?;
                let distance = (code & 8) << 11 | word >> 2;
                if distance == 0 {
                    return Some(Instruction::End);
                }
                (distance + 0x4000, len, word)
            }
            32..64 => {
                let len = 2 + self.length(code & 31, 31)?;
                let word = self.word()?;
                ((word >> 2) + 1, len, word)
            }
            _ => {
                let distance = usize::from(self.byte()?) << 3 | code >> 2 & 7;
                let len = if code < 128 {
                    3 + (code >> 5 & 1)
                } else {
                    5 + (code >> 5 & 3)
                };
                (distance + 1, len, code)
            }
        };
        Some(Instruction::Match {
            distance,
            len,
            literals: last & 3,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn word(&mut self) -> Option<usize> {
        let word = u16_at(self.data, self.at)?;
        self.at += 2;
        Some(word.into())
    }

    /// A length that did not fit the instruction goes on in bytes: each 0 is
    /// 255, the first other one ends it.
    fn length(&mut self, bits: usize, most: usize) -> Option<usize> {
        if bits != 0 {
            return Some(bits);
        }
        let zeros = self
            .data
            .get(self.at..)?
            .iter()
            .take_while(|byte| **byte == 0)
            .count();
        self.at += zeros;
        Some(most + 255 * zeros + usize::from(self.byte()?))
    }

    fn literals(&mut self, count: usize) -> Option<()> {
        let literals = self.data.get(self.at..)?.get(..count)?;
        self.at += count;
        self.out.extend_from_slice(literals);
        (self.out.len() <= self.limit).then_some(())
    }

    fn repeat(&mut self, distance: usize, len: usize) -> Option<()> {
        let from = self.out.len().checked_sub(distance)?;
        if self.out.len() + len > self.limit {
            return None;
        }
        // One by one: a match may overlap what it makes.
        for at in from..from + len {
            self.out.push(self.out[at]);
        }
        Some(())
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod samples {
    use super::*;

    /// A file whose blocks are not compressed: what lzop writes for noise.
    pub(crate) fn stored(plain: &[u8]) -> Vec<u8> {
        let blocks: Vec<_> = plain
            .chunks(BLOCK)
            .map(|block| (block.len(), block))
            .collect();
        file(&blocks)
    }

    /// A file of blocks: their plain size and their bytes.
    pub(super) fn file(blocks: &[(usize, &[u8])]) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend([0x10, 0x30, 0x20, 0xa0, 0x09, 0x40, 3, 5]);
        file.extend([0; 4 + 12]);
        file.extend([1, b'a', 0, 0, 0, 0]);
        for (size, block) in blocks {
            file.extend(u32::try_from(*size).unwrap().to_be_bytes());
            file.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            file.extend([0; 4]);
            file.extend(*block);
        }
        file.extend([0; 4]);
        file
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::file;
    use super::*;

    const END: [u8; 3] = [0x11, 0, 0];

    #[test]
    fn a_long_match_overlaps_what_it_makes() {
        // Four literals; then 2 + 31 + 3 * 255 + 198 bytes from one back.
        let run = [
            [17 + 4].as_slice(),
            b"wxyz",
            &[0x20, 0, 0, 0, 198, 0, 0],
            &END,
        ]
        .concat();
        let plain = decompress(&file(&[(1000, &run)]), Vec::new(), 1000).unwrap();
        assert_eq!(plain, [b"wxy".as_slice(), &[b'z'; 997]].concat());
    }

    #[test]
    fn short_matches_carry_literals() {
        // abcdef, then three bytes from six back and the literal !.
        let short = [[17 + 6].as_slice(), b"abcdef", &[0x55, 0, b'!'], &END].concat();
        assert_eq!(Lzo1x::new(&short, 100).run().unwrap(), b"abcdefabc!");
    }

    proptest! {
        #[test]
        fn no_block_panics_or_outgrows_its_limit(data: Vec<u8>, limit in 0..5000_usize) {
            if let Some(plain) = Lzo1x::new(&data, limit).run() {
                prop_assert!(plain.len() <= limit);
            }
        }
    }
}
