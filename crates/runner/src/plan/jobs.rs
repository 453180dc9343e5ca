// SPDX-License-Identifier: GPL-2.0-only
//! The kernels of a command as jobs for many machines.

use anyhow::Result;
use nmissed_kbuild::request_key;
use serde::Serialize;

use crate::exit::UsageError;
use crate::plan::bootable::STOCK;
use crate::plan::kernels::{DefaultVariants, kernels};
use crate::plan::selection::{Selection, unique};
use crate::plan::targets::Targets;
use crate::workspace::Workspace;

/// One kernel and variant.
#[derive(Debug, PartialEq, Serialize)]
struct Job {
    /// As results name it.
    kernel: String,
    /// As results name it.
    variant: String,
    /// The options of `vm test` that select it alone.
    options: String,
    /// Names what is built and cached for it.
    key: String,
}

/// A matrix in the form that GitHub Actions takes: `{"include": [Job]}`.
#[derive(Serialize)]
struct Matrix {
    include: Vec<Job>,
}

/// Returns one job per kernel and variant as JSON: the value of `strategy.matrix` of a
/// workflow of GitHub Actions. The variants are those of `vm test`.
///
/// # Errors
/// As [`Targets::of`]; also for patches outside of `patches/`, which other machines lack.
pub fn jobs(workspace: &Workspace, selection: &Selection) -> Result<String> {
    if !selection.patches.is_empty() {
        let why = "another machine does not have the file of --patch: make it a stack in patches/";
        return Err(UsageError(why.to_owned()).into());
    }
    let targets = Targets::of(workspace, selection, DefaultVariants::Compare, &[])?;
    let built = targets.to_build.iter().flat_map(|plan| {
        plan.series.iter().map(|series| {
            let (kernel, variant) = (&plan.spec.id, series.name());
            Job {
                kernel: kernel.clone(),
                variant: variant.to_owned(),
                options: format!("--kernel {kernel} --variant {variant}"),
                key: request_key(&plan.spec, series, &plan.config),
            }
        })
    });
    let kernels = kernels(workspace)?;
    let distributions = unique(&selection.kernels)
        .into_iter()
        .filter_map(|id| kernels.stock(id));
    let stock = distributions
        .zip(&targets.prebuilt)
        .map(|((spec, _), kernel)| {
            // The point release of today: the machines agree, and no list is read again.
            let id = format!("{}-{}", spec.name, kernel.release());
            Job {
                kernel: kernel.release().to_owned(),
                variant: STOCK.to_owned(),
                options: format!("--kernel {id}"),
                key: id,
            }
        });
    let matrix = Matrix {
        include: built.chain(stock).collect(),
    };
    Ok(serde_json::to_string(&matrix)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All kernels with all variants of the comparison.
    #[test]
    fn each_variant_is_a_job_with_a_key_of_its_own() {
        let workspace = Workspace::of_test();
        let selection = Selection {
            kernels: vec!["7.3".to_owned(), "6.12".to_owned()],
            variants: vec!["baseline".to_owned(), "counters".to_owned()],
            ..Selection::default()
        };
        let json = jobs(&workspace, &selection).unwrap();
        let matrix: serde_json::Value = serde_json::from_str(&json).unwrap();
        let include = matrix["include"].as_array().unwrap();
        let options: Vec<_> = include
            .iter()
            .map(|job| job["options"].as_str().unwrap())
            .collect();
        let expected = [
            "--kernel 7.3 --variant baseline",
            "--kernel 7.3 --variant counters",
            "--kernel 6.12 --variant baseline",
            "--kernel 6.12 --variant counters",
        ];
        assert_eq!(options, expected);
        let mut keys: Vec<_> = include
            .iter()
            .map(|job| job["key"].as_str().unwrap())
            .collect();
        assert!(keys[0].starts_with("7.3-baseline-"), "{}", keys[0]);
        keys.dedup();
        assert_eq!(keys.len(), 4);
    }

    #[test]
    fn files_that_other_machines_lack_are_refused() {
        let workspace = Workspace::of_test();
        let selection = Selection {
            patches: vec!["mine.patch".into()],
            ..Selection::default()
        };
        let error = jobs(&workspace, &selection).unwrap_err().to_string();
        assert!(error.contains("make it a stack in patches/"), "{error}");
    }
}
