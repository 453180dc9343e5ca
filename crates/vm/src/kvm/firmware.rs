// SPDX-License-Identifier: GPL-2.0-only
//! The smallest guest: firmware that enters 64-bit mode and writes to one port.
//!
//! KVM can fail at several points: QEMU aborts before the first instruction, real mode
//! runs but a change of mode does not, or nothing runs at all. So the firmware takes
//! the steps of a kernel: real mode, paging, long mode.

/// The byte that the firmware writes to QEMU's isa-debug-exit device.
const SENTINEL: u8 = 0x2a;
/// QEMU's exit status after [`SENTINEL`] (hw/misc/debugexit.c).
pub(crate) const EXIT_STATUS: i32 = ((SENTINEL as i32) << 1) | 1;
/// The device at the port that [`CODE`] writes to.
pub(crate) const EXIT_DEVICE: &str = "isa-debug-exit,iobase=0xf4,iosize=1";

/// QEMU wants firmware in multiples of 64 KiB, and puts its end at 4 GiB.
const SIZE: usize = 0x10000;
/// The offset of [`CODE`]: at linear 0xffffff00, and at cs:0xff00 after reset.
const CODE_AT: usize = 0xff00;
/// The offset of the first instruction after reset.
const RESET_AT: usize = 0xfff0;

#[rustfmt::skip]
const CODE: &[u8] = &[
    0x31, 0xc0,                                           // xor ax, ax
    0x8e, 0xd8,                                           // mov ds, ax
    // Page tables, in memory that QEMU hands out zeroed: the first and the
    // fourth GiB map to themselves.
    0x66, 0xc7, 0x06, 0x00, 0x10, 0x03, 0x20, 0x00, 0x00, // mov dword [0x1000], 0x2003
    0x66, 0xc7, 0x06, 0x00, 0x20, 0x83, 0x00, 0x00, 0x00, // mov dword [0x2000], 0x83
    0x66, 0xc7, 0x06, 0x18, 0x20, 0x83, 0x00, 0x00, 0xc0, // mov dword [0x2018], 0xc0000083
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x5d, 0xff,             // lgdt cs:[gdtr]
    0x66, 0xb8, 0x20, 0x00, 0x00, 0x00,                   // mov eax, CR4.PAE
    0x0f, 0x22, 0xe0,                                     // mov cr4, eax
    0x66, 0xb8, 0x00, 0x10, 0x00, 0x00,                   // mov eax, 0x1000
    0x0f, 0x22, 0xd8,                                     // mov cr3, eax
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,                   // mov ecx, MSR_EFER
    0x0f, 0x32,                                           // rdmsr
    0x66, 0x0f, 0xba, 0xe8, 0x08,                         // bts eax, EFER.LME
    0x0f, 0x30,                                           // wrmsr
    0x66, 0xb8, 0x01, 0x00, 0x00, 0x80,                   // mov eax, CR0.PG | CR0.PE
    0x0f, 0x22, 0xc0,                                     // mov cr0, eax
    0x66, 0xea, 0x58, 0xff, 0xff, 0xff, 0x08, 0x00,       // jmp 8:0xffffff58
    // 0x58, in 64-bit mode:
    0xb0, SENTINEL,                                       // mov al, SENTINEL
    0xe6, 0xf4,                                           // out 0xf4, al
    0xf4,                                                 // hlt
    // 0x5d, gdtr: limit and address of the table at 0x64
    0x0f, 0x00, 0x64, 0xff, 0xff, 0xff,
    0x90,
    // 0x64: the null descriptor, then 64-bit code
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00,
];
/// `jmp` from [`RESET_AT`] to [`CODE_AT`].
const RESET: &[u8] = &[0xe9, 0x0d, 0xff];

pub(crate) fn firmware() -> Vec<u8> {
    let mut image = vec![0; SIZE];
    image[CODE_AT..][..CODE.len()].copy_from_slice(CODE);
    image[RESET_AT..][..RESET.len()].copy_from_slice(RESET);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_and_tables_are_at_the_offsets_of_the_comments() {
        let back = i16::from_le_bytes([RESET[1], RESET[2]]);
        let from = i32::try_from(RESET_AT + RESET.len()).unwrap();
        assert_eq!(from + i32::from(back), i32::try_from(CODE_AT).unwrap());
        assert_eq!(CODE[0x58..0x5a], [0xb0, SENTINEL]);
        assert_eq!(CODE[0x5d..0x5f], [0x0f, 0x00]);
        assert_eq!(CODE[0x64 + 13], 0x9a);
    }
}
