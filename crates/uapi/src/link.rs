// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel says about a link.

use std::io;
use std::mem::offset_of;
use std::os::fd::AsFd;

use crate::bindings::{
    BPF_LINK_TYPE_KPROBE_MULTI, BPF_LINK_TYPE_PERF_EVENT, BPF_PERF_EVENT_KPROBE,
    BPF_PERF_EVENT_KRETPROBE, bpf_link_info,
};
use crate::info::{Fillable, Info};

// SAFETY: a C struct of integers, and unions of such.
unsafe impl Fillable for bpf_link_info {}

/// `struct bpf_link_info` of one link at one moment.
#[derive(Clone, Copy)]
pub struct LinkInfo(Info<bpf_link_info>);

impl LinkInfo {
    /// Asks the kernel about the link behind `fd` (`bpf_link_get_info_by_fd`).
    ///
    /// # Errors
    /// What bpf(2) says: `EINVAL` where `fd` is no BPF object.
    pub fn of(fd: impl AsFd) -> io::Result<Self> {
        Info::query(fd.as_fd()).map(Self)
    }

    /// Hits since the link was made that never reached the program because
    /// the layer under the link dropped them; `None` for a link that has no
    /// such counter.
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.kprobe_multi_missed()
            .or_else(|| self.perf_kprobe_missed())
    }

    /// `fprobe.nmissed`, for kprobe.multi, kretprobe.multi and kprobe.session
    /// (`bpf_kprobe_multi_link_fill_link_info`, since 6.7).
    #[must_use]
    pub fn kprobe_multi_missed(&self) -> Option<u64> {
        let info = &self.0.data;
        if info.type_ != BPF_LINK_TYPE_KPROBE_MULTI {
            return None;
        }
        // SAFETY: every variant of the union may hold any bytes.
        let missed = unsafe { info.__bindgen_anon_1.kprobe_multi.missed };
        self.0.counter(
            offset_of!(bpf_link_info, __bindgen_anon_1.kprobe_multi.missed),
            missed,
        )
    }

    /// `kprobe.nmissed`, with `kretprobe.nmissed` for a return probe, of a
    /// probe attached by perf event and link (`bpf_perf_link_fill_kprobe`,
    /// since 6.7).
    #[must_use]
    pub fn perf_kprobe_missed(&self) -> Option<u64> {
        let info = &self.0.data;
        if info.type_ != BPF_LINK_TYPE_PERF_EVENT {
            return None;
        }
        // SAFETY: every variant of the unions may hold any bytes.
        let event = unsafe { info.__bindgen_anon_1.perf_event };
        if ![BPF_PERF_EVENT_KPROBE, BPF_PERF_EVENT_KRETPROBE].contains(&event.type_) {
            return None;
        }
        // SAFETY: as above.
        let missed = unsafe { event.__bindgen_anon_1.kprobe.missed };
        self.0.counter(
            offset_of!(
                bpf_link_info,
                __bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed
            ),
            missed,
        )
    }
}
