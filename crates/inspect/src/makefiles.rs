// SPDX-License-Identifier: GPL-2.0-only
//! `--makefiles`: a kernel's Makefiles, found and read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nmissed_kimage::{Audit, Image};
use nmissed_kmakefile::{Kconfig, Makefiles};

use super::WrongUsage;

/// Limits above what a kernel's source has: Makefiles, and bytes in one of them.
const MOST_FILES: usize = 20_000;
const MOST_BYTES: u64 = 1 << 20;
/// The same for the depth of its folders.
const MOST_DEEP: usize = 32;

/// Compares the Makefiles of a tree with an image.
pub(super) fn audit(
    image: &Image<'_>,
    path: &Path,
    tree: &Path,
    config: Option<&Path>,
) -> Result<Audit> {
    let (config, source) = configuration(image, path, config)?;
    let files = files(tree)?;
    let makefiles = Makefiles::read(&files, &config);
    let tree = tree.display().to_string();
    Ok(image.audit(&image.functions(), &makefiles, tree, source, files.len()))
}

/// Returns the configuration and where it comes from.
fn configuration(
    image: &Image<'_>,
    path: &Path,
    given: Option<&Path>,
) -> Result<(Kconfig, String)> {
    let read = |path: &Path| -> Result<(Kconfig, String)> {
        let text = text(path)?;
        Ok((Kconfig::parse(&text), path.display().to_string()))
    };
    if let Some(given) = given {
        if !given.is_file() {
            return Err(WrongUsage(format!("{}: no such file", given.display())).into());
        }
        return read(given);
    }
    if let Some(config) = image.built_in_config() {
        return Ok((config, "built into the image".to_owned()));
    }
    let beside = ["config", ".config"].map(|name| path.with_file_name(name));
    match beside.iter().find(|it| it.is_file()) {
        Some(found) => read(found),
        None => Ok((image.implied_config(), "what the image implies".to_owned())),
    }
}

/// Returns the text of each Makefile of an x86 kernel by path, without those of
/// other processors and of tools.
fn files(tree: &Path) -> Result<BTreeMap<String, String>> {
    if !tree.join("Makefile").is_file() || !tree.join("arch/x86").is_dir() {
        let error = format!("{}: not the source of a kernel", tree.display());
        return Err(WrongUsage(error).into());
    }
    let mut found = BTreeMap::new();
    walk(tree, Path::new(""), 0, &mut found)?;
    Ok(found)
}

/// Links are not followed, so that it ends.
fn walk(
    tree: &Path,
    folder: &Path,
    depth: usize,
    found: &mut BTreeMap<String, String>,
) -> Result<()> {
    let path = tree.join(folder);
    let in_folder = || format!("cannot read {}", path.display());
    for entry in fs::read_dir(&path).with_context(in_folder)? {
        let entry = entry.with_context(in_folder)?;
        let kind = entry.file_type().with_context(in_folder)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let inside = folder.join(&name);
        if kind.is_dir() && depth < MOST_DEEP && is_of_kernel(&inside) {
            walk(tree, &inside, depth + 1, found)?;
        } else if kind.is_file() && is_makefile(&name) {
            if found.len() == MOST_FILES {
                bail!("{}: more than {MOST_FILES} Makefiles", tree.display());
            }
            let text = text(&entry.path())?;
            found.insert(inside.display().to_string(), text);
        }
    }
    Ok(())
}

/// Whether a folder can hold parts of an x86 kernel.
fn is_of_kernel(folder: &Path) -> bool {
    let parts: Vec<_> = folder.iter().filter_map(|it| it.to_str()).collect();
    match parts.as_slice() {
        ["Documentation" | "tools"] | ["arch", "um"] => false,
        ["arch", other] => *other == "x86",
        parts => parts.last().is_some_and(|name| !name.starts_with('.')),
    }
}

/// Makefiles by name, and files that they include.
fn is_makefile(name: &str) -> bool {
    ["Makefile", "Kbuild"].iter().any(|it| name.starts_with(it))
        || name.ends_with(".include")
        || name.ends_with(".mk")
}

fn text(path: &Path) -> Result<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > MOST_BYTES {
        bail!("{}: more than {MOST_BYTES} bytes", path.display());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use test_case::test_case;

    use super::*;

    fn write(path: &Path, text: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "Makefile",
            "Kbuild",
            "arch/x86/Kbuild",
            "arch/arm/Makefile",
            "tools/Makefile",
            ".git/Makefile",
            "kernel/Makefile",
            "kernel/main.c",
            "virt/kvm/Makefile.kvm",
        ] {
            write(&dir.path().join(file), file.as_bytes());
        }
        dir
    }

    #[test]
    fn makefiles_of_an_x86_kernel_are_found() {
        let dir = tree();
        symlink(dir.path(), dir.path().join("kernel/loop")).unwrap();
        let found = files(dir.path()).unwrap();
        let paths: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "Kbuild",
                "Makefile",
                "arch/x86/Kbuild",
                "kernel/Makefile",
                "virt/kvm/Makefile.kvm"
            ]
        );
        assert_eq!(found["kernel/Makefile"], "kernel/Makefile");
    }

    #[test]
    fn other_folder_and_huge_makefile_are_refused() {
        let dir = tree();
        let error = files(&dir.path().join("kernel")).unwrap_err();
        assert!(error.is::<WrongUsage>(), "{error}");
        let huge = vec![b'#'; MOST_BYTES as usize + 1];
        write(&dir.path().join("kernel/Makefile"), &huge);
        let error = files(dir.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("kernel/Makefile: more than 1048576 bytes"),
            "{error}"
        );
    }

    #[test_case("arch/x86/kernel", true; "this architecture")]
    #[test_case("arch/arm", false; "another")]
    #[test_case("drivers/tools", true; "a name like one that is left out")]
    #[test_case("lib/.cache", false; "hidden")]
    fn folder_of_an_x86_kernel(path: &str, wanted: bool) {
        assert_eq!(is_of_kernel(Path::new(path)), wanted);
    }
}
