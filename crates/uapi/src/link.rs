// SPDX-License-Identifier: GPL-2.0-only
//! The missed counter of a link.

use std::io;
use std::mem::offset_of;
use std::os::fd::AsFd;
use std::ptr;

use crate::bindings::{
    BPF_LINK_TYPE_KPROBE_MULTI, BPF_LINK_TYPE_PERF_EVENT, BPF_LINK_TYPE_UPROBE_MULTI,
    BPF_PERF_EVENT_KPROBE, BPF_PERF_EVENT_KRETPROBE, BPF_PERF_EVENT_UPROBE,
    BPF_PERF_EVENT_URETPROBE, UPROBE_MISSED, UPROBE_MULTI_MISSED, bpf_link_info,
};
use crate::info::{Fillable, Info, UNWRITTEN, written};

// SAFETY: a C struct of integers, and unions of such.
unsafe impl Fillable for bpf_link_info {}

/// Returns how many hits did not reach the link's program because the layer below the
/// link skipped them; `None` for a link without this counter on the running kernel.
///
/// # Errors
/// `EINVAL` if `fd` is no BPF object.
pub fn link_missed(fd: impl AsFd) -> io::Result<Option<u64>> {
    let fd = fd.as_fd();
    // SAFETY: all zero.
    let info = unsafe { Info::query(fd, bpf_link_info::default()) }?;
    let Some(offset) = Counter::of(&info.data).and_then(Counter::offset) else {
        return Ok(None);
    };
    if !info.reaches(offset) {
        return Ok(None);
    }
    // A kernel whose structure is long enough may still lack the counter. It leaves
    // those bytes unchanged (bpf_link_get_info_by_fd).
    let mut asked = bpf_link_info::default();
    *counter_at(&mut asked, offset) = UNWRITTEN;
    // SAFETY: all zero but for a counter, which the kernel does not follow.
    let mut info = unsafe { Info::query(fd, asked) }?;
    Ok(written(*counter_at(&mut info.data, offset)))
}

/// Returns the counter at `offset` bytes.
fn counter_at(info: &mut bpf_link_info, offset: usize) -> &mut u64 {
    assert!(offset.is_multiple_of(align_of::<u64>()));
    assert!(offset + size_of::<u64>() <= size_of::<bpf_link_info>());
    // SAFETY: inside of the structure, and aligned as its alignment is 8; all bytes are
    // a valid integer, and all integers are valid there.
    unsafe { &mut *ptr::from_mut(info).byte_add(offset).cast() }
}

/// The counters of links, by the field of `bpf_link_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    /// `fprobe.nmissed`, for kprobe.multi, kretprobe.multi and kprobe.session
    /// (`bpf_kprobe_multi_link_fill_link_info`, since 6.7).
    KprobeMulti,
    /// `kprobe.nmissed`, with `kretprobe.nmissed` for a return probe, of a
    /// probe attached by perf event and link (`bpf_perf_link_fill_kprobe`,
    /// since 6.7).
    PerfKprobe,
    /// `uprobe_consumer.nmissed` of a probe attached by perf event and link
    /// (`bpf_perf_link_fill_uprobe`, in no released kernel).
    PerfUprobe,
    /// The sum of `uprobe_consumer.nmissed`, for uprobe.multi,
    /// uretprobe.multi and uprobe.session
    /// (`bpf_uprobe_multi_link_fill_link_info`, in no released kernel).
    UprobeMulti,
}

impl Counter {
    /// Returns the counter of a link with this description.
    fn of(info: &bpf_link_info) -> Option<Self> {
        match info.type_ {
            BPF_LINK_TYPE_KPROBE_MULTI => Some(Self::KprobeMulti),
            BPF_LINK_TYPE_UPROBE_MULTI => Some(Self::UprobeMulti),
            BPF_LINK_TYPE_PERF_EVENT => Self::of_perf_event(info),
            _ => None,
        }
    }

    fn of_perf_event(info: &bpf_link_info) -> Option<Self> {
        // SAFETY: any bytes are a valid value of every variant of the union.
        match unsafe { info.__bindgen_anon_1.perf_event.type_ } {
            BPF_PERF_EVENT_KPROBE | BPF_PERF_EVENT_KRETPROBE => Some(Self::PerfKprobe),
            BPF_PERF_EVENT_UPROBE | BPF_PERF_EVENT_URETPROBE => Some(Self::PerfUprobe),
            _ => None,
        }
    }

    /// Where in the structure it lies, in bytes; `None` if the header does
    /// not have it.
    fn offset(self) -> Option<usize> {
        match self {
            Self::KprobeMulti => Some(offset_of!(
                bpf_link_info,
                __bindgen_anon_1.kprobe_multi.missed
            )),
            Self::PerfKprobe => Some(offset_of!(
                bpf_link_info,
                __bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed
            )),
            Self::PerfUprobe => UPROBE_MISSED,
            Self::UprobeMulti => UPROBE_MULTI_MISSED,
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{Counter, counter_at};
    use crate::bindings::{
        BPF_LINK_TYPE_KPROBE_MULTI, BPF_LINK_TYPE_PERF_EVENT, BPF_LINK_TYPE_UPROBE_MULTI,
        BPF_PERF_EVENT_KPROBE, BPF_PERF_EVENT_URETPROBE, bpf_link_info,
    };

    #[test_case(0, 0 => None; "link of another type")]
    #[test_case(BPF_LINK_TYPE_KPROBE_MULTI, 0 => Some(Counter::KprobeMulti))]
    #[test_case(BPF_LINK_TYPE_UPROBE_MULTI, 0 => Some(Counter::UprobeMulti))]
    #[test_case(BPF_LINK_TYPE_PERF_EVENT, 0 => None; "another perf event")]
    #[test_case(BPF_LINK_TYPE_PERF_EVENT, BPF_PERF_EVENT_KPROBE => Some(Counter::PerfKprobe))]
    #[test_case(BPF_LINK_TYPE_PERF_EVENT, BPF_PERF_EVENT_URETPROBE => Some(Counter::PerfUprobe))]
    fn links_of_probes_have_a_counter(link_type: u32, event_type: u32) -> Option<Counter> {
        let mut info = bpf_link_info {
            type_: link_type,
            ..Default::default()
        };
        info.__bindgen_anon_1.perf_event.type_ = event_type;
        Counter::of(&info)
    }

    #[test]
    fn a_counter_is_at_its_offset() {
        let mut info = bpf_link_info::default();
        let offset = Counter::KprobeMulti.offset().unwrap();
        *counter_at(&mut info, offset) = 7;
        // SAFETY: any bytes are a valid value of every variant of the union.
        assert_eq!(unsafe { info.__bindgen_anon_1.kprobe_multi.missed }, 7);
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn a_counter_outside_the_structure_panics() {
        counter_at(&mut bpf_link_info::default(), size_of::<bpf_link_info>());
    }
}
