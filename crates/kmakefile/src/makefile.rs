// SPDX-License-Identifier: GPL-2.0-only
//! What the lines of one Makefile do with the flag that makes the compiler call
//! ftrace.
//!
//! Lines are read in order, conditionals on the configuration are decided, and of
//! each variable only one thing is kept: whether the flag is in its value. Where that
//! is unknown, a line that mentions the flag is [`Unread`].

use std::fmt;

use serde::Serialize;

use crate::flag::Variables;
use crate::tri::Tri;

/// A line of a Makefile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SourceLine {
    /// The file, relative to the source tree.
    pub file: String,
    /// The line, from 1; the first, if it is continued.
    pub line: usize,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The objects or the variable that a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One object, relative to the Makefile's directory, without its suffix.
    Object(String),
    /// All objects of the directory.
    Directory,
    /// Those of the directories below, too.
    Tree,
    /// A variable, which other lines may use.
    Variable(String),
}

/// What a line does with the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Removes it.
    Remove,
    /// Adds it to an object whose directory removes it.
    Add,
    /// Stores it in a variable.
    Keep,
}

/// A line that does something with the flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagLine {
    /// File and line.
    #[serde(flatten)]
    pub place: SourceLine,
    /// The effect on the flag.
    pub action: Action,
    /// The objects or the variable that it is about.
    pub scope: Scope,
    /// Whether it is in effect in this configuration.
    pub applies: Tri,
    /// Unknown symbols that decide whether it applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

impl FlagLine {
    /// The object's path, or the directory's.
    #[must_use]
    pub fn about(&self) -> String {
        let directory = self.place.file.rsplit_once('/').map_or(".", |it| it.0);
        match &self.scope {
            Scope::Object(stem) => format!("{directory}/{stem}.o"),
            Scope::Directory => format!("{directory}/*.o"),
            Scope::Tree => format!("{directory}/**/*.o"),
            Scope::Variable(name) => name.clone(),
        }
    }
}

/// A line that mentions the flag, or should, and was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// File and line.
    #[serde(flatten)]
    pub place: SourceLine,
    /// Its text, shortened to 120 characters.
    pub text: String,
    /// Why it is not understood, as prose.
    pub why: &'static str,
}

/// The flag in one directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Makefile {
    pub(crate) variables: Variables,
    pub(crate) lines: Vec<FlagLine>,
    /// What takes the flag away from a directory above.
    pub(crate) inherited: Vec<SourceLine>,
    pub(crate) unread: Vec<Unread>,
}

impl Makefile {
    /// The lines that take the flag away from an object.
    pub(crate) fn reasons(&self, stem: &str) -> Vec<SourceLine> {
        let about = |scope: &Scope| match scope {
            Scope::Object(name) => name == stem,
            Scope::Directory | Scope::Tree => true,
            Scope::Variable(_) => false,
        };
        let own = self.removals().filter(|it| about(&it.scope));
        let own = own.map(|it| it.place.clone());
        self.inherited.iter().cloned().chain(own).collect()
    }

    fn removals(&self) -> impl Iterator<Item = &FlagLine> {
        let removes = |it: &&FlagLine| it.action == Action::Remove && it.applies != Tri::No;
        self.lines.iter().filter(removes)
    }

    /// The lines that take the flag away from the directories below, too.
    pub(crate) fn passed_on(&self) -> Vec<SourceLine> {
        let own = self.removals().filter(|it| it.scope == Scope::Tree);
        let own = own.map(|it| it.place.clone());
        self.inherited.iter().cloned().chain(own).collect()
    }
}
