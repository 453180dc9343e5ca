// SPDX-License-Identifier: GPL-2.0-only
/* A program of each attach type that does as little as shows that it ran. */
#include "overflow.bpf.h"
#include "session.bpf.h"
#include "trigger.bpf.h"

/* One program is attached at a time. */
struct runs {
	__u64 all;
} runs;

/* Address of the page whose faults are triggers. */
__u64 page;

#define PROGRAM(section, program, condition) \
	SEC(section)                         \
	int program(void *ctx)               \
	{                                    \
		if (condition)               \
			COUNT_RUN(all);      \
		return 0;                    \
	}

PROGRAM("kprobe", on_kprobe, true)
PROGRAM("kretprobe", on_kretprobe, true)
PROGRAM("kprobe.multi", on_kprobe_multi, true)
PROGRAM("kretprobe.multi", on_kretprobe_multi, true)
PROGRAM("kprobe.session", on_kprobe_session, !is_return(ctx))
PROGRAM("tp", on_tp, true)
PROGRAM("raw_tp", on_raw_tp, true)
PROGRAM("tp_btf/bpf_test_finish", on_tp_btf, true)
PROGRAM("fentry/bpf_fentry_test1", on_fentry, true)
PROGRAM("fexit/bpf_fentry_test1", on_fexit, true)
PROGRAM("uprobe", on_uprobe, true)
PROGRAM("uretprobe", on_uretprobe, true)
PROGRAM("uprobe.multi", on_uprobe_multi, true)
PROGRAM("uretprobe.multi", on_uretprobe_multi, true)
PROGRAM("uprobe.session", on_uprobe_session, !is_return(ctx))
PROGRAM("perf_event", on_perf_event, ((struct overflow *)ctx)->addr == page)
