// SPDX-License-Identifier: GPL-2.0-only
//! Judges a boot from the guest's messages, its console and the time.
//!
//! Pure: all times are arguments, as the guest's time since QEMU's start
//! ([`GuestTime`](crate::guest_time::GuestTime)).

mod backtrace;

use std::path::Path;
use std::time::Duration;

use nmissed_wire::text::printable;
use nmissed_wire::{
    Message, Outcome, PlannedTest, READING_MARK, Record, Severity, TROUBLE_MARK, TestResult,
    WIRE_VERSION, WireError, report,
};

use crate::console;
use crate::machines::Deadlines;
use crate::watch::backtrace::Places;

/// The kernel's last line where it cannot restart (kernel/panic.c), as in a
/// panic before it has read `panic=`.
const PANIC_END: &str = "---[ end Kernel panic";
/// The kernel's line at the end of PID 1 (kernel/exit.c), which is of this project.
const PID_1_DIED: &str = "Kernel panic - not syncing: Attempted to kill init!";
/// How many reports of a kernel are kept.
const MOST_REPORTS: usize = 1000;
/// Begins the lines of PID 1 and the tests.
const PID_1: &str = "nmissed: ";

/// How QEMU ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// Killed, since the user interrupted.
    Interrupted,
    /// Killed, or ended by an NMI, since it had not done this in time.
    Overdue(String),
    /// By itself.
    Exited {
        /// Whether QEMU failed, or a signal ended it; otherwise the guest ended the machine.
        failed: bool,
        /// The exit status, and QEMU's output.
        description: String,
    },
}

/// The state of a boot.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    plan: &'a [PlannedTest],
    deadlines: Deadlines,
    /// What is missing if nothing arrives between `since` and `due`.
    missing: String,
    since: Duration,
    due: Duration,
    /// The kernel's release.
    release: Option<String>,
    running: Option<(&'a PlannedTest, Duration)>,
    /// The source that the running test reads.
    reading: Option<String>,
    tests: Vec<TestResult>,
    records: Vec<Record>,
    /// The first lines of all reports on the console.
    reports: Vec<String>,
    /// The first of the worst reports since the boot, or the test, began.
    worst_report: Option<(Severity, String)>,
    last_line: String,
    trouble: Option<String>,
    /// A line that another program than PID 1 sent during the running test.
    forged: Option<String>,
    /// The kernel has halted after a panic.
    stopped: bool,
    /// Where the kernel is, since it was found to hang.
    places: Option<Places>,
    bye: bool,
}

/// The result of a boot.
#[derive(Debug)]
pub(crate) struct MachineVerdict {
    pub(crate) release: Option<String>,
    pub(crate) machine: Outcome,
    pub(crate) tests: Vec<TestResult>,
    pub(crate) records: Vec<Record>,
    pub(crate) reports: Vec<String>,
    /// The source that a test was reading as the machine ended.
    pub(crate) deadly_source: Option<String>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(plan: &'a [PlannedTest], deadlines: Deadlines) -> Self {
        Self {
            plan,
            deadlines,
            missing: "no word from PID 1".to_owned(),
            since: Duration::ZERO,
            due: deadlines.boot,
            release: None,
            running: None,
            reading: None,
            tests: Vec::new(),
            records: Vec::new(),
            reports: Vec::new(),
            worst_report: None,
            last_line: String::new(),
            trouble: None,
            forged: None,
            stopped: false,
            places: None,
            bye: false,
        }
    }

    /// Takes a message of the guest; returns false if it is not its turn.
    pub(crate) fn message(&mut self, now: Duration, message: &Message) -> bool {
        if let Some(why) = self.out_of_turn(message) {
            self.trouble(why);
            return false;
        }
        match message {
            Message::Hello {
                version, release, ..
            } => self.hello(now, *version, release),
            Message::Start { name } => self.start(now, name),
            Message::Record { record } => self.records.push(record.clone()),
            // The caller of boot() has it.
            Message::Answer { .. } => {}
            Message::End {
                name,
                outcome,
                seconds,
            } => {
                self.running = None;
                let forged = self.forged.take().filter(|_| outcome.is_good());
                self.tests.push(TestResult {
                    name: name.clone(),
                    outcome: forged.map_or_else(|| outcome.clone(), Outcome::Fail),
                    seconds: *seconds,
                });
                self.expect(now, Duration::ZERO, "no further test and no end");
            }
            Message::Trouble { why } => self.trouble(why.clone()),
            Message::Bye => {
                self.bye = true;
                self.expect(now, Duration::ZERO, "no power-off");
            }
        }
        true
    }

