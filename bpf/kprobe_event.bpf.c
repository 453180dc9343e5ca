// SPDX-License-Identifier: GPL-2.0-only
/* Kprobes by link, by ioctl and by tracefs event, and outer programs. */
#include "outer.bpf.h"

struct runs {
	__u64 outer;
	__u64 by_ioctl;
	__u64 event_by_ioctl;
	__u64 event_by_link;
	__u64 shared_1;
	__u64 shared_2;
	__u64 of_two_by_link;
	__u64 of_two_by_ioctl;
} runs;

OUTER_PROGRAMS
COUNTING_PROGRAM("kprobe", by_ioctl)
COUNTING_PROGRAM("kprobe", event_by_ioctl)
COUNTING_PROGRAM("kprobe", event_by_link)
COUNTING_PROGRAM("kprobe", shared_1)
COUNTING_PROGRAM("kprobe", shared_2)
COUNTING_PROGRAM("kprobe", of_two_by_link)
COUNTING_PROGRAM("kprobe", of_two_by_ioctl)
