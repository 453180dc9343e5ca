/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NMISSED_OUTER_BPF_H
#define NMISSED_OUTER_BPF_H

#include "trigger.bpf.h"

/* Programs that hit others while they run; a test attaches one of them. */
#define OUTER_PROGRAMS                                                     \
	NESTING_PROGRAM_AS("fentry/bpf_fentry_test1", outer_fentry, outer) \
	NESTING_PROGRAM_AS("kprobe", outer_kprobe, outer)                  \
	NESTING_PROGRAM_AS("kprobe.multi", outer_multi, outer)

#endif
