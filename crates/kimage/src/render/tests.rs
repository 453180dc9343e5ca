// SPDX-License-Identifier: GPL-2.0-only
//! Reports of the toy kernels.

use nmissed_kmakefile::{Kconfig, Makefiles};
use test_case::test_case;

use crate::render::about::about;
use crate::render::diff::diff;
use crate::render::document::render;
use crate::render::layout::WIDTH;
use crate::testing::toy::Kernel;
use crate::{Compression, Detail, Document, Image, Layer};

const ENTRY: Detail = Detail {
    why: false,
    sites: false,
};
const WHY: Detail = Detail {
    why: true,
    sites: false,
};
const SITES: Detail = Detail {
    why: false,
    sites: true,
};

fn reported(file: &[u8], queries: &[&str], detail: Detail) -> Document {
    let image = Image::parse(file).unwrap();
    let functions = image.functions();
    let reports = queries.iter().flat_map(|query| {
        image
            .report(&functions, &query.parse().unwrap(), detail)
            .unwrap()
    });
    Document {
        file: "boot/vmlinuz".to_owned(),
        about: image.about(&[Layer::BzImage(Some(Compression::Zstd))]),
        functions: reports.collect(),
        summary: queries
            .is_empty()
            .then(|| image.summary(&functions, detail.sites)),
        diff: None,
        makefiles: None,
        all: false,
    }
}

#[test_case("summary", &[], ENTRY; "summary")]
#[test_case("summary_sites", &[], SITES; "summary of all sites")]
#[test_case("functions", &["traced", "twice", "phantom", "starts_with_call", "listed.part.0"], ENTRY; "functions")]
#[test_case("offsets", &["traced+9", "traced+0x6", "traced+0x7", "plain+1"], ENTRY; "offsets")]
#[test_case("why", &["behind_endbr", "listed", "returns", "takes_struct"], WHY; "why")]
#[test_case("why_offset", &["traced+9"], WHY; "why at an offset")]
#[test_case("sites", &["traced", "jumps_back"], SITES; "sites")]
fn in_80_columns(name: &str, queries: &[&str], detail: Detail) {
    let text = render(&reported(&Kernel::whole().elf(), queries, detail));
    assert!(
        text.lines().all(|line| line.chars().count() <= WIDTH),
        "{text}"
    );
    insta::assert_snapshot!(name, text);
}

#[test_case(false, "directories"; "the first")]
#[test_case(true, "directories_all"; "all")]
fn directories_in_80_columns(all: bool, name: &str) {
    let mut report = reported(&Kernel::with_files().elf(), &[], ENTRY);
    report.all = all;
    let summary = report.summary.as_ref().unwrap();
    let functions = summary.directories.as_ref().unwrap().iter();
    let sum: usize = functions.map(|it| it.functions).sum();
    assert_eq!(sum, summary.functions);
    let text = render(&report);
    assert!(
        text.lines().all(|line| line.chars().count() <= WIDTH),
        "{text}"
    );
    let table = text.split("by directory:").nth(1).unwrap();
    insta::assert_snapshot!(name, table);
}

#[test]
fn a_diff_in_80_columns() {
    let (old, new) = (Kernel::whole().elf(), Kernel::later().elf());
    let (old, new) = (Image::parse(&old).unwrap(), Image::parse(&new).unwrap());
    let about = new.about(&[Layer::Compressed(Compression::Xz)]);
    let found = old.diff(&new, "other".to_owned(), about, &[]);
    let text = diff(&found);
    assert!(
        text.lines().all(|line| line.chars().count() <= WIDTH),
        "{text}"
    );
    insta::assert_snapshot!("diff", text);
    insta::assert_snapshot!("json_diff", serde_json::to_string_pretty(&found).unwrap());
}

#[test]
fn the_head_lists_what_the_image_lacks() {
    let whole = reported(&Kernel::whole().elf(), &[], ENTRY);
    assert_eq!(whole.about.missing, [crate::Missing::Kallsyms]);
    let stripped = reported(&Kernel::whole().stripped(), &[], ENTRY);
    insta::assert_snapshot!("missing", about("boot/vmlinuz", &stripped.about));
}

