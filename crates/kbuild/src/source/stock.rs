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
/// Its folder beside the vmlinuz, which exists also where the package has no such module.
const MODULES: &str = "modules";

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

/// Returns the vmlinuz of a distribution kernel, downloaded with its module only if the
/// cache does not have both.
///
/// # Errors
/// [`Error::NoArchive`], [`Error::Apt`], [`Error::NoImage`] for a package
/// without a kernel, [`Error::DiskFull`].
pub fn fetch_stock(spec: &StockSpec, kernel: &StockKernel, host: &Host) -> Result<PathBuf> {
    let known = || {
        let image = cached_stock(&kernel.release, &host.cache)?;
        image.with_file_name(MODULES).is_dir().then_some(image)
    };
    if let Some(image) = known() {
        return Ok(image);
    }
    let dir = host.cache.dir("stock")?;
    let waiting = || host.say("waiting for another nmissed that fetches a kernel");
    let _lock = Lock::acquire(&dir.join("lock"), waiting)?;
    if let Some(image) = known() {
        return Ok(image);
    }
    let apt = AptRoot::open(host, &root(spec, host)?, &spec.suites)?;
    let file = apt.file_name(&kernel.package)?;
    let scratch = scratch::only(&dir, "unpacking")?;
    apt.download(&kernel.package, scratch.path())?;
    let image = image(&dir, &kernel.release);
    extract(&scratch.path().join(&file), scratch.path(), &image)?;
    Ok(image)
}

/// Returns the folder of apt's state for a distribution.
fn root(spec: &StockSpec, host: &Host) -> Result<PathBuf> {
    Ok(host.cache.dir(Path::new("apt").join(&spec.name))?)
}

fn image(stock: &Path, release: &str) -> PathBuf {
    stock.join(release).join("vmlinuz")
}

/// Extracts the kernel of a package, which is in `/boot` or beside its modules, and one of
/// these.
fn extract(deb: &Path, scratch: &Path, image: &Path) -> Result<()> {
    const TAKE: &str = r#"dpkg-deb --fsys-tarfile "$1" |
        tar --extract --no-same-owner --wildcards --transform 's|.*/||' '*/vmlinuz*' "*/$2*""#;
    let take = Cmd::new("sh")
        .args(["-c", TAKE, "sh"])
        .arg(deb)
        .arg(MODULE)
        .dir(scratch);
    let finished = take.finish(|_| ())?;
    let found = vmlinuz(scratch)?.ok_or_else(|| Error::NoImage {
        package: deb.display().to_string(),
        output: finished.lines,
    })?;
    let parent = image.parent().unwrap_or(image);
    let modules = parent.join(MODULES);
    fs::create_dir_all(&modules).map_err(Error::io("create", &modules))?;
    let (module, packed) = (scratch.join(MODULE), scratch.join(format!("{MODULE}.xz")));
    if packed.is_file() {
        Cmd::new("xz").arg("--decompress").arg(&packed).run()?;
    }
    if module.is_file() {
        let to = modules.join(MODULE);
        fs::rename(&module, &to).map_err(Error::io("create", &to))?;
    }
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

    #[test_case("boot/vmlinuz-6.12-a", None; "in boot")]
    #[test_case("boot/vmlinuz-6.1-a", Some(PLAIN); "with a module")]
    #[test_case("usr/lib/modules/7.3-a/vmlinuz", Some(PACKED); "beside the modules")]
    fn a_kernel_is_taken_out_of_its_package(file: &str, module: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        let files: Vec<_> = module.into_iter().chain([file]).collect();
        extract(&package(dir.path(), &files), scratch.path(), &image).unwrap();
        assert_eq!(fs::read_to_string(&image).unwrap(), file);
        let found = stock_module(&image).map(|it| fs::read_to_string(it).unwrap());
        assert_eq!(found.as_deref(), module);
        assert!(image.with_file_name(MODULES).is_dir());
    }

    #[test]
    fn a_package_without_a_kernel_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let image = dir.path().join("stock/a/vmlinuz");
        let deb = package(dir.path(), &["usr/share/doc/a"]);
        let error = extract(&deb, scratch.path(), &image).unwrap_err();
        assert!(
            error.to_string().contains("a.deb holds no kernel"),
            "{error}"
        );
        assert!(!image.exists());
    }
}
