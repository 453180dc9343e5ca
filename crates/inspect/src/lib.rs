// SPDX-License-Identifier: GPL-2.0-only
//! `inspect`: the command line of [`nmissed_kimage`], as `cargo xtask inspect` and as the
//! program `nmissed-inspect`. It needs no workspace.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use clap::Args;
use nmissed_kimage::{
    About, Detail, Diff, Document, FunctionReport, Image, LookupError, OpenError, Query, open,
    render,
};
use serde::Serialize;

mod makefiles;
mod modules;

/// A request that makes no sense: a function that the image does not have, a folder
/// without Makefiles.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

/// Options of `inspect`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// A vmlinux, bzImage, vmlinuz, unified kernel image or module (.ko, also
    /// .ko.gz, .ko.xz or .ko.zst)
    image: PathBuf,

    /// The kernel that loads the module: without it, what depends on its
    /// options and types is left open
    #[arg(long, value_name = "VMLINUX", conflicts_with = "diff")]
    base: Option<PathBuf>,

    /// Also ask all modules in a folder, as /lib/modules/RELEASE, of the kernel that IMAGE
    /// is
    #[arg(long, value_name = "DIR", conflicts_with_all = ["base", "diff", "makefiles", "traceable_functions"])]
    modules: Option<PathBuf>,

    /// Functions, or instructions in them; without, all functions are counted
    #[arg(value_name = "[MODULE:]SYMBOL[+OFF]")]
    symbols: Vec<Query>,

    /// Print what leads to each answer, in the order in which the kernel checks
    #[arg(long, requires = "symbols")]
    why: bool,

    /// Answer for every instruction, too
    #[arg(long)]
    sites: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Print the functions that ftrace can trace, one a line, as in tracefs'
    /// available_filter_functions
    #[arg(long, conflicts_with_all = ["symbols", "why", "sites", "json"])]
    traceable_functions: bool,

    /// Before each, print the address of its call site, as in tracefs'
    /// available_filter_functions_addrs
    #[arg(long, requires = "traceable_functions")]
    addresses: bool,

    /// Print what is different in another image, for these functions or all
    #[arg(long, value_name = "OTHER", conflicts_with_all = ["why", "sites", "traceable_functions"])]
    diff: Option<PathBuf>,

    /// Print which objects lose their call sites in the Makefiles of a kernel's
    /// source, and whether the image agrees
    #[arg(long, value_name = "TREE", conflicts_with_all = ["symbols", "why", "sites", "traceable_functions", "diff"])]
    makefiles: Option<PathBuf>,

    /// The image's configuration, for --makefiles [default: the one built into
    /// it, or `config` or `.config` beside it]
    #[arg(long, value_name = "FILE", requires = "makefiles")]
    config: Option<PathBuf>,

    /// Print all directories and lines, not only the first
    #[arg(long)]
    all: bool,
}

impl Options {
    fn detail(&self) -> Detail {
        Detail {
            why: self.why,
            sites: self.sites,
        }
    }
}

/// Whether an error of [`run`] is the user's to mend on the command line.
pub fn is_usage(error: &Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<WrongUsage>() || cause.downcast_ref().is_some_and(OpenError::is_usage)
    })
}

/// Reads the image, and prints what the options ask for.
///
/// # Errors
/// If an image cannot be read or written about, or has none of a symbol; the answers for
/// the symbols that exist are printed all the same.
pub fn run(options: &Options) -> Result<()> {
    let text = |image: &Image<'_>, about| match &options.modules {
        Some(tree) => modules::render_text(options, image, about, tree),
        None => render_text(options, image, about),
    };
    let (text, unanswered) = match &options.base {
        Some(base) => open(base, None, |kernel, _| {
            open(&options.image, Some(kernel), text)
        }),
        None => open(&options.image, None, text),
    }?;
    print(text.as_bytes())?;
    unanswered.map_or(Ok(()), Err)
}

/// Returns the text, and an error if some of several symbols have no answer in it.
fn render_text(
    options: &Options,
    image: &Image<'_>,
    about: About,
) -> Result<(String, Option<Error>)> {
    if options.traceable_functions {
        return Ok((traceable_functions(image, options.addresses), None));
    }
    let (document, unknown) = document(options, image, about)?;
    let text = if options.json {
        to_json(&document)?
    } else {
        render(&document)
    };
    Ok((text, usage(&unknown)))
}

fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn document(
    options: &Options,
    image: &Image<'_>,
    about: About,
) -> Result<(Document, Vec<LookupError>)> {
    let mut unknown = Vec::new();
    let mut document = empty(options, &options.image, about);
    if let Some(tree) = &options.makefiles {
        let config = options.config.as_deref();
        document.makefiles = Some(makefiles::audit(image, &options.image, tree, config)?);
    } else if let Some(other) = &options.diff {
        document.diff = Some(diff(image, other, &options.symbols)?);
    } else if options.symbols.is_empty() {
        document.summary = Some(image.summary(&image.functions(), options.sites));
    } else {
        (document.functions, unknown) = reports(options, image)?;
    }
    Ok((document, unknown))
}

/// A report without answers.
fn empty(options: &Options, file: &Path, about: About) -> Document {
    Document {
        file: file.display().to_string(),
        about,
        summary: None,
        functions: Vec::new(),
        diff: None,
        makefiles: None,
        all: options.all,
    }
}

/// Returns the answers, and an error per symbol without one.
///
/// # Errors
/// If no symbol has an answer.
fn reports(
    options: &Options,
    image: &Image<'_>,
) -> Result<(Vec<FunctionReport>, Vec<LookupError>)> {
    let functions = image.functions();
    let (mut all, mut unknown) = (Vec::new(), Vec::new());
    for query in &options.symbols {
        match image.report(&functions, query, options.detail()) {
            Ok(found) => all.extend(found),
            Err(error) => unknown.push(error),
        }
    }
    match usage(&unknown) {
        Some(error) if all.is_empty() => Err(error),
        _ => Ok((all, unknown)),
    }
}

fn diff(image: &Image<'_>, other: &Path, only: &[Query]) -> Result<Diff> {
    let names: Vec<_> = only.iter().map(|query| query.symbol.as_str()).collect();
    let file = other.display().to_string();
    open(other, None, |other, about| {
        let (old, new) = (image.functions(), other.functions());
        for query in only {
            // Either may have it.
            if let Err(error) = image.look_up(&old, query)
                && other.look_up(&new, query).is_err()
            {
                return Err(WrongUsage(error.to_string()).into());
            }
        }
        Ok(image.diff(other, file, about, &names))
    })
}

/// Returns one error for those of all symbols, `None` without any.
fn usage(errors: &[LookupError]) -> Option<Error> {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    (!lines.is_empty()).then(|| WrongUsage(lines.join("\n")).into())
}

fn traceable_functions(image: &Image<'_>, addresses: bool) -> String {
    let mut text = String::new();
    for (addr, name) in image.traceable_functions() {
        if addresses {
            let _ = write!(text, "{addr:016x} ");
        }
        text.push_str(&name);
        text.push('\n');
    }
    text
}

