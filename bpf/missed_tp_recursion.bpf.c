// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe that fires a tracepoint with three programs on it. */
#include "trigger.bpf.h"

struct runs {
	__u64 outer;
	__u64 inner_tp_1;
	__u64 inner_tp_2;
	__u64 inner_tp_3;
} runs;

NESTING_PROGRAM("kprobe", outer)
COUNTING_TP("tp", inner_tp_1, IN_RECORD)
COUNTING_TP("tp", inner_tp_2, IN_RECORD)
COUNTING_TP("tp", inner_tp_3, IN_RECORD)
