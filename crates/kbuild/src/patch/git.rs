// SPDX-License-Identifier: GPL-2.0-only
//! Running git so that the user's own settings do not change what comes out.

use std::path::Path;

use nmissed_host::Cmd;

/// Who made the commits that nobody made.
const NAME: &str = "nmissed";
const EMAIL: &str = "nmissed@localhost";

/// Hooks, signatures and line ends are for the user's own commits.
const SETTINGS: [&str; 6] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "core.autocrlf=false",
];

/// Variables that point git to other repositories are left out.
const INHERITED: [&str; 3] = ["HOME", "PATH", "TMPDIR"];

/// git in a folder.
pub(crate) fn git(dir: &Path) -> Cmd {
    let git = Cmd::new("git").args(SETTINGS).arg("-C").arg(dir);
    git.inherit_only(&INHERITED).env("LC_ALL", "C")
}

/// The same, committing: the same content gives the same commit.
pub(crate) fn committing(dir: &Path) -> Cmd {
    let git = git(dir).env("GIT_COMMITTER_NAME", NAME);
    git.env("GIT_COMMITTER_EMAIL", EMAIL)
        .env("GIT_COMMITTER_DATE", "@0 +0000")
        .env("GIT_AUTHOR_NAME", NAME)
        .env("GIT_AUTHOR_EMAIL", EMAIL)
        .env("GIT_AUTHOR_DATE", "@0 +0000")
}
