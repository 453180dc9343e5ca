// SPDX-License-Identifier: GPL-2.0-only
//! Built kernels in the cache, under the hash of all that went into them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Host, hash_file, hash_parts, write_atomic};
use serde::{Deserialize, Serialize};

use crate::build::config::KernelConfig;
use crate::build::make::VARIABLES;
use crate::patch::Series;
use crate::scratch::remove_dir;
use crate::source::KernelSpec;
use crate::{Error, Result};

/// Part of every key: raise it if the content of a kernel's folder, or how it is made,
/// changes.
const FORMAT: &str = "1";

/// The headers of `linux/` in [`BuiltKernel::uapi_dir`]: what the guest's programs include.
pub const UAPI_HEADERS: [&str; 3] = ["bpf.h", "bpf_common.h", "perf_event.h"];

/// Returns a name for what a request asks for: `6.12-active-` and a hash. Unlike the key of
/// a built kernel it is known before anything is fetched, and holds on any machine: point
/// release and toolchain are left out.
#[must_use]
pub fn request_key(spec: &KernelSpec, series: &Series, config: &KernelConfig) -> String {
    let inputs = Inputs {
        spec,
        identity: "",
        series,
        config,
        toolchain: Vec::new(),
    };
    inputs.key()
}

/// Programs whose version is part of the key.
const TOOLCHAIN: [&str; 3] = ["gcc", "ld", "pahole"];

/// The module that tests probe, among the objects of a build.
pub(crate) const MODULE: &str = "fs/binfmt_misc.ko";
/// Its name in the kernel's folder.
const MODULE_FILE: &str = "binfmt_misc.ko";

/// A kernel in the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BuiltKernel {
    /// The image that QEMU boots.
    pub bzimage: PathBuf,
    /// With DWARF, BTF and symbols.
    pub vmlinux: PathBuf,
    /// The .config file.
    pub config: PathBuf,
    /// Addresses and names of all symbols.
    pub system_map: PathBuf,
    /// `uname -r` of the booted kernel: `6.12.117-nmissed-active`.
    pub release: String,
    /// What it was built from: `linux-source-6.12_6.12.117-1`.
    pub source: String,
    /// `gcc: ` and the first line of its `--version`, and likewise the other programs.
    pub toolchain: Vec<String>,
    /// For `-I`: `linux/bpf.h` and the like, as the patched kernel has them.
    pub uapi_dir: PathBuf,
    /// The module for tests to probe, unless its .config has none.
    pub module: Option<PathBuf>,
    /// Name of its folder in the cache.
    pub key: String,
    /// Whether this call built it.
    pub built: bool,
}

impl BuiltKernel {
    /// Removes it from the cache, where it will not be needed again.
    ///
    /// # Errors
    /// [`Error::Host`] if it cannot be removed.
    pub fn discard(self) -> Result<()> {
        let dir = self.bzimage.parent().unwrap_or(&self.bzimage);
        fs::remove_dir_all(dir).map_err(Error::io("remove", dir))
    }
}

/// Content of meta.json: the inputs of a kernel, to be read by people.
#[derive(Debug, Deserialize, Serialize)]
struct Meta {
    kernel: String,
    variant: String,
    release: String,
    source: String,
    patches: Vec<PathBuf>,
    toolchain: Vec<String>,
    /// Of [`CHECKED`]; kernels of earlier versions of nmissed have none.
    #[serde(default)]
    sha256: BTreeMap<String, String>,
}

/// Everything that a built kernel depends on.
pub(crate) struct Inputs<'a> {
    pub(crate) spec: &'a KernelSpec,
    pub(crate) identity: &'a str,
    pub(crate) series: &'a Series,
    pub(crate) config: &'a KernelConfig,
    toolchain: Vec<String>,
}

impl<'a> Inputs<'a> {
    /// Runs the toolchain for its versions.
    pub(crate) fn new(
        spec: &'a KernelSpec,
        identity: &'a str,
        series: &'a Series,
        config: &'a KernelConfig,
    ) -> Result<Self> {
        let toolchain = TOOLCHAIN
            .iter()
            .map(|program| version(program))
            .collect::<Result<_>>()?;
        Ok(Self {
            spec,
            identity,
            series,
            config,
            toolchain,
        })
    }

