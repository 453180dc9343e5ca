// SPDX-License-Identifier: GPL-2.0-only
//! Unpacking an archive to a source tree, which appears whole, by rename.

use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Host};

use crate::{Error, Result};

/// Files at the top of every Linux source.
pub(crate) const LANDMARKS: [&str; 3] = ["Kbuild", "Kconfig", "Makefile"];

/// Extracts the tarball of a Debian linux-source package.
pub(crate) fn tarball_of_deb(deb: &Path, scratch: &Path) -> Result<PathBuf> {
    Cmd::new("dpkg-deb")
        .arg("--extract")
        .arg(deb)
        .arg(scratch)
        .run()?;
    let dir = scratch.join("usr/src");
    let entries = fs::read_dir(&dir).map_err(Error::io("read", &dir))?;
    let mut names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let tarball = names.find(|path| path.to_string_lossy().contains(".tar."));
    tarball.ok_or_else(|| Error::NotASource {
        archive: deb.display().to_string(),
        missing: "usr/src/*.tar.*",
    })
}

/// Unpacks a tarball with one folder at its top to `dir`, which must not exist.
pub(crate) fn unpack(tarball: &Path, scratch: &Path, dir: &Path, host: &Host) -> Result<()> {
    let name = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    host.begin(&format!("unpacking {name}"));
    let tree = scratch.join("tree");
    fs::create_dir(&tree).map_err(Error::io("create", &tree))?;
    Cmd::new("tar")
        .args([
            "--extract",
            "--strip-components=1",
            "--no-same-owner",
            "--file",
        ])
        .arg(tarball)
        .arg("--directory")
        .arg(&tree)
        // By default xz(1) uses one thread; a source tarball has many blocks.
        .env("XZ_DEFAULTS", "--threads=0")
        .run()?;
    if let Some(missing) = LANDMARKS
        .into_iter()
        .find(|name| !tree.join(name).is_file())
    {
        return Err(Error::NotASource {
            archive: name,
            missing,
        });
    }
    fs::rename(&tree, dir).map_err(Error::io("create", dir))?;
    host.end(&format!("unpacked {name}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(dir: &Path, files: &[&str]) -> PathBuf {
        let top = dir.join("linux-1.0");
        fs::create_dir(&top).unwrap();
        for file in files {
            fs::write(top.join(file), file).unwrap();
        }
        let tarball = dir.join("linux.tar");
        Cmd::new("tar")
            .arg("-cf")
            .arg(&tarball)
            .arg("linux-1.0")
            .dir(dir)
            .run()
            .unwrap();
        tarball
    }

    #[test]
    fn the_top_folder_is_stripped() {
        let dir = tempfile::tempdir().unwrap();
        let tarball = tar(dir.path(), &LANDMARKS);
        let scratch = tempfile::tempdir_in(dir.path()).unwrap();
        let tree = dir.path().join("unpacked");
        let host = Host::silent(dir.path().join("cache")).unwrap();
        unpack(&tarball, scratch.path(), &tree, &host).unwrap();
        assert!(tree.join("Makefile").is_file());
    }

    #[test]
    fn an_archive_without_a_kernel_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let tarball = tar(dir.path(), &["Makefile"]);
        let scratch = tempfile::tempdir_in(dir.path()).unwrap();
        let tree = dir.path().join("unpacked");
        let host = Host::silent(dir.path().join("cache")).unwrap();
        let error = unpack(&tarball, scratch.path(), &tree, &host).unwrap_err();
        assert!(error.to_string().contains("Kbuild is missing"), "{error}");
        assert!(!tree.exists());
    }
}
