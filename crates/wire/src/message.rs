// SPDX-License-Identifier: GPL-2.0-only
//! The lines that PID 1 sends to the host: one JSON object each.
//!
//! Each line that arrived whole before a crash counts.

use serde::{Deserialize, Serialize};

use crate::{Outcome, ProberReply, Record};

/// Raised by each change that an older host would misread.
pub const WIRE_VERSION: u32 = 4;

/// One line from the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Message {
    /// The first line: PID 1 is up.
    Hello {
        /// [`WIRE_VERSION`] of the guest.
        version: u32,
        /// `uname -r`.
        release: String,
        /// How many tests will run.
        tests: usize,
    },
    /// A test is about to run.
    Start {
        /// `<binary>::<test>`.
        name: String,
    },
    /// The running test observed something.
    Record {
        /// The observation.
        record: Record,
    },
    /// The prober replied.
    Answer {
        /// The reply.
        answer: ProberReply,
    },
    /// The running test ended.
    End {
        /// As in [`Message::Start`].
        name: String,
        /// How it ended.
        #[serde(flatten)]
        outcome: Outcome,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// PID 1 could not do its part: not evidence about the kernel.
    Trouble {
        /// What, where and what to do.
        why: String,
    },
    /// All tests ran; the machine powers off next.
    Bye,
}

/// A line that is no [`Message`].
#[derive(Debug, thiserror::Error)]
#[error("the guest sent a line that is no message ({source}): {line}")]
pub struct WireError {
    /// The line, cut to a readable length.
    pub line: String,
    #[source]
    source: serde_json::Error,
}

/// Reads one line, without or with its newline.
///
/// # Errors
/// [`WireError`] if it is not a message, for example half a line written as
/// the kernel died.
pub fn parse_line(line: &str) -> Result<Message, WireError> {
    serde_json::from_str(line.trim()).map_err(|source| WireError {
        line: line.chars().take(200).collect(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::{AttachOutcome, AttachType, Flavor, KernelList, Tally};

    fn outcomes() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Pass),
            any::<String>().prop_map(Outcome::Fail),
            any::<String>().prop_map(Outcome::Skip),
            any::<String>().prop_map(Outcome::Crash),
            any::<String>().prop_map(Outcome::Hang),
            any::<String>().prop_map(Outcome::LostVm),
            any::<String>().prop_map(Outcome::Infra),
        ]
    }

    prop_compose! {
        fn records()(
            scenario: String,
            attach_type in prop::sample::select(AttachType::ALL),
            flavor in prop::option::of(prop::sample::select(&Flavor::ALL[..])),
            triggers: u64,
            runs: u64,
            link_missed: Option<u64>,
            prog_missed: Option<u64>,
        ) -> Record {
            let tally = Tally { triggers, runs, link_missed, prog_missed };
            Record::new(&scenario, attach_type, flavor, tally)
        }
    }

    fn replies() -> impl Strategy<Value = ProberReply> {
        let outcome = prop_oneof![
            Just(AttachOutcome::Attached),
            Just(AttachOutcome::Ftrace),
            any::<i32>().prop_map(AttachOutcome::Refused),
        ];
        prop_oneof![
            (any::<usize>(), prop::collection::vec(outcome, 0..9))
                .prop_map(|(batch, outcomes)| ProberReply::Batch { batch, outcomes }),
            any::<Vec<String>>().prop_map(|lines| ProberReply::List {
                list: KernelList::Blacklist,
                lines
            }),
        ]
    }

    fn messages() -> impl Strategy<Value = Message> {
        prop_oneof![
            (any::<u32>(), any::<String>(), any::<usize>()).prop_map(
                |(version, release, tests)| Message::Hello {
                    version,
                    release,
                    tests
                }
            ),
            any::<String>().prop_map(|name| Message::Start { name }),
            records().prop_map(|record| Message::Record { record }),
            replies().prop_map(|answer| Message::Answer { answer }),
            // Milliseconds: serde_json reads those back exactly.
            (any::<String>(), outcomes(), any::<u32>()).prop_map(|(name, outcome, ms)| {
                Message::End {
                    name,
                    outcome,
                    seconds: f64::from(ms) / 1000.0,
                }
            }),
            any::<String>().prop_map(|why| Message::Trouble { why }),
            Just(Message::Bye),
        ]
    }

    proptest! {
        #[test]
        fn a_message_is_one_line_and_survives_it(message in messages()) {
            let line = serde_json::to_string(&message).unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(parse_line(&line).unwrap(), message.clone());
            prop_assert_eq!(parse_line(&format!("{line}\r\n")).unwrap(), message);
        }

        #[test]
        fn a_torn_line_is_an_error(message in messages(), cut: prop::sample::Index) {
            let line = serde_json::to_string(&message).unwrap();
            let torn: String = line.chars().take(cut.index(line.chars().count())).collect();
            prop_assert!(parse_line(&torn).is_err());
        }

        #[test]
        fn any_text_is_a_message_or_an_error(text in "\\PC*") {
            let _ = parse_line(&text);
        }

        #[test]
        fn any_json_is_a_message_or_an_error(text in r#"[{}\[\]":,a-z0-9.e\\ -]*"#) {
            let _ = parse_line(&text);
        }
    }

    #[test_case(r#"{"type":"hello","version":1,"release":"6.12.117","tests":3}"#; "hello")]
    #[test_case(r#"{"type":"start","name":"missed::tp_recursion"}"#; "start")]
    #[test_case(
        concat!(
            r#"{"type":"record","record":{"scenario":"tp/nested","attach_type":"tp","#,
            r#""flavor":null,"triggers":1,"runs":0,"link_missed":null,"prog_missed":1,"lost":0}}"#,
        );
        "record"
    )]
    #[test_case(r#"{"type":"answer","answer":{"batch":0,"outcomes":["f",{"e":22}]}}"#; "answer")]
    #[test_case(
        r#"{"type":"end","name":"missed::x","outcome":"fail","why":"1 != 2","seconds":0.5}"#;
        "end"
    )]
    #[test_case(r#"{"type":"trouble","why":"cannot mount /sys"}"#; "trouble")]
    #[test_case(r#"{"type":"bye"}"#; "bye")]
    fn the_wire_has_its_stable_shape(line: &str) {
        let message = parse_line(line).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), line);
    }

    #[test]
    fn a_message_glued_to_a_torn_one_is_an_error_that_shows_a_readable_part() {
        let line = format!(r#"{{"type":"start","na{}"#, r#"{"type":"bye"}"#.repeat(100));
        let error = parse_line(&line).unwrap_err();
        assert_eq!(error.line, line[..200]);
        assert!(error.to_string().contains(&error.line));
    }
}
