// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe.multi, and everything that may sit on a function it calls. */
#include <stdbool.h>
#include "trigger.bpf.h"

struct runs {
	__u64 outer;
	__u64 inner_kprobe_1;
	__u64 inner_kprobe_2;
	__u64 inner_kprobe_3;
	__u64 inner_multi;
	__u64 inner_session;
	__u64 inner_session_return;
} runs;

NESTING_PROGRAM("kprobe.multi", outer)
COUNTING_PROGRAM("kprobe", inner_kprobe_1)
COUNTING_PROGRAM("kprobe", inner_kprobe_2)
COUNTING_PROGRAM("kprobe", inner_kprobe_3)
COUNTING_PROGRAM("kprobe.multi", inner_multi)

/* The kfunc took no argument until 7.0. */
extern bool bpf_session_is_return___without_ctx(void) __ksym __weak;
extern bool bpf_session_is_return___with_ctx(void *ctx) __ksym __weak;

static bool is_return(void *ctx)
{
	if (bpf_ksym_exists(bpf_session_is_return___with_ctx))
		return bpf_session_is_return___with_ctx(ctx);
	return bpf_session_is_return___without_ctx();
}

/* Runs twice per hit; the run on entry is the one that stands for the hit. */
SEC("kprobe.session")
int inner_session(void *ctx)
{
	if (is_return(ctx))
		COUNT_RUN(inner_session_return);
	else
		COUNT_RUN(inner_session);
	return 0;
}
