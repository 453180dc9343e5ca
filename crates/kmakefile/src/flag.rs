// SPDX-License-Identifier: GPL-2.0-only
//! Whether the flag that makes the compiler call ftrace is in the value of a
//! variable of make.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::lines::Operator;
use crate::tri::Tri;

/// Flags of all objects of a kernel.
pub(crate) const FLAGS: &str = "KBUILD_CFLAGS";
/// Flags that a directory removes from those.
pub(crate) const REMOVED: &str = "ccflags-remove-y";
/// Flags that it adds, for itself and for the directories below.
pub(crate) const ADDED: [&str; 3] = ["ccflags-y", BELOW, "EXTRA_CFLAGS"];
const BELOW: &str = "subdir-ccflags-y";
/// With an object's name: flags that are removed for it, and added.
pub(crate) const REMOVED_FROM: &str = "CFLAGS_REMOVE_";
pub(crate) const ADDED_TO: &str = "CFLAGS_";

/// The variable that names the flag.
const NAME: &str = "CC_FLAGS_FTRACE";
/// The flag itself, on x86. Without it `-mfentry` and `-mrecord-mcount` mean
/// nothing.
const LITERAL: &str = "-pg";

/// How deep references nest in each other.
const MOST_NESTED: usize = 16;

/// Whether a text names the flag.
pub(crate) fn mentioned(text: &str) -> bool {
    let is_flag = |word: &str| word.trim_end_matches([',', ')', '}']) == LITERAL;
    text.contains(NAME) || text.split([' ', '\t', ',', '(']).any(is_flag)
}

/// In which variables the flag is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// Those of the top Makefile.
    global: Rc<FxHashMap<String, Tri>>,
    own: FxHashMap<String, Tri>,
}

impl Variables {
    /// What the top Makefile starts with.
    pub(crate) fn without_flag() -> Self {
        let own = [(FLAGS.to_owned(), Tri::No)].into_iter().collect();
        Self {
            own,
            ..Self::default()
        }
    }

    /// What all directories start with.
    pub(crate) fn as_global(&self) -> Self {
        Self {
            global: Rc::new(self.own.clone()),
            own: FxHashMap::default(),
        }
    }

    /// Takes over the flags of the directory above: variables of
    /// the environment (`scripts/Makefile.build`).
    pub(crate) fn inherit(&mut self, above: Option<&Self>) {
        let Some(above) = above else { return };
        let flags = above.get(FLAGS).or(above.get(BELOW));
        self.own.insert(FLAGS.to_owned(), flags);
    }

    /// Whether the flag is in a variable.
    pub(crate) fn get(&self, name: &str) -> Tri {
        let global = || self.global.get(name).filter(|_| !is_per_directory(name));
        let set = self.own.get(name).or_else(global);
        set.copied().unwrap_or_else(|| unset(name))
    }

    fn is_set(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.global.contains_key(name)
    }

    pub(crate) fn set(&mut self, name: String, operator: Operator, carried: Tri, applies: Tri) {
        let old = self.get(&name);
        let new = match operator {
            Operator::Append => old.or(carried),
            Operator::Default if self.is_set(&name) => old,
            _ => carried,
        };
        let value = match applies {
            Tri::Yes => new,
            Tri::No => return,
            Tri::Unknown if new == old => new,
            Tri::Unknown => Tri::Unknown,
        };
        self.own.insert(name, value);
    }

    /// Whether an object is compiled with the flag
    /// (`scripts/Makefile.lib`: `_c_flags`).
    pub(crate) fn flag_of(&self, stem: &str) -> Tri {
        let added = ADDED.iter().map(|name| self.get(name));
        let directory = added.fold(self.get(FLAGS), Tri::or);
        let kept = directory.and(self.get(REMOVED).not());
        let with_own = kept.or(self.get(&format!("{ADDED_TO}{stem}.o")));
        with_own.and(self.get(&format!("{REMOVED_FROM}{stem}.o")).not())
    }

