// SPDX-License-Identifier: GPL-2.0-only
//! A built kernel and the guest's programs to a boot, its records and its
//! console.
//!
//! [`Config`] knows the machines of `vmconfig/vm.toml`; [`choose_accel`] finds
//! out whether KVM works here; [`plan()`] asks the test programs what they hold;
//! [`boot()`] does the rest, and returns what was seen as a
//! [`nmissed_wire::Run`].
//!
//! Invariants: knows nothing of how kernels are built, and prints nothing.
//! QEMU is gone when [`boot()`] returns, and what it wrote lies in the output
//! folder. What the guest and the kernel said decides the outcome; when the
//! host could not do its part, that is an error or [`Outcome::Infra`], never
//! evidence.
//!
//! [`Outcome::Infra`]: nmissed_wire::Outcome::Infra

#![forbid(unsafe_code)]

mod accel;
mod boot;
mod clock;
mod config;
mod console;
mod error;
mod initramfs;
mod plan;
mod probe;
mod qemu;
mod tail;
mod watch;

pub use accel::{Accel, Choice, choose_accel};
pub use boot::{BootSpec, Guest, boot};
pub use config::{Channel, Config, Deadlines, Machine};
pub use error::{Error, Result};
pub use plan::plan;
