// SPDX-License-Identifier: GPL-2.0-only
//! What executes the guest's instructions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The host's processor, through `/dev/kvm`.
    Kvm,
    /// QEMU's emulation of a processor.
    Tcg,
}

impl Accel {
    /// `kvm` or `tcg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Accel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Kvm, Self::Tcg]
            .into_iter()
            .find(|accel| accel.name() == name)
            .ok_or_else(|| Error::UnknownAccel {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_accelerator_is_an_error_with_the_known_ones() {
        assert_eq!("tcg".parse::<Accel>().unwrap(), Accel::Tcg);
        assert_eq!(
            "xen".parse::<Accel>().unwrap_err().to_string(),
            "there is no accelerator \"xen\": use kvm or tcg"
        );
    }
}
