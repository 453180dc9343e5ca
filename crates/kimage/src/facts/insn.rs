// SPDX-License-Identifier: GPL-2.0-only
//! Instructions as the kernel's own decoder sees them (`arch/x86/lib/insn.c`).
//!
//! iced-x86 says how long an instruction is; which opcode bytes, prefixes and
//! ModRM byte it has is split here as the kernel splits it, because its rules
//! are written in those terms: a VEX instruction, for one, has a one-byte
//! opcode there, so that `vzeroupper` looks like a conditional jump.

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::bytes::array;

/// `__XEN_EMULATE_PREFIX` and `__KVM_EMULATE_PREFIX`: `ud2` and a word.
const EMULATE: [&[u8]; 2] = [b"\x0f\x0bxen", b"\x0f\x0bkvm"];
/// What pads the text, and what a kprobe writes.
pub(crate) const INT3: u8 = 0xcc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Insn {
    /// Its length, an emulate prefix included.
    pub(crate) len: u8,
    /// `insn->opcode.bytes`, the first two of them.
    pub(crate) opcode: [u8; 2],
    /// `insn->opcode.nbytes`.
    pub(crate) opcode_len: u8,
    /// The byte after the opcode, which is the ModRM byte where one is.
    pub(crate) modrm: u8,
    /// The last four bytes, which is where a branch has its distance; zero if
    /// that is no immediate.
    tail: [u8; 4],
    /// A CS override or an address-size prefix: `can_boost()` refuses both.
    pub(crate) unboostable_prefix: bool,
    /// Whether it has an address-size prefix.
    pub(crate) address_size: bool,
    /// Starts with `ud2` and a hypervisor's name.
    pub(crate) emulated: bool,
}

