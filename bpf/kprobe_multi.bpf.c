// SPDX-License-Identifier: GPL-2.0-only
/* kprobe.multi, kretprobe.multi and kprobe.session, and outer programs. */
#include "outer.bpf.h"
#include "session.bpf.h"

struct runs {
	__u64 outer;
	__u64 by_address;
	__u64 by_pattern;
	__u64 on_return;
	__u64 on_both;
	__u64 on_both_return;
	__u64 nesting;
	__u64 nesting_return;
} runs;

OUTER_PROGRAMS
COUNTING_PROGRAM("kprobe.multi", by_address)
COUNTING_PROGRAM("kprobe.multi", by_pattern)
COUNTING_PROGRAM("kretprobe.multi", on_return)
SESSION_PROGRAM("kprobe.session", on_both)

/* Calls the kfunc on entry, and so hits itself where it sits on that. */
SEC("kprobe.session")
int nesting(void *ctx)
{
	if (is_return(ctx)) {
		COUNT_RUN(nesting_return);
	} else {
		COUNT_RUN(nesting);
		call_traced();
	}
	return 0;
}
