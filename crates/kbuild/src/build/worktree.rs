// SPDX-License-Identifier: GPL-2.0-only
//! One patched tree per kernel source, switched between variants.
//!
//! kbuild compiles an object again if its command line or the time of a file that it
//! includes changed. So all variants are built at the same path, and a switch writes only
//! the files that differ.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Host, Lock, write_atomic};
use serde::{Deserialize, Serialize};

use crate::patch::{Content, Overlay};
use crate::scratch::remove_dir;
use crate::source::{KernelSpec, Source, SourceTree};
use crate::{Error, Result};

/// The tree and objects of a kernel, and the lock on them.
pub(crate) struct WorkTree {
    dir: PathBuf,
    pristine: PathBuf,
    state: TreeState,
    _lock: Lock,
}

/// Content of state.json. It is written before the files change: after a crash it may
/// cause too much work, never too little.
#[derive(Debug, Default, Deserialize, Serialize)]
struct TreeState {
    /// The copy of the source is complete.
    complete: bool,
    /// Paths in source/ that may differ from the unpacked source.
    touched: BTreeSet<String>,
    /// make runs, or was killed and may have left half-written objects.
    making: bool,
}

/// Objects of earlier builds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Objects {
    /// There are none.
    None,
    /// An earlier build failed or was interrupted.
    Some,
    /// Those of a whole kernel, maybe of another variant.
    All,
}

impl WorkTree {
    /// Opens the tree in which kernels are built; waits for its lock.
    pub(crate) fn open(spec: &KernelSpec, tree: &SourceTree, host: &Host) -> Result<Self> {
        let name = match &spec.source {
            // The same for all states: the next one differs in few files.
            Source::Own(revision) => revision.work_name(),
            _ => format!("{}@{}", spec.id, tree.identity),
        };
        Self::named(&name, tree, host)
    }

    /// Opens another tree, for single objects in other configurations: it does not block
    /// builds of kernels, and does not change their objects.
    pub(crate) fn open_for_checks(
        spec: &KernelSpec,
        tree: &SourceTree,
        host: &Host,
    ) -> Result<Self> {
        Self::named(&format!("{}@{}+check", spec.id, tree.identity), tree, host)
    }

