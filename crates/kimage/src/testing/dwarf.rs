// SPDX-License-Identifier: GPL-2.0-only
//! As much DWARF as it takes to tell files apart, for tests.

/// A source file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) options: &'static str,
    /// One as gcc writes it for one section; several go to `.debug_rnglists`.
    pub(crate) ranges: Vec<(u64, u64)>,
}

/// The sections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dwarf {
    pub(crate) info: Vec<u8>,
    pub(crate) abbreviations: Vec<u8>,
    pub(crate) ranges: Vec<u8>,
}

const STRING: u8 = 0x08;
/// `DW_AT_producer`, `DW_AT_name`, `DW_AT_comp_dir`.
const TEXTS: [u8; 6] = [0x25, STRING, 0x03, STRING, 0x1b, STRING];
/// `DW_AT_low_pc`, `DW_AT_high_pc` as a size.
const CONTIGUOUS: [u8; 4] = [0x11, 0x01, 0x12, 0x07];
/// `DW_AT_ranges`.
const SCATTERED: [u8; 2] = [0x55, 0x17];

impl Dwarf {
    /// A unit and a table of abbreviations for each file.
    pub(crate) fn of(files: &[File]) -> Self {
        let mut dwarf = Self::default();
        // unit_length is set at the end; version, address and segment sizes.
        dwarf.ranges.extend([0, 0, 0, 0, 5, 0, 8, 0, 0, 0, 0, 0]);
        files.iter().for_each(|file| dwarf.unit(file));
        let len = dwarf.ranges.len() as u32 - 4;
        dwarf.ranges[..4].copy_from_slice(&len.to_le_bytes());
        dwarf
    }

    fn unit(&mut self, file: &File) {
        let table = self.abbreviations.len() as u32;
        let mut unit = vec![5, 0, 1, 8];
        unit.extend(table.to_le_bytes());
        unit.push(1);
        for text in [file.options, file.name, "/objects"] {
            unit.extend(text.as_bytes());
            unit.push(0);
        }
        let place = match file.ranges.as_slice() {
            [(start, end)] => {
                unit.extend(start.to_le_bytes());
                unit.extend((end - start).to_le_bytes());
                CONTIGUOUS.as_slice()
            }
            ranges => {
                unit.extend((self.ranges.len() as u32).to_le_bytes());
                self.range_list(ranges);
                &SCATTERED
            }
        };
        // Code 1: DW_TAG_compile_unit without children.
        self.abbreviations.extend([1, 0x11, 0]);
        self.abbreviations.extend(TEXTS);
        self.abbreviations.extend(place);
        self.abbreviations.extend([0, 0, 0]);
        self.info.extend((unit.len() as u32).to_le_bytes());
        self.info.extend(unit);
    }

    fn range_list(&mut self, ranges: &[(u64, u64)]) {
        for (start, end) in ranges {
            // DW_RLE_start_end
            self.ranges.push(6);
            self.ranges.extend(start.to_le_bytes());
            self.ranges.extend(end.to_le_bytes());
        }
        self.ranges.push(0);
    }
}
