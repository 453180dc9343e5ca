/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NMISSED_OVERFLOW_BPF_H
#define NMISSED_OVERFLOW_BPF_H

#include "nmissed.bpf.h"

/* struct bpf_perf_event_data of linux/bpf_perf_event.h, on x86. */
struct overflow {
	__u64 regs[21];
	__u64 sample_period;
	__u64 addr;
};

#endif