impl Insn {
    /// The instruction that `bytes` start with; `None` if iced knows none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Insns::new(bytes).next()
    }

    /// `insn_get_prefixes()` and `insn_get_opcode()`.
    fn split(bytes: &[u8]) -> Option<Self> {
        let prefixes = bytes
            .iter()
            .take_while(|byte| is_legacy_prefix(**byte))
            .count();
        let has = |wanted| bytes[..prefixes].contains(&wanted);
        let (at, vex) = behind_rex_or_vex(bytes, prefixes)?;
        let opcode_len = if vex.is_some() {
            1
        } else {
            opcode_len(bytes.get(at..)?)
        };
        let second = if opcode_len > 1 {
            *bytes.get(at + 1)?
        } else {
            0
        };
        let opcode = [*bytes.get(at)?, second];
        let immediate = vex.is_none_or(|map| vex_has_immediate(map, opcode[0]));
        Some(Self {
            len: bytes.len() as u8,
            opcode,
            opcode_len,
            modrm: bytes
                .get(at + usize::from(opcode_len))
                .copied()
                .unwrap_or(0),
            tail: if immediate { tail(bytes) } else { [0; 4] },
            unboostable_prefix: has(0x2e) || has(0x67),
            address_size: has(0x67),
            emulated: false,
        })
    }

    /// `X86_MODRM_REG`.
    pub(crate) fn reg(&self) -> u8 {
        self.modrm >> 3 & 7
    }

    /// `X86_MODRM_MOD`.
    pub(crate) fn mode(&self) -> u8 {
        self.modrm >> 6
    }

    /// Where it jumps, by the rules of `insn_jump_into_range()`: relative jumps
    /// but no calls. `end` is the address of the next instruction.
    pub(crate) fn jump_target(&self, end: u64) -> Option<u64> {
        let distance = match self.opcode {
            [0xe0..=0xe3 | 0xeb | 0x70..=0x7f, _] => i64::from(self.tail[3] as i8),
            [0xe9, _] | [0x0f, 0x80..=0x8f] => i64::from(i32::from_le_bytes(self.tail)),
            _ => return None,
        };
        Some(end.wrapping_add_signed(distance))
    }

    /// Where a relative call or jump of five bytes goes.
    pub(crate) fn branch_target(&self, end: u64) -> Option<u64> {
        let relative = self.opcode_len == 1 && matches!(self.opcode[0], 0xe8 | 0xe9);
        relative.then(|| end.wrapping_add_signed(i32::from_le_bytes(self.tail).into()))
    }

    /// `insn_is_indirect_jump()`.
    pub(crate) fn is_indirect_jump(&self) -> bool {
        (self.opcode[0] == 0xff && self.reg() & 6 == 4) || self.opcode[0] == 0xea
    }

    /// Whether it is a near `ret`.
    pub(crate) fn is_return(&self) -> bool {
        matches!(self.opcode[0], 0xc2 | 0xc3)
    }

    /// `is_exception_insn()`: INT and UD.
    pub(crate) fn is_exception(&self) -> bool {
        matches!(
            self.opcode,
            [0x0f, 0xff | 0xb9 | 0x0b] | [0xcc | 0xcd | 0xce | 0xf1, _]
        )
    }

    /// `insn_masking_exception()`: `pop %ss` and `mov ..., %ss`.
    pub(crate) fn masks_exceptions(&self) -> bool {
        self.opcode[0] == 0x1f || (self.opcode[0] == 0x8e && self.reg() == 2)
    }

    /// What `prepare_emulation()` answers with EOPNOTSUPP: far branches, `iret`,
    /// VM instructions, and indirect branches other than through a register.
    pub(crate) fn is_beyond_emulation(&self) -> bool {
        match self.opcode {
            [0x9a | 0xea | 0xcc | 0xcf, _] => true,
            [0x0f, 0x01] => self.reg() == 0 && self.mode() == 3,
            [0xff, _] => match self.reg() {
                2 | 4 => self.address_size || self.mode() != 3,
                reg => matches!(reg, 3 | 5),
            },
            _ => false,
        }
    }

    /// `can_boost()`, but for the exception tables; `early` before 6.9.
    pub(crate) fn can_boost(&self, early: bool) -> bool {
        match self.opcode_len {
            2 => {
                TWO_BYTE_BOOSTABLE[usize::from(self.opcode[1] >> 4)] >> (self.opcode[1] & 15) & 1
                    == 1
            }
            1 if self.unboostable_prefix => false,
            1 if early && self.is_in_group() => self.opcode[0] == 0xff && self.reg() == 4,
            1 => self.one_byte_boostable(),
            _ => false,
        }
    }

    /// Opcode groups 2 to 5.
    fn is_in_group(&self) -> bool {
        matches!(self.opcode[0], 0xc0..=0xc1 | 0xd0..=0xd3 | 0xf6..=0xf7 | 0xfe..=0xff)
    }

    fn one_byte_boostable(&self) -> bool {
        match self.opcode[0] {
            0x62 | 0x70..=0x7f | 0x9a | 0xcc..=0xce | 0xd6 | 0xd8..=0xdf => false,
            0xe0..=0xe3 | 0xe8..=0xe9 | 0xeb | 0xf0..=0xf4 => false,
            0xc0..=0xc1 | 0xd0..=0xd3 => self.reg() != 0b110,
            0xf6..=0xf7 => self.reg() != 0b001,
            0xfe => matches!(self.reg(), 0b000 | 0b001),
            0xff => matches!(self.reg(), 0b000 | 0b001 | 0b100),
            _ => true,
        }
    }
}

/// `twobyte_is_boostable`, a row per high digit, its lowest bit for digit 0.
const TWO_BYTE_BOOSTABLE: [u16; 16] = [
    0x034c, 0x8000, 0x000f, 0x0002, 0xffff, 0x0000, 0xcfff, 0xc0f0, 0x0000, 0xffff, 0xbb3b, 0xf8ff,
    0xff03, 0xbb2e, 0xbb26, 0x772e,
];

/// Instructions one after the other, up to one that iced does not know.
pub(crate) struct Insns<'a> {
    bytes: &'a [u8],
    at: usize,
    decoder: Decoder<'a>,
    /// Reused: it is large.
    decoded: Instruction,
}