    /// Whether the flag is in a value.
    pub(crate) fn carries(&self, value: &str) -> Tri {
        self.carries_at(value, 0)
    }

    fn carries_at(&self, value: &str, depth: usize) -> Tri {
        if depth > MOST_NESTED {
            return Tri::Unknown;
        }
        let found = pieces(value).map(|piece| match piece {
            Piece::Text(text) => Tri::from(text.split_whitespace().any(|it| it == LITERAL)),
            Piece::Reference(inner) => self.reference(inner, depth + 1),
            Piece::Unclosed => Tri::Unknown,
        });
        found.fold(Tri::No, Tri::or)
    }

    fn reference(&self, inner: &str, depth: usize) -> Tri {
        let function = inner.split_once([' ', '\t']);
        if let Some((function, rest)) = function.filter(|it| is_function(it.0)) {
            return self.function(function, &arguments(rest), depth);
        }
        // `$(NAME:a=b)` changes suffixes.
        let name = inner.split(':').next().unwrap_or(inner);
        if name.contains('$') {
            Tri::Unknown
        } else {
            self.get(name)
        }
    }

    fn function(&self, function: &str, arguments: &[&str], depth: usize) -> Tri {
        // Each once: what nests would take forever otherwise.
        let carried: Vec<Tri> = arguments
            .iter()
            .map(|text| self.carries_at(text, depth))
            .collect();
        let any = carried.iter().copied().fold(Tri::No, Tri::or);
        match (function, carried.as_slice()) {
            ("filter-out", [out, text]) => text.and(out.not()),
            ("subst" | "patsubst", [out, into, text]) => text.and(out.not()).or(*into),
            ("strip" | "sort", _) => any,
            ("if", [_, then]) if *then == Tri::No => Tri::No,
            ("if", [_, then, otherwise]) if then == otherwise => *then,
            ("shell", _) if !arguments.iter().any(|it| mentioned(it)) => Tri::No,
            // What goes in may come out, or not.
            _ => any.and(Tri::Unknown),
        }
    }
}

/// Variables that every directory starts without.
fn is_per_directory(name: &str) -> bool {
    name == REMOVED || ADDED.contains(&name) || name.starts_with(ADDED_TO)
}

/// Of a variable that no line has set: it is empty, but for those of the top
/// Makefile.
fn unset(name: &str) -> Tri {
    matches!(name, NAME | FLAGS).into()
}

/// A text without its references to variables; `None` if one is not known or
/// is to a function.
pub(crate) fn expand<'k>(text: &str, known: &dyn Fn(&str) -> Option<&'k str>) -> Option<String> {
    let mut expanded = String::new();
    for piece in pieces(text) {
        expanded.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Reference(name) => known(name)?,
            Piece::Unclosed => return None,
        });
    }
    Some(expanded)
}

/// Part of a value.
enum Piece<'a> {
    Text(&'a str),
    /// The text in the parentheses.
    Reference(&'a str),
    /// One without an end.
    Unclosed,
}

/// A value as text and references.
fn pieces(value: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = piece(rest);
        rest = after;
        Some(piece)
    })
}

fn piece(value: &str) -> (Piece<'_>, &str) {
    let Some(after) = value.strip_prefix('$') else {
        let (text, rest) = value.split_at(value.find('$').unwrap_or(value.len()));
        return (Piece::Text(text), rest);
    };
    let mut next = after.chars();
    match next.next() {
        Some('(' | '{') => match closing(after) {
            Some(end) => (Piece::Reference(&after[1..end]), &after[end + 1..]),
            None => (Piece::Unclosed, ""),
        },
        Some('$') | None => (Piece::Text(""), next.as_str()),
        Some(letter) => {
            let (name, rest) = after.split_at(letter.len_utf8());
            (Piece::Reference(name), rest)
        }
    }
}

