// SPDX-License-Identifier: GPL-2.0-only
//! What a test leaves behind for the next one.

use std::fs;
use std::path::Path;

use nmissed_wire::TESTS_DIR;

use crate::mounts;
use crate::test_run::TestRun;

/// Folders that are empty when a test begins: temporary files, and pinned BPF objects.
const EMPTY: [&str; 2] = ["/tmp", "/sys/fs/bpf"];
/// Events that tests create, one a line.
const EVENTS: &str = "/sys/kernel/tracing/dynamic_events";
/// Without these no test runs.
const NEEDED: [&str; 3] = [TESTS_DIR, "/proc/self/stat", "/sys/kernel"];

/// Removes files, pinned objects and events, and complains where the next test would miss
/// something. All processes of the test have ended.
pub(crate) fn remove(run: &mut TestRun) {
    EMPTY.iter().for_each(|folder| clear(Path::new(folder)));
    if fs::read(EVENTS).is_ok_and(|events| !events.is_empty()) {
        // Fails for one that is in use, which the kernel then keeps.
        let _ = fs::write(EVENTS, "");
    }
    for needed in NEEDED.iter().filter(|path| !Path::new(path).exists()) {
        run.complain(format!(
            "the test removed {needed}, which the next ones need"
        ));
        mounts::mount_again();
    }
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // An error is ignored: a mount point cannot be removed.
        let _ = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(path),
            _ => fs::remove_file(path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_emptied_and_kept() {
        let folder = std::env::temp_dir().join(format!("nmissed-clear-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("c"), "").unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.join("d")).unwrap();
        clear(&folder);
        fs::remove_dir(&folder).unwrap();
    }
}
