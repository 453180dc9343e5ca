// SPDX-License-Identifier: GPL-2.0-only
//! Downloading and unpacking the source of a kernel.

use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Host, Lock, write_atomic};

use crate::source::apt::{AptRoot, source_root, version_file};
use crate::source::kernels::{KernelSpec, Source};
use crate::source::own::Revision;
use crate::source::{tarball, unpack};
use crate::{Error, Result, scratch};

/// An unpacked kernel source. It is never modified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceTree {
    /// `linux-source-6.12_6.12.117-1~deb12u1`, or `sha256-` and the hash of the tarball.
    /// The same identity is always the same content.
    pub identity: String,
    /// Its folder in the cache.
    pub dir: PathBuf,
}

/// Returns the source of a kernel, downloaded only if the cache does not have it.
///
/// # Errors
/// [`Error::NoArchive`], [`Error::Apt`], [`Error::Download`],
/// [`Error::WrongHash`], [`Error::NotASource`], [`Error::DiskFull`].
pub fn fetch(spec: &KernelSpec, host: &Host) -> Result<SourceTree> {
    if let Source::Own(revision) = &spec.source {
        return Ok(own(revision, &host.cache));
    }
    if let Some(tree) = cached(spec, &host.cache)? {
        return Ok(tree);
    }
    let sources = SourceStore::lock(host)?;
    // The process that held the lock may have fetched it.
    match cached(spec, &host.cache)? {
        Some(tree) => Ok(tree),
        None => sources.obtain(&spec.source),
    }
}

/// As [`fetch`], but gets the newest version of a Debian package. Older versions stay in
/// the cache.
///
/// # Errors
/// As [`fetch`].
pub fn refresh(spec: &KernelSpec, host: &Host) -> Result<SourceTree> {
    SourceStore::lock(host)?.obtain(&spec.source)
}

/// The folder is filled when a kernel is built in it.
fn own(revision: &Revision, cache: &Cache) -> SourceTree {
    let work = cache.root().join("work").join(revision.work_name());
    SourceTree {
        identity: revision.identity(),
        dir: work.join("source"),
    }
}

fn cached(spec: &KernelSpec, cache: &Cache) -> Result<Option<SourceTree>> {
    let identity = known_identity(&spec.source, cache)?;
    let tree = identity.map(|identity| SourceTree {
        dir: sources(cache).join(&identity),
        identity,
    });
    Ok(tree.filter(|tree| tree.dir.is_dir()))
}

/// Returns the identity of the source in use, unpacked or not.
pub(crate) fn known_identity(source: &Source, cache: &Cache) -> Result<Option<String>> {
    match source {
        Source::Own(revision) => Ok(Some(revision.identity())),
        Source::Tarball { sha256, .. } => Ok(Some(format!("sha256-{sha256}"))),
        Source::Debian { package, suite } => {
            let path = version_file(cache, package, suite);
            if !path.is_file() {
                return Ok(None);
            }
            Ok(Some(nmissed_host::read_to_string(&path)?.trim().to_owned()))
        }
    }
}

fn sources(cache: &Cache) -> PathBuf {
    cache.root().join("sources")
}

/// The lock on `sources/` and `downloads/`.
struct SourceStore<'a> {
    host: &'a Host,
    downloads: PathBuf,
    _lock: Lock,
}

impl<'a> SourceStore<'a> {
    fn lock(host: &'a Host) -> Result<Self> {
        let lock = host.cache.dir("sources")?.join("lock");
        let waiting = || host.say("waiting for another nmissed that fetches a kernel source");
        let lock = Lock::acquire(&lock, waiting)?;
        Ok(Self {
            host,
            downloads: host.cache.dir("downloads")?,
            _lock: lock,
        })
    }

    fn obtain(&self, source: &Source) -> Result<SourceTree> {
        match source {
            Source::Debian { package, suite } => self.debian(package, suite),
            Source::Tarball { url, sha256 } => self.tarball(url, sha256),
            Source::Own(revision) => Ok(own(revision, &self.host.cache)),
        }
    }

    fn debian(&self, package: &str, suite: &str) -> Result<SourceTree> {
        let root = source_root(&self.host.cache, package, suite);
        let apt = AptRoot::open(self.host, &root, &[suite.to_owned()])?;
        let file = apt.newest(package)?;
        let identity = file.trim_end_matches(".deb").trim_end_matches("_all");
        let tree = self.tree(identity, |scratch| {
            apt.download(package, &self.downloads)?;
            let deb = self.downloads.join(&file);
            let tarball = unpack::tarball_of_deb(&deb, scratch)?;
            Ok(Archive {
                tarball,
                downloaded: deb,
            })
        })?;
        write_atomic(
            &version_file(&self.host.cache, package, suite),
            identity.as_bytes(),
        )?;
        Ok(tree)
    }

    fn tarball(&self, url: &str, sha256: &str) -> Result<SourceTree> {
        self.tree(&format!("sha256-{sha256}"), |_| {
            let part = self.downloads.join(format!("{sha256}.part"));
            tarball::download(url, sha256, &part, self.host)?;
            Ok(Archive {
                tarball: part.clone(),
                downloaded: part,
            })
        })
    }

    /// Returns the tree of this identity; calls `archive` and unpacks the result if the
    /// cache does not have it.
    fn tree(
        &self,
        identity: &str,
        archive: impl FnOnce(&Path) -> Result<Archive>,
    ) -> Result<SourceTree> {
        let dir = sources(&self.host.cache).join(identity);
        if !dir.is_dir() {
            let scratch = scratch::only(&self.downloads, "unpacking")?;
            let archive = archive(scratch.path())?;
            unpack::unpack(&archive.tarball, scratch.path(), &dir, self.host)?;
            fs::remove_file(&archive.downloaded)
                .map_err(Error::io("remove", &archive.downloaded))?;
        }
        Ok(SourceTree {
            identity: identity.to_owned(),
            dir,
        })
    }
}

struct Archive {
    tarball: PathBuf,
    /// The downloaded file, removed after unpacking.
    downloaded: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_host::{Cmd, hash_file};

    #[test]
    fn a_tarball_is_fetched_once() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("linux-1.0");
        fs::create_dir(&top).unwrap();
        for name in ["Kbuild", "Kconfig", "Makefile"] {
            fs::write(top.join(name), name).unwrap();
        }
        let origin = dir.path().join("linux.tar");
        let tar = Cmd::new("tar").arg("-cf").arg(&origin).arg("linux-1.0");
        tar.dir(dir.path()).run().unwrap();
        let source = Source::Tarball {
            url: format!("file://{}", origin.display()),
            sha256: hash_file(&origin).unwrap(),
        };
        let (id, patches) = ("1.0".into(), "1.0".into());
        let spec = KernelSpec {
            id,
            patches,
            by_name_only: false,
            fragments: vec![],
            source,
        };
        let host = Host::silent(dir.path().join("cache")).unwrap();

        let tree = fetch(&spec, &host).unwrap();
        assert!(tree.dir.join("Kbuild").is_file());
        assert_eq!(
            fs::read_dir(host.cache.root().join("downloads"))
                .unwrap()
                .count(),
            0
        );
        fs::remove_file(origin).unwrap();
        assert_eq!(fetch(&spec, &host).unwrap(), tree);
        assert_eq!(refresh(&spec, &host).unwrap(), tree);
    }
}