    /// Returns the name of the kernel's folder: `6.12-active-` and a hash.
    pub(crate) fn key(&self) -> String {
        let config = self.config.for_variant(&self.series.name).all_config();
        let texts = [FORMAT, self.identity, &config]
            .into_iter()
            .chain(VARIABLES);
        let texts = texts.chain(self.toolchain.iter().map(String::as_str));
        let patches = self
            .series
            .patches
            .iter()
            .map(|patch| patch.text.as_slice());
        let hash = hash_parts(texts.map(str::as_bytes).chain(patches));
        format!("{}-{}-{}", self.spec.id, self.series.name, &hash[..16])
    }

    fn meta(&self, release: &str, sha256: BTreeMap<String, String>) -> Meta {
        Meta {
            kernel: self.spec.id.clone(),
            variant: self.series.name.clone(),
            release: release.to_owned(),
            source: self.identity.to_owned(),
            patches: self.series.files().map(Path::to_owned).collect(),
            toolchain: self.toolchain.clone(),
            sha256,
        }
    }
}

/// Returns the first line of `--version`: `gcc: gcc (Debian 12.2.0-14+deb12u1) 12.2.0`.
fn version(program: &str) -> Result<String> {
    let lines = Cmd::new(program)
        .arg("--version")
        .env("LC_ALL", "C")
        .run()?;
    Ok(format!(
        "{program}: {}",
        lines.first().map_or("", String::as_str)
    ))
}

/// The files of a kernel whose content is checked.
const CHECKED: [&str; 4] = ["bzImage", "vmlinux", "System.map", "config"];

/// Returns the kernel with this key, if there is one. One that is damaged is removed.
pub(crate) fn load(host: &Host, key: &str) -> Result<Option<BuiltKernel>> {
    let dir = folder(&host.cache, key);
    if !dir.is_dir() {
        return Ok(None);
    }
    let meta = match intact(&dir)? {
        Ok(meta) => meta,
        Err(damage) => {
            let folder = dir.display();
            host.say(&format!(
                "{folder} is damaged ({damage}): removed, to be built again"
            ));
            remove_dir(&dir)?;
            return Ok(None);
        }
    };
    Ok(Some(BuiltKernel {
        bzimage: dir.join("bzImage"),
        vmlinux: dir.join("vmlinux"),
        config: dir.join("config"),
        system_map: dir.join("System.map"),
        release: meta.release,
        source: meta.source,
        toolchain: meta.toolchain,
        uapi_dir: dir.join("uapi"),
        module: Some(dir.join(MODULE_FILE)).filter(|module| module.is_file()),
        key: key.to_owned(),
        built: false,
    }))
}

/// Returns the meta.json of a kernel, or what is damaged.
fn intact(dir: &Path) -> Result<std::result::Result<Meta, String>> {
    let file = dir.join("meta.json");
    let text = match fs::read(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Error::io("read", file)(error));
        }
        text => text.unwrap_or_default(),
    };
    let meta: Meta = match serde_json::from_slice(&text) {
        Ok(meta) => meta,
        Err(error) => return Ok(Err(format!("meta.json: {error}"))),
    };
    let headers = UAPI_HEADERS.map(|header| format!("uapi/linux/{header}"));
    let module = meta.sha256.contains_key(MODULE_FILE);
    let files = CHECKED
        .into_iter()
        .chain(headers.iter().map(String::as_str))
        .chain(module.then_some(MODULE_FILE));
    for name in files {
        let file = dir.join(name);
        if !fs::metadata(&file).is_ok_and(|about| about.len() > 0) {
            return Ok(Err(format!("{name} is missing or empty")));
        }
        if let Some(expected) = meta.sha256.get(name)
            && hash_file(&file)? != *expected
        {
            return Ok(Err(format!("{name} is not what was built")));
        }
    }
    Ok(Ok(meta))
}

