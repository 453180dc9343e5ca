// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own description of its BPF objects, through bindgen.
//!
//! The types come from the `linux/bpf.h` of the kernel in use (build.rs), so a
//! patch that adds a field to one needs no hand-written struct here.
//!
//! Invariants: the only crate that calls bpf(2) by hand; errors keep their
//! errno, which libbpf-rs' do not; a counter that the running kernel does not
//! have is `None`, never 0.

#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    unreachable_pub,
    clippy::all,
    clippy::restriction,
    reason = "generated from C, where the kernel's header is the documentation"
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/uapi.rs"));
}
mod attach;
mod fd;
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
pub use link::link_missed;
pub use page::Page;
pub use perf::{Counted, KprobePmu, open_counter, open_kprobe, open_trace_event, write_breakpoint};
pub use prog::{recursion_misses, run_count, test_run};
pub use query::probe_missed;
pub use signal::interrupt;
