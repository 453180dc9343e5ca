// SPDX-License-Identifier: GPL-2.0-only
//! All Makefiles of a source tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::flag::{self, Variables};
use crate::kconfig::Kconfig;
use crate::lines::{logical_lines, shortened};
use crate::makefile::{FlagLine, Makefile, SourceLine, Unread};
use crate::reader::Reader;
use crate::tri::Tri;

/// All Makefiles of a source tree.
#[derive(Clone, Debug, Default)]
pub struct Makefiles {
    /// Makefiles by directory.
    directories: BTreeMap<String, Makefile>,
    lines: Vec<FlagLine>,
    unread: Vec<Unread>,
}

impl Makefiles {
    /// Reads the Makefiles of a tree: for each directory its `Kbuild`, or else
    /// its `Makefile`, and what these include; first of all the top `Makefile`.
    /// `files` are their texts by path, relative to the tree.
    #[must_use]
    pub fn read(files: &BTreeMap<String, String>, config: &Kconfig) -> Self {
        let mut seen = BTreeSet::new();
        let mut all = Self::default();
        let mut global = Variables::default();
        if files.contains_key("Makefile") {
            let mut reader = Reader::new(files, config, "", Variables::without_flag());
            reader.file("Makefile", 0);
            seen.append(&mut reader.seen);
            all.add(&reader.made);
            global = reader.made.variables.as_global();
        }
        for (directory, file) in kbuild_files(files) {
            let above = all.above(directory);
            let mut variables = global.clone();
            variables.inherit(above.map(|it| &it.variables));
            let mut reader = Reader::new(files, config, directory, variables);
            reader.made.inherited = above.map(Makefile::passed_on).unwrap_or_default();
            reader.file(file, 0);
            seen.append(&mut reader.seen);
            all.add(&reader.made);
            all.directories.insert(directory.to_owned(), reader.made);
        }
        all.unread.extend(never_included(files, &seen));
        // Some files are included more than once.
        all.unread.sort_by(|a, b| a.place.cmp(&b.place));
        all.unread.dedup_by(|a, b| a.place == b.place);
        all.lines.sort_by(|a, b| a.place.cmp(&b.place));
        all.lines.dedup_by(|a, b| a.place == b.place);
        all
    }

    /// All lines that do something with the flag.
    #[must_use]
    pub fn lines(&self) -> &[FlagLine] {
        &self.lines
    }

    /// All lines that were not understood.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Returns whether an object is compiled with the flag, and the lines that remove
    /// it. `object` is its path without the suffix.
    #[must_use]
    pub fn flag_of(&self, object: &str) -> (Tri, Vec<SourceLine>) {
        match self.of(object) {
            Some((makefile, stem)) => (makefile.variables.flag_of(stem), makefile.reasons(stem)),
            None => (Tri::Unknown, Vec::new()),
        }
    }

    /// The Makefile that an object is listed in: that of its directory, or of
    /// one above (`xfs-y += libxfs/xfs_ag.o`).
    fn of<'o>(&self, object: &'o str) -> Option<(&Makefile, &'o str)> {
        let slashes = object.rmatch_indices('/').map(|(at, _)| at);
        let found = slashes.into_iter().find_map(|at| {
            let makefile = self.directories.get(&object[..at])?;
            Some((makefile, &object[at + 1..]))
        });
        found.or_else(|| Some((self.directories.get("")?, object)))
    }

    fn above(&self, directory: &str) -> Option<&Makefile> {
        (!directory.is_empty())
            .then(|| self.of(directory))
            .flatten()
            .map(|(makefile, _)| makefile)
    }

    fn add(&mut self, makefile: &Makefile) {
        self.lines.extend_from_slice(&makefile.lines);
        self.unread.extend_from_slice(&makefile.unread);
    }
}

/// Directories and the file that kbuild reads there, those above first
/// (`scripts/Kbuild.include`: `kbuild-file`).
fn kbuild_files(files: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    // In this order, Kbuild replaces Makefile.
    for wanted in ["Makefile", "Kbuild"] {
        for file in files.keys() {
            let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
            if name == wanted && file != "Makefile" {
                found.insert(directory, file.as_str());
            }
        }
    }
    found
}

