// SPDX-License-Identifier: GPL-2.0-only
/* A program on a breakpoint, and two that hit it. */
#include "trigger.bpf.h"

struct runs {
	__u64 on_write;
	__u64 in_kprobe;
	__u64 in_fentry;
} runs;

/* What the breakpoint watches, and where the kernel has it. */
volatile __u64 watched;
__u64 address;

#define WRITING_PROGRAM(section, program) \
	SEC(section)                      \
	int program(void *ctx)            \
	{                                 \
		COUNT_RUN(program);       \
		watched = 1;              \
		return 0;                 \
	}

COUNTING_PROGRAM("perf_event", on_write)
WRITING_PROGRAM("kprobe", in_kprobe)
WRITING_PROGRAM("fentry/bpf_fentry_test1", in_fentry)

/* Never attached: a test run says where the kernel has the variable. */
SEC("raw_tp")
int locate(void *ctx)
{
	address = (__u64)&watched;
	return 0;
}
