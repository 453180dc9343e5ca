// SPDX-License-Identifier: GPL-2.0-only
//! Distribution kernels: the packages that a distribution has, and the vmlinuz and a module
//! of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nmissed_host::{Cache, Cmd, Host, Lock, write_atomic};

use crate::source::apt::{AptRoot, RETRIES};
use crate::source::kernels::StockSpec;
use crate::source::name::is_name;
use crate::source::releases::{StockKernel, StockKernels};
use crate::{Error, Result, scratch};

/// Age from which on package lists are downloaded anew.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// The module that tests probe: all flavors have it, it depends on no other module and no
/// hardware, and a read of one of its files calls one of its functions.
const MODULE: &str = "binfmt_misc.ko";
/// Its folder beside the vmlinuz.
const MODULES: &str = "modules";
/// An empty file in that folder: no package of the kernel has the module.
const NO_MODULE: &str = "none";

/// Returns the kernels that a distribution has. Package lists are downloaded at most once
/// a day; if that fails, those of an earlier day are used, and that is printed.
///
/// # Errors
/// [`Error::NoArchive`], and [`Error::Apt`] if there is no earlier list.
pub fn stock_kernels(spec: &StockSpec, host: &Host) -> Result<StockKernels> {
    let root = root(spec, host)?;
    let waiting = || host.say("waiting for another nmissed that downloads package lists");
    let _lock = Lock::acquire(&root.join("lock"), waiting)?;
    let names = root.join("packages");
    if !is_fresh(&root.join("refreshed")) {
        match refresh(spec, &root, host) {
            Ok(()) => (),
            Err(Error::Host(error @ nmissed_host::Error::Interrupted)) => return Err(error.into()),
            Err(error) if names.is_file() => {
                let error = error.to_string();
                let first = error
                    .lines()
                    .find_map(|line| line.trim().strip_prefix("E: "));
                let why = first.unwrap_or(&error);
                let name = &spec.name;
                host.say(&format!(
                    "package lists of {name}: those of an earlier day ({why})"
                ));
            }
            Err(error) => return Err(error),
        }
    }
    let text = nmissed_host::read_to_string(&names)?;
    let StockSpec {
        packages, flavors, ..
    } = spec;
    Ok(StockKernels::of_packages(text.lines(), packages, flavors))
}

fn is_fresh(stamp: &Path) -> bool {
    let written = fs::metadata(stamp).and_then(|it| it.modified());
    let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
    age.is_ok_and(|age| age < FRESH)
}

/// Downloads the lists. If only some suites could be had, their packages are kept, and the
/// error is returned.
fn refresh(spec: &StockSpec, root: &Path, host: &Host) -> Result<()> {
    let what = format!("package lists of {}", spec.name);
    host.begin(&format!("downloading the {what}"));
    let apt = AptRoot::open(host, root, &spec.suites)?;
    // Without network an earlier list serves as well.
    let retries = if root.join("packages").is_file() {
        0
    } else {
        RETRIES
    };
    let updated = apt.update("package lists", retries);
    let names = spec.packages.iter().map(|prefix| apt.packages(prefix));
    let names = names.collect::<Result<Vec<_>>>()?.concat();
    if !names.is_empty() {
        write_atomic(&root.join("packages"), names.join("\n").as_bytes())?;
    }
    updated?;
    write_atomic(&root.join("refreshed"), b"")?;
    host.end(&format!("downloaded the {what}"));
    Ok(())
}

/// Returns the vmlinuz of a release if the cache has it.
#[must_use]
pub fn cached_stock(release: &str, cache: &Cache) -> Option<PathBuf> {
    let image = image(&cache.root().join("stock"), release);
    (is_name(release) && image.is_file()).then_some(image)
}

/// Returns the module of a distribution kernel for tests to probe; `None` if its package
/// has none, or `image` does not come from the cache.
#[must_use]
pub fn stock_module(image: &Path) -> Option<PathBuf> {
    let module = image.with_file_name(MODULES).join(MODULE);
    module.is_file().then_some(module)
}

/// Returns whether the cache has all of a kernel that it can have: beside the vmlinuz its
/// module, or that there is none.
#[must_use]
pub fn is_complete_stock(image: &Path) -> bool {
    let modules = image.with_file_name(MODULES);
    [MODULE, NO_MODULE]
        .iter()
        .any(|name| modules.join(name).is_file())
}

