// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's rules: from the facts to the answer, per attach type.
//!
//! | module | kernel code |
//! | --- | --- |
//! | `attach` | all attach types, with or without the reasons |
//! | `kprobe` | `trace_kprobe.c`, `register_kretprobe()` |
//! | `kprobe_multi` | `bpf_kprobe_multi_link_attach()` |
//! | `trampoline` | fentry, fexit, fmod_ret: `bpf_check_attach_target()`, `register_fentry()` |
//! | `extent`, `blacklist` | `register_kprobe()` at each address |
//! | `code`, `optimize` | `arch_prepare_optimized_kprobe()` |
//! | `names` | `kallsyms_lookup_name()` |

pub(crate) mod attach;
mod blacklist;
mod code;
pub(crate) mod extent;
mod kprobe;
mod kprobe_multi;
mod names;
mod optimize;
pub(crate) mod pick;
pub(crate) mod trail;
mod trampoline;
mod uses;
