// SPDX-License-Identifier: GPL-2.0-only
//! A program of the user in a guest: a shell on the user's terminal, or one command.

mod copy;
mod script;
pub(crate) mod session;
mod terminal;