/// Writes to standard output; a closed pipe is no error.
///
/// # Errors
/// If it cannot be written.
pub fn print(text: &[u8]) -> Result<()> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Inspect {
        #[command(flatten)]
        options: Options,
    }

    fn inspect(args: &[&str]) -> Result<()> {
        let args = [&["inspect"], args].concat();
        run(&Inspect::parse_from(args).options)
    }

    #[test]
    fn misspelt_path_is_wrong_usage_and_damaged_image_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let missing = inspect(&["/nonexistent"]).unwrap_err();
        assert_eq!(missing.to_string(), "/nonexistent: no such file");
        assert!(is_usage(&missing));
        let folder = inspect(&[dir.path().to_str().unwrap()]).unwrap_err();
        assert!(is_usage(&folder), "{folder}");
        let text = dir.path().join("text");
        fs::write(&text, "not a kernel").unwrap();
        let damaged = inspect(&[text.to_str().unwrap()]).unwrap_err();
        assert!(!is_usage(&damaged));
        assert!(format!("{damaged:#}").contains("not a kernel image: it starts with"));
    }

    #[test]
    fn one_unknown_symbol_of_several_keeps_the_answers_of_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let module = module(dir.path());
        let module = module.to_str().unwrap();
        let text = |args: &[&str]| {
            let args = [&["inspect", module], args].concat();
            let options = Inspect::parse_from(args).options;
            open(&options.image, None, |image, about| {
                render_text(&options, image, about)
            })
        };
        let (answers, unknown) = text(&["functoin", "function"]).unwrap();
        assert!(answers.contains("\nfunction "), "{answers}");
        let message = "no function is named `functoin`; there is function";
        assert_eq!(unknown.unwrap().to_string(), message);
        let error = inspect(&[module, "functoin", "function"]).unwrap_err();
        assert!(is_usage(&error));
        assert_eq!(error.to_string(), message);
        assert!(text(&["functoin"]).is_err());
    }

    /// Assembles a module with one function.
    fn module(dir: &Path) -> PathBuf {
        let source = dir.join("it.s");
        fs::write(&source, "function: ret\n").unwrap();
        let module = dir.join("it.ko");
        let mut gcc = std::process::Command::new("gcc");
        let status = gcc.arg("-c").arg(&source).arg("-o").arg(&module).status();
        assert!(status.unwrap().success());
        module
    }

    #[test]
    fn inlined_functions_are_named_with_their_callers() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("kernel.c");
        let text = "
            __asm__(\"_stext:\");
            static inline __attribute__((always_inline)) int helper(int x)
            { return x + 1; }
            int first(int x) { return helper(x) * 3; }
            int second(int x) { return 5 * helper(x); }
            __asm__(\"_etext: nop\");";
        fs::write(&source, text).unwrap();
        let kernel = link(&source, dir.path());
        let error = |symbol| {
            let kernel = kernel.to_str().unwrap();
            inspect(&[kernel, symbol]).unwrap_err().to_string()
        };
        assert_eq!(
            error("helper"),
            "no function is named `helper`; it is inlined into first, second"
        );
        let nowhere = "no function is named `nothing`; DWARF has none, either";
        assert_eq!(error("nothing"), nowhere);
    }

    /// Links a kernel with a function of that name.
    fn kernel(dir: &Path, name: &str) -> PathBuf {
        let source = dir.join("kernel.s");
        fs::write(&source, format!("_stext: {name}: ret\n_etext: nop\n")).unwrap();
        link(&source, dir)
    }

    fn link(source: &Path, dir: &Path) -> PathBuf {
        let kernel = dir.join("vmlinux");
        let mut gcc = std::process::Command::new("gcc");
        gcc.args(["-nostdlib", "-static", "-no-pie", "-Wl,-e0"]);
        gcc.args(["-g", "-O2", "-fno-pie", "-fno-toplevel-reorder"]);
        gcc.args([
            "-fno-asynchronous-unwind-tables",
            "-Wl,-Ttext=0xffffffff81000000",
        ]);
        let status = gcc.arg(source).arg("-o").arg(&kernel).status();
        assert!(status.unwrap().success());
        kernel
    }

    #[test]
    fn all_modules_of_a_tree_are_asked() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("kernel/fs");
        fs::create_dir_all(&tree).unwrap();
        module(&tree);
        let kernel = kernel(dir.path(), "function");
        let text = |args: &[&str]| {
            let (kernel, dir) = (kernel.to_str().unwrap(), dir.path().to_str().unwrap());
            let args = [&["inspect", kernel, "--modules", dir], args].concat();
            let options = Inspect::parse_from(args).options;
            open(&options.image, None, |image, about| {
                let tree = options.modules.as_deref().unwrap();
                modules::render_text(&options, image, about, tree)
            })
        };
        let (both, unanswered) = text(&["function"]).unwrap();
        assert_eq!(both.matches("\nfunction ").count(), 2, "{both}");
        assert!(unanswered.is_none());
        let (all, _) = text(&[]).unwrap();
        assert!(
            all.contains("(1 modules)") && all.contains("1 function"),
            "{all}"
        );
        let unknown = text(&["it:functoin"]).unwrap_err();
        let message = "no module it with a function `functoin` was read";
        assert_eq!(unknown.to_string(), message);
        fs::write(tree.join("other.ko"), "damaged").unwrap();
        let (answers, unanswered) = text(&["function"]).unwrap();
        assert_eq!(answers, both);
        let error = unanswered.unwrap().to_string();
        assert_eq!(error, "1 of 2 modules cannot be read, the first");
    }

    #[test]
    fn folder_without_modules_is_wrong_usage() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = kernel(dir.path(), "function");
        let empty = dir.path().join("empty");
        for tree in [&empty, &dir.path().to_owned()] {
            let args = [
                kernel.to_str().unwrap(),
                "--modules",
                tree.to_str().unwrap(),
            ];
            let error = inspect(&args).unwrap_err();
            assert!(is_usage(&error), "{error}");
        }
    }

    #[test]
    fn module_as_its_own_kernel_is_wrong_usage() {
        let dir = tempfile::tempdir().unwrap();
        let module = module(dir.path());
        let module = module.to_str().unwrap();
        inspect(&[module]).unwrap();
        let error = inspect(&[module, "--base", module]).unwrap_err();
        assert!(is_usage(&error));
        assert_eq!(
            format!("{error:#}"),
            format!("{module}: the kernel given is a kernel module, too")
        );
    }
}
