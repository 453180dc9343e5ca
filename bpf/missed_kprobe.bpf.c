// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe, and programs on a function that it calls. */
#include "trigger.bpf.h"

struct runs {
	__u64 outer;
	__u64 inner_kprobe;
	__u64 inner_multi;
} runs;

NESTING_PROGRAM("kprobe", outer)
COUNTING_PROGRAM("kprobe", inner_kprobe)
COUNTING_PROGRAM("kprobe.multi", inner_multi)
