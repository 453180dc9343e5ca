// SPDX-License-Identifier: GPL-2.0-only
//! results.json of all runs, with what their folders say.

use nmissed_wire::Run;
use serde::Serialize;

use crate::model::setup::Setup;
use crate::render::report::Report;
use crate::render::report::sentence::sentence;

#[derive(Serialize)]
struct Json<'a> {
    verdict: String,
    runs: Vec<JsonRun<'a>>,
}

#[derive(Serialize)]
struct JsonRun<'a> {
    #[serde(flatten)]
    run: &'a Run,
    setup: &'a Setup,
    /// Options of `vm test`.
    options: &'a [String],
}

impl Report {
    /// JSON in the shape of `results.json`, with `verdict`, and per run `setup` and
    /// `options` (of `vm test`; none where they are not known).
    #[must_use]
    pub fn to_json(&self) -> String {
        let runs = self.evidence.iter().zip(&self.setups);
        let runs = runs.map(|(it, setup)| JsonRun {
            run: &it.run,
            setup,
            options: &it.options,
        });
        let json = Json {
            verdict: sentence(&self.results).0,
            runs: runs.collect(),
        };
        let text = serde_json::to_string_pretty(&json);
        text.expect("every key is a string, and every `Serialize` is derived") + "\n"
    }
}
