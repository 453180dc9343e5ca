// SPDX-License-Identifier: GPL-2.0-only
//! Files of the host for a guest.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nmissed_vm::GuestFile;

use crate::exit::UsageError;

/// Where the guest has the files of `--share`.
pub(crate) const SHARE: &str = "/share";
/// All files lie in the guest's memory, twice while it boots.
const MOST_MIB: u64 = 128;

/// Lists the files in a folder, with links followed, for a copy in the guest.
pub(crate) fn shared(dir: &Path) -> Result<Vec<GuestFile>> {
    let refuse = |why: &str| UsageError(format!("--share {}: {why}", dir.display()));
    if !dir.is_dir() {
        Err(refuse("there is no such folder"))?;
    }
    let mut files = Vec::new();
    let bytes = list(dir, SHARE, &mut files)?;
    if bytes >> 20 >= MOST_MIB {
        let why = format!(
            "{} MiB, of at most {MOST_MIB}: the guest has them in memory",
            bytes >> 20
        );
        Err(refuse(&why))?;
    }
    Ok(files)
}

/// Returns how many bytes there are.
fn list(dir: &Path, below: &str, files: &mut Vec<GuestFile>) -> Result<u64> {
    let unread = |path: &Path| format!("cannot read {}", path.display());
    let mut bytes = 0;
    for entry in fs::read_dir(dir).with_context(|| unread(dir))? {
        let from = entry.with_context(|| unread(dir))?.path();
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("{below}/{name}");
        let about = fs::metadata(&from).with_context(|| unread(&from))?;
        if about.is_dir() && !from.is_symlink() {
            bytes += list(&from, &path, files)?;
        } else if about.is_file() {
            bytes += about.len();
            files.push(GuestFile { path, from });
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_folders_are_shared_and_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/a"), "a").unwrap();
        std::os::unix::fs::symlink("sub/a", at("link")).unwrap();
        // A loop must end.
        std::os::unix::fs::symlink(".", at("sub/loop")).unwrap();
        let mut files = shared(dir.path()).unwrap();
        files.sort();
        let file = |path: &str, from: &str| GuestFile {
            path: path.to_owned(),
            from: at(from),
        };
        assert_eq!(
            files,
            [file("/share/link", "link"), file("/share/sub/a", "sub/a")]
        );
    }

    #[test]
    fn a_folder_that_is_missing_or_too_large_is_wrong_usage() {
        let dir = tempfile::tempdir().unwrap();
        let large = fs::File::create(dir.path().join("large")).unwrap();
        large.set_len(MOST_MIB << 20).unwrap();
        for (dir, why) in [
            (dir.path(), "128 MiB, of at most 128"),
            (Path::new("/nonexistent"), "no such folder"),
        ] {
            let error = shared(dir).unwrap_err();
            assert!(
                error.is::<UsageError>() && error.to_string().contains(why),
                "{error}"
            );
        }
    }
}
