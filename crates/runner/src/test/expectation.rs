// SPDX-License-Identifier: GPL-2.0-only
//! Expectations of the command line, for `git bisect run`.

use std::fmt;
use std::str::FromStr;

use nmissed_evidence::Run;
use nmissed_wire::{AttachType, Flavor, Record};

use crate::exit::Exit;

/// Counts that each hit of a scenario must have: `kprobe.multi/at-third-level link=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    scenario: String,
    flavor: Option<Flavor>,
    /// Never empty.
    counts: Vec<(Counter, Count)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Run,
    Link,
    Prog,
    Lost,
}

/// Per hit; `None` for a counter that the kernel does not have.
type Count = Option<i64>;

/// A text that is no expectation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; an expectation is a scenario and counts for each hit: \
     'kprobe.multi/at-third-level run=0 link=1' (run, link, prog, lost; null for a \
     counter that the kernel lacks), or 'kprobe/nested@ftrace prog=1' for one flavor"
)]
pub struct ExpectationError(String);

impl FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Self, ExpectationError> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let (scenario, flavor) = match name.split_once('@') {
            Some((scenario, flavor)) => (scenario, Some(flavor)),
            None => (name, None),
        };
        let error = |problem: String| ExpectationError(problem);
        let attach_type = scenario.split_once('/').map(|(it, _)| it);
        let known = attach_type.is_some_and(|it| it.parse::<AttachType>().is_ok());
        if !known {
            let problem = format!("{scenario:?} does not begin with an attach type and '/'");
            return Err(error(problem));
        }
        let flavor = flavor.map(|name| {
            let mut all = Flavor::ALL.into_iter();
            let found = all.find(|it| it.to_string() == name);
            found.ok_or_else(|| error(format!("{name:?} is no flavor of a kprobe")))
        });
        let counts: Vec<_> = words.map(count).collect::<Result<_, _>>()?;
        if counts.is_empty() {
            return Err(error(format!("{name} has no count")));
        }
        Ok(Self {
            scenario: scenario.to_owned(),
            flavor: flavor.transpose()?,
            counts,
        })
    }
}

fn count(word: &str) -> Result<(Counter, Count), ExpectationError> {
    let error = |problem: &str| ExpectationError(format!("{word:?} {problem}"));
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| error("is no COUNTER=N"))?;
    let counter = match name {
        "run" => Counter::Run,
        "link" => Counter::Link,
        "prog" => Counter::Prog,
        "lost" => Counter::Lost,
        _ => return Err(error("names none of run, link, prog, lost")),
    };
    let value = match value {
        "null" if matches!(counter, Counter::Link | Counter::Prog) => None,
        // Hits that are counted twice are a negative loss.
        number => {
            let number = number.parse::<i32>().ok();
            Some(number.ok_or_else(|| error("has no number"))?.into())
        }
    };
    Ok((counter, value))
}

impl Counter {
    fn of(self, record: &Record) -> Option<i128> {
        let tally = &record.tally;
        match self {
            Self::Run => Some(tally.runs.into()),
            Self::Link => tally.link_missed.map(Into::into),
            Self::Prog => tally.prog_missed.map(Into::into),
            Self::Lost => Some(tally.lost().into()),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scenario)?;
        if let Some(flavor) = self.flavor {
            write!(f, "@{flavor}")?;
        }
        for (counter, count) in &self.counts {
            let name = format!("{counter:?}").to_lowercase();
            match count {
                Some(count) => write!(f, " {name}={count}")?,
                None => write!(f, " {name}=null")?,
            }
        }
        Ok(())
    }
}

impl Expectation {
    fn is_about(&self, record: &Record) -> bool {
        record.scenario == self.scenario && self.flavor.is_none_or(|it| record.flavor == Some(it))
    }

    fn holds_for(&self, record: &Record) -> bool {
        let triggers = i128::from(record.tally.triggers);
        self.counts.iter().all(|(counter, count)| {
            counter.of(record) == count.map(|count| i128::from(count) * triggers)
        })
    }

    /// Returns whether it holds for all records of a run, and a line that says so.
    fn judge(&self, run: &Run) -> (Exit, String) {
        let mut about = run.records.iter().filter(|it| self.is_about(it)).peekable();
        let name = format!("{} {}", run.release, run.variant);
        if about.peek().is_none() {
            let line = format!("{name}: cannot tell whether {self}: no record of it");
            return (Exit::CannotTell, line);
        }
        let number = about.clone().count();
        match about.find(|it| !self.holds_for(it)) {
            None => (
                Exit::Good,
                format!("{name}: {self}: yes, in {number} records"),
            ),
            Some(record) => (
                Exit::Failed,
                format!("{name}: {self}: no, {}", counts(record)),
            ),
        }
    }
}

fn counts(record: &Record) -> String {
    let tally = &record.tally;
    let counter = |count: Option<u64>| count.map_or("null".to_owned(), |it| it.to_string());
    format!(
        "of {} hits run={} link={} prog={} lost={}",
        tally.triggers,
        tally.runs,
        counter(tally.link_missed),
        counter(tally.prog_missed),
        tally.lost()
    )
}