impl<'a> Insns<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            decoder: Decoder::new(64, bytes, DecoderOptions::NONE),
            decoded: Instruction::new(),
        }
    }

    fn length(&mut self, at: usize) -> Option<usize> {
        if self.decoder.position() != at {
            self.decoder.set_position(at).ok()?;
        }
        self.decoder.decode_out(&mut self.decoded);
        (!self.decoded.is_invalid()).then(|| self.decoded.len())
    }
}

impl Iterator for Insns<'_> {
    type Item = Insn;

    fn next(&mut self) -> Option<Insn> {
        let rest = &self.bytes[self.at..];
        // Between functions there is much of it.
        if rest.first() == Some(&INT3) {
            self.at += 1;
            return Insn::split(&[INT3]);
        }
        let prefix = EMULATE
            .iter()
            .find(|prefix| rest.starts_with(prefix))
            .map_or(0, |prefix| prefix.len());
        let len = self.length(self.at + prefix)?;
        let mut insn = Insn::split(rest.get(prefix..prefix + len)?)?;
        insn.len += prefix as u8;
        insn.emulated = prefix != 0;
        self.at += usize::from(insn.len);
        Some(insn)
    }
}

/// Where the opcode is, and its map if a VEX or EVEX prefix says which.
fn behind_rex_or_vex(bytes: &[u8], at: usize) -> Option<(usize, Option<u8>)> {
    let map = |bits: u8| Some(bytes.get(at + 1)? & bits);
    Some(match bytes.get(at)? {
        0x40..=0x4f => (at + 1, None),
        0xc5 => (at + 2, Some(MAP_0F)),
        0xc4 => (at + 3, map(0x1f)),
        0x62 => (at + 4, map(0x07)),
        _ => (at, None),
    })
}

/// The last four bytes, or what there is of them.
fn tail(bytes: &[u8]) -> [u8; 4] {
    let mut tail = [0; 4];
    for (to, from) in tail.iter_mut().rev().zip(bytes.iter().rev()) {
        *to = *from;
    }
    tail
}

/// The map of the opcodes behind 0x0f.
const MAP_0F: u8 = 1;
/// The map of the opcodes behind 0x0f 0x3a.
const MAP_0F3A: u8 = 3;

/// Whether a VEX instruction, whose opcode looks like a branch's, has an
/// immediate that then looks like its distance.
fn vex_has_immediate(map: u8, opcode: u8) -> bool {
    map == MAP_0F3A || (map == MAP_0F && matches!(opcode, 0x70..=0x73))
}

/// Prefixes that `inat_is_legacy_prefix()` knows.
fn is_legacy_prefix(byte: u8) -> bool {
    matches!(
        byte,
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
    )
}

