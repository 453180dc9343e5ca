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
/// `src` and the text of each. Uses by way of the crate root and uses in tests
/// are not followed.
pub(super) fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let modules: BTreeSet<Module> = files.iter().map(|(path, _)| module(path)).collect();
    let mut graphs = BTreeMap::<Module, Graph>::new();
    for (path, text) in files {
        let from = module(path);
        if from.iter().any(|name| TESTS.contains(&name.as_str())) {
            continue;
        }
        for to in paths(without_tests(text)) {
            let Some(to) = (1..=to.len())
                .rev()
                .map(|len| &to[..len])
                .find(|it| modules.contains(*it))
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

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// The paths that begin with `crate::`, use trees expanded.
fn paths(text: &str) -> Vec<Module> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        expand(&code[at + "crate::".len()..], &[], &mut found);
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