/// Where the parenthesis that a text starts with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' if depth == 1 => return Some(at),
            b')' | b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn arguments(text: &str) -> Vec<&str> {
    let mut arguments = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                arguments.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(&text[start..]);
    arguments
}

fn is_function(name: &str) -> bool {
    name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("$(CC_FLAGS_FTRACE)", Tri::Yes; "by its name")]
    #[test_case("-O2 ${CC_FLAGS_FTRACE} -g", Tri::Yes; "among others")]
    #[test_case("-pg", Tri::Yes; "itself")]
    #[test_case("-pgo $(CC_FLAGS_LTO)", Tri::No; "something like it")]
    #[test_case("$$(CC_FLAGS_FTRACE)", Tri::No; "the text of a reference")]
    #[test_case("$(KBUILD_CFLAGS:-O2=-O3)", Tri::Yes; "suffixes replaced")]
    #[test_case("$(MAYBE)", Tri::Unknown; "depending on the configuration")]
    #[test_case("$(MAYBE) -pg", Tri::Yes; "there in any case")]
    #[test_case("$(filter-out $(CC_FLAGS_FTRACE),$(KBUILD_CFLAGS))", Tri::No; "filtered out")]
    #[test_case("$(filter-out -O2, $(KBUILD_CFLAGS))", Tri::Yes; "something else filtered out")]
    #[test_case("$(filter-out $(MAYBE),$(KBUILD_CFLAGS))", Tri::Unknown; "perhaps filtered out")]
    #[test_case("$(subst -pg,,$(KBUILD_CFLAGS)) -fpie", Tri::No; "substituted")]
    #[test_case("$(subst -x,-pg,$(NOTHING))", Tri::Yes; "substituted for something")]
    #[test_case("$(strip $(sort $(CC_FLAGS_FTRACE)))", Tri::Yes; "in functions that keep words")]
    #[test_case("$(if $(X),-pg,-pg)", Tri::Yes; "either way")]
    #[test_case("$(if $(X),-pg)", Tri::Unknown; "one way")]
    #[test_case("$(if -pg,-O2)", Tri::No; "in a condition")]
    #[test_case("$(call cc-option,-O2)", Tri::No; "nothing to do with it")]
    #[test_case("$(call cc-option,-pg)", Tri::Unknown; "if the compiler takes it")]
    #[test_case("$(shell echo $(X))", Tri::No; "a command")]
    #[test_case("$($(X)_FLAGS)", Tri::Unknown; "a computed name")]
    #[test_case("$(CC_FLAGS_FTRACE", Tri::Unknown; "cut off")]
    fn values(value: &str, wanted: Tri) {
        let mut variables = Variables::default();
        variables.set("MAYBE".to_owned(), Operator::Set, Tri::Yes, Tri::Unknown);
        assert_eq!(variables.carries(value), wanted);
    }

    #[test]
    fn references_nest_so_deep_and_no_deeper() {
        let nested = |depth| format!("{}-pg{}", "$(strip ".repeat(depth), ")".repeat(depth));
        let variables = Variables::default();
        assert_eq!(variables.carries(&nested(MOST_NESTED)), Tri::Yes);
        assert_eq!(variables.carries(&nested(MOST_NESTED + 1)), Tri::Unknown);
        assert_eq!(variables.carries(&nested(100_000)), Tri::Unknown);
        let either = format!("{}-pg{}", "$(if x,-pg,".repeat(15), ")".repeat(15));
        assert_eq!(variables.carries(&either), Tri::Yes);
    }

    #[test_case("CFLAGS_REMOVE_a.o = -pg", true; "itself")]
    #[test_case("$(subst -pg,,$(X))", true; "in a function")]
    #[test_case("$(CC_FLAGS_FTRACE)", true; "by name")]
    #[test_case("-pgo x-pg", false; "something like it")]
    fn mentions(text: &str, wanted: bool) {
        assert_eq!(mentioned(text), wanted);
    }
}
