// SPDX-License-Identifier: GPL-2.0-only
//! System calls for BPF and perf, with their errno and the newest counters.
//!
//! | module | what it calls |
//! | --- | --- |
//! | `attach` | loads empty programs and attaches them, without libbpf's translations |
//! | `btf` | finds functions in the kernel's BTF |
//! | `link`, `prog`, `query` | the counters of links, programs and perf events |
//! | `perf` | perf_event_open(2) |
//! | `page`, `signal` | causes a page fault, or a signal, on demand |
//! | `info`, `errno` | what the others share |
//!
//! build.rs generates the types from the `linux/bpf.h` of the kernel under test, so a
//! patch that adds a field needs no struct written here.
//!
//! Invariants: the only crate that calls bpf(2) without libbpf-rs; errors keep their
//! errno; a counter that the running kernel does not have is `None`, never 0; it knows
//! no scenario and no expectation.

#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    unreachable_pub,
    clippy::all,
    clippy::restriction,
    reason = "generated from C: the kernel's header is the documentation"
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/uapi.rs"));
}
mod attach;
mod btf;
mod errno;
mod info;
mod link;
mod page;
mod perf;
mod prog;
mod query;
mod signal;

pub use attach::{
    Functions, LoadError, attach_kprobe_multi, attach_tracing_multi, attach_trampoline,
    load_nothing, load_nothing_for_tracing_multi,
};
pub use btf::KernelTypes;
pub use link::link_missed;
pub use page::Page;
pub use perf::{
    CountedEvent, KprobePmu, access_breakpoint, open_counter, open_kprobe, open_trace_event,
    write_breakpoint,
};
pub use prog::{recursion_misses, run_count, test_run};
pub use query::probe_missed;
pub use signal::interrupt;