/// Lines of files that nothing includes.
fn never_included(files: &BTreeMap<String, String>, seen: &BTreeSet<String>) -> Vec<Unread> {
    let rest = files.iter().filter(|(file, _)| !seen.contains(*file));
    let lines = rest.flat_map(|(file, text)| {
        let lines = logical_lines(text).into_iter();
        lines.map(move |(line, text)| (file, line, text))
    });
    let mentions = lines.filter(|(.., text)| flag::mentioned(text));
    mentions
        .map(|(file, line, text)| Unread {
            place: SourceLine {
                file: file.clone(),
                line,
            },
            text: shortened(&text),
            why: "in a file that is not the Makefile of a directory, and that no Makefile includes",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        let files = files.iter();
        files
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn read(files: &[(&str, &str)]) -> Makefiles {
        let config = Kconfig::parse("CONFIG_ON=y\nCONFIG_MODULE=m\nCONFIG_TEXT=\"a b\"\n");
        Makefiles::read(&tree(files), &config)
    }

    /// What becomes of `k/a.o` by the text of `k/Makefile`.
    fn flag(text: &str, config: &Kconfig) -> Tri {
        let files = tree(&[("k/Makefile", text)]);
        Makefiles::read(&files, config).flag_of("k/a").0
    }

    #[test_case("CFLAGS_REMOVE_a.o = $(CC_FLAGS_FTRACE)", Tri::No; "an object")]
    #[test_case("CFLAGS_REMOVE_a.o := -pg", Tri::No; "by the flag itself")]
    #[test_case("CFLAGS_REMOVE_a.o += -Os -pg $(CC_FLAGS_SCS)", Tri::No; "with other flags")]
    #[test_case("CFLAGS_REMOVE_a.o\t=\\\n  -Os\\\n  -pg", Tri::No; "on several lines")]
    #[test_case("CFLAGS_REMOVE_a.o = -Os", Tri::Yes; "another flag")]
    #[test_case("CFLAGS_REMOVE_b.o = -pg", Tri::Yes; "another object")]
    #[test_case("# CFLAGS_REMOVE_a.o = -pg", Tri::Yes; "a comment")]
    #[test_case("# see \\\nCFLAGS_REMOVE_a.o = -pg", Tri::Yes; "a comment that goes on")]
    #[test_case("CFLAGS_REMOVE_a.o = -Os # -pg", Tri::Yes; "a comment behind")]
    #[test_case("CFLAGS_REMOVE_a.o = -pg\nCFLAGS_REMOVE_a.o += -Os", Tri::No; "appended to")]
    #[test_case("CFLAGS_REMOVE_a.o = -pg\nCFLAGS_REMOVE_a.o = -Os", Tri::Yes; "set anew")]
    #[test_case("CFLAGS_REMOVE_a.o = -Os\nCFLAGS_REMOVE_a.o ?= -pg", Tri::Yes; "a default that is not needed")]
    #[test_case("CFLAGS_REMOVE_a.o ?= -pg", Tri::No; "a default")]
    #[test_case("F := -pg\nCFLAGS_REMOVE_a.o = $(F)", Tri::No; "kept in a variable")]
    #[test_case("override CFLAGS_REMOVE_a.o = -pg", Tri::No; "override")]
    #[test_case("ccflags-remove-y += $(CC_FLAGS_FTRACE)", Tri::No; "the directory")]
    #[test_case("ccflags-remove-$(CONFIG_ON) += -pg", Tri::No; "if on")]
    #[test_case("ccflags-remove-$(CONFIG_OFF) += -pg", Tri::Yes; "if off")]
    #[test_case("ccflags-remove-$(CONFIG_MODULE) += -pg", Tri::Yes; "of modules")]
    #[test_case("ccflags-remove-y := -pg\nCFLAGS_a.o = -pg", Tri::Yes; "given nevertheless")]
    #[test_case("ccflags-y := -pg\nccflags-remove-y := -pg", Tri::No; "removed from what the directory adds")]
    #[test_case("CFLAGS_a.o = -pg\nCFLAGS_REMOVE_a.o = -pg", Tri::No; "given and removed")]
    #[test_case("KBUILD_CFLAGS := $(filter-out $(CC_FLAGS_FTRACE),$(KBUILD_CFLAGS))", Tri::No; "filtered")]
    #[test_case("O := $(KBUILD_CFLAGS)\nKBUILD_CFLAGS = $(subst -pg,,$(O))", Tri::No; "substituted")]
    #[test_case("KBUILD_CFLAGS := -O2", Tri::No; "all flags anew")]
    #[test_case("KBUILD_CFLAGS += -O2", Tri::Yes; "one more flag")]
    #[test_case("ifdef CONFIG_ON\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "ifdef")]
    #[test_case("ifndef CONFIG_ON\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Yes; "ifndef")]
    #[test_case("ifdef CONFIG_OFF\nelse\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "or else")]
    #[test_case("ifeq ($(CONFIG_ON),y)\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "ifeq")]
    #[test_case("ifeq ($(CONFIG_ON)$(CONFIG_MODULE), ym)\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "ifeq of two")]
    #[test_case("ifneq ($(CONFIG_OFF),)\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Yes; "ifneq")]
    #[test_case("ifeq \"$(CONFIG_ON)\" 'y'\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "ifeq in quotes")]
    #[test_case("ifeq ($(SRCARCH),x86)\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::No; "the architecture")]
    #[test_case("ifdef CONFIG_OFF\nelse ifdef CONFIG_ON\nCFLAGS_REMOVE_a.o = -pg\nelse\nendif", Tri::No; "else if")]
    #[test_case("ifdef CONFIG_ON\nelse ifdef CONFIG_ON\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Yes; "else if, too late")]
    #[test_case("ifdef CONFIG_ON\nifdef CONFIG_OFF\nCFLAGS_REMOVE_a.o = -pg\nendif\nendif", Tri::Yes; "nested")]
    #[test_case("ifeq ($(WHAT),1)\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Unknown; "on something else")]
    #[test_case("x: y\n\tCFLAGS_REMOVE_a.o = -pg", Tri::Yes; "a command")]
    #[test_case("X = y\n\tCFLAGS_REMOVE_a.o = -pg", Tri::No; "indented")]
    #[test_case("define x\nCFLAGS_REMOVE_a.o = -pg\nendef", Tri::Yes; "a definition")]
    #[test_case("endif\nelse\nendif\nCFLAGS_REMOVE_a.o = -pg", Tri::No; "conditionals that do not match")]
    fn rules(text: &str, wanted: Tri) {
        assert_eq!(
            flag(text, &Kconfig::parse("CONFIG_ON=y\nCONFIG_MODULE=m")),
            wanted
        );
    }

    #[test_case("ccflags-remove-$(CONFIG_A) += -pg", Tri::Unknown; "removed or not")]
    #[test_case("ifdef CONFIG_A\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Unknown; "ifdef")]
    #[test_case("ifdef CONFIG_A\nCFLAGS_REMOVE_a.o = -pg\nelse\nCFLAGS_REMOVE_a.o = -pg\nendif", Tri::Unknown; "in both branches")]
    #[test_case("ifdef CONFIG_A\nCFLAGS_REMOVE_a.o = -Os\nendif", Tri::Yes; "what does not matter")]
    #[test_case("CFLAGS_REMOVE_a.o = -pg\nccflags-remove-$(CONFIG_A) += -pg", Tri::No; "removed in any case")]
    fn without_a_configuration(text: &str, wanted: Tri) {
        assert_eq!(flag(text, &Kconfig::default()), wanted);
    }

    #[test]
    fn symbols_that_decide_are_listed() {
        let text = "ifeq ($(CONFIG_A)$(CONFIG_B),y)\nccflags-remove-$(CONFIG_C) := -pg\nendif";
        let makefiles = Makefiles::read(&tree(&[("Kbuild", text)]), &Kconfig::default());
        let line = &makefiles.lines()[0];
        assert_eq!(line.needs, ["CONFIG_A", "CONFIG_B", "CONFIG_C"]);
        assert_eq!(
            (line.applies, line.place.to_string()),
            (Tri::Unknown, "Kbuild:2".to_owned())
        );
    }

    #[test_case("x/a", Tri::No; "of the directory")]
    #[test_case("x/sub/a", Tri::Yes; "of one that has none")]
    #[test_case("x/sub/b", Tri::No; "of one that has none, by its path")]
    #[test_case("x/below/a", Tri::Yes; "of a directory below")]
    #[test_case("tree/below/a", Tri::No; "of a directory below one that changes all flags")]
    #[test_case("tree/below/again", Tri::Yes; "given again below")]
    #[test_case("both/a", Tri::Yes; "Kbuild is read, Makefile is not")]
    #[test_case("uses/a", Tri::No; "by an included file")]
    #[test_case("other/a", Tri::Yes; "elsewhere")]
    fn the_makefile_of_an_object(object: &str, wanted: Tri) {
        let remove = "ccflags-remove-y := -pg\nCFLAGS_REMOVE_sub/b.o := -pg";
        let makefiles = read(&[
            (
                "Makefile",
                "KBUILD_CFLAGS := -O2\nKBUILD_CFLAGS += $(CC_FLAGS_FTRACE)",
            ),
            ("Kbuild", "obj-y += x/"),
            (
                "x/Makefile",
                "CFLAGS_REMOVE_a.o := -pg\nCFLAGS_REMOVE_sub/b.o := -pg",
            ),
            ("x/below/Makefile", ""),
            (
                "tree/Makefile",
                "KBUILD_CFLAGS := $(filter-out -pg,$(KBUILD_CFLAGS))",
            ),
            (
                "tree/below/Makefile",
                "CFLAGS_again.o := $(CC_FLAGS_FTRACE)",
            ),
            ("both/Kbuild", ""),
            ("both/Makefile", remove),
            (
                "uses/Makefile",
                "include $(src)/rules.mk $(srctree)/missing",
            ),
            ("uses/rules.mk", remove),
        ]);
        assert_eq!(makefiles.flag_of(object).0, wanted);
    }

    #[test]
    fn lines_that_take_the_flag_away_are_named() {
        let makefiles = read(&[
            (
                "k/Makefile",
                "KBUILD_CFLAGS := -O2\n\nccflags-remove-y += -pg",
            ),
            (
                "k/l/Makefile",
                "# l\nCFLAGS_REMOVE_a.o := -pg\nCFLAGS_REMOVE_b.o := -pg",
            ),
        ]);
        let reasons = makefiles.flag_of("k/l/a").1.into_iter();
        let reasons: Vec<_> = reasons.map(|it| it.to_string()).collect();
        assert_eq!(reasons, ["k/Makefile:1", "k/l/Makefile:2"]);
    }

    #[test_case("$(foreach x,a b,$(eval CFLAGS_REMOVE_$(x).o := -pg))", "neither an assignment nor a rule"; "eval")]
    #[test_case("CFLAGS_REMOVE_$(X).o = -pg", "assigned to a variable whose name is not known"; "a computed name")]
    #[test_case("$(obj)/a.o: KBUILD_CFLAGS := -O2", "for some targets only"; "a target's variable")]
    #[test_case("a: b\n\techo $(CC_FLAGS_FTRACE)", "in a command or a definition of several lines"; "a command")]
    #[test_case("CFLAGS_REMOVE_a.o != echo -pg", "it is not known whether the flag is in the value"; "the output of a command")]
    #[test_case("CFLAGS_REMOVE_a.o = $(call maybe,-pg)", "it is not known whether the flag is in the value"; "a function")]
    fn lines_that_are_not_understood_are_listed(text: &str, why: &str) {
        let makefiles = read(&[("k/Makefile", text)]);
        let unread: Vec<_> = makefiles.unread().iter().map(|it| it.why).collect();
        assert_eq!(unread, [why]);
    }

    #[test]
    fn files_that_nothing_includes_are_listed_if_they_mention_the_flag() {
        let makefiles = read(&[
            ("k/Makefile.x", "X = 1\nY = \\\n-pg"),
            ("k/Makefile.y", "X = 1"),
        ]);
        let unread: Vec<_> = makefiles
            .unread()
            .iter()
            .map(|it| it.place.to_string())
            .collect();
        assert_eq!(unread, ["k/Makefile.x:2"]);
    }

    #[test]
    fn files_that_include_each_other_end() {
        let text = "include $(src)/Makefile\n".repeat(9);
        let makefiles = read(&[("k/Makefile", &text)]);
        let unread: Vec<_> = makefiles.unread().iter().map(|it| it.why).collect();
        assert_eq!(unread, ["more than a directory can have"]);
        let makefiles = read(&[("k/Makefile", "include $(src)/Makefile\nX := -pg")]);
        assert_eq!(
            (makefiles.lines().len(), makefiles.unread()),
            (1, [].as_slice())
        );
    }

    #[test]
    fn conditionals_nest_so_deep_and_no_deeper() {
        let text = "ifdef CONFIG_X\n".repeat(100_000) + "CFLAGS_REMOVE_a.o = -pg";
        let files = tree(&[("k/Makefile", &text)]);
        let makefiles = Makefiles::read(&files, &Kconfig::default());
        let unread: Vec<_> = makefiles.unread().iter().map(|it| it.why).collect();
        assert_eq!(unread, ["conditionals too deep inside each other"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[ \\t\\n\\\\#$(){}:=+?!,a-cé\"']{0,200}") {
            let _ = read(&[("k/Makefile", &text)]);
        }

        #[test]
        fn statements_in_any_order_do_not_panic(lines in prop::collection::vec(prop::sample::select(LINES), 0..40)) {
            let _ = read(&[("Makefile", &lines.concat()), ("k/Kbuild", &lines.join("\n"))]);
        }
    }

    const LINES: &[&str] = &[
        "ifdef CONFIG_A",
        "ifeq ($(CONFIG_ON),y)",
        "else",
        "else ifneq (",
        "endif",
        "define x",
        "endef",
        "include $(src)/Kbuild",
        "include Makefile",
        "a: b",
        "\t-pg",
        "CFLAGS_REMOVE_a.o = -pg \\",
        "ccflags-remove-$(CONFIG_A) += $(CC_FLAGS_FTRACE)",
        "KBUILD_CFLAGS := $(filter-out -pg,$(KBUILD_CFLAGS))",
        "export X",
        "= : =",
    ];
}
