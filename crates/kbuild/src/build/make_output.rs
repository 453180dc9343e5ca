// SPDX-License-Identifier: GPL-2.0-only
//! Output of kbuild and the compiler: progress, dry runs and errors.

use std::path::Path;

/// Lines that an error quotes.
const QUOTED: usize = 12;
/// Lines that are quoted before an error of make, if there is none of a compiler.
const EXPLAINING: usize = 8;

/// `CC kernel/fork.o` of kbuild's `  CC      kernel/fork.o`.
pub(crate) fn action(line: &str) -> Option<(&str, &str)> {
    let (verb, target) = line.strip_prefix("  ")?.split_once(' ')?;
    let is_verb = !verb.is_empty()
        && verb
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    is_verb.then(|| (verb, target.trim()))
}

/// Returns the object of the kernel that a line compiles. Host tools, which have full
/// paths, are left out: a dry run does not list them.
pub(crate) fn object(line: &str) -> Option<&str> {
    let (verb, target) = action(line)?;
    (matches!(verb, "CC" | "AS") && !target.starts_with(['/', '.'])).then_some(target)
}

/// Returns the object that a line of `make -n` would compile.
pub(crate) fn planned_object(line: &str) -> Option<&str> {
    let quiet = line.split_once("echo '")?.1;
    object(quiet.split('\'').next()?)
}

/// Returns the first error of a compiler or linker with its context; otherwise the first
/// error of make with the lines before it. Paths are relative to the kernel tree.
pub(crate) fn first_errors(lines: &[String], source: &Path) -> Vec<String> {
    let quotable = |line: &&str| action(line).is_none() && !is_navigation(line);
    let lines: Vec<_> = lines.iter().map(String::as_str).filter(quotable).collect();
    let tree = format!("{}/", source.display());
    let errors = lines[start_of_errors(&lines)..].iter().take(QUOTED);
    errors.map(|line| line.replace(&tree, "")).collect()
}

fn start_of_errors(lines: &[&str]) -> usize {
    let first = |is_it: fn(&str) -> bool| lines.iter().position(|line| is_it(line));
    if let Some(at) = first(is_error) {
        return with_context(lines, at);
    }
    match first(|line| line.contains("*** ")) {
        Some(at) => at.saturating_sub(EXPLAINING),
        None => lines.len().saturating_sub(QUOTED),
    }
}

/// Returns the line of an [`Error::Build`](crate::Error::Build) with the error itself.
#[must_use]
pub fn headline(errors: &[String]) -> &str {
    let found = errors.iter().find(|line| is_error(line));
    found
        .or(errors.first())
        .map_or("no message", |line| line.trim())
}

/// Matches `make[1]: Leaving directory '/c/objects'`.
fn is_navigation(line: &str) -> bool {
    line.starts_with("make") && line.contains("ing directory '")
}

fn is_error(line: &str) -> bool {
    [
        "error: ",
        "undefined reference to ",
        "multiple definition of ",
    ]
    .iter()
    .any(|mark| line.contains(mark))
}

/// Returns the first line of those that lead to the error at `at`.
fn with_context(lines: &[&str], at: usize) -> usize {
    let leads = |line: &&&str| {
        line.starts_with("In file included from ")
            || line.starts_with("      ")
            || line.contains(": In function ")
    };
    at - lines[..at].iter().rev().take_while(leads).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("  CC      kernel/fork.o", Some("kernel/fork.o"); "C")]
    #[test_case("  AS      arch/x86/entry/entry.o", Some("arch/x86/entry/entry.o"); "assembler")]
    #[test_case("  CC      /c/objects/tools/objtool/check.o", None; "host tool")]
    #[test_case("  AS      .tmp_vmlinux1.kallsyms.o", None; "part of the link")]
    #[test_case("  LD      vmlinux", None; "link")]
    #[test_case("make[1]: Entering directory '/c'", None; "make")]
    fn objects_of_the_kernel(line: &str, expected: Option<&str>) {
        assert_eq!(object(line), expected);
    }

    #[test_case("set -e; echo '  CC      init/main.o'; gcc -Wp,-MMD,init/.main.o.d -c -o init/main.o x.c", Some("init/main.o"); "compiled")]
    #[test_case("echo '  CC      init/main.o'", Some("init/main.o"); "alone")]
    #[test_case("set -e; echo '  AR      init/built-in.a'; rm -f init/built-in.a", None; "archived")]
    #[test_case("gcc -c -o init/main.o x.c", None; "without its quiet line")]
    fn objects_of_a_dry_run(line: &str, expected: Option<&str>) {
        assert_eq!(planned_object(line), expected);
    }

    fn errors(output: &str) -> Vec<String> {
        let lines: Vec<_> = output.lines().map(str::to_owned).collect();
        first_errors(&lines, Path::new("/w/source"))
    }

    #[test]
    fn the_compilers_first_error_comes_with_its_context() {
        let output = "  CC      kernel/a.o\n\
            /w/source/kernel/a.c:1:5: warning: unused\n\
            /w/source/kernel/b.c: In function 'f':\n\
            /w/source/kernel/b.c:7:9: error: 'x' undeclared\n  CC      kernel/c.o\n    7 |  x;\n\
            make[3]: *** [/w/source/scripts/Makefile.build:1: kernel/b.o] Error 1\n\
            make[1]: Leaving directory '/w/objects'";
        let expected = [
            "kernel/b.c: In function 'f':",
            "kernel/b.c:7:9: error: 'x' undeclared",
            "    7 |  x;",
            "make[3]: *** [scripts/Makefile.build:1: kernel/b.o] Error 1",
        ];
        assert_eq!(errors(output), expected);
    }

    #[test]
    fn an_error_in_a_header_names_who_includes_it() {
        let output = "In file included from /w/source/kernel/a.c:3:\n/w/source/include/h.h:9:1: error: expected ';'";
        assert_eq!(errors(output)[0], "In file included from kernel/a.c:3:");
    }

    #[test]
    fn without_a_compilers_error_makes_own_is_explained() {
        let output = "  GEN     x\n/bin/sh: 1: flex: not found\nmake[2]: *** [scripts/Makefile.host:9: x] Error 127\nmake: *** [Makefile:1: y] Error 2";
        assert_eq!(
            errors(output)[..2],
            [
                "/bin/sh: 1: flex: not found",
                "make[2]: *** [scripts/Makefile.host:9: x] Error 127"
            ]
        );
    }

    #[test]
    fn a_linker_error_is_one() {
        let output = "ld: vmlinux.o: in function `f':\n/w/source/k.c:1: undefined reference to `g'\nmake: *** [x] Error 1";
        assert_eq!(errors(output)[0], "k.c:1: undefined reference to `g'");
    }

    #[test]
    fn no_output_has_no_errors() {
        assert_eq!(errors(""), Vec::<String>::new());
    }
}
