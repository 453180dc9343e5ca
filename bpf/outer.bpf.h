/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NMISSED_OUTER_BPF_H
#define NMISSED_OUTER_BPF_H

#include "trigger.bpf.h"

#define OUTER_PROGRAM(section, program)       \
	SEC(section)                          \
	int program(void *ctx)                \
	{                                     \
		COUNT_RUN(outer);             \
		bpf_modify_return_test_tp(0); \
		return 0;                     \
	}

/* What others are nested in; a test attaches one of them. */
#define OUTER_PROGRAMS                                         \
	OUTER_PROGRAM("fentry/bpf_fentry_test1", outer_fentry) \
	OUTER_PROGRAM("kprobe", outer_kprobe)                  \
	OUTER_PROGRAM("kprobe.multi", outer_multi)

#endif
