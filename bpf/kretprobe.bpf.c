// SPDX-License-Identifier: GPL-2.0-only
/* Programs on the return of a function, and outer programs. */
#include "outer.bpf.h"
#include "session.bpf.h"

struct runs {
	__u64 outer;
	__u64 by_link;
	__u64 by_ioctl;
	__u64 event_by_link;
	__u64 event_by_ioctl;
	__u64 on_return;
	__u64 on_both;
	__u64 on_both_return;
} runs;

OUTER_PROGRAMS
COUNTING_PROGRAM("kretprobe", by_link)
COUNTING_PROGRAM("kretprobe", by_ioctl)
COUNTING_PROGRAM("kretprobe", event_by_link)
COUNTING_PROGRAM("kretprobe", event_by_ioctl)
COUNTING_PROGRAM("kretprobe.multi", on_return)
SESSION_PROGRAM("kprobe.session", on_both)
