// SPDX-License-Identifier: GPL-2.0-only
//! Errors between a kernel's name and its image.

use std::fmt;
use std::path::PathBuf;

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: what failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// kernels.toml has no kernel of this name.
    #[error("there is no kernel {id:?}; {file} has {known}", file = .file.display())]
    UnknownKernel {
        /// Id that was asked for.
        id: String,
        /// kernels.toml, which lists the kernels.
        file: PathBuf,
        /// Names that there are, separated by commas.
        known: String,
    },
    /// No suite of a distribution has this kernel.
    #[error(
        "no suite has {distribution}-{name}: there are {distribution}-X.Y of {lines}, with or without a flavor \
         ({flavors}), and whole releases: `cargo xtask vm test --list-kernels`"
    )]
    UnknownStock {
        /// Distribution of kernels.toml.
        distribution: String,
        /// Kernel that was asked for.
        name: String,
        /// Release lines that there are, separated by commas.
        lines: String,
        /// Flavors that there are, separated by commas.
        flavors: String,
    },
    /// The kernel has no stack of patches of this name.
    #[error("kernel {kernel} has no variant {variant:?}; there are {known}")]
    UnknownVariant {
        /// Variant that was asked for.
        variant: String,
        /// Folder of patches/.
        kernel: String,
        /// Names that there are, separated by commas.
        known: String,
    },
    /// A file of the user or of the project that cannot be parsed or used.
    #[error("{}: {problem}", .file.display())]
    BadInput {
        /// Path of the file.
        file: PathBuf,
        /// The mistake, with its line where that is known.
        problem: String,
    },
    /// A patch does not apply. No tree is changed.
    #[error(transparent)]
    Patch(Box<PatchFailure>),
    /// Kconfig did not keep options that the fragments request.
    #[error(
        "the configuration lost {} option(s) that the fragments request:{}\n\
         An option is lost when its name or its dependencies changed: look it up in the\n\
         Kconfig files of the kernel, then correct the fragment, or the --config below it.",
        .0.len(), lines_of(.0)
    )]
    LostOptions(Vec<LostOption>),
    /// The machine's apt configuration has no archive with the package.
    #[error("{problem}; give the kernel a tarball in kernels.toml instead")]
    NoArchive {
        /// The program, system or entry that is missing.
        problem: String,
    },
    /// apt-get failed to download the package lists or the package.
    #[error("cannot get {package} of {suite}: apt-get printed{}\nCheck the network and the machine's own `apt-get update`", lines_of(.output))]
    Apt {
        /// Name of the package.
        package: String,
        /// Suite of Debian, such as `bookworm-security`.
        suite: String,
        /// Lines of apt-get with `E:` or `W:`.
        output: Vec<String>,
    },
    /// curl failed to download a tarball.
    #[error("cannot download {url}:{}\nCheck the network. The part that was downloaded is kept, and the next run resumes it.", lines_of(.output))]
    Download {
        /// Its URL.
        url: String,
        /// Lines of curl.
        output: Vec<String>,
    },
    /// A tarball has another hash than kernels.toml says.
    #[error(
        "{url} is not the file that kernels.toml describes:\n  expected sha256 {expected}\n  found    sha256 {found}\n\
         {} was removed. Correct the sha256 if the file was replaced on purpose; otherwise\n\
         the download was damaged or forged, and the next run downloads it anew.",
        .file.display()
    )]
    WrongHash {
        /// Its URL.
        url: String,
        /// Path of the downloaded file, which is removed.
        file: PathBuf,
        /// In kernels.toml.
        expected: String,
        /// Of the downloaded file.
        found: String,
    },
    /// An archive holds no kernel source.
    #[error("{archive} holds no Linux source: {missing} is missing at its top")]
    NotASource {
        /// Its name.
        archive: String,
        /// First file that was not found.
        missing: &'static str,
    },
    /// A package holds no kernel.
    #[error("{package} holds no kernel: no file of it is called vmlinuz{}", lines_of(.output))]
    NoImage {
        /// Path of the .deb file.
        package: String,
        /// Lines of dpkg-deb and tar.
        output: Vec<String>,
    },
    /// make failed.
    #[error("the kernel does not build:{}\nAll of the output: {}", lines_of(.errors), .log.display())]
    Build {
        /// First errors of the compiler, or of make.
        errors: Vec<String>,
        /// File with the complete output.
        log: PathBuf,
    },
    /// The cache folder has a blank or a colon in its path, where make splits it.
    #[error("a kernel cannot be built below {}: make does not allow blanks or colons in the path; set XDG_CACHE_HOME", .0.display())]
    BadCachePath(PathBuf),
    /// The disk is full (ENOSPC).
    #[error(
        "the disk is full ({detail}).\nA kernel takes 3 GB in the cache: make room, or set XDG_CACHE_HOME to a folder that has it; \
         the next run resumes the work."
    )]
    DiskFull {
        /// Message of the program or of the system.
        detail: String,
    },
    /// Another failure of the host.
    #[error(transparent)]
    Host(nmissed_host::Error),
}

