// SPDX-License-Identifier: GPL-2.0-only
//! Programs that get into each other's map operations: on some kernels the CPU then spins on
//! a lock that it holds.
//!
//! A kernel that is expected to hang skips the test, and says why. To see it hang, test its
//! image as one that was not built here: nothing is known of its patches then.
//!
//!     cargo xtask vm test --filter '^hang::' --image "$(cargo xtask kernel path \
//!         --kernel 6.12 --variant active)/bzImage"

use std::mem::MaybeUninit;

use anyhow::{Result, ensure};
use libbpf_rs::{MapCore as _, MapFlags};
use nmissed_selftests::needs::{
    BREAKPOINT, FENTRY_TEST1, FPROBE, LRU_DELETE_NODE, MAP_UPDATE_HASH,
};
use nmissed_selftests::skel::hang::HangSkelBuilder;
use nmissed_selftests::skel::load_only;
use nmissed_selftests::{Probe, fire, read_counter, run_test, scenario, variables};

/// As in bpf/hang.bpf.c.
const KEYS: u64 = 8;

/// A program fills an LRU hash map; another one, on a function that evicts an element under
/// the lock of the LRU list, updates the same map.
#[test]
fn lru_eviction() -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE, LRU_DELETE_NODE], |test| {
        let id = "kprobe.multi/in-lru-eviction";
        test.require_no_hang(id)?;
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "evicting", "in_eviction"];
        let skel = load_only(HangSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let _evicting = Probe::kprobe_multi(&progs.evicting, &[FENTRY_TEST1.name])?;
        // Nothing is evicted for the first element.
        fire(&progs.trigger, 1)?;
        let probe = Probe::kprobe_multi(&progs.in_eviction, &[LRU_DELETE_NODE.name])?;
        let probe = scenario(id, probe, &runs.in_eviction);
        let steps = [("evicting", &runs.evicting)];
        test.measure(|times| fire(&progs.trigger, times), &steps, &[probe])
    })
}

/// A program updates an element of a preallocated hash map, which takes the CPU's spare
/// element and leaves the old one there (`alloc_htab_elem`); another one, in NMI context by a
/// breakpoint on the spare one, does the same between the two. Then one element is in two
/// buckets, and a look-up goes round for ever.
#[test]
fn hash_update() -> Result<()> {
    let needs = [FENTRY_TEST1, FPROBE, BREAKPOINT, MAP_UPDATE_HASH];
    run_test(&needs, |test| {
        let id = "perf_event/in-hash-update";
        test.require_no_hang(id)?;
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "locate", "updating", "in_update"];
        let skel = load_only(HangSkelBuilder::default(), &mut storage, &names)?;
        let (progs, variables) = (&skel.progs, variables!(skel));
        let locate = Probe::fentry(&progs.locate)?;
        for key in 0..KEYS {
            let key = key.to_ne_bytes();
            skel.maps.hash.update(&key, &key, MapFlags::ANY)?;
        }
        drop(locate);
        let address = read_counter(&variables.address);
        ensure!(address != 0, "__per_cpu_offset is not in /proc/kallsyms");
        let _updating = Probe::kprobe_multi(&progs.updating, &[FENTRY_TEST1.name])?;
        let probe = Probe::access_breakpoint(&progs.in_update, address)?;
        let probe = scenario(id, probe.hit_per_trigger(2), &variables.runs.in_update);
        let steps = [("updating", &variables.runs.updating)];
        test.measure(|times| fire(&progs.trigger, times), &steps, &[probe])
    })
}
