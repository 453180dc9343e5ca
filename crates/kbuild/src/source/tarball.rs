// SPDX-License-Identifier: GPL-2.0-only
//! Downloading a tarball, which is resumed after an interruption, and its hash.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nmissed_host::{Cmd, Finished, Host, Progress, hash_file};

use crate::{Error, Result};

/// curl(1): the server cannot send a part of the file.
const RANGE_ERROR: i32 = 33;
/// curl(1): the file is shorter than the part that was downloaded.
const BAD_DOWNLOAD_RESUME: i32 = 36;

/// Downloads `url` to `part` and checks its hash. After an interruption the next call
/// resumes from `part`.
pub(crate) fn download(url: &str, sha256: &str, part: &Path, host: &Host) -> Result<()> {
    if part.exists() && hash_file(part)? == sha256 {
        return Ok(());
    }
    host.begin(&format!("downloading {url}"));
    let mut finished = watched(part, host.progress.as_ref(), || curl(url, part))?;
    if matches!(
        finished.status.code(),
        Some(RANGE_ERROR | BAD_DOWNLOAD_RESUME)
    ) {
        remove(part)?;
        finished = watched(part, host.progress.as_ref(), || curl(url, part))?;
    }
    if !finished.status.success() {
        return Err(failed(url, finished.lines));
    }
    let found = hash_file(part)?;
    if found != sha256 {
        remove(part)?;
        return Err(Error::WrongHash {
            url: url.to_owned(),
            file: part.to_owned(),
            expected: sha256.to_owned(),
            found,
        });
    }
    host.end(&format!("downloaded {url}"));
    Ok(())
}

fn curl(url: &str, part: &Path) -> nmissed_host::Result<Finished> {
    Cmd::new("curl")
        .args([
            "--fail",
            "--location",
            "--silent",
            "--show-error",
            "--retry",
            "3",
        ])
        .args(["--proto", "=https,file", "--continue-at", "-", "--output"])
        .arg(part)
        .arg(url)
        .env("LC_ALL", "C")
        .finish(|_| ())
}

/// Reports the size of the file as progress; curl prints no lines meanwhile.
fn watched<T>(part: &Path, progress: &dyn Progress, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let bytes = fs::metadata(part).map_or(0, |file| file.len());
                progress.at(bytes, &format!("{} MB", bytes / 1_000_000));
                thread::sleep(Duration::from_millis(200));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn failed(url: &str, lines: Vec<String>) -> Error {
    Error::disk_full(&lines).unwrap_or_else(|| Error::Download {
        url: url.to_owned(),
        output: lines,
    })
}

fn remove(part: &Path) -> Result<()> {
    fs::remove_file(part).map_err(Error::io("remove", part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "not really a tarball, but long enough to be cut in two";

    struct Fixture {
        dir: tempfile::TempDir,
        url: String,
        sha256: String,
        host: Host,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let origin = dir.path().join("origin");
        fs::write(&origin, CONTENT).unwrap();
        let url = format!("file://{}", origin.display());
        Fixture {
            sha256: hash_file(&origin).unwrap(),
            host: Host::silent(dir.path().join("cache")).unwrap(),
            dir,
            url,
        }
    }

    #[test]
    fn an_interrupted_download_goes_on() {
        let Fixture {
            dir,
            url,
            sha256,
            host,
        } = fixture();
        let part = dir.path().join("x.part");
        fs::write(&part, &CONTENT[..20]).unwrap();
        download(&url, &sha256, &part, &host).unwrap();
        assert_eq!(fs::read_to_string(&part).unwrap(), CONTENT);
    }

    #[test]
    fn a_part_that_is_longer_than_the_file_starts_over() {
        let Fixture {
            dir,
            url,
            sha256,
            host,
        } = fixture();
        let part = dir.path().join("x.part");
        fs::write(&part, CONTENT.repeat(2)).unwrap();
        download(&url, &sha256, &part, &host).unwrap();
        assert_eq!(fs::read_to_string(&part).unwrap(), CONTENT);
    }

    #[test]
    fn a_wrong_hash_names_both_and_leaves_nothing() {
        let Fixture {
            dir,
            url,
            sha256,
            host,
        } = fixture();
        let part = dir.path().join("x.part");
        let other = "0".repeat(64);
        let error = download(&url, &other, &part, &host).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&other) && text.contains(&sha256) && text.contains(&url),
            "{text}"
        );
        assert!(text.contains("x.part"), "{text}");
        assert!(!part.exists());
    }

    #[test]
    fn a_failed_download_names_its_url() {
        let Fixture { dir, host, .. } = fixture();
        let url = format!("file://{}/none", dir.path().display());
        let error = download(&url, "", &dir.path().join("x"), &host).unwrap_err();
        assert!(matches!(&error, Error::Download { .. }), "{error}");
        assert!(error.to_string().contains(&url));
    }
}
