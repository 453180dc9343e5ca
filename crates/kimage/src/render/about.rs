// SPDX-License-Identifier: GPL-2.0-only
//! The head of a report.

use crate::render::layout::hang;
use crate::report::about::About;

/// What an image is, and what it lacks.
pub(super) fn about(file: &str, about: &About) -> String {
    let mut out = String::new();
    let release = about.release.as_deref().unwrap_or("of unknown release");
    let layers = about.layers.iter().map(|layer| format!("{layer}, "));
    let module = about.module.iter().map(|name| format!("module {name}, "));
    let what = format!(
        "Linux {release}: {}{} symbols from {}",
        layers.chain(module).collect::<String>(),
        about.symbols,
        about.symbol_source
    );
    hang(&mut out, "", 0, file);
    hang(&mut out, "", 0, &what);
    for missing in &about.missing {
        hang(&mut out, "", 2, &format!("! {missing}"));
    }
    out
}
