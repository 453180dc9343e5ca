// SPDX-License-Identifier: GPL-2.0-only
//! A whole report.

use crate::render::about::about;
use crate::render::{audit, diff, function, summary};
use crate::report::document::Document;

/// Returns the report as text.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut parts = vec![about(&document.file, &document.about)];
    let all = document.all;
    parts.extend(
        document
            .summary
            .as_ref()
            .map(|it| summary::summary(it, all)),
    );
    parts.extend(document.functions.iter().map(function::report));
    parts.extend(document.diff.as_ref().map(diff::diff));
    let audit = document.makefiles.as_ref();
    parts.extend(audit.map(|it| audit::audit(it, all)));
    parts.join("\n")
}
