// SPDX-License-Identifier: GPL-2.0-only
//! Boots a kernel with the guest's programs in QEMU, and collects records and console.
//!
//! | module | what it does |
//! | --- | --- |
//! | `accel`, `machines`, `spec` | what there is to boot on, and what a boot takes |
//! | `kvm` | whether KVM works here, by running a guest on it |
//! | `plan` | the tests, as the test programs list them |
//! | `initramfs`, `clock`, `qemu` | what QEMU is given |
//! | `tail`, `console`, `guest_time`, `watch` | what the guest shows, and its verdict |
//! | `boot` | one boot, from the programs to the [`nmissed_wire::Run`] |
//! | `session` | one boot for a program of the user |
//!
//! Invariants: depends on `nmissed-wire` and `nmissed-host` alone, knows nothing of how
//! kernels are built, and prints nothing. QEMU has ended when [`boot()`] returns, and its
//! output is in the output folder. A failure of the host is an error or
//! [`Outcome::Infra`](nmissed_wire::Outcome::Infra), never evidence.

#![forbid(unsafe_code)]

mod accel;
mod boot;
mod clock;
mod console;
mod error;
mod guest_time;
mod initramfs;
mod kvm;
mod machines;
mod plan;
mod qemu;
mod session;
mod spec;
mod tail;
mod watch;

pub use accel::Accel;
pub use boot::boot;
pub use error::{Error, Result};
pub use kvm::{AccelChoice, choose_accel};
pub use machines::{Channel, Deadlines, Machine, Machines};
pub use plan::plan;
pub use qemu::version as qemu_version;
pub use session::{GuestFile, Session, SessionEnd, session};
pub use spec::{BootSpec, Guest};