    /// Returns what is wrong with a message that does not follow those before it.
    fn out_of_turn(&self, message: &Message) -> Option<String> {
        let running = self.running.as_ref().map(|(test, _)| test.name());
        let next = self.plan.get(self.tests.len()).map(PlannedTest::name);
        match (message, running) {
            (Message::Start { name }, Some(running)) => {
                Some(format!("PID 1 starts {name} while {running} runs"))
            }
            (Message::Start { name }, None) if next.as_ref() != Some(name) => Some(format!(
                "PID 1 runs {name}, which is not the next test of the plan"
            )),
            (Message::End { name, .. }, running) if running.as_ref() != Some(name) => {
                Some(format!("PID 1 ends {name}, which does not run"))
            }
            (Message::Record { .. } | Message::Answer { .. }, None) => {
                Some("PID 1 sends a record while no test runs".to_owned())
            }
            _ => None,
        }
    }

    /// Takes a line of the guest that is no message. One that a test wrote in the place of
    /// PID 1 makes the test fail.
    pub(crate) fn invalid_message(&mut self, error: &WireError) {
        let why = error.to_string();
        match error {
            WireError::Forged { .. } if self.running.is_some() => {
                self.forged.get_or_insert(why);
            }
            _ => self.trouble(why),
        }
    }

    /// Takes note that messages may be missing.
    pub(crate) fn disk_is_full(&mut self, folder: &Path) {
        if !self.bye {
            let folder = folder.display();
            self.trouble = Some(format!("no space left on the disk of {folder}: make room"));
        }
    }

    /// Takes a line of the console.
    pub(crate) fn console(&mut self, line: &str) {
        let text = console::text(line);
        if let Some(places) = &mut self.places {
            // The panic is the host's.
            return places.line(text);
        }
        if let Some(why) = text.strip_prefix(TROUBLE_MARK) {
            self.trouble(why.to_owned());
        }
        // The next line of PID 1 ends what its test has not.
        if let Some(source) = text.strip_prefix(READING_MARK.trim_end()) {
            self.reading = Some(source.trim().to_owned()).filter(|source| !source.is_empty());
        } else if text.starts_with(PID_1) {
            self.reading = None;
        }
        if let Some(severity) = report(text) {
            self.report(severity, printable(text));
        }
        // A program can write this line, too.
        self.stopped |= text.starts_with(PANIC_END) && self.crash().is_some();
        if !text.is_empty() {
            self.last_line = printable(text);
        }
    }

    fn report(&mut self, severity: Severity, text: String) {
        let worst = self.worst_report.as_ref().map(|(severity, _)| *severity);
        if worst < Some(severity) {
            self.worst_report = Some((severity, text.clone()));
        }
        if self.reports.len() < MOST_REPORTS {
            self.reports.push(text);
        }
    }

    /// Returns what a boot that is overdue has not done.
    pub(crate) fn overdue(&self, now: Duration) -> Option<String> {
        let (total, due) = (self.deadlines.total, self.due);
        if now > total {
            Some(format!("not done within {} s", total.as_secs()))
        } else if now > due || self.stopped {
            let waited = (due - self.since).as_secs();
            let words = self.last_words();
            Some(format!("{} within {waited} s; {words}", self.missing))
        } else {
            None
        }
    }

    /// Whether a kernel that is overdue hangs; all lines of the console from now on are taken
    /// as the answer to an NMI.
    pub(crate) fn hangs(&mut self) -> bool {
        let hangs = self.crash().is_none();
        self.places = hangs.then(Places::default);
        hangs
    }

