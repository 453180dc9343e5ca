// SPDX-License-Identifier: GPL-2.0-only
//! git commands whose result does not depend on the user's settings.

use std::path::Path;

use nmissed_host::Cmd;

/// Author and committer of commits that stand for no patch.
const NAME: &str = "nmissed";
const EMAIL: &str = "nmissed@localhost";

/// Turns off hooks, signatures and conversion of line ends.
const SETTINGS: [&str; 6] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "core.autocrlf=false",
];

/// Without `GIT_DIR` and the like, which name other repositories.
const INHERITED: [&str; 3] = ["HOME", "PATH", "TMPDIR"];

pub(crate) fn git(dir: &Path) -> Cmd {
    let git = Cmd::new("git").args(SETTINGS).arg("-C").arg(dir);
    git.inherit_only(&INHERITED).env("LC_ALL", "C")
}

/// git with a fixed author, committer and date: the same content gives the same commit.
pub(crate) fn committing(dir: &Path) -> Cmd {
    let git = git(dir).env("GIT_COMMITTER_NAME", NAME);
    git.env("GIT_COMMITTER_EMAIL", EMAIL)
        .env("GIT_COMMITTER_DATE", "@0 +0000")
        .env("GIT_AUTHOR_NAME", NAME)
        .env("GIT_AUTHOR_EMAIL", EMAIL)
        .env("GIT_AUTHOR_DATE", "@0 +0000")
}
