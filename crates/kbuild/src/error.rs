// SPDX-License-Identifier: GPL-2.0-only
//! What can go wrong between a kernel's name and its image.

use std::fmt;
use std::path::PathBuf;

/// What every function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A kernel that kernels.toml does not have.
    #[error("there is no kernel {id:?}; {file} has {known}", file = .file.display())]
    UnknownKernel {
        /// What was asked for.
        id: String,
        /// The file that lists them.
        file: PathBuf,
        /// Those that there are, separated by commas.
        known: String,
    },
    /// A variant for which the kernel has no stack of patches.
    #[error("kernel {kernel} has no variant {variant:?}; there are {known}")]
    UnknownVariant {
        /// What was asked for.
        variant: String,
        /// The folder of patches/.
        kernel: String,
        /// Those that there are, separated by commas.
        known: String,
    },
    /// A file of the user's that cannot be understood.
    #[error("{}: {problem}", .file.display())]
    BadInput {
        /// Which.
        file: PathBuf,
        /// What is wrong with it, with the line where that is known.
        problem: String,
    },
    /// A patch that does not apply. The tree is as it was.
    #[error(transparent)]
    Patch(Box<PatchFailure>),
    /// Options that were asked for and that Kconfig did not keep.
    #[error(
        "the configuration lost {} option(s) that the fragments ask for:{}\n\
         An option is lost when its name or its dependencies changed: look it up in the\n\
         Kconfig files of the kernel, then correct the fragment.",
        .0.len(), lines_of(.0)
    )]
    LostOptions(Vec<LostOption>),
    /// No archive of this machine has the kernel's source package.
    #[error("{problem}; give the kernel a tarball in kernels.toml instead")]
    NoArchive {
        /// What is missing.
        problem: String,
    },
    /// apt could not get the package lists or the package.
    #[error("cannot get {package} of {suite}: apt-get says{}\nIs there a network, and does the machine's own `apt-get update` work?", lines_of(.said))]
    Apt {
        /// The package.
        package: String,
        /// The suite.
        suite: String,
        /// Its errors and warnings.
        said: Vec<String>,
    },
    /// A tarball that could not be downloaded.
    #[error("cannot download {url}:{}\nIs there a network? What was downloaded is kept; the next run goes on from there.", lines_of(.said))]
    Download {
        /// From where.
        url: String,
        /// What curl said.
        said: Vec<String>,
    },
    /// A tarball that is not the one meant.
    #[error(
        "{url} is not the file that kernels.toml means:\n  expected sha256 {expected}\n  found    sha256 {found}\n\
         {} was removed. Correct the sha256 if the file is meant to have changed; otherwise\n\
         the download was damaged or tampered with, and the next run starts afresh.",
        .file.display()
    )]
    WrongHash {
        /// From where.
        url: String,
        /// The downloaded file, gone by now.
        file: PathBuf,
        /// What kernels.toml says.
        expected: String,
        /// What came.
        found: String,
    },
    /// An archive without a kernel in it.
    #[error("{archive} holds no Linux source: {missing} is missing at its top")]
    NotASource {
        /// Which archive.
        archive: String,
        /// The first file looked for in vain.
        missing: &'static str,
    },
    /// A package without a kernel in it.
    #[error("{package} holds no kernel: no file of it is called vmlinuz{}", lines_of(.said))]
    NoImage {
        /// The package's file.
        package: String,
        /// What dpkg-deb and tar said.
        said: Vec<String>,
    },
    /// The kernel did not build.
    #[error("the kernel does not build:{}\nAll of the output: {}", lines_of(.errors), .log.display())]
    Build {
        /// The compiler's first complaints, or make's.
        errors: Vec<String>,
        /// The complete output.
        log: PathBuf,
    },
    /// kbuild splits its paths at these.
    #[error("a kernel cannot be built below {}: make does not allow blanks or colons in the path; set XDG_CACHE_HOME", .0.display())]
    BadCachePath(PathBuf),
    /// There is no room left.
    #[error(
        "the disk is full ({detail}).\nA kernel takes 3 GB in the cache: make room, or set XDG_CACHE_HOME to a folder that has it; \
         the next run goes on from here."
    )]
    DiskFull {
        /// The program's or the system's own words.
        detail: String,
    },
    /// Anything else the host could not do.
    #[error(transparent)]
    Host(nmissed_host::Error),
}

/// A patch that does not apply.
#[derive(Debug)]
pub struct PatchFailure {
    /// The patch file.
    pub patch: PathBuf,
    /// The kernel source it was tried on.
    pub tree: String,
    /// One line for each hunk or file that could not be patched.
    pub problems: Vec<String>,
    /// The reverse of the patch applies: its change is there.
    pub already_applied: bool,
}

impl fmt::Display for PatchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} does not apply to {}:{}",
            self.patch.display(),
            self.tree,
            lines_of(&self.problems)
        )?;
        f.write_str("\nThe tree was left as it was. ")?;
        f.write_str(if self.already_applied {
            "This kernel has the change already: remove the patch."
        } else {
            "Rebase the patch onto this kernel."
        })
    }
}

impl std::error::Error for PatchFailure {}

/// An option that is not in .config as it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LostOption {
    /// The fragment's name.
    pub fragment: String,
    /// The line as the fragment has it.
    pub wanted: String,
    /// The line as .config has it.
    pub found: String,
}

impl fmt::Display for LostOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}.config) became {}",
            self.wanted, self.fragment, self.found
        )
    }
}

impl Error {
    /// Whether the user can cure it by changing what was asked for: a name, a
    /// file of the project, a patch. Otherwise the host failed.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::UnknownKernel { .. }
                | Self::UnknownVariant { .. }
                | Self::BadInput { .. }
                | Self::Patch(_)
                | Self::LostOptions(_)
        )
    }

    /// For `map_err` on a file operation.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let host = nmissed_host::Error::io(action, path);
        move |source| host(source).into()
    }

    /// A problem with a file of the user's.
    pub(crate) fn bad_input(file: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::BadInput {
            file: file.into(),
            problem: problem.into(),
        }
    }
}

impl From<nmissed_host::Error> for Error {
    fn from(error: nmissed_host::Error) -> Self {
        use nmissed_host::Error::{Failed, Io};
        let detail = match &error {
            Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some(error.to_string())
            }
            Failed { tail, .. } => tail.iter().find(|line| says_disk_full(line)).cloned(),
            _ => None,
        };
        detail.map_or(Self::Host(error), |detail| Self::DiskFull { detail })
    }
}

/// Whether a program's message is the text of ENOSPC.
pub(crate) fn says_disk_full(line: &str) -> bool {
    line.contains("No space left on device")
}

fn lines_of<T: fmt::Display>(lines: &[T]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let failed = |line: &str| nmissed_host::Error::Failed {
            command: "tar".into(),
            status: "exit status: 2".into(),
            tail: vec![line.to_owned()],
        };
        let full = Error::from(failed("tar: x: Cannot write: No space left on device"));
        assert!(matches!(full, Error::DiskFull { .. }));
        assert!(matches!(
            Error::from(failed("tar: x: damaged")),
            Error::Host(_)
        ));
        let io = Error::io("write", "x")(std::io::ErrorKind::StorageFull.into());
        assert!(matches!(io, Error::DiskFull { .. }));
    }

    #[test]
    fn only_what_the_user_wrote_is_usage() {
        let unknown = Error::UnknownVariant {
            variant: "x".into(),
            kernel: "6.12".into(),
            known: "y".into(),
        };
        assert!(unknown.is_usage());
        assert!(!Error::Host(nmissed_host::Error::Interrupted).is_usage());
    }
}
