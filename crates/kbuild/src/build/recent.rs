// SPDX-License-Identifier: GPL-2.0-only
//! The kernels of an author's tree: each edit makes one, and few are booted again.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use nmissed_host::{Cache, write_atomic};

use crate::scratch::remove_dir;
use crate::{Error, Result};

/// Kernels of a tree that stay in the cache, 0.1 GB each.
const KEPT: usize = 8;

/// Marks the kernel with this image as used now.
pub(crate) fn mark_used(image: &Path) {
    // An error makes it look older than it is.
    let folder = image.parent().map(File::open).transpose();
    let _ = folder.map(|folder| folder.map(|it| it.set_modified(SystemTime::now())));
}

/// Adds a kernel to those of the tree whose work folder this is, and removes the ones that
/// were not used for longest. The caller has the lock on the folder.
pub(crate) fn keep_recent(cache: &Cache, work: &Path, key: &str) -> Result<()> {
    let list = work.join("kernels");
    let known = fs::read_to_string(&list).unwrap_or_default();
    let used = |key: &str| fs::metadata(cache.root().join("kernels").join(key))?.modified();
    let keys = known.lines().filter(|known| *known != key);
    let mut kernels: Vec<_> = keys
        .chain([key])
        .filter_map(|key| Some((used(key).ok()?, key)))
        .collect();
    kernels.sort_unstable();
    let old = kernels.len().saturating_sub(KEPT);
    for (_, key) in kernels.drain(..old) {
        remove_dir(&cache.root().join("kernels").join(key))?;
    }
    let lines: String = kernels.iter().map(|(_, key)| format!("{key}\n")).collect();
    write_atomic(&list, lines.as_bytes()).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn kernels_that_were_not_used_for_longest_go() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache")).unwrap();
        let kernel = |number: usize| cache.root().join(format!("kernels/{number}"));
        let start = SystemTime::now() - Duration::from_secs(1000);
        for number in 0..KEPT + 2 {
            fs::create_dir_all(kernel(number)).unwrap();
            let used = start + Duration::from_secs(number as u64);
            File::open(kernel(number))
                .unwrap()
                .set_modified(used)
                .unwrap();
            if number == KEPT - 1 {
                mark_used(&kernel(0).join("bzImage"));
            }
            keep_recent(&cache, dir.path(), &number.to_string()).unwrap();
        }
        let gone = (0..KEPT + 2).filter(|number| !kernel(*number).is_dir());
        assert_eq!(gone.collect::<Vec<_>>(), [1, 2]);
        fs::create_dir_all(cache.root().join("kernels/of-another-tree")).unwrap();
        keep_recent(&cache, dir.path(), "0").unwrap();
        assert!(cache.root().join("kernels/of-another-tree").is_dir());
    }
}
