// SPDX-License-Identifier: GPL-2.0-only
//! One state of an author's tree.

use std::fs;
use std::path::Path;

use crate::source::own::release::kernel_release;
use crate::source::own::repository::{Repository, remove_stale_lock, work_name};
use crate::source::unpack::LANDMARKS;
use crate::{Error, Result};

/// One state of an author's tree: a revision, or the working tree as it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision {
    repository: Repository,
    /// Id of the git tree.
    id: String,
    release: String,
}

impl Revision {
    pub(crate) fn new(repository: &Repository, id: String, name: &str) -> Result<Self> {
        let bad = |problem| Error::bad_input(&repository.tree, problem);
        let top = repository.read().args(["ls-tree", "--name-only", &id]);
        let top = top.args(LANDMARKS).run()?;
        if let Some(missing) = LANDMARKS
            .iter()
            .find(|it| !top.iter().any(|name| name == *it))
        {
            return Err(bad(format!(
                "{name} is no Linux source: {missing} is missing at its top"
            )));
        }
        let makefile = repository.read().args(["cat-file", "blob"]);
        let makefile = makefile.arg(format!("{id}:Makefile")).run()?.join("\n");
        let release = kernel_release(&makefile).filter(|it| crate::source::is_name(it));
        let release = release.ok_or_else(|| {
            bad(format!(
                "the Makefile of {name} has no VERSION and PATCHLEVEL of a kernel"
            ))
        })?;
        Ok(Self {
            repository: repository.clone(),
            id,
            release,
        })
    }

    /// Returns what `make kernelversion` prints: `7.3.4`, `7.4.0-rc1`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Whether both are the same files.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Returns the name of its source for the key of a built kernel.
    pub(crate) fn identity(&self) -> String {
        format!("tree-{}", self.id)
    }

    /// Returns the name of the folder below `work/` that all states of the tree share.
    pub(crate) fn work_name(&self) -> String {
        work_name(&self.repository.tree)
    }

    /// Makes `source` this state. A file that has its content already keeps its time.
    pub(crate) fn check_out(&self, source: &Path) -> Result<()> {
        let index = source.with_extension("index");
        remove_stale_lock(&index)?;
        let git = || self.repository.at(source, &index);
        let read_tree = git().args(["read-tree", "--reset", "-u", &self.id]);
        if let Err(error) = read_tree.run() {
            // git does not say why it cannot write a file.
            has_room(source)?;
            return Err(error.into());
        }
        // Files that an interrupted call wrote, which are in no index.
        git().args(["clean", "-ffdqx"]).run()?;
        Ok(())
    }
}

/// Fails if the disk of a folder is full.
fn has_room(dir: &Path) -> Result<()> {
    let file = dir.join(".room");
    let written = fs::write(&file, vec![0; 1 << 20]);
    let _ = fs::remove_file(&file);
    written.map_err(Error::io("write", file))
}