/// Returns the vmlinuz of a distribution kernel. What the cache lacks of vmlinuz and module
/// is downloaded; a vmlinuz whose module cannot be had is returned as it is, and that is
/// printed.
///
/// # Errors
/// [`Error::NoArchive`], [`Error::Apt`], [`Error::NoImage`] for a package
/// without a kernel, [`Error::DiskFull`].
pub fn fetch_stock(spec: &StockSpec, kernel: &StockKernel, host: &Host) -> Result<PathBuf> {
    let cached = || cached_stock(&kernel.release, &host.cache);
    let complete = || cached().filter(|image| is_complete_stock(image));
    if let Some(image) = complete() {
        return Ok(image);
    }
    let dir = host.cache.dir("stock")?;
    let waiting = || host.say("waiting for another nmissed that fetches a kernel");
    let _lock = Lock::acquire(&dir.join("lock"), waiting)?;
    if let Some(image) = complete() {
        return Ok(image);
    }
    let release = &kernel.release;
    let Some(image) = cached() else {
        return download(spec, kernel, host, &image(&dir, release));
    };
    host.say(&format!("{release} is in the cache without its module"));
    match download(spec, kernel, host, &image) {
        Err(error @ (Error::Apt { .. } | Error::NoArchive { .. })) => {
            host.say(&format!("{release} stays without its module: {error}"));
            Ok(image)
        }
        done => done,
    }
}

/// Downloads the packages of a kernel: the one with the image unless the cache has that, and
/// the one with the modules if they are not in the former.
fn download(spec: &StockSpec, kernel: &StockKernel, host: &Host, image: &Path) -> Result<PathBuf> {
    let apt = AptRoot::open(host, &root(spec, host)?, &spec.suites)?;
    let modules = format!("{}{}", spec.modules, kernel.release);
    let has_modules = apt.packages(&modules)?.contains(&modules);
    let mut packages = Vec::new();
    if !(image.is_file() && has_modules) {
        packages.push(&kernel.package);
    }
    if has_modules {
        packages.push(&modules);
    }
    let scratch = scratch::only(image.ancestors().nth(2).unwrap_or(image), "unpacking")?;
    let files = packages.iter().map(|package| {
        let file = apt.file_name(package)?;
        apt.download(package, scratch.path())?;
        Ok(scratch.path().join(file))
    });
    let files = files.collect::<Result<Vec<_>>>()?;
    extract(&files, scratch.path(), image)?;
    if stock_module(image).is_none() {
        let why = format!("no package of {} has {MODULE}", kernel.release);
        host.say(&format!("{why}: its tests of modules skip"));
    }
    Ok(image.to_owned())
}

/// Returns the folder of apt's state for a distribution.
fn root(spec: &StockSpec, host: &Host) -> Result<PathBuf> {
    Ok(host.cache.dir(Path::new("apt").join(&spec.name))?)
}

fn image(stock: &Path, release: &str) -> PathBuf {
    stock.join(release).join("vmlinuz")
}

/// Extracts the kernel, which is in `/boot` or beside its modules, and one of these from the
/// packages that have them. A kernel that is there stays.
fn extract(debs: &[PathBuf], scratch: &Path, image: &Path) -> Result<()> {
    let lines = debs.iter().map(|deb| take(deb, scratch));
    let lines = lines.collect::<Result<Vec<_>>>()?.concat();
    let found = vmlinuz(scratch)?;
    if found.is_none() && !image.is_file() {
        let names = debs.iter().map(|deb| deb.display().to_string());
        return Err(Error::NoImage {
            package: names.collect::<Vec<_>>().join(", "),
            output: lines,
        });
    }
    let modules = image.with_file_name(MODULES);
    fs::create_dir_all(&modules).map_err(Error::io("create", &modules))?;
    let (module, packed) = (scratch.join(MODULE), scratch.join(format!("{MODULE}.xz")));
    if packed.is_file() {
        Cmd::new("xz").arg("--decompress").arg(&packed).run()?;
    }
    if module.is_file() {
        let to = modules.join(MODULE);
        fs::rename(&module, &to).map_err(Error::io("create", &to))?;
    } else {
        write_atomic(&modules.join(NO_MODULE), b"")?;
    }
    match found.filter(|_| !image.is_file()) {
        Some(found) => fs::rename(found, image).map_err(Error::io("create", image)),
        None => Ok(()),
    }
}