    fn named(name: &str, tree: &SourceTree, host: &Host) -> Result<Self> {
        let root = host.cache.root();
        if root.to_string_lossy().contains([' ', '\t', ':']) {
            return Err(Error::BadCachePath(root.to_owned()));
        }
        let dir = host.cache.dir(Path::new("work").join(name))?;
        let line = format!("waiting for another nmissed that works on kernel {name}");
        let lock = Lock::acquire(&dir.join("lock"), || host.say(&line))?;
        Ok(Self {
            state: TreeState::read(&state_file(&dir)).unwrap_or_default(),
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

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn log(&self, variant: &str) -> PathBuf {
        self.dir.join(format!("build-{variant}.log"))
    }

    /// Makes source/ the unpacked source with `overlay` over it, and removes objects that
    /// cannot be reused.
    pub(crate) fn switch(&mut self, overlay: &Overlay) -> Result<()> {
        self.create()?;
        self.state.touched.extend(overlay.keys().cloned());
        self.write_state()?;
        for name in &self.state.touched {
            let wanted = match overlay.get(name) {
                Some(content) => content.clone(),
                None => Content::read(&self.pristine.join(name))?,
            };
            self.put(name, wanted)?;
        }
        self.state.touched.retain(|name| overlay.contains_key(name));
        self.write_state()
    }

    /// Makes source/ what `check_out` makes of it, and removes objects that cannot be
    /// reused.
    pub(crate) fn fill(&mut self, check_out: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (source, objects) = (self.source(), self.objects());
        if self.state.making || !source.is_dir() {
            remove_dir(&objects)?;
        }
        self.state.making = false;
        self.write_state()?;
        for dir in [&source, &objects] {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        check_out(&source)
    }

    /// Runs make, and records in the state that it runs.
    pub(crate) fn making<T>(&mut self, make: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.state.making = true;
        self.write_state()?;
        let result = make(self);
        self.state.making = false;
        self.write_state()?;
        result
    }

    /// Makes both folders if they do not exist. Objects are removed together with the tree
    /// that they were made from: to make, the files of a new copy look old.
    fn create(&mut self) -> Result<()> {
        let (source, objects) = (self.source(), self.objects());
        let usable = self.state.complete && source.is_dir();
        if !usable || self.state.making {
            remove_dir(&objects)?;
        }
        if !usable {
            self.state = TreeState::default();
            self.write_state()?;
            remove_dir(&source)?;
            // Hard links: files in source/ are replaced, never written to.
            let copy = Cmd::new("cp").args(["--archive", "--link"]);
            copy.arg(&self.pristine).arg(&source).run()?;
        }
        self.state.complete = true;
        self.state.making = false;
        fs::create_dir_all(&objects).map_err(Error::io("create", objects))
    }

    /// Writes or removes a file if it differs.
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

    fn write_state(&self) -> Result<()> {
        let file = state_file(&self.dir);
        let text = serde_json::to_vec_pretty(&self.state)
            .map_err(|error| Error::io("write", &file)(error.into()))?;
        Ok(write_atomic(&file, &text)?)
    }
}

impl TreeState {
    /// Returns `None` if there is no state, or it cannot be parsed.
    fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }
}

fn state_file(dir: &Path) -> PathBuf {
    dir.join("state.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use test_case::test_case;

    struct Fixture {
        _dir: tempfile::TempDir,
        tree: SourceTree,
        host: Host,
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
        let host = Host::silent(dir.path().join("cache")).unwrap();
        let source = Source::Tarball {
            url: "file:///x".into(),
            sha256: String::new(),
        };
        let spec = KernelSpec {
            id: "1".into(),
            patches: "1".into(),
            by_name_only: false,
            fragments: vec![],
            source,
        };
        Fixture {
            _dir: dir,
            tree,
            host,
            spec,
        }
    }

    impl Fixture {
        fn open(&self) -> WorkTree {
            WorkTree::open(&self.spec, &self.tree, &self.host).unwrap()
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
        let mut work = fixture.open();
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
        let mut work = fixture.open();
        work.switch(&overlay(&[("new/folder/file", Some("x"))]))
            .unwrap();
        assert!(work.source().join("new/folder/file").is_file());
    }

    #[test]
    fn only_what_differs_gets_a_new_time() {
        let fixture = fixture();
        let mut work = fixture.open();
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
        let mut work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        // As after a crash between the state and the last file.
        work.state.touched = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        work.write_state().unwrap();
        work.put("a", overlay(&[("a", Some("half"))])["a"].clone())
            .unwrap();
        drop(work);
        let mut work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        assert_eq!(files(&work), expect(&[("a", "a"), ("b", "b"), ("c", "c")]));
    }

    fn with_object(fixture: &Fixture) -> PathBuf {
        let mut work = fixture.open();
        work.switch(&overlay(&[("a", Some("A"))])).unwrap();
        let object = work.objects().join("a.o");
        fs::write(&object, "of A").unwrap();
        object
    }

    #[test]
    fn objects_stay_after_a_make_that_ended() {
        let fixture = fixture();
        let object = with_object(&fixture);
        let mut work = fixture.open();
        let failed: Result<()> = work.making(|_| Err(nmissed_host::Error::Interrupted.into()));
        assert!(failed.is_err());
        work.switch(&overlay(&[])).unwrap();
        assert!(object.is_file());
    }

    #[test]
    fn objects_go_after_a_make_that_was_cut_off() {
        let fixture = fixture();
        let object = with_object(&fixture);
        let mut work = fixture.open();
        work.state.making = true;
        work.write_state().unwrap();
        drop(work);
        fixture.open().switch(&overlay(&[])).unwrap();
        assert!(!object.exists());
        assert!(!fixture.open().state.making);
    }

    #[test_case("source"; "the tree")]
    #[test_case("state.json"; "the state")]
    fn objects_go_with_what_they_were_made_from(lost: &str) {
        let fixture = fixture();
        let object = with_object(&fixture);
        let lost = fixture.open().dir().join(lost);
        remove_dir(&lost)
            .or_else(|_| fs::remove_file(&lost))
            .unwrap();
        let mut work = fixture.open();
        work.switch(&overlay(&[])).unwrap();
        assert!(!object.exists());
        assert_eq!(files(&work), expect(&[("a", "a"), ("b", "b"), ("c", "c")]));
    }
}
