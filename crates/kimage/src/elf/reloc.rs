// SPDX-License-Identifier: GPL-2.0-only
//! The relocations of a module: `apply_relocate_add()` of
//! arch/x86/kernel/module.c, as of 5.19 to 7.3.

use goblin::elf::reloc::{
    R_X86_64_32, R_X86_64_32S, R_X86_64_64, R_X86_64_NONE, R_X86_64_PC32, R_X86_64_PC64,
    R_X86_64_PLT32,
};

use crate::bytes::{u32_at, u64_at};

/// `Elf64_Rela`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rela {
    /// Where in the section.
    pub(crate) offset: u64,
    /// The number of a symbol.
    pub(crate) symbol: usize,
    pub(crate) kind: u32,
    pub(crate) addend: i64,
}

impl Rela {
    pub(crate) const SIZE: usize = 24;

    /// The entry that `bytes` start with.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            offset: u64_at(bytes, 0)?,
            symbol: u32_at(bytes, 12)? as usize,
            kind: u32_at(bytes, 8)?,
            addend: u64_at(bytes, 16)?.cast_signed(),
        })
    }

    /// Applies it to a section at an address; `symbol` is the symbol's value.
    ///
    /// # Errors
    /// The reason for which the kernel refuses it.
    pub(crate) fn apply(
        &self,
        section: &mut [u8],
        addr: u64,
        symbol: u64,
    ) -> Result<(), &'static str> {
        let place = addr.wrapping_add(self.offset);
        let value = symbol.wrapping_add_signed(self.addend);
        let (value, size) = field(self.kind, value, place)?;
        let at = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let bytes = section
            .get_mut(at..)
            .and_then(|rest| rest.get_mut(..size))
            .ok_or("it is past the end of the section")?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err("what it would replace is not zero");
        }
        bytes.copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

/// Returns the value to write at `place`, and its size in bytes. A distance of 32 bits
/// is cut off without a check, as the kernel does.
fn field(kind: u32, value: u64, place: u64) -> Result<(u64, usize), &'static str> {
    let fits = match kind {
        R_X86_64_32 => u32::try_from(value).is_ok(),
        R_X86_64_32S => i32::try_from(value.cast_signed()).is_ok(),
        _ => true,
    };
    if !fits {
        return Err("its value does not fit 32 bits");
    }
    match kind {
        R_X86_64_NONE => Ok((0, 0)),
        R_X86_64_64 => Ok((value, 8)),
        R_X86_64_32 | R_X86_64_32S => Ok((value, 4)),
        R_X86_64_PC32 | R_X86_64_PLT32 => Ok((value.wrapping_sub(place), 4)),
        R_X86_64_PC64 => Ok((value.wrapping_sub(place), 8)),
        _ => Err("the kernel knows no relocation of its type"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    const HIGH: u64 = 0xffff_ffff_c000_1000;

    fn rela(offset: u64, kind: u32, addend: i64) -> Rela {
        Rela {
            offset,
            symbol: 1,
            kind,
            addend,
        }
    }

    #[test_case(R_X86_64_NONE, HIGH, 0, &[0; 8]; "none")]
    #[test_case(R_X86_64_64, HIGH, 2, &[2, 0x10, 0, 0xc0, 0xff, 0xff, 0xff, 0xff]; "an address")]
    #[test_case(R_X86_64_32, 0x8000_0000, 0, &[0, 0, 0, 0x80, 0, 0, 0, 0]; "32 bits, unsigned")]
    #[test_case(R_X86_64_32S, HIGH, -1, &[0xff, 0x0f, 0, 0xc0, 0, 0, 0, 0]; "32 bits, signed")]
    #[test_case(R_X86_64_PC32, HIGH, -4, &[0xf4, 0x0f, 0, 0, 0, 0, 0, 0]; "a distance")]
    #[test_case(R_X86_64_PLT32, HIGH - 0x1000, -4, &[0xf4, 0xff, 0xff, 0xff, 0, 0, 0, 0]; "a call backwards")]
    #[test_case(R_X86_64_PC32, 0x30, 0, &[0x28, 0, 0, 0x40, 0, 0, 0, 0]; "a distance to a per-CPU variable")]
    #[test_case(R_X86_64_PC64, HIGH - 0x1000, 0, &[0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]; "a long distance")]
    fn what_is_written(kind: u32, symbol: u64, addend: i64, wanted: &[u8; 8]) {
        let mut section = [0; 16];
        rela(8, kind, addend)
            .apply(&mut section, 0xffff_ffff_c000_0000, symbol)
            .unwrap();
        assert_eq!(section[8..], *wanted);
        assert_eq!(section[..8], [0; 8]);
    }

    #[test_case(rela(0, R_X86_64_32, 0), "32 bits"; "unsigned overflow")]
    #[test_case(rela(0, R_X86_64_32S, i64::MIN), "32 bits"; "signed overflow")]
    #[test_case(rela(0, 9, 0), "type"; "through a global offset table")]
    #[test_case(rela(13, R_X86_64_PC32, 0), "past the end"; "half in the section")]
    #[test_case(rela(u64::MAX, R_X86_64_64, 0), "past the end"; "far out")]
    #[test_case(rela(4, R_X86_64_PC32, 0), "not zero"; "something is there")]
    fn what_is_refused(rela: Rela, why: &str) {
        let mut section = [0; 16];
        section[7] = 1;
        let error = rela.apply(&mut section, 0x1000, HIGH).unwrap_err();
        assert!(error.contains(why), "{error}");
    }

    proptest! {
        #[test]
        fn nothing_else_is_touched(
            offset in 0..20_u64, kind in 0..44_u32, addend: i64, addr: u64, symbol: u64
        ) {
            let mut section = [0; 16];
            if rela(offset, kind, addend).apply(&mut section, addr, symbol).is_ok() {
                let at = offset as usize;
                prop_assert!(section[..at.min(16)].iter().all(|byte| *byte == 0));
                prop_assert!(section.iter().skip(at + 8).all(|byte| *byte == 0));
            }
        }

        #[test]
        fn a_distance_leads_back_to_the_symbol(far in -0x7fff_ffff..0x7fff_ffff_i64, addr in 0x1000..u64::MAX - 0x1000) {
            let mut section = [0; 4];
            let symbol = addr.wrapping_add_signed(far);
            rela(0, R_X86_64_PC32, 0).apply(&mut section, addr, symbol).unwrap();
            prop_assert_eq!(addr.wrapping_add_signed(i32::from_le_bytes(section).into()), symbol);
        }
    }
}