    /// Returns the result, after QEMU has ended.
    pub(crate) fn finish(mut self, now: Duration, ending: Ending) -> MachineVerdict {
        let machine = self.judge(ending);
        let (machine, deadly_source) = blame(machine, self.reading.take());
        if let Some((test, since)) = self.running.take() {
            self.tests.push(TestResult {
                name: test.name(),
                outcome: machine.clone(),
                seconds: now.saturating_sub(since).as_secs_f64(),
            });
        }
        let not_run = format!("not run: the machine ended before ({})", machine.name());
        for test in &self.plan[self.tests.len().min(self.plan.len())..] {
            self.tests.push(TestResult {
                name: test.name(),
                outcome: Outcome::Infra(not_run.clone()),
                seconds: 0.0,
            });
        }
        MachineVerdict {
            release: self.release,
            machine,
            tests: self.tests,
            records: self.records,
            reports: self.reports,
            deadly_source,
        }
    }

    fn hello(&mut self, now: Duration, version: u32, release: &str) {
        if version != WIRE_VERSION {
            self.trouble(format!(
                "PID 1 sends messages of version {version}, not {WIRE_VERSION}: it was not rebuilt"
            ));
        }
        self.release = Some(release.to_owned());
        self.expect(now, Duration::ZERO, "no test began");
    }

    fn start(&mut self, now: Duration, name: &str) {
        let next = self.plan.get(self.tests.len());
        let Some(test) = next.filter(|test| test.name() == name) else {
            return;
        };
        self.running = Some((test, now));
        self.worst_report = None;
        let deadline = Duration::try_from_secs_f64(test.deadline_s).unwrap_or_default();
        self.expect(now, deadline, "no end of the test");
    }

    fn expect(&mut self, now: Duration, within: Duration, missing: &str) {
        self.missing = missing.to_owned();
        self.since = now;
        self.due = now + within + self.deadlines.grace;
    }

    /// Keeps the first trouble: later ones follow from it.
    fn trouble(&mut self, why: String) {
        self.trouble.get_or_insert(why);
    }

    /// What the kernel reports of itself outweighs all messages.
    fn judge(&mut self, ending: Ending) -> Outcome {
        if let Some(crash) = self.crash().filter(Outcome::is_failure) {
            return crash;
        }
        if let Some(why) = self.trouble.take() {
            return Outcome::Infra(why);
        }
        if let Some(end_of_pid_1) = self.crash() {
            return end_of_pid_1;
        }
        match ending {
            Ending::Interrupted => Outcome::Infra("interrupted".to_owned()),
            Ending::Overdue(silence) => {
                let places = self.places.take().unwrap_or_default();
                Outcome::Hang(silence + &places.text())
            }
            Ending::Exited {
                failed: true,
                description,
            } => Outcome::Infra(description),
            Ending::Exited { .. } if self.bye => Outcome::Pass,
            Ending::Exited { description, .. } if self.last_line.is_empty() => {
                Outcome::Infra(format!("{description}, before the kernel wrote a line"))
            }
            Ending::Exited { description, .. } => {
                Outcome::LostVm(format!("{description}; {}", self.last_words()))
            }
        }
    }

    /// Returns what a fatal report says; the end of PID 1 says nothing about the kernel.
    fn crash(&self) -> Option<Outcome> {
        let fatal = |(severity, text): &(Severity, String)| {
            let outcome = match text.starts_with(PID_1_DIED) {
                true => Outcome::Infra(format!("PID 1 died: {text}")),
                false => Outcome::Crash(text.clone()),
            };
            (*severity == Severity::Fatal).then_some(outcome)
        };
        self.worst_report.as_ref().and_then(fatal)
    }

    fn last_words(&self) -> String {
        match &self.worst_report {
            Some((_, report)) => format!("the kernel had reported: {report}"),
            None => format!("the console's last line: {}", self.last_line),
        }
    }
}

