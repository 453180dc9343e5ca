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

use anyhow::Result;
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, LRU_DELETE_NODE};
use nmissed_selftests::skel::hang::HangSkelBuilder;
use nmissed_selftests::skel::load;
use nmissed_selftests::{Probe, fire, run_test, scenario, variables};

/// A program fills an LRU hash map; another one, on a function that evicts an element under
/// the lock of the LRU list, updates the same map.
#[test]
fn lru_eviction() -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE, LRU_DELETE_NODE], |test| {
        let id = "kprobe.multi/in-lru-eviction";
        test.require_no_hang(id)?;
        let mut storage = MaybeUninit::uninit();
        let skel = load(HangSkelBuilder::default(), &mut storage)?;
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
