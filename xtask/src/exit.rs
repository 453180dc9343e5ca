// SPDX-License-Identifier: GPL-2.0-only
//! Errors on standard error and in the exit status.

use anyhow::Error;
use nmissed_host::print_error;
use nmissed_runner::{Exit, UsageError};

/// Prints an error with its causes and returns the exit status.
pub(crate) fn report(error: &Error) -> Exit {
    let exit = classify(error);
    if exit == Exit::Interrupted {
        print_error("interrupted; what was finished is kept, the next run goes on from there");
    } else {
        print_error(&format!("error: {error:#}"));
    }
    exit
}

/// As [`report`], for a revision of a bisection: what says nothing about its counts is
/// skipped. Only names that no revision can make right are wrong usage.
pub(crate) fn report_of_revision(error: &Error) -> Exit {
    let is_name = error.chain().any(|cause| cause.is::<UsageError>());
    match report(error) {
        Exit::Host => Exit::CannotTell,
        Exit::Usage if !is_name => Exit::CannotTell,
        exit => exit,
    }
}

pub(crate) fn classify(error: &Error) -> Exit {
    let interrupted = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(nmissed_host::Error::Interrupted)));
    if interrupted || nmissed_host::interrupted() {
        return Exit::Interrupted;
    }
    let usage = nmissed_inspect::is_usage(error)
        || error.chain().any(|cause| {
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