/// Names the source that was read in the outcome of a machine that crashed or was lost, and
/// returns both. A test that is late may be reading any source at its deadline.
fn blame(machine: Outcome, reading: Option<String>) -> (Outcome, Option<String>) {
    let Some(source) = reading else {
        return (machine, None);
    };
    let text = |does: &str, why| {
        format!("reading {source} {does} this kernel: {why}; not read in further boots")
    };
    let outcome = match machine {
        Outcome::Crash(why) => Outcome::Crash(text("crashes", why)),
        Outcome::LostVm(why) => Outcome::LostVm(text("ends", why)),
        other => return (other, None),
    };
    (outcome, Some(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    const OOPS: &str = "BUG: kernel NULL pointer dereference, address: 0000000000000008";
    const WARNING: &str = "WARNING: CPU: 0 PID: 71 at kernel/trace/ftrace.c:1 f+0x1/0x2";
    const PANIC: &str = "[    2.5] Kernel panic - not syncing: Fatal exception";

    fn plan() -> Vec<PlannedTest> {
        let test = |test: &str| PlannedTest {
            binary: "missed".to_owned(),
            test: test.to_owned(),
            deadline_s: 20.0,
        };
        ["a", "b", "c"].map(test).to_vec()
    }

    fn deadlines() -> Deadlines {
        let [boot, test, grace, total] = [10, 20, 5, 100].map(Duration::from_secs);
        Deadlines {
            boot,
            test,
            grace,
            total,
        }
    }

    fn hello() -> Message {
        Message::Hello {
            version: WIRE_VERSION,
            release: "6.12.117".to_owned(),
            tests: 3,
        }
    }

    fn start(test: &str) -> Message {
        Message::Start {
            name: format!("missed::{test}"),
        }
    }

    fn end(test: &str) -> Message {
        Message::End {
            name: format!("missed::{test}"),
            outcome: Outcome::Pass,
            seconds: 0.5,
        }
    }

    fn exited(code: i32) -> Ending {
        Ending::Exited {
            failed: code != 0,
            description: format!("QEMU ended ({code})"),
        }
    }

    /// A message takes a second, a line of the console no time.
    enum Event {
        Sends(Message),
        Shows(&'static str),
        /// A line of another program than PID 1.
        Forges(&'static str),
    }
    use Event::{Forges, Sends, Shows};

    /// The outcomes of the machine and of the tests.
    fn outcomes(events: Vec<Event>, ending: Option<Ending>) -> (Outcome, Vec<Outcome>) {
        let plan = plan();
        let mut watch = Watch::new(&plan, deadlines());
        let mut now = Duration::ZERO;
        for event in events {
            match event {
                Sends(message) => {
                    now += Duration::from_secs(1);
                    watch.message(now, &message);
                }
                Forges(line) => watch.invalid_message(&WireError::Forged {
                    line: line.to_owned(),
                }),
                Shows(line) => watch.console(line),
            }
            assert_eq!(watch.overdue(now), None);
        }
        let ending = ending.unwrap_or_else(|| {
            now += Duration::from_secs(50);
            Ending::Overdue(watch.overdue(now).expect("50 s is more than any deadline"))
        });
        let verdict = watch.finish(now, ending);
        let tests = verdict.tests.into_iter().map(|test| test.outcome);
        (verdict.machine, tests.collect())
    }

    fn not_run(machine: &str) -> Outcome {
        Outcome::Infra(format!("not run: the machine ended before ({machine})"))
    }

    #[test]
    fn a_boot_that_powers_off_passes() {
        let mut events = vec![Sends(hello())];
        events.extend(
            ["a", "b", "c"]
                .into_iter()
                .flat_map(|test| [Sends(start(test)), Sends(end(test))]),
        );
        events.extend([Sends(Message::Bye), Shows("reboot: machine restart")]);
        let expected = (Outcome::Pass, vec![Outcome::Pass; 3]);
        assert_eq!(outcomes(events, Some(exited(0))), expected);
    }

    #[test]
    fn a_crash_after_the_last_message_is_no_pass() {
        let mut events = vec![Sends(hello())];
        for test in ["a", "b", "c"] {
            events.extend([Sends(start(test)), Sends(end(test))]);
        }
        events.extend([Sends(Message::Bye), Shows(OOPS), Shows(PANIC)]);
        let expected = (Outcome::Crash(OOPS.to_owned()), vec![Outcome::Pass; 3]);
        assert_eq!(outcomes(events, Some(exited(0))), expected);
    }

    #[test]
    fn a_test_that_writes_messages_of_pid_1_fails_and_no_other() {
        let events = vec![
            Sends(hello()),
            Sends(start("a")),
            Forges("{}"),
            Sends(end("a")),
            Sends(start("b")),
            Sends(end("b")),
            Sends(start("c")),
            Sends(end("c")),
            Sends(Message::Bye),
        ];
        let why = "a program wrote to the host in the place of PID 1: {}".to_owned();
        let tests = vec![Outcome::Fail(why), Outcome::Pass, Outcome::Pass];
        assert_eq!(outcomes(events, Some(exited(0))), (Outcome::Pass, tests));
    }

    #[test]
    fn an_oops_that_ends_pid_1_is_a_crash() {
        let died = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009";
        let events = vec![Sends(hello()), Sends(start("a")), Shows(OOPS), Shows(died)];
        let crash = Outcome::Crash(OOPS.to_owned());
        assert_eq!(outcomes(events, Some(exited(0))).0, crash);
    }

    #[test]
    fn a_line_like_the_end_of_a_panic_is_no_panic() {
        let plan = plan();
        let mut watch = Watch::new(&plan, deadlines());
        watch.console("---[ end Kernel panic - not syncing: by a program ]---");
        assert_eq!(watch.overdue(Duration::ZERO), None);
    }

    #[test]
    fn a_crash_outweighs_what_a_broken_guest_sends() {
        let events = vec![
            Sends(hello()),
            Sends(start("a")),
            Shows(OOPS),
            Sends(start("c")),
        ];
        let crash = Outcome::Crash(OOPS.to_owned());
        assert_eq!(outcomes(events, Some(exited(0))).0, crash);
    }

    #[test]
    fn a_crash_belongs_to_the_running_test() {
        let events = vec![
            Sends(hello()),
            Sends(start("a")),
            Sends(end("a")),
            Sends(start("b")),
            Shows(WARNING),
            Shows(OOPS),
            Shows(PANIC),
        ];
        let crash = Outcome::Crash(OOPS.to_owned());
        let tests = vec![Outcome::Pass, crash.clone(), not_run("crash")];
        assert_eq!(outcomes(events, Some(exited(0))), (crash, tests));
    }

    #[test_case(&["[ 1.2] nmissed: reading: fdinfo"], true; "it is read")]
    #[test_case(&["nmissed: reading: fdinfo", "nmissed: reading: "], false; "it was read")]
    #[test_case(&["nmissed: reading: x", "nmissed: reading: fdinfo"], true; "after another")]
    #[test_case(&["nmissed: reading: fdinfo", "nmissed: missed::b starts"], false; "another test runs")]
    fn a_source_that_is_read_is_named_in_the_crash(lines: &[&'static str], is_named: bool) {
        let mut events = vec![Sends(hello()), Sends(start("a"))];
        events.extend(lines.iter().map(|line| Shows(line)));
        events.push(Shows(OOPS));
        let why = match is_named {
            true => {
                format!("reading fdinfo crashes this kernel: {OOPS}; not read in further boots")
            }
            false => OOPS.to_owned(),
        };
        assert_eq!(outcomes(events, Some(exited(0))).0, Outcome::Crash(why));
    }

    #[test]
    fn a_source_that_is_read_is_not_blamed_for_a_hang() {
        let reading = Shows("nmissed: reading: fdinfo");
        let events = vec![Sends(hello()), Sends(start("a")), reading];
        let Outcome::Hang(why) = outcomes(events, None).0 else {
            panic!("a test that is late hangs");
        };
        assert!(why.starts_with("no end of the test within"), "{why}");
    }

    #[test]
    fn a_crash_after_which_the_machine_runs_on_is_no_hang() {
        let events = vec![Sends(hello()), Sends(start("a")), Shows(OOPS)];
        assert_eq!(outcomes(events, None).0, Outcome::Crash(OOPS.to_owned()));
    }

    #[test]
    fn the_panic_of_a_hang_is_no_crash_and_names_the_function() {
        let plan = plan();
        let mut watch = Watch::new(&plan, deadlines());
        let now = Duration::from_secs(50);
        let silence = watch.overdue(now).expect("50 s is more than any deadline");
        assert!(watch.hangs());
        watch.console("[   50.1] Kernel panic - not syncing: NMI: Not continuing");
        watch.console("[   50.1] NMI backtrace for cpu 1");
        watch.console("[   50.1] RIP: 0010:queued_spin_lock_slowpath+0x5e/0x2b0");
        let verdict = watch.finish(now, Ending::Overdue(silence));
        let Outcome::Hang(why) = verdict.machine else {
            panic!("{:?}", verdict.machine);
        };
        assert!(
            why.ends_with("; CPU 1 in queued_spin_lock_slowpath"),
            "{why}"
        );
        assert!(verdict.reports.is_empty());
    }

    #[test]
    fn a_halted_kernel_is_overdue_at_once() {
        let plan = plan();
        let mut watch = Watch::new(&plan, deadlines());
        watch.console("Kernel panic - not syncing: no memory");
        assert_eq!(watch.overdue(Duration::ZERO), None);
        watch.console("---[ end Kernel panic - not syncing: no memory ]---");
        let silence = watch.overdue(Duration::ZERO).expect("it has halted");
        assert!(!watch.hangs());
        let verdict = watch.finish(Duration::ZERO, Ending::Overdue(silence));
        let crash = Outcome::Crash("Kernel panic - not syncing: no memory".to_owned());
        assert_eq!(verdict.machine, crash);
    }

    #[test]
    fn a_report_before_a_test_is_not_counted_against_it() {
        let events = vec![Shows(WARNING), Sends(hello()), Sends(start("a"))];
        let lost = "QEMU ended (0); the console's last line: WARNING";
        let (machine, _) = outcomes(events, Some(exited(0)));
        assert!(
            matches!(&machine, Outcome::LostVm(why) if why.starts_with(lost)),
            "{machine:?}"
        );
    }

    #[test_case(vec![Shows("[    0.1] Run /init as init process")],
        "no word from PID 1 within 10 s; the console's last line: Run /init as init process"; "before PID 1")]
    #[test_case(vec![Sends(hello()), Sends(start("a")), Shows("  | going")],
        "no end of the test within 25 s; the console's last line: | going"; "in a test")]
    #[test_case(vec![Sends(hello()), Sends(start("a")), Shows(WARNING)],
        &format!("no end of the test within 25 s; the kernel had reported: {WARNING}");
        "after a warning")]
    #[test_case(vec![Sends(hello()), Sends(Message::Bye)],
        "no power-off within 5 s; the console's last line: "; "at the end")]
    fn silence_is_a_hang(events: Vec<Event>, why: &str) {
        assert_eq!(outcomes(events, None).0, Outcome::Hang(why.to_owned()));
    }

    #[test_case(vec![Sends(Message::Trouble { why: "no way".to_owned() })], exited(0), "no way"; "PID 1 says so")]
    #[test_case(vec![Shows("nmissed: trouble: no way")], exited(0), "no way"; "on the console alone")]
    #[test_case(vec![], exited(1), "QEMU ended (1)"; "QEMU never started the guest")]
    #[test_case(vec![], exited(0), "QEMU ended (0), before the kernel wrote a line"; "no line of the kernel")]
    #[test_case(vec![Shows("x")], exited(9), "QEMU ended (9)"; "QEMU is killed")]
    #[test_case(vec![Shows("[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100")], exited(0),
        "PID 1 died: Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100"; "PID 1 ends")]
    #[test_case(vec![Sends(hello()), Sends(start("c"))], exited(0),
        "PID 1 runs missed::c, which is not the next test of the plan"; "another plan")]
    #[test_case(vec![Sends(hello()), Sends(end("a"))], exited(0),
        "PID 1 ends missed::a, which does not run"; "an end without a start")]
    #[test_case(vec![Forges("{}"), Sends(hello())], exited(0),
        "a program wrote to the host in the place of PID 1: {}"; "forged before any test")]
    fn trouble_of_the_host_or_pid_1_is_infra(events: Vec<Event>, ending: Ending, why: &str) {
        let (machine, tests) = outcomes(events, Some(ending));
        assert_eq!(machine, Outcome::Infra(why.to_owned()));
        assert_eq!(tests, vec![not_run("infra"); 3]);
    }

    #[test]
    fn messages_of_another_version_are_infra() {
        let stale = Message::Hello {
            version: WIRE_VERSION + 1,
            release: String::new(),
            tests: 3,
        };
        let (machine, _) = outcomes(vec![Sends(stale)], Some(exited(0)));
        assert!(
            matches!(&machine, Outcome::Infra(why) if why.contains("not rebuilt")),
            "{machine:?}"
        );
    }
}
