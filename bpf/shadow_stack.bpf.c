// SPDX-License-Identifier: GPL-2.0-only
/* Programs on the return of a function, attached many times. */
#include "session.bpf.h"
#include "trigger.bpf.h"

struct runs {
	__u64 on_return;
	__u64 on_both;
	__u64 on_both_return;
} runs;

COUNTING_PROGRAM("kretprobe.multi", on_return)
SESSION_PROGRAM("kprobe.session", on_both)
