// SPDX-License-Identifier: GPL-2.0-only
//! Boots that run at the same time.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread::{self, Scope, ScopedJoinHandle};

use anyhow::Result;

/// Boots, each in a thread of its own.
pub(crate) struct Lanes<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    most: usize,
    /// Oldest first.
    boots: VecDeque<ScopedJoinHandle<'scope, Result<()>>>,
}

/// Calls `work`, which may start boots, and waits for those. All boots that were started
/// end by themselves; the first error, in the order of their start, is returned.
pub(crate) fn in_lanes<'env>(
    most: usize,
    work: impl for<'scope> FnOnce(&mut Lanes<'scope, 'env>) -> Result<()>,
) -> Result<()> {
    thread::scope(|scope| {
        let mut lanes = Lanes {
            scope,
            most: most.max(1),
            boots: VecDeque::new(),
        };
        let worked = work(&mut lanes);
        let mut ended = Ok(());
        while !lanes.boots.is_empty() {
            ended = ended.and(lanes.join_oldest());
        }
        worked.and(ended)
    })
}

impl<'scope> Lanes<'scope, '_> {
    /// Waits until a lane is free.
    ///
    /// # Errors
    /// Of a boot that ended: there is no use in starting another.
    pub(crate) fn wait_for_one(&mut self) -> Result<()> {
        while self.boots.len() >= self.most {
            self.join_oldest()?;
        }
        Ok(())
    }

    pub(crate) fn start(&mut self, boot: impl FnOnce() -> Result<()> + Send + 'scope) {
        self.boots.push_back(self.scope.spawn(boot));
    }

    fn join_oldest(&mut self) -> Result<()> {
        match self.boots.pop_front().map(ScopedJoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => resume_unwind(panic),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, Mutex};

    use anyhow::bail;
    use test_case::test_case;

    use super::*;

    #[test_case(1)]
    #[test_case(2)]
    #[test_case(3)]
    fn no_more_boots_run_than_there_are_lanes(most: usize) {
        let (running, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // Each waits for as many others as may run: fewer would never end.
        let all = Barrier::new(most);
        in_lanes(most, |lanes| {
            for _ in 0..2 * most {
                lanes.wait_for_one()?;
                lanes.start(|| {
                    let now = 1 + running.fetch_add(1, Ordering::SeqCst);
                    peak.fetch_max(now, Ordering::SeqCst);
                    all.wait();
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                });
            }
            Ok(())
        })
        .unwrap();
        assert!(peak.into_inner() <= most);
    }

    #[test]
    fn an_error_leaves_the_boots_that_run_alone_and_starts_no_more() {
        let ended = Mutex::new(Vec::new());
        let result = in_lanes(2, |lanes| {
            for number in 0..4 {
                lanes.wait_for_one()?;
                let ended = &ended;
                lanes.start(move || match number {
                    0 => bail!("no space left"),
                    _ => {
                        ended.lock().unwrap().push(number);
                        Ok(())
                    }
                });
            }
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "no space left");
        assert_eq!(ended.into_inner().unwrap(), [1]);
    }
}
