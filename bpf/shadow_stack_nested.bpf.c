// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the kfunc in one another. A trampoline takes no recursion context of
 * ftrace and skips a program only in itself, so each level is a program of its
 * own.
 */
#include "trigger.bpf.h"

struct {
	__u64 on_return;
} runs;

/* How many levels are entered. */
int depth;

COUNTING_PROGRAM("kretprobe.multi", on_return)

#define LEVEL(level)                            \
	SEC("fentry/bpf_modify_return_test_tp") \
	int level_##level(void *ctx)            \
	{                                       \
		if (depth == level) {           \
			depth++;                \
			call_traced();          \
			depth--;                \
		}                               \
		return 0;                       \
	}

LEVEL(1)
LEVEL(2)
LEVEL(3)
LEVEL(4)
LEVEL(5)
LEVEL(6)
LEVEL(7)
LEVEL(8)
LEVEL(9)
LEVEL(10)
LEVEL(11)
LEVEL(12)
LEVEL(13)
LEVEL(14)
LEVEL(15)

SEC("fentry/bpf_fentry_test1")
int first(void *ctx)
{
	depth = 1;
	call_traced();
	depth = 0;
	return 0;
}