/// Copies a kernel from `objects` to the cache, where it appears whole, also after a power
/// failure; `scratch` is an empty folder of the cache.
pub(crate) fn save(
    host: &Host,
    inputs: &Inputs<'_>,
    scratch: &Path,
    source: &Path,
    objects: &Path,
) -> Result<BuiltKernel> {
    let kernel = scratch.join("kernel");
    let uapi = kernel.join("uapi/linux");
    fs::create_dir_all(&uapi).map_err(Error::io("create", &uapi))?;
    let config = nmissed_host::read_to_string(&objects.join(".config"))?;
    // One of an earlier configuration may be left among the objects.
    let module = has_module(&config).then_some((MODULE, MODULE_FILE));
    let files = [
        ("arch/x86/boot/bzImage", "bzImage"),
        ("vmlinux", "vmlinux"),
        ("System.map", "System.map"),
        (".config", "config"),
    ];
    for (from, to) in files.into_iter().chain(module) {
        copy(&objects.join(from), &kernel.join(to))?;
    }
    for header in UAPI_HEADERS {
        copy(
            &source.join("include/uapi/linux").join(header),
            &uapi.join(header),
        )?;
    }
    let release = nmissed_host::read_to_string(&objects.join("include/config/kernel.release"))?;
    let hash = |name: &str| Ok((name.to_owned(), hash_file(&kernel.join(name))?));
    let checked = CHECKED.into_iter().chain(module.map(|(_, file)| file));
    let sha256 = checked.map(hash).collect::<Result<_>>()?;
    let meta = serde_json::to_vec_pretty(&inputs.meta(release.trim(), sha256))
        .map_err(|error| Error::io("write", kernel.join("meta.json"))(error.into()))?;
    write_atomic(&kernel.join("meta.json"), &meta)?;

    let key = inputs.key();
    host.cache.dir("kernels")?;
    let folder = folder(&host.cache, &key);
    fs::rename(&kernel, &folder).map_err(Error::io("create", &folder))?;
    let saved = load(host, &key)?.map(|kernel| BuiltKernel {
        built: true,
        ..kernel
    });
    saved.ok_or_else(|| Error::io("find", folder)(std::io::ErrorKind::NotFound.into()))
}

/// Returns whether a .config makes [`MODULE`].
pub(crate) fn has_module(dot_config: &str) -> bool {
    dot_config
        .lines()
        .any(|line| line == "CONFIG_BINFMT_MISC=m")
}

