// SPDX-License-Identifier: GPL-2.0-only
//! The tree that `--source` names, and which of its states are compared.

use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::Host;

use crate::source::own::repository::{Repository, work_name};
use crate::source::own::revision::Revision;
use crate::source::unpack::LANDMARKS;
use crate::{Error, Result};

/// An author's own kernel tree: a git tree, or a plain folder.
#[derive(Clone, Debug)]
pub struct OwnTree {
    repository: Repository,
}

impl OwnTree {
    /// Opens a tree. It is only read.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a folder that is no kernel tree, [`Error::Host`],
    /// [`Error::DiskFull`].
    pub fn open(dir: &Path, host: &Host) -> Result<Self> {
        let tree = fs::canonicalize(dir)
            .map_err(|error| Error::bad_input(dir, format!("cannot be opened: {error}")))?;
        if let Some(missing) = LANDMARKS.iter().find(|it| !tree.join(it).is_file()) {
            let problem = format!("is no Linux source: {missing} is missing at its top");
            return Err(Error::bad_input(dir, problem));
        }
        let work = host.cache.dir(Path::new("work").join(work_name(&tree)))?;
        Ok(Self {
            repository: Repository::open(&tree, &work)?,
        })
    }

    /// Whether it is a git tree, which has a merge base and revisions.
    #[must_use]
    pub fn is_git(&self) -> bool {
        self.repository.is_git()
    }

    /// Returns a revision; without a name the working tree as it is, with changes that
    /// are not committed and files that are neither tracked nor ignored.
    ///
    /// # Errors
    /// [`Error::BadInput`] for an unknown revision, and for one that is no kernel tree.
    pub fn head(&self, name: Option<&str>) -> Result<Revision> {
        match name {
            Some(name) => self.revision(&self.commit(name)?, name),
            None => {
                let id = self.repository.working_tree()?;
                Revision::new(&self.repository, id, "the working tree")
            }
        }
    }

    /// Returns the merge base of `base` and `head` (default: HEAD). The default of `base`
    /// is the upstream branch of the current one, else the newest tag below `head`.
    ///
    /// # Errors
    /// [`Error::BadInput`] if there is no such revision, and no merge base.
    pub fn merge_base(&self, base: Option<&str>, head: Option<&str>) -> Result<Revision> {
        let head = head.unwrap_or("HEAD");
        let found;
        let base = match base {
            Some(base) => base,
            None => {
                found = self.default_base(head)?;
                &found
            }
        };
        let ids = [self.commit(base)?, self.commit(head)?];
        let merge_base = self.first_line(&["merge-base", &ids[0], &ids[1]])?;
        let merge_base = merge_base.ok_or_else(|| self.no_merge_base(base, head))?;
        let name = format!("the merge base of {base} and {head}");
        self.revision(&merge_base, &name)
    }

    fn revision(&self, commit: &str, name: &str) -> Result<Revision> {
        let tree = format!("{commit}^{{tree}}");
        let id = self.first_line(&["rev-parse", "--verify", "--quiet", &tree])?;
        let id = id.ok_or_else(|| self.bad(format!("{name} has no files")))?;
        Revision::new(&self.repository, id, name)
    }

    fn commit(&self, name: &str) -> Result<String> {
        let commit = format!("{name}^{{commit}}");
        let parse = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        let id = self.first_line(&[&parse[..], &[&commit]].concat())?;
        id.ok_or_else(|| self.bad(format!("there is no revision {name:?}")))
    }

    fn default_base(&self, head: &str) -> Result<String> {
        let upstream = [
            "rev-parse",
            "--abbrev-ref",
            "--verify",
            "--quiet",
            "@{upstream}",
        ];
        if let Some(upstream) = self.first_line(&upstream)? {
            return Ok(upstream);
        }
        let tag = self.first_line(&["describe", "--tags", "--abbrev=0", head])?;
        tag.ok_or_else(|| {
            let problem = "the current branch has no upstream, and no tag is below it: \
                           name what to compare with as --base REV";
            self.bad(problem.to_owned())
        })
    }

    fn no_merge_base(&self, base: &str, head: &str) -> Error {
        let shallow = self.first_line(&["rev-parse", "--is-shallow-repository"]);
        let why = match shallow {
            Ok(Some(answer)) if answer == "true" => {
                "the clone is shallow: `git fetch --unshallow`, or name another --base"
            }
            _ => "name another --base",
        };
        self.bad(format!("{base} and {head} have no merge base; {why}"))
    }

    /// Returns the first line of a git command; `None` if it fails.
    fn first_line(&self, args: &[&str]) -> Result<Option<String>> {
        let finished = self.repository.read().args(args).finish(|_| ())?;
        let line = finished.lines.into_iter().next();
        Ok(line.filter(|_| finished.status.success()))
    }

    fn bad(&self, problem: String) -> Error {
        Error::bad_input(self.folder(), problem)
    }

    fn folder(&self) -> PathBuf {
        self.repository.tree.clone()
    }
}
