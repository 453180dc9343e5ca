// SPDX-License-Identifier: GPL-2.0-only
//! Runs that are kept, so that a kernel is booted again only if something changed.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use nmissed_evidence::Run;
use nmissed_host::{Cache, hash_file, hash_parts, read_to_string, write_atomic};
use nmissed_vm::Guest;
use nmissed_wire::Outcome;

use crate::plan::bootable::Bootable;
use crate::workspace::Workspace;

/// Everything but the kernel that decides what a run shows.
pub(crate) struct RunCache<'a> {
    cache: &'a Cache,
    /// Hash of the guest's programs, the machines and the selection of tests.
    common: String,
}

impl<'a> RunCache<'a> {
    fn new(cache: &'a Cache, guest: &Guest, rest: &[&str]) -> Result<Self> {
        let programs = guest.tests.iter().map(|(_, program)| program);
        let hashes = programs.chain([&guest.init]).map(|it| hash_file(it));
        let mut parts = hashes.collect::<Result<Vec<_>, _>>()?;
        parts.extend(rest.iter().map(|&part| part.to_owned()));
        Ok(Self {
            cache,
            common: hash_parts(parts),
        })
    }

    /// The runs of the tests that a filter selects, or of all, on the machines of vm.toml.
    pub(crate) fn of_tests(
        workspace: &Workspace,
        cache: &'a Cache,
        guest: &Guest,
        filter: &str,
    ) -> Result<Self> {
        let machines = read_to_string(&workspace.vmconfig().join("vm.toml"))?;
        Self::new(cache, guest, &[&machines, filter])
    }

    fn file(&self, kernel: &Bootable) -> Result<PathBuf> {
        let mut parts = vec![hash_file(&kernel.image)?, self.common.clone()];
        if let Some(module) = &kernel.module {
            parts.push(hash_file(module)?);
        }
        let key = hash_parts(parts);
        let file = format!("{}-{}.json", kernel.id, &key[..16]);
        Ok(self.cache.dir("history")?.join(file))
    }

    /// Returns the run of a kernel with these programs; `None` also if its file is damaged.
    pub(crate) fn get(&self, kernel: &Bootable) -> Result<Option<Run>> {
        let text = fs::read(self.file(kernel)?).ok();
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Keeps a run, unless the host could not do a part of it.
    pub(crate) fn put(&self, kernel: &Bootable, run: &Run) -> Result<()> {
        let tests = run.tests.iter().map(|test| &test.outcome);
        let mut outcomes = tests.chain([&run.machine]);
        if outcomes.any(|it| matches!(it, Outcome::Infra(_))) {
            return Ok(());
        }
        Ok(write_atomic(
            &self.file(kernel)?,
            &serde_json::to_vec(run)?,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_until_image_programs_or_machines_change() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache")).unwrap();
        let [init, image] = ["init", "image"].map(|name| dir.path().join(name));
        for file in [&init, &image] {
            fs::write(file, "one").unwrap();
        }
        let guest = Guest {
            init: init.clone(),
            tests: vec![("missed".to_owned(), init.clone())],
        };
        let kernel = Bootable::stock("6.18.15", &image);
        let runs = |rest: &str| RunCache::new(&cache, &guest, &[rest]).unwrap();
        let run = |machine| Run {
            machine,
            ..Run::default()
        };
        let no_memory = Outcome::Infra("no memory".to_owned());
        runs("").put(&kernel, &run(no_memory)).unwrap();
        assert_eq!(runs("").get(&kernel).unwrap(), None);
        let run = run(Outcome::Pass);
        runs("").put(&kernel, &run).unwrap();
        assert_eq!(runs("").get(&kernel).unwrap(), Some(run));
        assert_eq!(runs("^missed::").get(&kernel).unwrap(), None);
        fs::write(&image, "two").unwrap();
        assert_eq!(runs("").get(&kernel).unwrap(), None);
        fs::write(&image, "one").unwrap();
        fs::write(&init, "two").unwrap();
        assert_eq!(runs("").get(&kernel).unwrap(), None);
    }
}
