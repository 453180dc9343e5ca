// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on a function of a module, or on a function that a program on it
 * calls. The test says where those of trampolines sit.
 */
#include "session.bpf.h"

struct runs {
	__u64 outer;
	__u64 by_kprobe;
	__u64 by_kretprobe;
	__u64 by_multi;
	__u64 by_multi_return;
	__u64 by_session;
	__u64 by_session_return;
	__u64 by_fentry;
	__u64 by_fexit;
	__u64 by_fsession;
	__u64 by_fsession_return;
} runs;

NESTING_PROGRAM_AS("fentry", outer_fentry, outer)
NESTING_PROGRAM_AS("kprobe", outer_kprobe, outer)
NESTING_PROGRAM_AS("kprobe.multi", outer_multi, outer)

COUNTING_PROGRAM("kprobe", by_kprobe)
COUNTING_PROGRAM("kretprobe", by_kretprobe)
COUNTING_PROGRAM("kprobe.multi", by_multi)
COUNTING_PROGRAM("kretprobe.multi", by_multi_return)
SESSION_PROGRAM("kprobe.session", by_session)
COUNTING_PROGRAM("fentry", by_fentry)
COUNTING_PROGRAM("fexit", by_fexit)
SESSION_PROGRAM("fsession", by_fsession)