/// Judges all runs: one that does not hold outweighs one that is undecided. The
/// outcomes of the tests do not count.
pub(crate) fn judge(expectations: &[Expectation], runs: &[Run]) -> (Exit, Vec<String>) {
    let each = runs
        .iter()
        .flat_map(|run| expectations.iter().map(|it| it.judge(run)));
    let (exits, lines): (Vec<_>, Vec<_>) = each.unzip();
    let exit = if exits.contains(&Exit::Failed) {
        Exit::Failed
    } else if exits.is_empty() || exits.contains(&Exit::CannotTell) {
        Exit::CannotTell
    } else {
        Exit::Good
    };
    (exit, lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_wire::{Outcome, Tally};
    use proptest::prelude::*;
    use test_case::test_case;

    fn record(scenario: &str, triggers: u64, runs: u64, link: Option<u64>) -> Record {
        let tally = Tally {
            triggers,
            runs,
            link_missed: link,
            prog_missed: Some(0),
        };
        let flavor = scenario.starts_with("kprobe/").then_some(Flavor::Ftrace);
        let attach_type = scenario.split_once('/').unwrap().0.parse().unwrap();
        Record::new(scenario, attach_type, flavor, tally)
    }

    fn run(records: Vec<Record>) -> Run {
        Run {
            kernel: "7.2.12".into(),
            variant: "head".into(),
            release: "7.2.12".into(),
            accel: "tcg".into(),
            boot_s: None,
            total_s: 1.0,
            machine: Outcome::Pass,
            tests: vec![],
            records,
            ..Run::default()
        }
    }

    #[test_case("tp/a link=1" => Exit::Good; "each hit is counted")]
    #[test_case("tp/a link=1 run=0 lost=0" => Exit::Good; "several counts")]
    #[test_case("tp/a run=1" => Exit::Failed; "no hit ran")]
    #[test_case("tp/a link=null" => Exit::Failed; "there is a counter")]
    #[test_case("tp/mixed run=1" => Exit::Failed; "one record of two")]
    #[test_case("tp/none link=null lost=1" => Exit::Good; "there is no counter")]
    #[test_case("tp/none link=0" => Exit::Failed; "no counter is not 0")]
    #[test_case("tp/twice lost=-1" => Exit::Good; "counted twice")]
    #[test_case("kprobe/a@ftrace run=1" => Exit::Good; "its flavor")]
    #[test_case("kprobe/a@int3 run=1" => Exit::CannotTell; "another flavor")]
    #[test_case("tp/b link=1" => Exit::CannotTell; "no record")]
    fn verdict(text: &str) -> Exit {
        let records = vec![
            record("tp/a", 1, 0, Some(1)),
            record("tp/a", 1000, 0, Some(1000)),
            record("tp/mixed", 1, 1, Some(0)),
            record("tp/mixed", 1000, 999, Some(1)),
            record("tp/none", 2, 0, None),
            record("tp/twice", 2, 0, Some(4)),
            record("kprobe/a", 2, 2, Some(0)),
        ];
        judge(&[text.parse().unwrap()], &[run(records)]).0
    }

    #[test]
    fn failure_outweighs_what_cannot_be_told() {
        let expectations = ["tp/b run=1", "tp/a run=1"].map(|it| it.parse().unwrap());
        let run = run(vec![record("tp/a", 2, 0, Some(1))]);
        let (exit, lines) = judge(&expectations, &[run]);
        assert_eq!(exit, Exit::Failed);
        assert!(
            lines[1].ends_with("no, of 2 hits run=0 link=1 prog=0 lost=1"),
            "{lines:?}"
        );
        assert_eq!(judge(&expectations, &[]).0, Exit::CannotTell);
    }

    #[test_case("" => "\"\" does not begin with an attach type and '/'"; "empty")]
    #[test_case("at-third-level link=1" => "\"at-third-level\" does not begin with an attach type and '/'"; "no attach type")]
    #[test_case("kprobe.mutli/x link=1" => "\"kprobe.mutli/x\" does not begin with an attach type and '/'"; "misspelled")]
    #[test_case("tp/a" => "tp/a has no count"; "no count")]
    #[test_case("tp/a link" => "\"link\" is no COUNTER=N"; "no number")]
    #[test_case("tp/a link=x" => "\"link=x\" has no number"; "not a number")]
    #[test_case("tp/a missed=1" => "\"missed=1\" names none of run, link, prog, lost"; "unknown counter")]
    #[test_case("tp/a run=null" => "\"run=null\" has no number"; "always counted")]
    #[test_case("kprobe/a@x run=1" => "\"x\" is no flavor of a kprobe"; "unknown flavor")]
    fn mistake_is_named(text: &str) -> String {
        let error = text.parse::<Expectation>().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("'kprobe.multi/at-third-level run=0 link=1'")
        );
        error.0
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<Expectation>();
        }

        #[test]
        fn what_is_shown_reads_back(run in -9..9_i32, prog in proptest::option::of(0..9_i32)) {
            let prog = prog.map_or("null".to_owned(), |it| it.to_string());
            let text = format!("kprobe/a@ftrace run={run} prog={prog}");
            prop_assert_eq!(text.parse::<Expectation>().unwrap().to_string(), text);
        }
    }
}
