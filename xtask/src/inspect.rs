// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask inspect`: what probes on the functions of a kernel image do.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};
use nmissed_kimage::{Detail, Document, Image, Mapped, Unwrapped, render, unwrap};

use crate::cli::InspectOptions;
use crate::exit::{Exit, UsageError};

/// Reads the image, and prints what was asked for.
pub(crate) fn run(options: &InspectOptions) -> Result<Exit> {
    let in_file = || options.image.display().to_string();
    let file = open(&options.image)?;
    let unwrapped = unwrap(&file).with_context(in_file)?;
    let image = Image::parse(&unwrapped.elf).with_context(in_file)?;
    let text = if options.traceable_functions {
        lines(image.traceable_functions())
    } else {
        let document = document(options, &unwrapped, &image)?;
        if options.json {
            serde_json::to_string_pretty(&document)? + "\n"
        } else {
            render(&document)
        }
    };
    print(&text)?;
    Ok(Exit::Good)
}

/// Maps a file. One that is not there was misspelt.
fn open(path: &Path) -> Result<Mapped> {
    let exists = fs::exists(path).unwrap_or(true);
    if !exists || path.is_dir() {
        let why = if exists { "a folder" } else { "no such file" };
        return Err(UsageError(format!("{}: {why}", path.display())).into());
    }
    Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))
}

fn document(
    options: &InspectOptions,
    unwrapped: &Unwrapped<'_>,
    image: &Image<'_>,
) -> Result<Document> {
    let functions = image.functions();
    let detail = Detail {
        why: options.why,
        sites: options.sites,
    };
    let mut document = Document {
        file: options.image.display().to_string(),
        about: image.about(&unwrapped.layers),
        summary: None,
        functions: Vec::new(),
    };
    for query in &options.symbols {
        let reports = image.report(&functions, query, detail);
        document
            .functions
            .extend(reports.map_err(|error| UsageError(error.to_string()))?);
    }
    if options.symbols.is_empty() {
        document.summary = Some(image.summary(&functions, options.sites));
    }
    Ok(document)
}

fn lines<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    text
}

/// Prints, and does not mind a reader that has seen enough.
fn print(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::cli::{Cli, Verb};

    fn inspect(args: &[&str]) -> Result<Exit> {
        let args = [&["xtask", "inspect"], args].concat();
        match Cli::parse_from(args).verb {
            Verb::Inspect(options) => run(&options),
            verb => panic!("{verb:?}"),
        }
    }

    #[test]
    fn a_name_misspelt_is_wrong_usage_and_a_damaged_image_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let missing = inspect(&["/nonexistent"]).unwrap_err();
        assert_eq!(missing.to_string(), "/nonexistent: no such file");
        assert!(missing.is::<UsageError>());
        let folder = inspect(&[dir.path().to_str().unwrap()]).unwrap_err();
        assert!(folder.is::<UsageError>(), "{folder}");
        let text = dir.path().join("text");
        fs::write(&text, "not a kernel").unwrap();
        let damaged = inspect(&[text.to_str().unwrap()]).unwrap_err();
        assert!(!damaged.chain().any(|it| it.is::<UsageError>()));
        assert!(format!("{damaged:#}").contains("not a kernel image: it starts with"));
    }
}
