// SPDX-License-Identifier: GPL-2.0-only
//! The lines that PID 1 sends to the host: one JSON object each.
//!
//! Each line that arrived whole before a crash counts. It carries a secret of the boot, which
//! only PID 1 has read, and a number: a line of another program and a lost one are noticed.

use serde::{Deserialize, Serialize};

use crate::text::printable;
use crate::{Outcome, ProberReply, Record};

/// Raised by each change that an older host would misread.
pub const WIRE_VERSION: u32 = 5;

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

/// A message with what shows that PID 1 sent it.
#[derive(Serialize, Deserialize)]
struct Line<M> {
    boot: String,
    number: u64,
    #[serde(flatten)]
    message: M,
}

/// Returns the line of a message, without line end: `number` is 0 for the first message of a
/// boot, and `boot` the content of [`crate::BOOT`].
///
/// # Errors
/// If it is not JSON, as a number of seconds that is not finite.
pub fn encode(boot: &str, number: u64, message: &Message) -> serde_json::Result<String> {
    let boot = boot.to_owned();
    serde_json::to_string(&Line {
        boot,
        number,
        message,
    })
}

/// Reads the lines of one boot.
#[derive(Debug)]
pub struct Decoder {
    boot: String,
    next: u64,
}

/// A line that is no [`Message`] of PID 1, or comes after a lost one. Lines are cut to a
/// readable length.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// For example half a line.
    #[error("the guest sent a line that is no message ({problem}): {line}")]
    NoMessage {
        /// The line.
        line: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A line without the secret of the boot.
    #[error("a program wrote to the host in the place of PID 1: {line}")]
    Forged {
        /// The line.
        line: String,
    },
    /// Numbers are missing.
    #[error("message {expected} of the guest was lost: {found} came next")]
    Lost {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

impl Decoder {
    /// Takes the secret of the boot.
    #[must_use]
    pub fn new(boot: &str) -> Self {
        Self {
            boot: boot.to_owned(),
            next: 0,
        }
    }

    /// Reads one line, without or with its line end.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(&mut self, line: &str) -> Result<Message, WireError> {
        let short = || printable(&line.chars().take(200).collect::<String>());
        let parsed: Line<Message> = match serde_json::from_str(line.trim()) {
            Ok(parsed) => parsed,
            Err(_) if !line.contains(&self.boot) => {
                return Err(WireError::Forged { line: short() });
            }
            Err(error) => {
                return Err(WireError::NoMessage {
                    line: short(),
                    problem: error.to_string(),
                });
            }
        };
        if parsed.boot != self.boot {
            return Err(WireError::Forged { line: short() });
        }
        let expected = std::mem::replace(&mut self.next, parsed.number.wrapping_add(1));
        if parsed.number != expected {
            return Err(WireError::Lost {
                expected,
                found: parsed.number,
            });
        }
        Ok(parsed.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::{AttachOutcome, AttachType, Flavor, KernelList, Tally};

    const BOOT: &str = "0f1e";

    fn decode(line: &str) -> Result<Message, WireError> {
        Decoder::new(BOOT).decode(line)
    }

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
            let line = encode(BOOT, 0, &message).unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(decode(&line).unwrap(), message.clone());
            prop_assert_eq!(decode(&format!("{line}\r\n")).unwrap(), message);
        }

        #[test]
        fn a_torn_line_is_an_error(message in messages(), cut: prop::sample::Index) {
            let line = encode(BOOT, 0, &message).unwrap();
            let torn: String = line.chars().take(cut.index(line.chars().count())).collect();
            prop_assert!(decode(&torn).is_err());
        }

        #[test]
        fn any_text_is_a_message_or_an_error(text in "\\PC*") {
            let _ = decode(&text);
        }

        #[test]
        fn any_json_is_a_message_or_an_error(text in r#"[{}\[\]":,a-z0-9.e\\ -]*"#) {
            let _ = decode(&text);
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
        let line = line.replacen('{', r#"{"boot":"0f1e","number":0,"#, 1);
        let message = decode(&line).unwrap();
        assert_eq!(encode(BOOT, 0, &message).unwrap(), line);
    }

    #[test]
    fn a_message_glued_to_a_torn_one_is_an_error_that_shows_a_readable_part() {
        let line = format!(r#"{{"type":"start","na{}"#, r#"{"type":"bye"}"#.repeat(100));
        let line = format!("{BOOT}{line}");
        let error = decode(&line).unwrap_err().to_string();
        assert!(error.ends_with(&line[..200]), "{error}");
    }

    #[test_case(r#"{"type":"bye"}"#; "no secret")]
    #[test_case(r#"{"boot":"beef","number":0,"type":"bye"}"#; "another secret")]
    #[test_case("\u{1b}[2Jhello"; "no message")]
    fn a_line_of_another_program_is_no_message(line: &str) {
        let line_of = printable(line);
        assert_eq!(
            decode(line),
            Err(WireError::Forged {
                line: line_of.clone()
            })
        );
        assert!(!line_of.contains('\u{1b}'));
    }

    #[test]
    fn a_lost_message_is_noticed_once() {
        let mut decoder = Decoder::new(BOOT);
        let mut read = |number| decoder.decode(&encode(BOOT, number, &Message::Bye).unwrap());
        assert_eq!(read(0), Ok(Message::Bye));
        let lost = WireError::Lost {
            expected: 1,
            found: 3,
        };
        assert_eq!(read(3), Err(lost));
        assert_eq!(read(4), Ok(Message::Bye));
    }
}
