// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe.multi, and all that fits on a function that it calls. */
#include "session.bpf.h"
#include "trigger.bpf.h"

struct runs {
	__u64 outer;
	__u64 inner_kprobe_1;
	__u64 inner_kprobe_2;
	__u64 inner_kprobe_3;
	__u64 inner_multi;
	__u64 inner_session;
	__u64 inner_session_return;
} runs;

NESTING_PROGRAM("kprobe.multi", outer)
COUNTING_PROGRAM("kprobe", inner_kprobe_1)
COUNTING_PROGRAM("kprobe", inner_kprobe_2)
COUNTING_PROGRAM("kprobe", inner_kprobe_3)
COUNTING_PROGRAM("kprobe.multi", inner_multi)

/* A hit counts as a run if the program ran on entry. */
SESSION_PROGRAM("kprobe.session", inner_session)
