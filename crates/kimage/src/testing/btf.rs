// SPDX-License-Identifier: GPL-2.0-only
//! BTF, type by type.

use crate::facts::btf::{FUNC, FUNC_PROTO, STRUCT};

/// BTF in the making.
pub(crate) struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
    /// Offsets of the names of the types in the strings.
    names: Vec<u32>,
    /// How many bytes of strings the base has.
    base_strings: u32,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
            count: 0,
            names: Vec::new(),
            base_strings: 0,
        }
    }

    /// BTF that goes on from other BTF.
    pub(crate) fn after(base: &Self) -> Self {
        Self {
            strings: Vec::new(),
            count: base.count,
            base_strings: base.strings.len() as u32,
            ..Self::new()
        }
    }

    /// Adds a type; its number comes back.
    pub(crate) fn add(
        &mut self,
        name: &str,
        kind: u32,
        vlen: usize,
        size_or_type: u32,
        extra: &[u32],
    ) -> u32 {
        let words = [
            self.base_strings + self.strings.len() as u32,
            kind << 24 | vlen as u32,
            size_or_type,
        ];
        self.names.push(words[0]);
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        self.types.extend(
            words
                .iter()
                .chain(extra)
                .flat_map(|word| word.to_le_bytes()),
        );
        self.count += 1;
        self.count
    }

    /// Where the name of a type is, for members and enumerators of that name.
    pub(crate) fn name_of(&self, id: u32) -> u32 {
        self.names[self.names.len() - 1 - (self.count - id) as usize]
    }

    pub(crate) fn structure(&mut self, size: u32) -> u32 {
        self.add("structure", STRUCT, 0, size, &[])
    }

    /// A function of these parameters.
    pub(crate) fn function(&mut self, name: &str, returns: u32, params: &[u32]) -> u32 {
        let params: Vec<u32> = params.iter().flat_map(|param| [0, *param]).collect();
        let prototype = self.add("", FUNC_PROTO, params.len() / 2, returns, &params);
        self.add(name, FUNC, 1, prototype, &[])
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut all = vec![0x9f, 0xeb, 1, 0];
        all.extend(
            [24, 0, types, types, strings]
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        all.extend(&self.types);
        all.extend(&self.strings);
        all
    }
}
