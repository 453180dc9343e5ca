// SPDX-License-Identifier: GPL-2.0-only
//! The cover letter of a series.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use nmissed_host::{Cache, Host};
use textwrap::{Options, WordSplitter};

use crate::git::{committing, git};
use crate::patch::{Content, MailHead, Overlay, Series};
use crate::source::SourceTree;
use crate::{Error, Result, scratch};

/// Placeholders of `git format-patch --cover-letter`.
const SUBJECT: &str = "*** SUBJECT HERE ***";
const BLURB: &str = "*** BLURB HERE ***";
/// Columns of a mail.
const WIDTH: usize = 72;

/// Content of a cover letter.
#[derive(Clone, Copy, Debug)]
pub struct Cover<'a> {
    /// Source that the patches apply to.
    pub tree: &'a SourceTree,
    /// Patches of the variant.
    pub series: &'a Series,
    /// How many of them are those of the stacks below.
    pub below: usize,
    /// Table of results, within 72 columns.
    pub evidence: &'a str,
    /// Command that makes the table again.
    pub command: &'a str,
}

impl Cover<'_> {
    /// Returns the letter in the form of `git format-patch --cover-letter`.
    ///
    /// # Errors
    /// [`Error::Patch`], [`Error::Host`].
    pub fn letter(&self, host: &Host) -> Result<String> {
        let series = self.series;
        let base = series.first(self.below, series.name())?;
        let base = base.apply(self.tree, host)?;
        let patched = series.apply(self.tree, host)?;
        Ok(self.text(&diffstat(self.tree, &base, &patched, &host.cache)?))
    }

    fn text(&self, diffstat: &[String]) -> String {
        let heads: Vec<_> = self.series.patches[self.below..]
            .iter()
            .map(MailHead::of)
            .collect();
        let count = heads.len();
        let digits = count.to_string().len();
        let mut text = format!("Subject: [PATCH {:0>digits$}/{count}] {SUBJECT}\n\n", 0);
        let _ = writeln!(text, "{BLURB}\n\n{}", self.evidence.trim_end());
        let _ = writeln!(text, "\nThe table is made again by\n\n  {}\n", self.command);
        for line in self.applies_to() {
            text += &line;
            text.push('\n');
        }
        text.push('\n');
        text += &shortlog(&heads);
        for line in diffstat {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn applies_to(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "Applies to {}",
            self.tree.identity.replace('_', " ")
        )];
        if self.below > 0 {
            lines.push("with, below these patches:".to_owned());
            let heads = self.series.patches[..self.below].iter().map(MailHead::of);
            lines.extend(heads.flat_map(|head| entry(&head.subject)));
        }
        lines
    }
}

/// Lists the patches of each author, as `git shortlog` does.
fn shortlog(heads: &[MailHead]) -> String {
    let mut authors: Vec<_> = heads.iter().map(|head| head.author.as_str()).collect();
    authors.sort_unstable();
    authors.dedup();
    let mut text = String::new();
    for author in authors {
        let own: Vec<_> = heads.iter().filter(|head| head.author == author).collect();
        let _ = writeln!(text, "{author} ({}):", own.len());
        for line in own.iter().flat_map(|head| entry(&head.subject)) {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
    }
    text
}

/// Wraps a subject, with indentation.
fn entry(subject: &str) -> Vec<String> {
    let options = Options::new(WIDTH)
        .initial_indent("  ")
        .subsequent_indent("    ")
        .word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(subject, options).into_iter();
    lines.map(Cow::into_owned).collect()
}

/// Returns the output of `git diff --stat --summary` for a series.
fn diffstat(
    tree: &SourceTree,
    base: &Overlay,
    patched: &Overlay,
    cache: &Cache,
) -> Result<Vec<String>> {
    let scratch = scratch::any(cache)?;
    let dir = scratch.path();
    git(dir).args(["init", "--quiet"]).run()?;
    for name in patched.keys() {
        let below = base.get(name).cloned();
        let content = match below {
            Some(content) => content,
            None => Content::read(&tree.dir.join(name))?,
        };
        put(dir, name, content.as_ref())?;
    }
    commit_all(dir)?;
    for (name, content) in patched {
        put(dir, name, content.as_ref())?;
    }
    git(dir).args(["add", "--all", "--force"]).run()?;
    let stat = git(dir).args(["diff", "--cached", "--summary", "HEAD"]);
    Ok(stat.arg(format!("--stat={WIDTH}")).run()?)
}

fn commit_all(dir: &Path) -> Result<()> {
    git(dir).args(["add", "--all", "--force"]).run()?;
    committing(dir)
        .args(["commit", "--quiet", "--allow-empty", "--message", "base"])
        .run()?;
    Ok(())
}

fn put(dir: &Path, name: &str, content: Option<&Content>) -> Result<()> {
    let path = dir.join(name);
    match content {
        Some(content) => content.write(&path),
        None if path.exists() => std::fs::remove_file(&path).map_err(Error::io("remove", path)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn patch(subject: &str) -> String {
        format!(
            "From 0\nFrom: A Person\n <a@b.c>\nSubject: [PATCH] {subject}\n\nWhy.\n---\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
        )
    }

    #[test]
    fn the_letter() {
        let dir = tempfile::tempdir().unwrap();
        let subjects = [
            "bpf: Count what is lost",
            "bpf: Check recursion of kprobe.multi programs per program",
            "fprobe: Count recursion misses of fprobes\n that have no exit handler and that nobody hears of",
        ];
        let files: Vec<_> = (1..)
            .zip(subjects)
            .map(|(number, subject)| {
                let file = dir.path().join(format!("{number:04}.patch"));
                fs::write(&file, patch(subject)).unwrap();
                file
            })
            .collect();
        let tree = SourceTree {
            identity: "linux-source-6.12_6.12.117-1~deb12u1".into(),
            dir: dir.path().to_owned(),
        };
        let cover = Cover {
            tree: &tree,
            series: &Series::from_files("active", &files).unwrap(),
            below: 1,
            evidence: "triggers  runs  lost\n    1000  1000     0\n",
            command: "cargo xtask vm test --kernel 6.12 --variant counters --variant active",
        };
        let text = cover.text(&[
            " x | 2 +-".to_owned(),
            " 1 file changed, 1 insertion(+), 1 deletion(-)".to_owned(),
        ]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 72),
            "{text}"
        );
        insta::assert_snapshot!(text);
    }
}
