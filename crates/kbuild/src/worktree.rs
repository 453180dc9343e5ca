// SPDX-License-Identifier: GPL-2.0-only
//! One tree per kernel source, switched between variants.
//!
//! kbuild rebuilds what has another command line or a newer file. So every
//! variant is built at the same path, and a switch touches only the files
//! that differ; their new modification time makes kbuild see them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Lock, Progress, write_atomic};
use serde::{Deserialize, Serialize};

use crate::scratch::remove_dir;
use crate::series::{Content, Overlay};
use crate::{Error, KernelSpec, Result, SourceTree};

/// The right to change a kernel's tree and objects.
pub(crate) struct WorkTree {
    dir: PathBuf,
    pristine: PathBuf,
    _lock: Lock,
}

/// What the files on disk cannot say themselves.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    /// Paths in source/ that may differ from the pristine tree; written
    /// before the first of them changes.
    touched: BTreeSet<String>,
    /// make runs, or was ended without a chance to remove half-written
    /// objects.
    making: bool,
}

/// What there is to build on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Objects {
    /// Nothing.
    None,
    /// What an earlier build got to before it failed or was interrupted.
    Some,
    /// All of a kernel, maybe of another variant.
    All,
}

impl WorkTree {
    /// Waits until nobody else uses it.
    pub(crate) fn open(
        spec: &KernelSpec,
        tree: &SourceTree,
        cache: &Cache,
        progress: &dyn Progress,
    ) -> Result<Self> {
        if cache.root().to_string_lossy().contains([' ', '\t', ':']) {
            return Err(Error::BadCachePath(cache.root().to_owned()));
        }
        let dir = cache.dir(Path::new("work").join(format!("{}@{}", spec.id, tree.identity)))?;
        let waiting = || {
            progress.say(&format!(
                "waiting for another nmissed that builds kernel {}",
                spec.id
            ))
        };
        let lock = Lock::acquire(&dir.join("lock"), waiting)?;
        Ok(Self {
            dir,
            pristine: tree.dir.clone(),
            _lock: lock,
        })
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.dir.join("objects")
    }

    pub(crate) fn holds(&self) -> Objects {
        let has = |name| self.objects().join(name).is_file();
        match (has("vmlinux"), has(".config")) {
            (true, _) => Objects::All,
            (false, true) => Objects::Some,
            (false, false) => Objects::None,
        }
    }

