// SPDX-License-Identifier: GPL-2.0-only
//! Which lines of the kernel log say that something went wrong.

/// How bad a report of the kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The kernel noticed something and went on.
    Complaint,
    /// The kernel, or the task at hand, could not go on.
    Fatal,
}

/// How reports begin. The first match counts, so that the fatal kinds of
/// `BUG:` (arch/x86/mm/fault.c, `show_fault_oops`) come before the rest.
const REPORTS: &[(&str, Severity)] = &[
    ("Kernel panic - not syncing", Severity::Fatal),
    ("BUG: kernel NULL pointer dereference", Severity::Fatal),
    ("BUG: unable to handle page fault", Severity::Fatal),
    ("BUG: TASK stack guard page was hit", Severity::Fatal),
    ("BUG: IRQ stack guard page was hit", Severity::Fatal),
    ("kernel BUG at ", Severity::Fatal),
    ("Oops", Severity::Fatal),
    ("general protection fault", Severity::Fatal),
    ("PANIC: double fault", Severity::Fatal),
    ("BUG: ", Severity::Complaint),
    ("WARNING: ", Severity::Complaint),
    ("watchdog: BUG: soft lockup", Severity::Complaint),
    ("watchdog: BUG: hard lockup", Severity::Complaint),
    ("INFO: task ", Severity::Complaint),
    ("INFO: rcu", Severity::Complaint),
    ("rcu: INFO: ", Severity::Complaint),
    ("UBSAN: ", Severity::Complaint),
    // Lockdep (register_lock_class), and lists under CONFIG_DEBUG_LIST.
    ("INFO: trying to register", Severity::Complaint),
    ("DEBUG_LOCKS_WARN_ON(", Severity::Complaint),
    ("list_add ", Severity::Complaint),
    ("list_del ", Severity::Complaint),
    ("refcount_t: ", Severity::Complaint),
    ("unchecked MSR access error", Severity::Complaint),
];

/// Whether a line of the kernel log, without timestamp, begins a report.
#[must_use]
pub fn report(line: &str) -> Option<Severity> {
    let found = REPORTS.iter().find(|(begin, _)| line.starts_with(begin));
    found.map(|&(_, severity)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("BUG: kernel NULL pointer dereference, address: 0000000000000000", Some(Severity::Fatal); "null")]
    #[test_case("BUG: KASAN: slab-use-after-free in kprobe_multi_link_prog_run", Some(Severity::Complaint); "kasan")]
    #[test_case("list_del corruption, ffff888000000000->next is NULL", Some(Severity::Complaint); "list")]
    #[test_case("WARNING: CPU: 1 PID: 71 at kernel/bpf/trampoline.c:9 f+0x1/0x2", Some(Severity::Complaint); "warning in 6.12")]
    #[test_case("WARNING: kernel/trace/fprobe.c:9 at f+0x1/0x2, CPU#1: missed/71", Some(Severity::Complaint); "warning in 7.x")]
    #[test_case("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100", Some(Severity::Fatal); "panic")]
    #[test_case("Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP", Some(Severity::Fatal); "oops")]
    #[test_case("kprobes: kprobe jump-optimization is enabled.", None; "boot message")]
    #[test_case("a test says WARNING: in its middle", None; "not at the start")]
    fn only_reports_are_reports(line: &str, expected: Option<Severity>) {
        assert_eq!(report(line), expected);
    }
}