fn opcode_len(bytes: &[u8]) -> u8 {
    match array(bytes, 0) {
        Some([0x0f, 0x38 | 0x3a]) => 3,
        Some([0x0f, _]) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn decode(bytes: &[u8]) -> Insn {
        Insn::decode(bytes).expect("an instruction")
    }

    #[test_case(&[0x90], 1; "nop")]
    #[test_case(&[0x0f, 0x1f, 0x44, 0, 0], 5; "nop5")]
    #[test_case(&[0xf3, 0x0f, 0x1e, 0xfa], 4; "endbr64")]
    #[test_case(&[0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0], 11; "nop11")]
    #[test_case(b"\x0f\x0bxen\x0f\xa2", 7; "cpuid for xen")]
    #[test_case(&[0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8], 10; "movabs")]
    fn lengths(bytes: &[u8], len: u8) {
        let mut long = bytes.to_vec();
        long.extend([0x90; 20]);
        assert_eq!(decode(&long).len, len);
    }

    #[test_case(&[0x55], true; "push")]
    #[test_case(&[0x48, 0x89, 0xe5], true; "mov")]
    #[test_case(&[0xc3], true; "ret")]
    #[test_case(&[0xe8, 0, 0, 0, 0], false; "call")]
    #[test_case(&[0xe9, 0, 0, 0, 0], false; "jmp")]
    #[test_case(&[0x74, 0], false; "je")]
    #[test_case(&[0xff, 0xd0], false; "call through a register")]
    #[test_case(&[0xff, 0xe0], true; "jmp through a register")]
    #[test_case(&[0xf0, 0xff, 0x07], true; "lock inc is decided by the inc")]
    #[test_case(&[0x2e, 0xff, 0xe0], false; "cs override")]
    #[test_case(&[0x67, 0x89, 0x07], false; "address size")]
    #[test_case(&[0x0f, 0x1f, 0x44, 0, 0], true; "nop5")]
    #[test_case(&[0xf3, 0x0f, 0x1e, 0xfa], false; "endbr64")]
    #[test_case(&[0x0f, 0xa2], false; "cpuid")]
    #[test_case(&[0x0f, 0xb6, 0xc0], true; "movzx")]
    #[test_case(&[0x0f, 0x84, 0, 0, 0, 0], false; "je near")]
    #[test_case(&[0xc5, 0xf8, 0x77], false; "vzeroupper looks like ja")]
    #[test_case(&[0x66, 0x0f, 0x38, 0xf1, 0x07], false; "three bytes of opcode")]
    fn boosting(bytes: &[u8], can: bool) {
        assert_eq!(decode(bytes).can_boost(false), can);
    }

    #[test_case(&[0xf6, 0x07, 1], true, false; "test")]
    #[test_case(&[0xc1, 0xe0, 4], true, false; "shl")]
    #[test_case(&[0xff, 0xc0], true, false; "inc")]
    #[test_case(&[0xff, 0xe0], true, true; "jmp through a register")]
    #[test_case(&[0x55], true, true; "push")]
    #[test_case(&[0xe8, 0, 0, 0, 0], false, false; "call")]
    fn groups_are_boosted_since_6_9(bytes: &[u8], now: bool, before: bool) {
        let insn = decode(bytes);
        assert_eq!((insn.can_boost(false), insn.can_boost(true)), (now, before));
    }

    #[test_case(&[0xeb, 0xfe], Some(0x1000); "jmp to itself")]
    #[test_case(&[0x0f, 0x85, 0x10, 0, 0, 0], Some(0x1016); "jne near")]
    #[test_case(&[0xe2, 2], Some(0x1004); "loop")]
    #[test_case(&[0xe9, 0xfb, 0xff, 0xff, 0xff], Some(0x1000); "jmp near")]
    #[test_case(&[0xe8, 0, 0, 0, 0], None; "call")]
    #[test_case(&[0xff, 0xe0], None; "indirect")]
    #[test_case(&[0xc5, 0xf8, 0x77], Some(0x1003); "vzeroupper goes on")]
    #[test_case(&[0xc5, 0xf9, 0x70, 0xc0, 0x10], Some(0x1015); "vpshufd goes by its immediate")]
    fn jumps(bytes: &[u8], target: Option<u64>) {
        let insn = decode(bytes);
        assert_eq!(insn.jump_target(0x1000 + u64::from(insn.len)), target);
    }

    #[test_case(&[0xcf], true; "iret")]
    #[test_case(&[0x0f, 0x01, 0xc1], true; "vmcall")]
    #[test_case(&[0x0f, 0x01, 0xf8], false; "swapgs")]
    #[test_case(&[0xff, 0x17], true; "call through memory")]
    #[test_case(&[0xff, 0xd7], false; "call through a register")]
    #[test_case(&[0x41, 0xff, 0xe3], false; "jmp r11")]
    #[test_case(&[0xff, 0x37], false; "push")]
    fn emulation(bytes: &[u8], beyond: bool) {
        assert_eq!(decode(bytes).is_beyond_emulation(), beyond);
    }

    #[test]
    fn traps_and_masks_are_told() {
        assert!(decode(&[0x0f, 0x0b]).is_exception());
        assert!(decode(&[0xcc]).is_exception());
        assert!(!decode(&[0xc3]).is_exception());
        assert!(decode(&[0x8e, 0xd0]).masks_exceptions());
        assert!(!decode(&[0x8e, 0xd8]).masks_exceptions());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_no_more_than_they_are(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(insn) = Insn::decode(&bytes) {
                prop_assert!(insn.len > 0 && usize::from(insn.len) <= bytes.len());
            }
        }
    }
}
