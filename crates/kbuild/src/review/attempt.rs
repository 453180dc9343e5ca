// SPDX-License-Identifier: GPL-2.0-only
//! Compiling the objects that a series touches without one of its hunks.
//!
//! A kernel takes minutes, above all where a header changes; these objects take
//! seconds.

use std::collections::BTreeMap;
use std::path::Path;

use nmissed_host::{Cmd, Host, hash_parts};

use crate::build::{BuildRequest, WorkTree, action, headline};
use crate::patch::Overlay;
use crate::review::mutant::Mutant;
use crate::review::objects::{Compiled, Compiler, Profile, objects};
use crate::scratch;
use crate::{Error, Result};

/// Result for the objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// One of them, or a prerequisite, does not compile: the first error.
    Fails(String),
    /// A later patch of the series does not apply: its file name.
    NeededBy(String),
    /// They are the same as with the hunk, but for debug information.
    Same,
    /// They differ.
    Differ,
}

/// Compiles the objects of one series without one hunk or another.
pub struct Attempts<'a> {
    request: BuildRequest<'a>,
    host: &'a Host,
    work: WorkTree,
    /// Hash of each object with the whole series.
    whole: BTreeMap<String, String>,
}

impl<'a> Attempts<'a> {
    /// Compiles what the series of `request` touches, from its patch `below` on.
    ///
    /// # Errors
    /// As [`build()`](crate::build()); [`Error::Build`] if not even the whole
    /// series compiles.
    pub fn start(request: BuildRequest<'a>, below: usize, host: &'a Host) -> Result<Self> {
        let own = request.series.patches[below..].iter();
        let touched: Vec<_> = own.flat_map(|patch| &patch.touched).collect();
        let touched = objects(touched.iter().map(|name| name.as_str()));
        let mut attempts = Self {
            work: WorkTree::open_for_checks(request.spec, request.tree, host)?,
            request,
            host,
            whole: touched.into_iter().map(|it| (it, String::new())).collect(),
        };
        let overlay = request.series.apply(request.tree, host)?;
        let all: Vec<_> = attempts.whole.keys().cloned().collect();
        let compiled = attempts.compile(&overlay, &all, "all hunks")?;
        if let Some(error) = compiled.first_error() {
            return Err(Error::Build {
                errors: vec![error],
                log: attempts.work.log(PLAIN.folder),
            });
        }
        attempts.whole = attempts.hashes(&all)?;
        Ok(attempts)
    }

    /// Compiles the file of the mutant's hunk; all objects of the series if that is a header.
    ///
    /// # Errors
    /// As [`build()`](crate::build()).
    pub fn attempt(&mut self, mutant: &Mutant) -> Result<Attempt> {
        let overlay = match mutant.series.apply(self.request.tree, self.host) {
            Err(Error::Patch(failure)) => {
                let name = failure.patch.file_name().unwrap_or_default();
                return Ok(Attempt::NeededBy(name.to_string_lossy().into_owned()));
            }
            applied => applied?,
        };
        let changed = match objects([mutant.file.as_str()].into_iter()) {
            header if header.is_empty() => self.whole.keys().cloned().collect(),
            object => object,
        };
        let what = format!("{} without a hunk", mutant.file);
        let compiled = match self.compile(&overlay, &changed, &what) {
            // A header that everything includes: `make prepare` fails.
            Err(Error::Build { errors, .. }) => {
                return Ok(Attempt::Fails(headline(&errors).to_owned()));
            }
            compiled => compiled?,
        };
        if let Some(error) = compiled.first_error() {
            return Ok(Attempt::Fails(error));
        }
        let hashes = self.hashes(&changed)?;
        let same = hashes
            .iter()
            .all(|(object, hash)| self.whole[object] == *hash);
        Ok(if same { Attempt::Same } else { Attempt::Differ })
    }

    fn compile(&mut self, overlay: &Overlay, objects: &[String], what: &str) -> Result<Compiled> {
        let (config, progress) = (self.request.config, &self.host.progress);
        progress.begin(
            &format!("compiling {what}"),
            Some(objects.len() as u64),
            None,
        );
        self.work.switch(overlay)?;
        let mut done = 0;
        self.work.making(|work| {
            Compiler::new(work, &PLAIN, config)?.compile(objects, |line| {
                if let Some((verb, target)) = action(line) {
                    done += u64::from(verb == "CC");
                    progress.at(done, &format!("{verb} {target}"));
                }
            })
        })
    }

    fn hashes(&self, objects: &[String]) -> Result<BTreeMap<String, String>> {
        let dir = self.work.objects().join(PLAIN.folder);
        let hash = |name: &String| Ok((name.clone(), self.hash(&dir.join(name))?));
        objects.iter().map(hash).collect()
    }

    fn hash(&self, object: &Path) -> Result<String> {
        let scratch = scratch::any(&self.host.cache)?;
        let stripped = scratch.path().join("stripped.o");
        let objcopy = Cmd::new("objcopy").arg("--strip-debug");
        objcopy.arg(object).arg(&stripped).run()?;
        let bytes = std::fs::read(&stripped).map_err(Error::io("read", &stripped))?;
        Ok(hash_parts([bytes]))
    }
}

/// The configuration in which kernels are built.
const PLAIN: Profile = Profile {
    name: String::new(),
    folder: "x86_64",
    variables: &[],
    off: None,
};