pub(super) fn folder(cache: &Cache, key: &str) -> PathBuf {
    cache.root().join("kernels").join(key)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .and_then(|_| File::open(to)?.sync_all())
        .map_err(Error::io("copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use test_case::test_case;

    const CHANGE: &str = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";

    struct Parts {
        identity: &'static str,
        variant: &'static str,
        patch: String,
        option: &'static str,
        toolchain: &'static str,
    }

    impl Default for Parts {
        fn default() -> Self {
            let patch = CHANGE.to_owned();
            Self {
                identity: "v1",
                variant: "active",
                patch,
                option: "CONFIG_A=y",
                toolchain: "gcc 12",
            }
        }
    }

    fn spec() -> KernelSpec {
        let source = Source::Tarball {
            url: "file:///x".into(),
            sha256: "0".repeat(64),
        };
        KernelSpec {
            id: "6.12".into(),
            patches: "6.12".into(),
            by_name_only: false,
            fragments: vec!["base".into()],
            source,
        }
    }

    fn with_inputs<T>(parts: &Parts, act: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let dir = tempfile::tempdir().unwrap();
        let patch = dir.path().join("1.patch");
        fs::write(&patch, &parts.patch).unwrap();
        fs::write(dir.path().join("base.config"), parts.option).unwrap();
        let series = Series::from_files(parts.variant, &[patch]).unwrap();
        let config = KernelConfig::load(dir.path(), &spec()).unwrap();
        let toolchain = vec![parts.toolchain.to_owned()];
        let (spec, identity) = (&spec(), parts.identity);
        act(&Inputs {
            spec,
            identity,
            series: &series,
            config: &config,
            toolchain,
        })
    }

    fn key(parts: &Parts) -> String {
        with_inputs(parts, |inputs| inputs.key())
    }

    #[test]
    fn the_key_is_stable_and_starts_with_names() {
        let parts = Parts::default();
        assert_eq!(key(&parts), key(&parts));
        assert!(key(&parts).starts_with("6.12-active-"), "{}", key(&parts));
    }

    #[test_case(&Parts { identity: "v2", ..Parts::default() }; "source")]
    #[test_case(&Parts { variant: "mine", ..Parts::default() }; "variant")]
    #[test_case(&Parts { patch: CHANGE.replace("+b\n", "+c\n"), ..Parts::default() }; "patch")]
    #[test_case(&Parts { option: "CONFIG_B=y", ..Parts::default() }; "option")]
    #[test_case(&Parts { toolchain: "gcc 13", ..Parts::default() }; "toolchain")]
    fn every_input_changes_the_key(parts: &Parts) {
        assert_ne!(key(parts), key(&Parts::default()));
    }

    const WITH_MODULE: &str = "CONFIG_BINFMT_MISC=m\n";

    /// Saves a kernel in a cache below `dir`; its module is among the objects in any case.
    fn saved(dir: &Path, dot_config: &str) -> (Host, BuiltKernel) {
        let host = Host::silent(dir.join("cache")).unwrap();
        let (source, objects) = (dir.join("source"), dir.join("objects"));
        let outputs = ["arch/x86/boot/bzImage", "vmlinux", "System.map", ".config"];
        let headers = UAPI_HEADERS.map(|header| format!("include/uapi/linux/{header}"));
        let files = outputs
            .iter()
            .map(|name| objects.join(name))
            .chain(headers.iter().map(|name| source.join(name)));
        let more = ["include/config/kernel.release", MODULE].map(|name| objects.join(name));
        for file in files.chain(more) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "6.12.1-nmissed-active\n").unwrap();
        }
        fs::write(objects.join(".config"), dot_config).unwrap();
        let saved = with_inputs(&Parts::default(), |inputs| {
            save(&host, inputs, dir, &source, &objects)
        });
        (host, saved.unwrap())
    }

    #[test_case(WITH_MODULE => true; "with its module")]
    #[test_case("# CONFIG_BINFMT_MISC is not set\n" => false; "an earlier configuration left a module")]
    #[test_case("CONFIG_BINFMT_MISC=y\n" => false; "what is built in is no module")]
    fn a_saved_kernel_is_loaded(dot_config: &str) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let (host, saved) = saved(dir.path(), dot_config);
        assert!(
            saved.built && saved.bzimage.is_file() && saved.uapi_dir.join("linux/bpf.h").is_file()
        );
        assert_eq!(saved.release, "6.12.1-nmissed-active");
        let loaded = load(&host, &saved.key).unwrap().unwrap();
        assert_eq!(
            loaded,
            BuiltKernel {
                built: false,
                ..saved.clone()
            }
        );
        assert_eq!(load(&host, "6.12-other-0").unwrap(), None);
        saved.module.is_some_and(|module| module.is_file())
    }

    #[test_case("bzImage", Some("6.12.1-nmissed-actiwe\n"); "a flipped bit")]
    #[test_case("vmlinux", Some("6.12"); "cut")]
    #[test_case("config", Some(""); "empty")]
    #[test_case("System.map", None; "missing")]
    #[test_case(MODULE_FILE, None; "a missing module")]
    #[test_case("uapi/linux/bpf.h", None; "a missing header")]
    #[test_case("meta.json", Some("{"); "cut meta.json")]
    #[test_case("meta.json", None; "no meta.json")]
    fn a_damaged_kernel_is_removed(file: &str, content: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let (host, saved) = saved(dir.path(), WITH_MODULE);
        let folder = folder(&host.cache, &saved.key);
        match content {
            Some(content) => fs::write(folder.join(file), content).unwrap(),
            None => fs::remove_file(folder.join(file)).unwrap(),
        }
        assert_eq!(load(&host, &saved.key).unwrap(), None);
        assert!(!folder.exists());
    }

    #[test]
    fn a_kernel_without_hashes_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let (host, saved) = saved(dir.path(), WITH_MODULE);
        let file = folder(&host.cache, &saved.key).join("meta.json");
        let mut meta: serde_json::Value =
            serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        meta.as_object_mut().unwrap().remove("sha256").unwrap();
        fs::write(&file, meta.to_string()).unwrap();
        assert!(load(&host, &saved.key).unwrap().is_some());
    }
}
