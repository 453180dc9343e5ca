// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that are not what they were, for tests of parsers.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Places, and what stands there.
pub(crate) type Damage = Vec<(Index, u8)>;

/// In so many places.
pub(crate) fn damage(places: Range<usize>) -> impl Strategy<Value = Damage> {
    vec(any::<(Index, u8)>(), places)
}

/// Does it to `bytes`, of which there has to be one.
pub(crate) fn spoil(bytes: &mut [u8], damage: &Damage) {
    for (at, value) in damage {
        bytes[at.index(bytes.len())] = *value;
    }
}
