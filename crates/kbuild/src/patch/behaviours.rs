// SPDX-License-Identifier: GPL-2.0-only
//! How patches change the behaviours of a kernel.

use std::collections::BTreeSet;
use std::fmt;

use nmissed_wire::{Behaviour, UnknownBehaviour};

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

impl DeclaredBehaviours {
    /// Reads names of behaviours, a `-` before those that the kernel has not.
    ///
    /// # Errors
    /// For a name that is no behaviour.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownBehaviour> {
        let (mut adds, mut removes) = (BTreeSet::new(), BTreeSet::new());
        for name in names {
            match name.strip_prefix('-') {
                Some(name) => removes.insert(name.parse()?),
                None => adds.insert(name.parse()?),
            };
        }
        Ok(Self::Known { adds, removes })
    }
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

#[cfg(test)]
mod tests {
    use super::DeclaredBehaviours;
    use test_case::test_case;

    #[test_case(&[] => Some(String::new()); "none")]
    #[test_case(&["per-program-recursion", "-yields-to-prog-active"]
        => Some("per-program-recursion,-yields-to-prog-active".to_owned()); "one more and one less")]
    #[test_case(&["per-programm-recursion"] => None; "misspelled")]
    #[test_case(&["--yields-to-prog-active"] => None; "removed twice")]
    fn names_are_read(names: &[&str]) -> Option<String> {
        let parsed = DeclaredBehaviours::parse(names.iter().copied());
        parsed.ok().map(|it| it.to_string())
    }
}
