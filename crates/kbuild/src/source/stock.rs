// SPDX-License-Identifier: GPL-2.0-only
//! Distribution kernels: from the name of a package to a vmlinuz.

use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Host, Lock, write_atomic};
use serde::Deserialize;

use crate::source::apt::{AptPackage, version_file};
use crate::{Error, Result, scratch};

/// A distribution kernel of kernels.toml.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct StockSpec {
    /// Package of Debian that holds a kernel, or depends on one that does.
    pub package: String,
    /// Suite of Debian, such as `bookworm-security`.
    pub suite: String,
}

/// Returns the vmlinuz of a distribution kernel, downloaded only if the cache does not
/// have it.
///
/// # Errors
/// [`Error::NoArchive`], [`Error::Apt`], [`Error::NoImage`] for a package
/// without a kernel, [`Error::DiskFull`].
pub fn fetch_stock(spec: &StockSpec, host: &Host) -> Result<PathBuf> {
    if let Some(image) = known(spec, &host.cache) {
        return Ok(image);
    }
    let dir = host.cache.dir("stock")?;
    let waiting = || host.say("waiting for another nmissed that fetches a kernel");
    let _lock = Lock::acquire(&dir.join("lock"), waiting)?;
    match known(spec, &host.cache) {
        Some(image) => Ok(image),
        None => obtain(spec, &dir, host),
    }
}

fn known(spec: &StockSpec, cache: &Cache) -> Option<PathBuf> {
    let identity = fs::read_to_string(version_file(cache, &spec.package, &spec.suite)).ok()?;
    let image = image(&cache.root().join("stock"), identity.trim());
    image.is_file().then_some(image)
}

fn image(stock: &Path, identity: &str) -> PathBuf {
    stock.join(identity).join("vmlinuz")
}

fn obtain(spec: &StockSpec, stock: &Path, host: &Host) -> Result<PathBuf> {
    let meta = AptPackage::open(host, &spec.package, &spec.suite)?;
    let apt = meta.kernel_package()?;
    let file = apt.newest()?;
    let identity = file.trim_end_matches(".deb").trim_end_matches("_amd64");
    let image = image(stock, identity);
    if !image.is_file() {
        let scratch = scratch::only(stock, "unpacking")?;
        apt.download(scratch.path())?;
        extract(&scratch.path().join(&file), scratch.path(), &image)?;
    }
    write_atomic(
        &version_file(&host.cache, &spec.package, &spec.suite),
        identity.as_bytes(),
    )?;
    Ok(image)
}

/// Extracts the kernel of a package, which is in `/boot` or beside its modules. The
/// modules are not extracted.
fn extract(deb: &Path, scratch: &Path, image: &Path) -> Result<()> {
    const TAKE: &str = r#"dpkg-deb --fsys-tarfile "$1" |
        tar --extract --no-same-owner --wildcards --transform 's|.*/||' '*/vmlinuz*'"#;
    let take = Cmd::new("sh")
        .args(["-c", TAKE, "sh"])
        .arg(deb)
        .dir(scratch);
    let finished = take.finish(|_| ())?;
    let found = vmlinuz(scratch)?.ok_or_else(|| Error::NoImage {
        package: deb.display().to_string(),
        output: finished.lines,
    })?;
    let parent = image.parent().unwrap_or(image);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    fs::rename(found, image).map_err(Error::io("create", image))
}

/// Finds `vmlinuz`, or `vmlinuz-` and a release.
fn vmlinuz(dir: &Path) -> Result<Option<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(Error::io("read", dir))?;
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(files.find(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("vmlinuz")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    /// Builds a package with one file.
    fn package(dir: &Path, file: &str) -> PathBuf {
        let root = dir.join("root");
        let path = root.join(file);
        for parent in [path.parent().unwrap(), &root.join("DEBIAN")] {
            fs::create_dir_all(parent).unwrap();
        }
        fs::write(&path, "kernel").unwrap();
        let control = "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\n\
                       Description: a\n";
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let deb = dir.join("a.deb");
        let build = Cmd::new("dpkg-deb").arg("--build").arg(&root).arg(&deb);
        build.run().unwrap();
        deb
    }

    #[test_case("boot/vmlinuz-6.12-a"; "in boot")]
    #[test_case("usr/lib/modules/7.3-a/vmlinuz"; "beside the modules")]
    fn a_kernel_is_taken_out_of_its_package(file: &str) {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        extract(&package(dir.path(), file), scratch.path(), &image).unwrap();
        assert_eq!(fs::read(image).unwrap(), b"kernel");
    }

    #[test]
    fn a_package_without_a_kernel_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        let deb = package(dir.path(), "usr/share/doc/a");
        let error = extract(&deb, scratch.path(), &image).unwrap_err();
        assert!(
            error.to_string().contains("a.deb holds no kernel"),
            "{error}"
        );
        assert!(!image.exists());
    }
}
