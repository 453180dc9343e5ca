// SPDX-License-Identifier: GPL-2.0-only
//! Error numbers that an attempt to attach fails with.

use std::fmt;

/// An error number, as `include/uapi/asm-generic/errno*.h` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Errno {
    /// No such file or directory.
    Enoent = 2,
    /// No such process.
    Esrch = 3,
    /// Device or resource busy.
    Ebusy = 16,
    /// Invalid argument.
    Einval = 22,
    /// Illegal byte sequence.
    Eilseq = 84,
    /// Operation not supported.
    Eopnotsupp = 95,
    /// Cannot assign requested address.
    Eaddrnotavail = 99,
    /// `ENOTSUPP`, which the kernel uses internally: no C library has a name for it.
    Enotsupp = 524,
}

impl Errno {
    const ALL: [Self; 8] = [
        Self::Enoent,
        Self::Esrch,
        Self::Ebusy,
        Self::Einval,
        Self::Eilseq,
        Self::Eopnotsupp,
        Self::Eaddrnotavail,
        Self::Enotsupp,
    ];

    /// Returns the positive number.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Returns the name of a positive number, if it is one of these.
    #[must_use]
    pub fn name_of(number: i32) -> Option<&'static str> {
        let named = Self::ALL.into_iter().find(|errno| errno.number() == number);
        named.map(Self::name)
    }

    /// Returns the C name, as `EINVAL`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enoent => "ENOENT",
            Self::Esrch => "ESRCH",
            Self::Ebusy => "EBUSY",
            Self::Einval => "EINVAL",
            Self::Eilseq => "EILSEQ",
            Self::Eopnotsupp => "EOPNOTSUPP",
            Self::Eaddrnotavail => "EADDRNOTAVAIL",
            Self::Enotsupp => "ENOTSUPP",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
