// SPDX-License-Identifier: GPL-2.0-only
//! Compiling single objects, and the warnings of the compiler.

use std::fs;
use std::io::ErrorKind;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

use nmissed_host::write_atomic;

use crate::build::{KernelConfig, Make, WorkTree};
use crate::patch::Part;
use crate::review::options::DisabledOption;
use crate::review::warnings::{Warning, warnings};
use crate::{Error, Result};

/// A way to compile objects.
pub(crate) struct Profile {
    /// Name for messages.
    pub(crate) name: String,
    /// Folder of its objects.
    pub(crate) folder: &'static str,
    /// Variables for make.
    pub(crate) variables: &'static [&'static str],
    /// Option that is off.
    pub(crate) off: Option<DisabledOption>,
}

/// Result of compiling objects.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// Objects that did not compile.
    pub(crate) failed: Vec<String>,
    /// Warnings and errors about any file.
    pub(crate) warnings: Vec<Warning>,
    /// Why the result is void: sparse did not run.
    pub(crate) void: Option<String>,
    /// The option of the profile, if it is on all the same.
    pub(crate) stays_on: Option<&'static str>,
}

impl Compiled {
    pub(crate) fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.warnings.is_empty()
    }

    /// Returns the first error, if an object did not compile.
    pub(crate) fn first_error(&self) -> Option<String> {
        let failed = self.failed.first()?;
        let error = self.warnings.iter().find(|it| it.is_error());
        Some(error.map_or_else(|| format!("{failed} does not compile"), Warning::to_string))
    }
}

/// make with the configuration of a profile.
pub(crate) struct Compiler<'a> {
    make: Make,
    profile: &'a Profile,
    source: PathBuf,
    objects: PathBuf,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(
        work: &WorkTree,
        profile: &'a Profile,
        config: &KernelConfig,
    ) -> Result<Self> {
        let (source, objects) = (work.source(), work.objects().join(profile.folder));
        fs::create_dir_all(&objects).map_err(Error::io("create", &objects))?;
        let jobs = available_parallelism().map_or(1, NonZero::get);
        let log = work.log(profile.folder);
        let make = Make::new(source.clone(), objects.clone(), log, jobs)?.with(profile.variables);
        let off = profile.off.map_or(&[][..], |off| off.with);
        let all_config = objects.join("all.config");
        write_atomic(&all_config, config.without(off).all_config().as_bytes())?;
        make.configure(config.defaults(), &all_config)?;
        Ok(Self {
            make,
            profile,
            source,
            objects,
        })
    }

    /// Removes the objects and compiles them.
    pub(crate) fn compile(
        &self,
        objects: &[String],
        on_line: impl FnMut(&str),
    ) -> Result<Compiled> {
        for object in objects {
            self.remove(object)?;
        }
        // Host tools first: their warnings do not count.
        self.make.targets(&["prepare"], |_| ())?;
        // Without a target, make would make everything.
        let lines = match objects {
            [] => Vec::new(),
            objects => self.make.keep_going(objects, on_line)?,
        };
        let is_missing = |object: &&String| !self.objects.join(object).is_file();
        Ok(Compiled {
            failed: objects.iter().filter(is_missing).cloned().collect(),
            warnings: warnings(&lines, &self.source),
            void: passed_by(&lines),
            stays_on: self.stays_on()?,
        })
    }

    fn remove(&self, object: &str) -> Result<()> {
        let path = self.objects.join(object);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    fn stays_on(&self) -> Result<Option<&'static str>> {
        let Some(off) = self.profile.off else {
            return Ok(None);
        };
        let on = format!("{}=y", off.option);
        let is_on = self.make.dot_config()?.lines().any(|line| line == on);
        Ok(is_on.then_some(off.option))
    }
}

/// kbuild skips sparse if it seems too old (scripts/checker-valid.sh).
fn passed_by(lines: &[String]) -> Option<String> {
    let line = lines
        .iter()
        .find(|line| line.contains("specified, but sparse is not available"))?;
    Some(format!("sparse did not run: {line}"))
}

/// Returns the objects of the files that kernels are built from here.
pub(crate) fn objects<'a>(touched: impl Iterator<Item = &'a str>) -> Vec<String> {
    let compiled = touched.filter(|name| Part::of(name).is_none());
    compiled
        .filter_map(|name| Some(format!("{}.o", name.strip_suffix(".c")?)))
        .collect()
}