    /// For what belongs to this tree alone.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn log(&self, variant: &str) -> PathBuf {
        self.dir.join(format!("build-{variant}.log"))
    }

    /// Makes source/ the pristine tree with `overlay` over it, and objects/
    /// fit to build on.
    pub(crate) fn switch(&self, overlay: &Overlay) -> Result<()> {
        self.create_source()?;
        self.create_objects()?;
        let mut state = self.state()?;
        state.touched.extend(overlay.keys().cloned());
        self.write_state(&state)?;
        for name in &state.touched {
            let wanted = match overlay.get(name) {
                Some(content) => content.clone(),
                None => Content::read(&self.pristine.join(name))?,
            };
            self.put(name, wanted)?;
        }
        state.touched.retain(|name| overlay.contains_key(name));
        self.write_state(&state)
    }

    /// Runs make in such a way that the next run knows if it was cut off.
    pub(crate) fn making<T>(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        self.set_making(true)?;
        let result = make();
        self.set_making(false)?;
        result
    }

    fn set_making(&self, making: bool) -> Result<()> {
        let state = self.state()?;
        self.write_state(&State { making, ..state })
    }

    /// Hard links: files are replaced here, never written to.
    fn create_source(&self) -> Result<()> {
        let source = self.source();
        if source.is_dir() {
            return Ok(());
        }
        let part = self.dir.join("source.part");
        remove_dir(&part)?;
        self.write_state(&State::default())?;
        Cmd::new("cp")
            .args(["--archive", "--link"])
            .arg(&self.pristine)
            .arg(&part)
            .run()?;
        fs::rename(&part, &source).map_err(Error::io("create", source))
    }

    fn create_objects(&self) -> Result<()> {
        let objects = self.objects();
        if self.state()?.making {
            remove_dir(&objects)?;
            self.set_making(false)?;
        }
        fs::create_dir_all(&objects).map_err(Error::io("create", objects))
    }

    /// Changes a file if it is not yet as wanted.
    fn put(&self, name: &str, wanted: Option<Content>) -> Result<()> {
        let path = self.source().join(name);
        if Content::read(&path)? == wanted {
            return Ok(());
        }
        match wanted {
            Some(content) => content.write(&path),
            None => fs::remove_file(&path).map_err(Error::io("remove", path)),
        }
    }

    fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    fn state(&self) -> Result<State> {
        let path = self.state_file();
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        serde_json::from_slice(&text).map_err(|error| {
            let remedy = format!("{error}; remove {} to start afresh", self.dir.display());
            Error::io("understand", &path)(std::io::Error::other(remedy))
        })
    }

    fn write_state(&self, state: &State) -> Result<()> {
        let text = serde_json::to_vec_pretty(state)
            .map_err(|error| Error::io("write", self.state_file())(error.into()))?;
        Ok(write_atomic(&self.state_file(), &text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use nmissed_host::Silent;
    use std::time::SystemTime;

    struct Fixture {
        _dir: tempfile::TempDir,
        tree: SourceTree,
        cache: Cache,
        spec: KernelSpec,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let tree = SourceTree {
            identity: "linux-1".into(),
            dir: dir.path().join("pristine"),
        };
        fs::create_dir(&tree.dir).unwrap();
        for name in ["a", "b", "c"] {
            fs::write(tree.dir.join(name), name).unwrap();
        }
        let cache = Cache::at(dir.path().join("cache")).unwrap();
        let source = Source::Tarball {
            url: "file:///x".into(),
            sha256: String::new(),
        };
        let spec = KernelSpec {
            id: "1".into(),
            base: "1".into(),
            fragments: vec![],
            source,
        };
        Fixture {
            _dir: dir,
            tree,
            cache,
            spec,
        }
    }

    impl Fixture {
        fn open(&self) -> WorkTree {
            WorkTree::open(&self.spec, &self.tree, &self.cache, &Silent).unwrap()
        }
    }

    fn overlay(files: &[(&str, Option<&str>)]) -> Overlay {
        let content = |text: &str| Content {
            bytes: text.into(),
            executable: false,
        };
        files
            .iter()
            .map(|(name, text)| (String::from(*name), text.map(content)))
            .collect()
    }

    fn listing(dir: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    fs::read_to_string(path).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }

    fn files(work: &WorkTree) -> Vec<(String, String)> {
        listing(&work.source())
    }

    fn expect(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, text)| (String::from(*name), String::from(*text)))
            .collect()
    }

    fn modified(work: &WorkTree, name: &str) -> SystemTime {
        fs::metadata(work.source().join(name))
            .unwrap()
            .modified()
            .unwrap()
    }

    #[test]
    fn a_switch_changes_adds_removes_and_restores() {
        let fixture = fixture();
        let work = fixture.open();
        work.switch(&overlay(&[("a", Some("A")), ("b", None)]))
            .unwrap();
        assert_eq!(files(&work), expect(&[("a", "A"), ("c", "c")]));
        work.switch(&overlay(&[("c", Some("C")), ("d", Some("D"))]))
            .unwrap();
        assert_eq!(
            files(&work),
            expect(&[("a", "a"), ("b", "b"), ("c", "C"), ("d", "D")])
        );
        work.switch(&overlay(&[])).unwrap();
        assert_eq!(files(&work), expect(&[("a", "a"), ("b", "b"), ("c", "c")]));
        assert_eq!(listing(&fixture.tree.dir), files(&work));
    }

    #[test]
    fn files_in_new_folders_are_added() {
        let fixture = fixture();
        let work = fixture.open();
        work.switch(&overlay(&[("new/folder/file", Some("x"))]))
            .unwrap();
        assert!(work.source().join("new/folder/file").is_file());
    }

    #[test]
    fn only_what_differs_gets_a_new_time() {
        let fixture = fixture();
        let work = fixture.open();
        work.switch(&overlay(&[("a", Some("A"))])).unwrap();
        let (a, b) = (modified(&work, "a"), modified(&work, "b"));
        work.switch(&overlay(&[("a", Some("A")), ("b", Some("B"))]))
            .unwrap();
        assert_eq!(modified(&work, "a"), a);
        assert!(modified(&work, "b") > b);
        let changed = modified(&work, "b");
        work.switch(&overlay(&[])).unwrap();
        assert!(
            modified(&work, "b") > changed,
            "restored content is newer than its objects"
        );
    }

    #[test]
    fn a_switch_that_was_cut_off_is_undone_by_the_next() {
        let fixture = fixture();
        let work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        // As after a crash between the state and the last file.
        let touched = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        work.write_state(&State {
            touched,
            making: false,
        })
        .unwrap();
        Content {
            bytes: b"half".into(),
            executable: false,
        }
        .write(&work.source().join("a"))
        .unwrap();
        drop(work);
        let work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        assert_eq!(files(&work), expect(&[("a", "a"), ("b", "b"), ("c", "c")]));
    }

    #[test]
    fn objects_of_a_make_that_was_cut_off_are_not_trusted() {
        let fixture = fixture();
        let work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        let object = work.objects().join("x.o");
        fs::write(&object, "x").unwrap();
        work.making(|| Ok(())).unwrap();
        work.switch(&overlay(&[])).unwrap();
        assert!(object.is_file());
        work.set_making(true).unwrap();
        work.switch(&overlay(&[])).unwrap();
        assert!(!object.exists());
        assert!(!work.state().unwrap().making);
    }
}
