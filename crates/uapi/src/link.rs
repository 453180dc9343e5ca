// SPDX-License-Identifier: GPL-2.0-only
//! The missed counter of a link.

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

/// No count: what the kernel has to overwrite.
const UNWRITTEN: u64 = u64::MAX;

/// Hits since the link behind `fd` was made that never reached its program
/// because the layer under the link dropped them; `None` for a link that has
/// no such counter on the running kernel.
///
/// # Errors
/// What bpf(2) says: `EINVAL` where `fd` is no BPF object.
pub fn link_missed(fd: impl AsFd) -> io::Result<Option<u64>> {
    let fd = fd.as_fd();
    // SAFETY: all zero.
    let info = unsafe { Info::query(fd, bpf_link_info::default()) }?;
    let Some(counter) = Counter::of(&info.data).filter(|counter| info.reaches(counter.offset()))
    else {
        return Ok(None);
    };
    // A kernel whose structure is long enough may still not have the counter.
    // It leaves those bytes as it got them (bpf_link_get_info_by_fd).
    let mut asked = bpf_link_info::default();
    *counter.within(&mut asked) = UNWRITTEN;
    // SAFETY: all zero but for a counter, which the kernel does not follow.
    let mut info = unsafe { Info::query(fd, asked) }?;
    Ok(Some(*counter.within(&mut info.data)).filter(|missed| *missed != UNWRITTEN))
}

/// The counters that links have, by the field that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    /// `fprobe.nmissed`, for kprobe.multi, kretprobe.multi and kprobe.session
    /// (`bpf_kprobe_multi_link_fill_link_info`, since 6.7).
    KprobeMulti,
    /// `kprobe.nmissed`, with `kretprobe.nmissed` for a return probe, of a
    /// probe attached by perf event and link (`bpf_perf_link_fill_kprobe`,
    /// since 6.7).
    PerfKprobe,
}

impl Counter {
    /// The counter of a link that the kernel describes so.
    fn of(info: &bpf_link_info) -> Option<Self> {
        match info.type_ {
            BPF_LINK_TYPE_KPROBE_MULTI => Some(Self::KprobeMulti),
            BPF_LINK_TYPE_PERF_EVENT if is_kprobe(info) => Some(Self::PerfKprobe),
            _ => None,
        }
    }

    /// Where in the structure it lies, in bytes.
    fn offset(self) -> usize {
        match self {
            Self::KprobeMulti => offset_of!(bpf_link_info, __bindgen_anon_1.kprobe_multi.missed),
            Self::PerfKprobe => offset_of!(
                bpf_link_info,
                __bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed
            ),
        }
    }

    /// The counter itself.
    fn within(self, info: &mut bpf_link_info) -> &mut u64 {
        // SAFETY: any bytes are a valid value of every variant of the unions.
        unsafe {
            match self {
                Self::KprobeMulti => &mut info.__bindgen_anon_1.kprobe_multi.missed,
                Self::PerfKprobe => {
                    &mut info
                        .__bindgen_anon_1
                        .perf_event
                        .__bindgen_anon_1
                        .kprobe
                        .missed
                }
            }
        }
    }
}

/// Whether the perf event of the link is a kprobe or kretprobe.
fn is_kprobe(info: &bpf_link_info) -> bool {
    // SAFETY: any bytes are a valid value of every variant of the union.
    let kind = unsafe { info.__bindgen_anon_1.perf_event.type_ };
    [BPF_PERF_EVENT_KPROBE, BPF_PERF_EVENT_KRETPROBE].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::{Counter, is_kprobe};
    use crate::bindings::{
        BPF_LINK_TYPE_KPROBE_MULTI, BPF_LINK_TYPE_PERF_EVENT, BPF_PERF_EVENT_KPROBE, bpf_link_info,
    };

    #[test]
    fn only_probes_have_a_counter() {
        let mut info = bpf_link_info::default();
        assert_eq!(Counter::of(&info), None);
        info.type_ = BPF_LINK_TYPE_KPROBE_MULTI;
        assert_eq!(Counter::of(&info), Some(Counter::KprobeMulti));
        info.type_ = BPF_LINK_TYPE_PERF_EVENT;
        assert!(!is_kprobe(&info));
        assert_eq!(Counter::of(&info), None);
        info.__bindgen_anon_1.perf_event.type_ = BPF_PERF_EVENT_KPROBE;
        assert_eq!(Counter::of(&info), Some(Counter::PerfKprobe));
    }

    #[test]
    fn a_counter_lies_at_its_offset() {
        for counter in [Counter::KprobeMulti, Counter::PerfKprobe] {
            let mut info = bpf_link_info::default();
            let start = (&raw const info).addr();
            let place = (&raw const *counter.within(&mut info)).addr();
            assert_eq!(place - start, counter.offset(), "{counter:?}");
        }
    }
}
