// SPDX-License-Identifier: GPL-2.0-only
//! Reads the Makefile of a directory, in the order of its lines.

use std::collections::{BTreeMap, BTreeSet};

use crate::flag::{self, Variables};
use crate::kconfig::Kconfig;
use crate::lines::{
    Assignment, Operator, assignment, colon, first_word, is_conditional, logical_lines, operands,
    shortened,
};
use crate::makefile::{Action, FlagLine, Makefile, Scope, SourceLine, Unread};
use crate::path::normalized;
use crate::tri::Tri;

/// More than any directory's Makefile has bytes, includes included.
const MOST_BYTES: usize = 8 << 20;
/// How deep includes go.
const MOST_INCLUDES: usize = 8;
/// How deep conditionals nest.
const MOST_NESTED: usize = 32;
/// How many symbols that a condition depends on are reported.
const MOST_NEEDS: usize = 8;

/// An `ifdef`, `ifndef`, `ifeq` or `ifneq`.
#[derive(Clone, Debug)]
struct Conditional {
    /// Whether the lines that are being read count.
    now: Tri,
    /// Whether a branch before them did.
    before: Tri,
    /// Unknown symbols of the condition.
    needs: Vec<String>,
}

pub(crate) struct Reader<'a> {
    files: &'a BTreeMap<String, String>,
    config: &'a Kconfig,
    directory: &'a str,
    pub(crate) made: Makefile,
    conditionals: Vec<Conditional>,
    /// The files that were read.
    pub(crate) seen: BTreeSet<String>,
    /// How many bytes were read.
    bytes: usize,
    gave_up: bool,
    /// The file and line that are being read.
    file: String,
    line: usize,
    /// Whether lines that start with a tab are commands.
    in_rule: bool,
    in_define: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        files: &'a BTreeMap<String, String>,
        config: &'a Kconfig,
        directory: &'a str,
        variables: Variables,
    ) -> Self {
        Self {
            files,
            config,
            directory,
            made: Makefile {
                variables,
                ..Makefile::default()
            },
            conditionals: Vec::new(),
            seen: BTreeSet::new(),
            bytes: 0,
            gave_up: false,
            file: String::new(),
            line: 0,
            in_rule: false,
            in_define: false,
        }
    }

    /// Reads a file, and what it includes.
    pub(crate) fn file(&mut self, path: &str, depth: usize) {
        let Some(text) = self.files.get(path) else {
            return;
        };
        self.seen.insert(path.to_owned());
        self.bytes += text.len();
        if self.bytes > MOST_BYTES {
            return self.give_up(path, "more than a directory can have");
        }
        let outer = (
            std::mem::replace(&mut self.file, path.to_owned()),
            self.line,
        );
        let open = self.conditionals.len();
        for (line, text) in logical_lines(text) {
            if self.gave_up {
                break;
            }
            self.line = line;
            self.one(&text, depth);
        }
        // A conditional ends with its file.
        self.conditionals.truncate(open);
        (self.in_rule, self.in_define) = (false, false);
        (self.file, self.line) = outer;
    }

    fn one(&mut self, text: &str, depth: usize) {
        let (word, rest) = first_word(text);
        if self.in_define || (self.in_rule && text.starts_with('\t') && !is_conditional(word)) {
            self.in_define &= word != "endef";
            self.opaque(text, "in a command or a definition of several lines");
            return;
        }
        match word {
            "ifdef" | "ifndef" | "ifeq" | "ifneq" => self.open(word, rest),
            "else" => self.otherwise(rest),
            "endif" => drop(self.conditionals.pop()),
            "define" => {
                self.in_define = true;
                self.opaque(text, "the start of a definition of several lines");
            }
            "include" | "-include" | "sinclude" => self.include(rest, depth),
            "export" | "unexport" if assignment(rest).is_none() => {}
            "override" | "export" => self.statement(rest),
            _ => self.statement(text),
        }
    }

    fn open(&mut self, word: &str, rest: &str) {
        if self.conditionals.len() == MOST_NESTED {
            self.give_up(rest, "conditionals too deep inside each other");
        }
        let (now, needs) = self.condition(word, rest);
        self.conditionals.push(Conditional {
            now,
            before: Tri::No,
            needs,
        });
    }

    /// `else`, alone or with another condition.
    fn otherwise(&mut self, rest: &str) {
        let (word, rest) = first_word(rest);
        let (condition, needs) = if is_conditional(word) {
            self.condition(word, rest)
        } else {
            (Tri::Yes, Vec::new())
        };
        if let Some(last) = self.conditionals.last_mut() {
            last.before = last.before.or(last.now);
            last.now = last.before.not().and(condition);
            last.needs.extend(needs);
            last.needs.truncate(MOST_NEEDS);
        }
    }

    fn condition(&self, word: &str, rest: &str) -> (Tri, Vec<String>) {
        let value = match word {
            "ifdef" | "ifndef" => self.is_set(rest.trim()),
            _ => operands(rest).and_then(|(a, b)| Some(self.expand(a)? == self.expand(b)?)),
        };
        let value = Tri::from(value);
        let needs = match value {
            Tri::Unknown => self.unknown_in(rest),
            _ => Vec::new(),
        };
        let negated = matches!(word, "ifndef" | "ifneq");
        (if negated { value.not() } else { value }, needs)
    }

    fn is_set(&self, name: &str) -> Option<bool> {
        self.expand(&format!("$({name})")).map(|it| !it.is_empty())
    }

    /// The symbols of a condition that are not known; the condition itself, if
    /// it is not about those.
    fn unknown_in(&self, condition: &str) -> Vec<String> {
        let words = condition.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let unknown = |it: &&str| it.starts_with("CONFIG_") && self.config.value(it).is_none();
        let symbols = words.filter(unknown).take(MOST_NEEDS);
        let symbols: Vec<String> = symbols.map(str::to_owned).collect();
        if symbols.is_empty() {
            vec![shortened(condition)]
        } else {
            symbols
        }
    }

    /// A text without references; `None` if one is not known.
    fn expand(&self, text: &str) -> Option<String> {
        let known = |name: &str| match name {
            "SRCARCH" | "ARCH" => Some("x86"),
            "BITS" => Some("64"),
            "srctree" | "objtree" => Some("."),
            "src" | "obj" if self.directory.is_empty() => Some("."),
            "src" | "obj" => Some(self.directory),
            // In the make that compiles the kernel.
            "need-sub-make" | "mixed-build" | "config-build" | "KBUILD_EXTMOD" => Some(""),
            name if name.starts_with("CONFIG_") => self.config.value(name),
            _ => None,
        };
        flag::expand(text, &known)
    }

    fn active(&self) -> Tri {
        let all = self.conditionals.iter().map(|it| it.now);
        all.fold(Tri::Yes, Tri::and)
    }

    fn include(&mut self, rest: &str, depth: usize) {
        for path in rest.split_whitespace() {
            // A generated one is not in the tree, and about other things.
            match self.expand(path).map(|it| normalized(&it)) {
                Some(path) if self.active() != Tri::No && depth < MOST_INCLUDES => {
                    self.file(&path, depth + 1);
                }
                Some(_) => {}
                None => self.opaque(path, "an include whose path is not known"),
            }
        }
    }

    fn statement(&mut self, text: &str) {
        match assignment(text) {
            Some(assigned) => {
                self.in_rule = false;
                self.assign(&assigned);
            }
            None if colon(text).is_some() => self.rule(text),
            None => self.opaque(text, "neither an assignment nor a rule"),
        }
    }

    /// A rule, perhaps with variables of its own.
    fn rule(&mut self, text: &str) {
        self.in_rule = true;
        let rest = colon(text).map_or("", |at| &text[at + 1..]);
        let flags = assignment(rest).filter(|it| it.name == flag::FLAGS);
        let lost = |it: &Assignment<'_>| self.made.variables.carries(it.value) != Tri::Yes;
        if flags.is_some_and(|it| it.operator != Operator::Append && lost(&it))
            || flag::mentioned(text)
        {
            self.unread(text, "for some targets only");
        }
    }

    fn assign(&mut self, assigned: &Assignment<'_>) {
        let Assignment {
            name,
            operator,
            value,
        } = *assigned;
        let mut applies = self.active();
        let mut needs: Vec<String> = Vec::new();
        if applies == Tri::Unknown {
            let unknown = self.conditionals.iter();
            needs.extend(unknown.flat_map(|it| it.needs.clone()));
        }
        let name = match self.expand(name) {
            Some(name) => name,
            None if name.contains("CONFIG_") => {
                needs.extend(self.unknown_in(name));
                applies = applies.and(Tri::Unknown);
                self.expand_as_if_on(name)
            }
            None => {
                self.opaque(value, "assigned to a variable whose name is not known");
                return;
            }
        };
        let before = self.made.variables.get(&name);
        let carried = match operator {
            Operator::Shell => Tri::from(None),
            _ => self.made.variables.carries(value),
        };
        let set = Set {
            value,
            replaces: operator != Operator::Append,
            carried,
            applies,
            needs,
        };
        self.note(&name, before, &set);
        self.made.variables.set(name, operator, carried, applies);
    }

    /// Expands a name with unknown symbols of the configuration taken as on: that is the
    /// case that matters.
    fn expand_as_if_on(&self, name: &str) -> String {
        let known = |it: &str| it.starts_with("CONFIG_").then_some("y");
        flag::expand(name, &known).unwrap_or_default()
    }

    /// Writes down what a line does to the flag.
    fn note(&mut self, name: &str, before: Tri, set: &Set<'_>) {
        let (action, scope) = meaning(name);
        let effect = match (action, &scope) {
            (Action::Remove, Scope::Tree) if before == Tri::No || !set.replaces => return,
            (Action::Remove, Scope::Tree) => set.carried.not(),
            (Action::Keep, _) if !flag::mentioned(set.value) => return,
            (Action::Keep, _) => Tri::Yes,
            (Action::Add, _) if !flag::mentioned(set.value) => return,
            _ => set.carried,
        };
        match effect {
            Tri::Yes => self.made.lines.push(FlagLine {
                place: self.place(),
                action,
                scope,
                applies: set.applies,
                needs: set.needs.clone(),
            }),
            Tri::Unknown => self.unread(
                set.value,
                "it is not known whether the flag is in the value",
            ),
            Tri::No => {}
        }
    }

    fn place(&self) -> SourceLine {
        SourceLine {
            file: self.file.clone(),
            line: self.line,
        }
    }

    /// Reports a line that is not understood, if it mentions the flag.
    fn opaque(&mut self, text: &str, why: &'static str) {
        if flag::mentioned(text) {
            self.unread(text, why);
        }
    }

    fn unread(&mut self, text: &str, why: &'static str) {
        if self.active() != Tri::No {
            self.report(text, why);
        }
    }

    fn give_up(&mut self, text: &str, why: &'static str) {
        if !self.gave_up {
            self.report(text, why);
        }
        self.gave_up = true;
    }

    fn report(&mut self, text: &str, why: &'static str) {
        self.made.unread.push(Unread {
            place: self.place(),
            text: shortened(text),
            why,
        });
    }
}

/// An assignment in its context.
struct Set<'a> {
    value: &'a str,
    /// Not appended to what is there.
    replaces: bool,
    carried: Tri,
    applies: Tri,
    needs: Vec<String>,
}

/// What an assignment to a variable means for the flag
/// (`scripts/Makefile.lib`: `_c_flags`).
fn meaning(name: &str) -> (Action, Scope) {
    let object = |prefix| {
        let stem = name.strip_prefix(prefix)?.strip_suffix(".o")?;
        Some(Scope::Object(stem.to_owned()))
    };
    if name == flag::FLAGS {
        (Action::Remove, Scope::Tree)
    } else if name == flag::REMOVED {
        (Action::Remove, Scope::Directory)
    } else if let Some(scope) = object(flag::REMOVED_FROM) {
        (Action::Remove, scope)
    } else if let Some(scope) = object(flag::ADDED_TO) {
        (Action::Add, scope)
    } else if flag::ADDED.contains(&name) {
        (Action::Add, Scope::Directory)
    } else {
        (Action::Keep, Scope::Variable(name.to_owned()))
    }
}
