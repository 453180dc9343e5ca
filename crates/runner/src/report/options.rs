// SPDX-License-Identifier: GPL-2.0-only
//! The options of `vm test` that repeat a run.

use std::path::Path;

use nmissed_evidence::{Files, Run};

use crate::plan::bootable::STOCK;
use crate::plan::kernels::{DefaultVariants, kernels, plan};
use crate::plan::selection::Selection;
use crate::test::kind::TestKind;
use crate::workspace::Workspace;

/// Up to so many tests are named: a run of all has more.
const NAMED: usize = 12;

/// The options that select the kernel and variant of a run, and repeat it as often; none
/// where files of its author are missing here (`--source`, `--patch`).
pub(super) fn options(workspace: &Workspace, run: &Run, files: &Files) -> Vec<String> {
    let mut options = match built(workspace, run) {
        Some(options) => options,
        None => stock(workspace, run, files).into_iter().collect(),
    };
    if options.is_empty() {
        return options;
    }
    let in_first_boot = run.repetitions.iter().filter(|it| it.boot == 1).count();
    if !run.repetitions.is_empty() {
        options.push(format!("--repeat {}", in_first_boot + 1));
    }
    // `vm scene` and `vm bench` run all of theirs.
    let mut kinds = run.tests.iter().map(|test| TestKind::of(&test.name));
    if (1..=NAMED).contains(&run.tests.len()) && kinds.any(|it| it == TestKind::Judged) {
        let names: Vec<&str> = run.tests.iter().map(|test| test.name.as_str()).collect();
        options.push(format!("--filter '^({})$'", names.join("|")));
    }
    options
}

/// Those of a kernel and stack of this workspace.
fn built(workspace: &Workspace, run: &Run) -> Option<Vec<String>> {
    let selection = Selection {
        kernels: vec![run.kernel.clone()],
        variants: vec![run.variant.clone()],
        ..Selection::default()
    };
    plan(workspace, &selection, DefaultVariants::Compare).ok()?;
    let (kernel, variant) = (&run.kernel, &run.variant);
    Some(vec![
        format!("--kernel {kernel}"),
        format!("--variant {variant}"),
    ])
}

/// That of a distribution's kernel, which lies in the cache, or of an image.
fn stock(workspace: &Workspace, run: &Run, files: &Files) -> Option<String> {
    let words = files.cmdline.as_deref().and_then(shlex::split)?;
    let mut after = words.iter().skip_while(|word| *word != "-kernel").skip(1);
    let image = after.next()?;
    if !run.variant.starts_with(STOCK) {
        return None;
    }
    let folder = format!("stock/{}", run.kernel);
    let is_cached = Path::new(image)
        .parent()
        .is_some_and(|dir| dir.ends_with(&folder));
    let kernels = kernels(workspace).ok()?;
    match kernels.distributions().next() {
        Some(spec) if is_cached => Some(format!("--kernel {}-{}", spec.name, run.kernel)),
        _ => Some(format!("--image {}", shlex::try_quote(image).ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use nmissed_wire::{Outcome, Repetition, TestResult};
    use test_case::test_case;

    use super::*;

    #[test_case("6.12", "active", "" => vec!["--kernel 6.12", "--variant active"]; "a stack")]
    #[test_case("7.3.4", "head", "-kernel /c/kernels/7.3.4-head-1/bzImage" => Vec::<String>::new(); "an author's tree")]
    #[test_case("6.12", "patched", "" => Vec::<String>::new(); "patches of the user")]
    #[test_case("6.1.0-56-cloud-amd64", "stock", "qemu -kernel /c/stock/6.1.0-56-cloud-amd64/vmlinuz"
        => vec!["--kernel debian-6.1.0-56-cloud-amd64"]; "a distribution's")]
    #[test_case("6.1.0", "stock", "qemu -kernel '/my images/vmlinuz'" => vec!["--image '/my images/vmlinuz'"]; "an image")]
    fn options_of(kernel: &str, variant: &str, cmdline: &str) -> Vec<String> {
        let run = Run {
            kernel: kernel.to_owned(),
            variant: variant.to_owned(),
            ..Run::default()
        };
        let files = Files {
            cmdline: Some(cmdline.to_owned()),
            ..Files::default()
        };
        options(&Workspace::of_test(), &run, &files)
    }

    #[test]
    fn few_tests_and_repetitions_are_named() {
        let test = TestResult {
            name: "missed::nested".to_owned(),
            outcome: Outcome::Pass,
            seconds: 0.1,
        };
        let again = |boot| Repetition {
            boot,
            tests: vec![test.clone()],
            records: Vec::new(),
        };
        let run = Run {
            kernel: "6.12".to_owned(),
            variant: "baseline".to_owned(),
            tests: vec![test.clone()],
            repetitions: vec![again(1), again(1), again(2)],
            ..Run::default()
        };
        let options = options(&Workspace::of_test(), &run, &Files::default());
        let rest = ["--repeat 3", "--filter '^(missed::nested)$'"];
        assert_eq!(options[2..], rest);
    }
}
