// SPDX-License-Identifier: GPL-2.0-only
//! How patches change the behaviours of a kernel.

use std::collections::BTreeSet;
use std::fmt;

use nmissed_wire::Behaviour;

/// How the patches of a series change the behaviours of the kernel's release. The text
/// form is that of `NMISSED_BEHAVIOURS`: `counts-kprobe-recursion,-yields-to-prog-active`,
/// or `?` for patches that declare nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeclaredBehaviours {
    /// The sum of what the stacks of the series declare.
    Known {
        /// The kernel has these, whether or not its release has.
        adds: BTreeSet<Behaviour>,
        /// The kernel has none of these, whether or not its release has.
        removes: BTreeSet<Behaviour>,
    },
    /// The patches are the user's own, or a part of a stack.
    Unknown,
}

impl fmt::Display for DeclaredBehaviours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Known { adds, removes } = self else {
            return f.write_str("?");
        };
        let added = adds.iter().map(ToString::to_string);
        let removed = removes.iter().map(|it| format!("-{it}"));
        f.write_str(&added.chain(removed).collect::<Vec<_>>().join(","))
    }
}