/// Extracts the vmlinuz and the module of a package; returns what was printed.
fn take(deb: &Path, scratch: &Path) -> Result<Vec<String>> {
    const TAKE: &str = r#"dpkg-deb --fsys-tarfile "$1" |
        tar --extract --no-same-owner --wildcards --transform 's|.*/||' '*/vmlinuz*' "*/$2*""#;
    let take = Cmd::new("sh")
        .args(["-c", TAKE, "sh"])
        .arg(deb)
        .arg(MODULE)
        .dir(scratch);
    Ok(take.finish(|_| ())?.lines)
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

    /// Builds a package with these files; each has its name as content.
    fn package(dir: &Path, files: &[&str]) -> PathBuf {
        let root = dir.join("root");
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file).unwrap();
            if let Some(packed) = file.strip_suffix(".xz") {
                fs::rename(&path, root.join(packed)).unwrap();
                Cmd::new("xz").arg(root.join(packed)).run().unwrap();
            }
        }
        let control = "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\n\
                       Description: a\n";
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let deb = dir.join("a.deb");
        let build = Cmd::new("dpkg-deb").arg("--build").arg(&root).arg(&deb);
        build.run().unwrap();
        deb
    }

    const PLAIN: &str = "lib/modules/6.1-a/kernel/fs/binfmt_misc.ko";
    const PACKED: &str = "usr/lib/modules/7.3-a/kernel/fs/binfmt_misc.ko.xz";
    const BESIDE: &str = "usr/lib/modules/7.3-a/vmlinuz";

    /// The names of the files of each package; whether the cache has the kernel already.
    #[test_case(&[&["boot/vmlinuz-6.12-a"]], false => ("boot/vmlinuz-6.12-a", None); "in boot")]
    #[test_case(&[&["boot/vmlinuz-6.1-a", PLAIN]], false => ("boot/vmlinuz-6.1-a", Some(PLAIN)); "with a module")]
    #[test_case(&[&[BESIDE, PACKED]], false => (BESIDE, Some(PACKED)); "beside the modules")]
    #[test_case(&[&[BESIDE], &[PACKED]], false => (BESIDE, Some(PACKED)); "modules in their own package")]
    #[test_case(&[&["boot/vmlinuz-6.1-a", PLAIN]], true => ("old", Some(PLAIN)); "the kernel is there")]
    #[test_case(&[&[PACKED]], true => ("old", Some(PACKED)); "all but the modules is there")]
    #[test_case(&[&[BESIDE]], true => ("old", None); "there is no module to add")]
    fn a_kernel_and_its_module_are_taken_out_of_their_packages(
        packages: &[&[&'static str]],
        cached: bool,
    ) -> (&'static str, Option<&'static str>) {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        if cached {
            fs::create_dir_all(image.with_file_name(MODULES)).unwrap();
            fs::write(&image, "old").unwrap();
        }
        assert!(!is_complete_stock(&image));
        let debs = packages.iter().enumerate().map(|(at, files)| {
            let dir = dir.path().join(at.to_string());
            package(&dir, files)
        });
        extract(&debs.collect::<Vec<_>>(), scratch.path(), &image).unwrap();
        assert!(is_complete_stock(&image));
        let all = packages.concat();
        let name_in = |file: &Path| {
            let text = fs::read_to_string(file).unwrap();
            let mut names = all.iter().copied().chain(["old"]);
            names.find(|name| *name == text).unwrap()
        };
        (name_in(&image), stock_module(&image).map(|it| name_in(&it)))
    }

    #[test]
    fn a_package_without_a_kernel_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        let deb = package(dir.path(), &["usr/share/doc/a"]);
        let error = extract(&[deb], scratch.path(), &image).unwrap_err();
        assert!(
            error.to_string().contains("a.deb holds no kernel"),
            "{error}"
        );
        assert!(!image.exists());
    }
}
