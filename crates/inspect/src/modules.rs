// SPDX-License-Identifier: GPL-2.0-only
//! `--modules`: all modules of a kernel, in parallel.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use nmissed_kimage::{
    About, Document, Function, Image, LookupError, OpenError, Query, open, render,
};
use rayon::prelude::*;
use walkdir::WalkDir;

use super::{Options, WrongUsage, empty, to_json, usage};

/// What was found in an image: the reports, and which of the queries have one.
struct Found {
    document: Document,
    answered: Vec<bool>,
}

/// Returns the text of the kernel's answers and of those of the modules of a tree, and
/// an error for the symbols that none of them has, and modules that cannot be read.
///
/// # Errors
/// If nothing has an answer.
pub(super) fn render_text(
    options: &Options,
    kernel: &Image<'_>,
    about: About,
    tree: &Path,
) -> Result<(String, Option<Error>)> {
    let modules = modules(tree)?;
    let read = |module: &PathBuf| {
        open(module, Some(kernel), |image, about| {
            let functions = image.functions();
            let document = empty(options, module, about);
            Ok(find(options, image, &functions, document))
        })
    };
    let all: Vec<Result<Found, OpenError>> = modules.par_iter().map(read).collect();
    let (mut all, unread) = sort(all);
    if options.symbols.is_empty() {
        let label = format!("{} ({} modules)", tree.display(), all.len());
        let document = sum(all, empty(options, Path::new(&label), about));
        return Ok((text(options, &[document])?, unread));
    }
    let functions = kernel.functions();
    let document = empty(options, &options.image, about);
    all.insert(0, find(options, kernel, &functions, document));
    let unknown = unknown(&options.symbols, kernel, &functions, &all);
    let unanswered = unread.or_else(|| usage(&unknown));
    let found = all.into_iter().map(|it| it.document);
    let found: Vec<_> = found.filter(|it| !it.functions.is_empty()).collect();
    match unanswered {
        Some(error) if found.is_empty() => Err(error),
        unanswered => Ok((text(options, &found)?, unanswered)),
    }
}

/// Returns what was found, and an error if modules could not be read.
fn sort(all: Vec<Result<Found, OpenError>>) -> (Vec<Found>, Option<Error>) {
    let count = all.len();
    let (mut found, mut first) = (Vec::new(), None);
    for result in all {
        match result {
            Ok(it) => found.push(it),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let unread = count - found.len();
    let what = format!("{unread} of {count} modules cannot be read, the first");
    (found, first.map(|error| Error::from(error).context(what)))
}

/// Returns the modules below a folder; links are not followed.
fn modules(tree: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in WalkDir::new(tree).sort_by_file_name() {
        let entry = entry.map_err(|error| WrongUsage(error.to_string()))?;
        let name = entry.file_name().to_string_lossy();
        let is_module = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_module && entry.file_type().is_file() {
            all.push(entry.into_path());
        }
    }
    if all.is_empty() {
        let error = format!("{}: no modules (.ko) in it", tree.display());
        return Err(WrongUsage(error).into());
    }
    Ok(all)
}

fn find(
    options: &Options,
    image: &Image<'_>,
    functions: &[Function],
    mut document: Document,
) -> Found {
    let mut answered = Vec::new();
    for query in &options.symbols {
        let found = image.report(functions, query, options.detail());
        answered.push(found.is_ok());
        document.functions.extend(found.unwrap_or_default());
    }
    if options.symbols.is_empty() {
        document.summary = Some(image.summary(functions, options.sites));
    }
    Found { document, answered }
}

/// Returns one report with the sum of all.
fn sum(all: Vec<Found>, mut document: Document) -> Document {
    let mut summaries = all.into_iter().filter_map(|it| it.document.summary);
    document.summary = summaries.next().map(|mut sum| {
        summaries.for_each(|it| sum.merge(it));
        sum
    });
    document
}

/// Returns an error per query that no image answers.
fn unknown(
    queries: &[Query],
    kernel: &Image<'_>,
    functions: &[Function],
    all: &[Found],
) -> Vec<LookupError> {
    let is_unknown = |at: usize| !all.iter().any(|it| it.answered[at]);
    let unknown = queries.iter().enumerate().filter(|(at, _)| is_unknown(*at));
    unknown
        .filter_map(
            |(_, query)| match (&query.module, kernel.look_up(functions, query)) {
                (Some(_), _) => Some(LookupError::NotInModule(query.clone())),
                (None, found) => found.err(),
            },
        )
        .collect()
}

fn text(options: &Options, documents: &[Document]) -> Result<String> {
    if options.json {
        return to_json(&documents);
    }
    let texts: Vec<_> = documents.iter().map(render).collect();
    Ok(texts.join("\n"))
}
