// SPDX-License-Identifier: GPL-2.0-only
/*
 * X for the entry and Y for the return of two functions: A, which is
 * bpf_fentry_test1, and B, the kfunc, which both programs call. They do so from
 * A only, so that B is called equally often whichever program is skipped.
 */
#include <stdbool.h>
#include "trigger.bpf.h"

struct runs {
	__u64 kprobe_x;
	__u64 kretprobe_y;
	__u64 multi_x;
	__u64 multi_y;
} runs;

/* Address of B. */
__u64 b;

/* The first runs: a letter for the program and one for the function. */
#define STEPS 8
char steps[2 * STEPS];
__u32 taken;

static void note(char program, char place)
{
	__u32 now = taken++;

	if (now >= STEPS)
		return;
	steps[2 * now] = program;
	steps[2 * now + 1] = place;
}

static int on_hit(void *ctx, char program)
{
	bool on_b = bpf_get_func_ip(ctx) == b;

	note(program, on_b ? 'B' : 'A');
	if (!on_b)
		call_traced();
	return 0;
}

#define PAIRED_PROGRAM(section, program, letter) \
	SEC(section)                             \
	int program(void *ctx)                   \
	{                                        \
		COUNT_RUN(program);              \
		return on_hit(ctx, letter);      \
	}

PAIRED_PROGRAM("kprobe", kprobe_x, 'X')
PAIRED_PROGRAM("kretprobe", kretprobe_y, 'Y')
PAIRED_PROGRAM("kprobe.multi", multi_x, 'X')
PAIRED_PROGRAM("kretprobe.multi", multi_y, 'Y')
