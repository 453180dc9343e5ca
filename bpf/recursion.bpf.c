// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe.multi in a kprobe event, and programs on a function it calls. */
#include "session.bpf.h"
#include "trigger.bpf.h"

struct runs {
	__u64 beside;
	__u64 second;
	__u64 beside_second;
	__u64 third_kprobe;
	__u64 third_multi;
	__u64 third_return;
	__u64 third_session;
	__u64 third_session_return;
} runs;

COUNTING_PROGRAM("kprobe.multi", beside)
NESTING_PROGRAM("kprobe.multi", second)
COUNTING_PROGRAM("kprobe", beside_second)
COUNTING_PROGRAM("kprobe", third_kprobe)
COUNTING_PROGRAM("kprobe.multi", third_multi)
COUNTING_PROGRAM("kretprobe.multi", third_return)
SESSION_PROGRAM("kprobe.session", third_session)
