// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe.multi, and everything that may sit on a function it calls. */
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

/* The run on entry is the one that stands for the hit. */
SESSION_PROGRAM("kprobe.session", inner_session)
