// SPDX-License-Identifier: GPL-2.0-only
//! What the exit status says.

use std::process::ExitCode;

use anyhow::Error;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is as expected.
    Good,
    /// A test failed, or the kernel crashed or hung.
    Failed,
    /// Wrong usage: nothing was done.
    Usage,
    /// The host could not do its part: no verdict.
    Host,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            // EX_UNAVAILABLE of sysexits.h.
            Self::Host => 69,
            // 128 + SIGINT, as a shell has it.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A request that makes no sense, found before any work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Prints an error with its causes and says how to exit.
pub(crate) fn report(error: &Error) -> Exit {
    let exit = classify(error);
    if exit == Exit::Interrupted {
        eprintln!("interrupted; what was finished is kept, the next run goes on from there");
    } else {
        eprintln!("error: {error:#}");
    }
    exit
}

fn classify(error: &Error) -> Exit {
    let interrupted = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(nmissed_host::Error::Interrupted)));
    if interrupted || nmissed_host::interrupted() {
        return Exit::Interrupted;
    }
    let usage = error.chain().any(|cause| {
        cause.is::<UsageError>()
            || cause
                .downcast_ref()
                .is_some_and(nmissed_kbuild::Error::is_usage)
    });
    if usage { Exit::Usage } else { Exit::Host }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use test_case::test_case;

    #[test_case(anyhow!(UsageError("no".into())) => Exit::Usage; "usage")]
    #[test_case(anyhow!(UsageError("no".into())).context("more") => Exit::Usage; "usage in context")]
    #[test_case(anyhow!(nmissed_host::Error::Interrupted).context("while") => Exit::Interrupted; "interrupted")]
    #[test_case(anyhow!("disk full") => Exit::Host; "anything else")]
    fn errors_are_classified(error: Error) -> Exit {
        classify(&error)
    }
}
