// SPDX-License-Identifier: GPL-2.0-only
/* A tracepoint program that fires its own tracepoint. */
#include "trigger.bpf.h"

struct runs {
	__u64 nesting;
	__u64 firing;
} runs;

NESTING_PROGRAM("tp", nesting)
/* Fires it to begin with. */
NESTING_PROGRAM("fentry/bpf_fentry_test1", firing)
