// SPDX-License-Identifier: GPL-2.0-only
//! Cycles between the modules of a crate.

use std::collections::{BTreeMap, BTreeSet};

/// A module's path below `src`; that of the crate root is empty.
type Module = Vec<String>;
/// Which of the modules in one folder use which.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Modules that are compiled for tests alone.
const TESTS: [&str; 2] = ["tests", "testing"];

/// Returns each cycle between modules of one folder. `files` are the paths below
/// `src` and the text of each. What a module re-exports counts as used where it is
/// defined. Uses in tests are not followed.
pub(super) fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| (module(path), code(text)));
    let is_test = |name: &String| TESTS.contains(&name.as_str());
    let files: BTreeMap<_, _> = files.filter(|(it, _)| !it.iter().any(is_test)).collect();
    let exports = exports(&files);
    let mut graphs = BTreeMap::<Module, Graph>::new();
    for (from, code) in &files {
        for to in paths(code, from) {
            let to = definition(to, &exports);
            let lengths = (1..=to.len()).rev();
            let Some(to) = lengths
                .map(|len| &to[..len])
                .find(|it| files.contains_key(*it))
            else {
                continue;
            };
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (from.get(common), to.get(common)) {
                let graph = graphs.entry(from[..common].to_vec()).or_default();
                graph.entry(a.clone()).or_default().insert(b.clone());
            }
        }
    }
    let all = graphs.iter().filter_map(|(folder, graph)| {
        let names = left_after_pruning(graph.clone());
        (!names.is_empty()).then(|| format!("{{{}}} in src/{}", names.join(", "), folder.join("/")))
    });
    all.collect()
}

/// What modules re-export, and where that comes from.
fn exports(files: &BTreeMap<Module, String>) -> BTreeMap<Module, Module> {
    let mut exports = BTreeMap::new();
    for (from, code) in files {
        let public = code.split(';').filter(|it| it.starts_with("pub"));
        for (_, tree) in public.filter_map(|it| it.split_once(" use ")) {
            let mut found = paths(tree, from);
            if found.is_empty() {
                expand(tree.trim_start_matches("self::"), from, &mut found);
            }
            for path in found {
                let name = [&from[..], &path[path.len() - 1..]].concat();
                if !files.contains_key(&name) {
                    exports.insert(name, path);
                }
            }
        }
    }
    exports
}

/// Follows re-exports.
fn definition(mut path: Module, exports: &BTreeMap<Module, Module>) -> Module {
    let export = |path: &Module| {
        let mut lengths = (1..=path.len()).rev();
        lengths.find_map(|len| Some([exports.get(&path[..len])?, &path[len..]].concat()))
    };
    // Names can be re-exported in a circle.
    for _ in 0..exports.len() {
        match export(&path) {
            Some(other) if other != path => path = other,
            _ => break,
        }
    }
    path
}

/// Drops modules that use none of those that are left, or that none of them uses,
/// until there is no such: what is left is in a cycle, or between two.
fn left_after_pruning(mut graph: Graph) -> Vec<String> {
    loop {
        let before = graph.len();
        let used: BTreeSet<String> = graph.values().flatten().cloned().collect();
        graph.retain(|name, uses| used.contains(name) && !uses.is_empty());
        let left: BTreeSet<String> = graph.keys().cloned().collect();
        graph
            .values_mut()
            .for_each(|uses| uses.retain(|it| left.contains(it)));
        if graph.len() == before {
            return left.into_iter().collect();
        }
    }
}

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let parts = path.split('/').map(str::to_owned);
    parts
        .filter(|part| !["mod", "lib", "main"].contains(&part.as_str()))
        .collect()
}

/// Without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.starts_with("//")).collect()
}

/// The paths in a module that begin with `crate::` or `super::`, use trees expanded.
fn paths(code: &str, from: &[String]) -> Vec<Module> {
    let above = &from[..from.len().saturating_sub(1)];
    let mut found = Vec::new();
    for (word, start) in [("crate::", &[][..]), ("super::", above)] {
        for (at, _) in code.match_indices(word) {
            expand(&code[at + word.len()..], start, &mut found);
        }
    }
    found
}

/// Reads one use tree, and returns what is behind it.
fn expand<'a>(text: &'a str, prefix: &[String], found: &mut Vec<Module>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(rest, prefix, found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.strip_prefix('}').unwrap_or(""),
            }
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [prefix, &[name.to_owned()]].concat();
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => expand(rest, &path, found),
        _ => {
            found.push(path);
            rest.trim_start_matches([' ', '*'])
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test]
    fn cycle_between_files_is_found() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use a::A;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "fn f(_: &crate::a::A, _: crate::d::D) {}"),
            ("c.rs", "use crate::{A, d::D};"),
            ("d.rs", "// use crate::c::C;\n"),
        ];
        assert_eq!(cycles(&files), ["{a, b} in src/"]);
    }

    #[test]
    fn cycle_between_folders_is_found() {
        let files = [
            ("a/mod.rs", ""),
            ("a/one.rs", "use crate::{\n    b::two::{Two, other},\n};"),
            ("a/three.rs", ""),
            ("b/mod.rs", ""),
            ("b/two.rs", "use crate::a::three;"),
        ];
        assert_eq!(cycles(&files), ["{a, b} in src/"]);
    }

    #[test_case("use crate::A;"; "through the crate root")]
    #[test_case("use crate::c::A;"; "through another module")]
    #[test_case("use super::a::A;"; "from the folder")]
    fn cycle_by_way_of_another_module_is_found(way: &str) {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub mod c;\npub use a::{A, B};"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", way),
            ("c.rs", "pub(crate) use crate::a::A;"),
        ];
        let found = cycles(&files);
        assert!(found[0].contains("a, b") && found.len() == 1, "{found:?}");
    }

    #[test]
    fn uses_in_tests_do_not_count() {
        let files = [
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
            ),
        ];
        assert!(cycles(&files).is_empty());
    }
}
