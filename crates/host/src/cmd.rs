// SPDX-License-Identifier: GPL-2.0-only
//! Running programs. None outlives the call.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::{Error, Result, check_interrupt, interrupted};

/// Time between SIGINT and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// Time for a killed process group to end.
const DYING: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);
/// Lines of output that an error quotes.
const TAIL: usize = 20;
/// Lines of output of a tied program that are kept.
const TIED_TAIL: usize = 200;
/// Lines that a program may be ahead of their reader.
const AHEAD: usize = 1024;
/// Bytes of the longest line; a longer one is split.
const LONGEST: u64 = 64 * 1024;
/// Runs a program unless its parent died before the kernel knew that it shall die with it.
const IF_PARENT_LIVES: &str = "[ \"$PPID\" = \"$0\" ] && exec \"$@\"";

/// Returns the full path of a program, if PATH has it.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|full| full.is_file())
}

/// Exit status and output of a program.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output and standard error, line by line as they came.
    pub lines: Vec<String>,
}

/// A program to run, in a process group of its own; without standard input, unless it is
/// given.
#[derive(Debug)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    dir: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    inherit: Option<&'static [&'static str]>,
    deadline: Option<Duration>,
    tied: bool,
    stdin: Option<OwnedFd>,
}

impl Cmd {
    /// A program with a name in PATH, or a path.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            dir: None,
            env: Vec::new(),
            inherit: None,
            deadline: None,
            tied: false,
            stdin: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets its working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Inherits only these variables, not all: for programs whose result depends on many.
    #[must_use]
    pub fn inherit_only(mut self, names: &'static [&'static str]) -> Self {
        self.inherit = Some(names);
        self
    }

    /// Sets the time that it may run.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Makes the kernel kill it when the calling thread dies, even by SIGKILL. This needs
    /// util-linux's `setpriv`, and has no effect without it. Of its output the last lines
    /// are kept.
    #[must_use]
    pub fn tied(mut self) -> Self {
        self.tied = true;
        self
    }

    /// Gives it standard input.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<OwnedFd>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// Returns the command line, quoted for a shell.
    #[must_use]
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// As [`Cmd::finish`], and [`Error::Failed`] if it did not succeed.
    pub fn run(&self) -> Result<Vec<String>> {
        self.stream(|_| ())
    }

    /// Runs it to its end; calls `on_line` for each line of output.
    ///
    /// # Errors
    /// As [`Cmd::finish`], and [`Error::Failed`] if it did not succeed.
    pub fn stream(&self, on_line: impl FnMut(&str)) -> Result<Vec<String>> {
        let finished = self.finish(on_line)?;
        if finished.status.success() {
            return Ok(finished.lines);
        }
        let skip = finished.lines.len().saturating_sub(TAIL);
        Err(Error::Failed {
            command: self.line(),
            status: finished.status.to_string(),
            tail: finished.lines.into_iter().skip(skip).collect(),
        })
    }

    /// Runs it to its end, and returns its exit status with the output.
    ///
    /// # Errors
    /// [`Error::NoProgram`], [`Error::TimedOut`], [`Error::Interrupted`]; in
    /// the last two cases its whole process group is gone.
    pub fn finish(&self, on_line: impl FnMut(&str)) -> Result<Finished> {
        self.finish_while(on_line, |_| true)
    }

    /// As [`Cmd::finish`], but calls `go_on` with the program's process id every few
    /// milliseconds, and stops it and its children when that returns false.
    ///
    /// # Errors
    /// As [`Cmd::finish`].
    pub fn finish_while(
        &self,
        mut on_line: impl FnMut(&str),
        mut go_on: impl FnMut(u32) -> bool,
    ) -> Result<Finished> {
        let mut running = Running::start(self)?;
        let mut lines = VecDeque::new();
        let status = loop {
            match running.output.recv_timeout(POLL) {
                Ok(line) => {
                    on_line(&line);
                    self.keep(&mut lines, line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(POLL / 10),
            }
            // A program that has ended is not late.
            if let Some(status) = running.poll(self)? {
                break status;
            }
            running.check_limits(self)?;
            if !go_on(running.child.id()) {
                running.stop();
            }
        };
        // A process that it has left may hold the pipe.
        while let Ok(line) = running.output.recv_timeout(DYING) {
            check_interrupt()?;
            on_line(&line);
            self.keep(&mut lines, line);
        }
        Ok(Finished {
            status,
            lines: lines.into(),
        })
    }

    fn keep(&self, lines: &mut VecDeque<String>, line: String) {
        if self.tied && lines.len() == TIED_TAIL {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn command(&self) -> std::io::Result<Command> {
        let stdin = self.stdin.as_ref().map(OwnedFd::try_clone).transpose()?;
        let mut command = self.program_or_guard();
        if let Some(names) = self.inherit {
            let kept = names
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.env_clear().envs(kept);
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
            .process_group(0)
            .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs the program by `setpriv`, unless it does not exist: the error would be that of
    /// `setpriv`.
    fn program_or_guard(&self) -> Command {
        let there = || find_program(&self.program.to_string_lossy());
        let guard = self
            .tied
            .then(there)
            .flatten()
            .and_then(|_| find_program("setpriv"));
        let Some(guard) = guard else {
            return Command::new(&self.program);
        };
        let mut command = Command::new(guard);
        command
            .args(["--pdeathsig", "KILL", "--", "sh", "-c", IF_PARENT_LIVES])
            .arg(std::process::id().to_string())
            .arg(&self.program);
        command
    }

    fn spawn(&self) -> Result<Child> {
        self.command()
            .and_then(|mut command| command.spawn())
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound
                    if self.dir.as_ref().is_none_or(|dir| dir.is_dir()) =>
                {
                    Error::NoProgram {
                        program: self.program.to_string_lossy().into_owned(),
                    }
                }
                _ => Error::Io {
                    action: "run",
                    path: PathBuf::from(&self.program),
                    cause: source,
                },
            })
    }
}

/// A child process, stopped when this is dropped.
struct Running {
    child: Child,
    output: Receiver<String>,
    started: Instant,
    ended: bool,
}

impl Running {
    fn start(cmd: &Cmd) -> Result<Self> {
        let mut child = cmd.spawn()?;
        let (send, output) = sync_channel(AHEAD);
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, send.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, send);
        }
        Ok(Self {
            child,
            output,
            started: Instant::now(),
            ended: false,
        })
    }

    fn check_limits(&mut self, cmd: &Cmd) -> Result<()> {
        if interrupted() {
            self.stop();
            return Err(Error::Interrupted);
        }
        match cmd.deadline {
            Some(after) if self.started.elapsed() > after => {
                self.stop();
                Err(Error::TimedOut {
                    command: cmd.line(),
                    after,
                })
            }
            _ => Ok(()),
        }
    }

    fn poll(&mut self, cmd: &Cmd) -> Result<Option<ExitStatus>> {
        let status = self
            .child
            .try_wait()
            .map_err(Error::io("wait for", &cmd.program))?;
        self.ended = status.is_some();
        Ok(status)
    }

    /// Sends SIGINT, then SIGKILL, to the process group.
    fn stop(&mut self) {
        self.signal(Signal::INT);
        let signalled = Instant::now();
        while signalled.elapsed() < GRACE {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(POLL);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        self.ended = true;
        self.wait_for_group();
    }

    /// Waits for the killed processes, but not for ever: an unreaped one stays in the group.
    fn wait_for_group(&self) {
        let killed = Instant::now();
        let alive = |group| test_kill_process_group(group).is_ok();
        while self.group().is_some_and(alive) && killed.elapsed() < DYING {
            std::thread::sleep(POLL);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // An error means that the group is empty.
            let _ = kill_process_group(group, signal);
        }
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.stop();
        }
    }
}

fn forward(pipe: impl Read + Send + 'static, send: SyncSender<String>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        let mut next = |line: &mut _| reader.by_ref().take(LONGEST).read_until(b'\n', line);
        while matches!(next(&mut line), Ok(count) if count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if send.send(text).is_err() {
                return;
            }
        }
    });
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+.,/:@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn sh(script: &str) -> Cmd {
        Cmd::new("sh").arg("-c").arg(script)
    }

    #[test]
    fn output_of_both_streams_comes_line_by_line() {
        let mut seen = Vec::new();
        let mut lines = sh("echo a; echo b >&2; printf c")
            .stream(|line| seen.push(line.to_owned()))
            .unwrap();
        assert_eq!(seen, lines);
        lines.sort();
        assert_eq!(lines, ["a", "b", "c"]);
    }

    #[test]
    fn only_the_named_variables_are_inherited() {
        let lines = Cmd::new("/usr/bin/env")
            .env("ADDED", "1")
            .inherit_only(&["PATH"])
            .run()
            .unwrap();
        let mut names: Vec<_> = lines
            .iter()
            .filter_map(|line| line.split('=').next())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["ADDED", "PATH"]);
    }

    #[test]
    fn a_failure_quotes_the_command_and_its_last_lines() {
        let error = sh("seq 30; exit 3").run().unwrap_err().to_string();
        assert!(error.contains("sh -c 'seq 30; exit 3'"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(
            error.contains("\n  | 30") && !error.contains("\n  | 10\n"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_points_to_doctor() {
        let error = Cmd::new("no-such-program-at-all")
            .run()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no-such-program-at-all") && error.contains("doctor"),
            "{error}"
        );
    }

    #[test]
    fn a_deadline_ends_the_whole_group() {
        let script = "sleep 1000 & echo $!; wait";
        let mut pid = String::new();
        let result = sh(script)
            .deadline(Duration::from_millis(300))
            .stream(|line| pid = line.to_owned());
        assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
        let alive = sh(&format!(
            "kill -0 {pid} && ! grep -q '^State:.Z' /proc/{pid}/status"
        ));
        assert!(alive.run().is_err(), "sleep {pid} is still there");
    }

    #[test]
    fn the_caller_can_stop_it() {
        let mut lines = 0;
        let stopped = sh("echo 1; exec sleep 1000").finish_while(
            |_| (),
            |_| {
                lines += 1;
                lines < 3
            },
        );
        assert!(!stopped.unwrap().status.success());
    }

    #[test]
    fn a_tied_program_runs_like_any_other() {
        assert_eq!(sh("echo $0").tied().run().unwrap(), ["sh"]);
        let many = sh("seq 9999").tied().run().unwrap();
        assert_eq!(
            (many.len(), many.last().unwrap().as_str()),
            (TIED_TAIL, "9999")
        );
        let error = Cmd::new("no-such-program-at-all").tied().run();
        assert!(matches!(error, Err(Error::NoProgram { .. })), "{error:?}");
    }

    #[test]
    fn a_process_that_holds_the_pipe_is_not_waited_for() {
        let begun = Instant::now();
        let lines = sh("setsid sleep 1000 & echo $!").run().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(500));
        sh(&format!("kill {}", lines[0])).run().unwrap();
    }

    #[test]
    fn an_orphan_does_not_run() {
        let script = format!("sh -c '{IF_PARENT_LIVES}' 1 echo ran || echo refused");
        assert_eq!(sh(&script).run().unwrap(), ["refused"]);
    }

    #[test]
    fn a_line_without_an_end_comes_in_parts() {
        let lines = sh("head -c 200000 /dev/zero | tr '\\0' x").run().unwrap();
        let lengths: Vec<_> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [65536, 65536, 65536, 3392]);
    }

    #[test_case("a-b=c/d", "a-b=c/d"; "plain words stay")]
    #[test_case("a b", "'a b'"; "blanks are quoted")]
    #[test_case("it's", r"'it'\''s'"; "quotes are escaped")]
    #[test_case("", "''"; "nothing is visible")]
    fn words_read_back(word: &str, quoted: &str) {
        assert_eq!(quote(OsStr::new(word)), quoted);
    }
}