#[test]
fn the_json_form() {
    let detail = Detail {
        why: true,
        sites: true,
    };
    let function = reported(&Kernel::whole().elf(), &["jumps_back+5"], detail);
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&function).unwrap());
    let summary = reported(&Kernel::whole().elf(), &[], ENTRY);
    insta::assert_snapshot!(
        "json_summary",
        serde_json::to_string_pretty(&summary).unwrap()
    );
}

const MAKEFILES: [(&str, &str); 8] = [
    ("Makefile", "KBUILD_CFLAGS += $(CC_FLAGS_FTRACE)\n"),
    ("Kbuild", "obj-y += kernel/ lib/\n"),
    ("kernel/Makefile", "obj-y += lost.o empty.o\n"),
    (
        "kernel/locking/Makefile",
        "ifdef CONFIG_FUNCTION_TRACER\n\
         CFLAGS_REMOVE_lockdep.o = $(CC_FLAGS_FTRACE)\n\
         CFLAGS_REMOVE_lockdep_proc.o = $(CC_FLAGS_FTRACE)\n\
         CFLAGS_REMOVE_mutex-debug.o = $(CC_FLAGS_FTRACE)\n\
         endif\n",
    ),
    (
        "kernel/trace/Makefile",
        "ccflags-remove-$(CONFIG_FUNCTION_TRACER) += $(CC_FLAGS_FTRACE)\n\
         CFLAGS_selftest.o = $(CC_FLAGS_FTRACE)\n",
    ),
    (
        "lib/Makefile",
        "ifdef CONFIG_DEBUG\n\
         CFLAGS_REMOVE_debug.o = -pg\n\
         endif\n\
         $(foreach x,a b,$(eval CFLAGS_REMOVE_$(x).o := -pg))\n",
    ),
    ("arch/x86/lib/Makefile", "FLAGS := -pg\n"),
    (
        "arch/x86/entry/Makefile",
        "ifndef CONFIG_FUNCTION_TRACER\nCFLAGS_REMOVE_common.o := -pg\nendif\n",
    ),
];

fn audited(file: &[u8], config: Option<&str>) -> Document {
    let image = Image::parse(file).unwrap();
    let files = MAKEFILES.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let known = config.map(Kconfig::parse);
    let known = known.unwrap_or_else(|| image.implied_config());
    let makefiles = Makefiles::read(&files.into_iter().collect(), &known);
    let source = config.map_or("what the image implies", |_| "config");
    let (tree, source) = ("linux".to_owned(), source.to_owned());
    Document {
        file: "boot/vmlinux".to_owned(),
        about: image.about(&[]),
        summary: None,
        functions: Vec::new(),
        diff: None,
        makefiles: Some(image.audit(&image.functions(), &makefiles, tree, source, 8)),
        all: false,
    }
}

#[test_case("audit", false, Some("CONFIG_FUNCTION_TRACER=y\nCONFIG_DEBUG=y"); "configuration")]
#[test_case("audit_all", true, None; "all, of no known configuration")]
fn audits_fit_80_columns(name: &str, all: bool, config: Option<&str>) {
    let mut document = audited(&Kernel::with_files().elf(), config);
    document.all = all;
    let text = render(&document);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    insta::assert_snapshot!(name, text);
}

#[test]
fn without_dwarf_the_makefiles_are_reported() {
    let document = audited(&Kernel::whole().elf(), None);
    insta::assert_snapshot!("audit_without_dwarf", render(&document));
}

#[test]
fn audits_as_json() {
    let document = audited(&Kernel::with_files().elf(), None);
    let audit = serde_json::to_string_pretty(&document.makefiles).unwrap();
    insta::assert_snapshot!("audit_json", audit);
}

/// The cells of the row that starts with a text.
fn cells<'t>(text: &'t str, head: &str) -> Vec<&'t str> {
    let rest = text.lines().find_map(|line| line.strip_prefix(head));
    rest.unwrap_or_else(|| panic!("no row {head}"))
        .split_whitespace()
        .collect()
}