/// Details of a patch that does not apply.
#[derive(Debug)]
pub struct PatchFailure {
    /// Path of the patch.
    pub patch: PathBuf,
    /// Identity of the kernel source.
    pub tree: String,
    /// One line for each hunk or file that could not be patched.
    pub problems: Vec<String>,
    /// Whether the reverse of the patch applies: the kernel has the change.
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

/// An option that .config does not have as a fragment requests it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LostOption {
    /// Name of the fragment.
    pub fragment: String,
    /// Line of the fragment.
    pub wanted: String,
    /// Line of .config.
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
    /// Whether the cause is in the request: a name, a file of the project or a patch.
    /// Otherwise the host failed.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::UnknownKernel { .. }
                | Self::UnknownStock { .. }
                | Self::UnknownVariant { .. }
                | Self::BadInput { .. }
                | Self::Patch(_)
                | Self::LostOptions(_)
        )
    }

    /// Returns [`Error::DiskFull`] if a line of a program's output says so.
    pub(crate) fn disk_full(output: &[String]) -> Option<Self> {
        let detail = output.iter().find(|line| says_disk_full(line))?.clone();
        Some(Self::DiskFull { detail })
    }

    /// Returns a function for `map_err` on a file operation.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let host = nmissed_host::Error::io(action, path);
        move |source| host(source).into()
    }

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
        let disk_full = match &error {
            Io { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => {
                let detail = error.to_string();
                Some(Self::DiskFull { detail })
            }
            Failed { tail, .. } => Self::disk_full(tail),
            _ => None,
        };
        disk_full.unwrap_or(Self::Host(error))
    }
}

/// The C library's text of ENOSPC, and git's own (csum-file.c), which does not give the errno.
fn says_disk_full(line: &str) -> bool {
    ["No space left on device", "Out of diskspace"]
        .iter()
        .any(|text| line.contains(text))
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
        for full in [
            "tar: x: Cannot write: No space left on device",
            "fatal: sha1 file 'git/.tmp.lock' write error. Out of diskspace",
        ] {
            assert!(matches!(Error::from(failed(full)), Error::DiskFull { .. }));
        }
        assert!(matches!(
            Error::from(failed("tar: x: damaged")),
            Error::Host(_)
        ));
        let io = Error::io("write", "x")(std::io::ErrorKind::StorageFull.into());
        assert!(matches!(io, Error::DiskFull { .. }));
    }

    #[test]
    fn only_a_mistake_in_the_request_is_usage() {
        let unknown = Error::UnknownVariant {
            variant: "x".into(),
            kernel: "6.12".into(),
            known: "y".into(),
        };
        assert!(unknown.is_usage());
        assert!(!Error::Host(nmissed_host::Error::Interrupted).is_usage());
    }
}