fn sum(cells: &[&str]) -> usize {
    let counts = cells.iter().filter(|cell| **cell != "-");
    counts.map(|cell| cell.parse::<usize>().unwrap()).sum()
}

#[test]
fn each_row_of_the_summary_counts_every_function_once() {
    let document = reported(&Kernel::whole().elf(), &[], ENTRY);
    let (text, summary) = (render(&document), document.summary.unwrap());
    assert_eq!(summary.functions, 35);
    for (attach_type, _) in &summary.entries {
        let row = cells(&text, &format!("{attach_type} "));
        assert_eq!(sum(&row), summary.functions, "{attach_type}: {row:?}");
    }
    // ftrace, optimized, int3, depends, refused
    assert_eq!(cells(&text, "kprobe "), ["5", "2", "-", "-", "28"]);
    assert_eq!(cells(&text, "register_kprobe "), ["7", "6", "5", "5", "12"]);
    assert_eq!(cells(&text, "kprobe.multi "), ["9", "-", "-", "2", "24"]);
    assert_eq!(cells(&text, "fentry "), ["4", "-", "-", "-", "31"]);
}

#[test]
fn each_answer_of_a_function_has_its_row() {
    let document = reported(&Kernel::whole().elf(), &["listed"], ENTRY);
    let text = render(&document);
    for answer in &document.functions[0].answers {
        let row = cells(&text, &format!("  {} ", answer.attach));
        assert_eq!(row[0], answer.answer.label(), "{}", answer.attach);
    }
    assert_eq!(cells(&text, "  kprobe ")[0], "EINVAL");
    assert_eq!(cells(&text, "  kprobe.multi "), ["ftrace"]);
}

#[test]
fn the_diff_counts_what_it_names() {
    let (old, new) = (Kernel::whole().elf(), Kernel::later().elf());
    let (old, new) = (Image::parse(&old).unwrap(), Image::parse(&new).unwrap());
    let text = diff(&old.diff(&new, "other".to_owned(), new.about(&[]), &[]));
    assert_eq!(cells(&text, "        1  gained "), ["fresh"]);
    let lost = cells(&text, "        3  lost ").concat();
    assert_eq!(lost, "faults,jumps_back,phantom");
    assert_eq!(cells(&text, "        1  now ambiguous "), ["keyed"]);
    assert!(text.contains("  plain -> plain.isra.0\n"), "{text}");
    assert!(text.contains("  ! CONFIG_FPROBE is off\n"), "{text}");
}

#[test]
fn the_audit_counts_every_object_once() {
    let config = "CONFIG_FUNCTION_TRACER=y\nCONFIG_DEBUG=y";
    let document = audited(&Kernel::with_files().elf(), Some(config));
    let (text, audit) = (render(&document), document.makefiles.unwrap());
    // found, in effect, off, not known
    assert_eq!(cells(&text, "remove the flag "), ["6", "5", "1", "-"]);
    assert_eq!(audit.objects.len(), 10);
    let objects = text.split("10 objects in the image:\n").nth(1).unwrap();
    let rows = objects.lines().take_while(|line| !line.is_empty());
    let counts: Vec<&str> = rows
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(sum(&counts), audit.objects.len(), "{counts:?}");
    assert_eq!(audit.totals.unwrap().leaks, 1);
}

#[test]
fn json_has_the_answer_its_flavor_errno_and_reason() {
    let document = reported(&Kernel::whole().elf(), &["traced", "listed"], ENTRY);
    let json = serde_json::to_value(&document).unwrap();
    let answer = |function: usize| &json["functions"][function]["answers"][0];
    assert_eq!(answer(0)["attach"], "kprobe");
    assert_eq!(
        (&answer(0)["answer"], &answer(0)["flavor"]),
        (&"yes".into(), &"ftrace".into())
    );
    assert_eq!(
        (&answer(1)["answer"], &answer(1)["errno"]),
        (&"no".into(), &"EINVAL".into())
    );
    assert_eq!(answer(1)["decided_by"], "within_kprobe_blacklist");
    assert!(
        answer(1)["reason"]
            .as_str()
            .unwrap()
            .contains("NOKPROBE_SYMBOL()")
    );
}
