// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two programs per attach type: an outer one that hits the inner ones, wherever
 * they sit, and an inner one that only counts.
 */
#include "overflow.bpf.h"
#include "session.bpf.h"
#include "trigger.bpf.h"

/* enum bpf_cmd */
#define BPF_PROG_TEST_RUN 10

/* A row of the pair matrix. */
enum row {
	NONE,
	KPROBE,
	KPROBE_INT3,
	KPROBE_OPTIMIZED,
	KRETPROBE,
	KPROBE_MULTI,
	KRETPROBE_MULTI,
	KPROBE_SESSION,
	TP,
	SYSCALL_TP,
	RAW_TP,
	TP_BTF,
	PERF_EVENT,
	FENTRY,
	FEXIT,
	FMOD_RET,
	FSESSION,
	LSM,
	UPROBE,
	ROWS,
};

/* The outer program that runs; all others return at once. */
enum row armed;

/* Whether outer programs sit where the inner ones do. */
const volatile bool is_inner;

/* Of the armed outer program, and of each inner one. */
struct runs {
	__u64 outer;
	__u64 inner[ROWS];
	__u64 inner_return[ROWS];
} runs;

/*
 * The variable that a breakpoint watches, and its address. It is in a map of
 * its own, which the test updates by a system call; and one byte long, because
 * memcpy() writes longer ones twice.
 */
volatile __u8 watched SEC(".bss.watched");
__u64 address_of_watched;

/* Address of the page whose faults are triggers. */
__u64 page;

/* Set while a program hits the inner ones, which must not do so again. */
static volatile __u64 is_passing;

/* Hits the inner programs, wherever they sit. */
static void pass(void)
{
	call_traced();
	watched = 1;
}

/* The body of an inner program. */
static int count(enum row row)
{
	COUNT_RUN(inner[row]);
	return 0;
}

/* As count(), on a tracepoint. */
static int count_tp(enum row row, __u64 *ctx, int place)
{
	return is_fired(ctx, place) ? count(row) : 0;
}

/* A hit counts as a run if the program ran on entry. */
static int count_session(enum row row, bool is_return)
{
	if (!is_return)
		return count(row);
	COUNT_RUN(inner_return[row]);
	return 0;
}

/* The body of an outer program, which may be the inner one as well. */
static int enter(enum row row)
{
	if (armed != row)
		return 0;
	COUNT_RUN(outer);
	if (!is_passing) {
		is_passing = 1;
		pass();
		is_passing = 0;
	}
	return 0;
}

/* As enter(), on a tracepoint. */
static int enter_tp(enum row row, __u64 *ctx, int place)
{
	return !is_inner || is_fired(ctx, place) ? enter(row) : 0;
}

#define PROGRAM(section, program, action) \
	SEC(section)                      \
	int program(__u64 *ctx)           \
	{                                 \
		return action;            \
	}

PROGRAM("kprobe", outer_kprobe, enter(KPROBE))
PROGRAM("kprobe", outer_kprobe_int3, enter(KPROBE_INT3))
PROGRAM("kprobe", outer_kprobe_optimized, enter(KPROBE_OPTIMIZED))
PROGRAM("kretprobe", outer_kretprobe, enter(KRETPROBE))
PROGRAM("kprobe.multi", outer_kprobe_multi, enter(KPROBE_MULTI))
PROGRAM("kretprobe.multi", outer_kretprobe_multi, enter(KRETPROBE_MULTI))
PROGRAM("tp", outer_tp, enter_tp(TP, ctx, IN_RECORD))
PROGRAM("raw_tp", outer_raw_tp, enter_tp(RAW_TP, ctx, RAW))
PROGRAM("tp_btf", outer_tp_btf, enter_tp(TP_BTF, ctx, RAW))
PROGRAM("fentry", outer_fentry, enter(FENTRY))
PROGRAM("fexit", outer_fexit, enter(FEXIT))
PROGRAM("fmod_ret", outer_fmod_ret, enter(FMOD_RET))
PROGRAM("uprobe", outer_uprobe, enter(UPROBE))

/* Of the two runs per hit of a session only the one on entry matters. */
PROGRAM("kprobe.session", outer_kprobe_session,
	is_return(ctx) ? 0 : enter(KPROBE_SESSION))
PROGRAM("fsession", outer_fsession, is_return(ctx) ? 0 : enter(FSESSION))

/* The thread may fault elsewhere, too. */
SEC("perf_event")
int outer_perf_event(struct overflow *ctx)
{
	bool is_ours = ctx->addr == page || ctx->addr == address_of_watched;

	return is_ours ? enter(PERF_EVENT) : 0;
}

/* Of all calls of bpf(2) only the trigger's test run matters. */
SEC("tp")
int outer_syscall_tp(__u64 *ctx)
{
	/* Past the common fields and the number of the call. */
	return ctx[2] == BPF_PROG_TEST_RUN ? enter(SYSCALL_TP) : 0;
}

SEC("lsm/bpf")
int outer_lsm(__u64 *ctx)
{
	return (__u32)ctx[0] == BPF_PROG_TEST_RUN ? enter(LSM) : 0;
}

/* Both flavors of a kprobe have a program, because each counts its misses. */
PROGRAM("kprobe", inner_kprobe, count(KPROBE))
PROGRAM("kprobe", inner_kprobe_int3, count(KPROBE_INT3))
PROGRAM("kretprobe", inner_kretprobe, count(KRETPROBE))
PROGRAM("kprobe.multi", inner_kprobe_multi, count(KPROBE_MULTI))
PROGRAM("kretprobe.multi", inner_kretprobe_multi, count(KRETPROBE_MULTI))
PROGRAM("kprobe.session", inner_kprobe_session,
	count_session(KPROBE_SESSION, is_return(ctx)))
PROGRAM("tp", inner_tp, count_tp(TP, ctx, IN_RECORD))
PROGRAM("raw_tp", inner_raw_tp, count_tp(RAW_TP, ctx, RAW))
PROGRAM("tp_btf", inner_tp_btf, count_tp(TP_BTF, ctx, RAW))
PROGRAM("perf_event", inner_perf_event, count(PERF_EVENT))
PROGRAM("fentry", inner_fentry, count(FENTRY))
PROGRAM("fexit", inner_fexit, count(FEXIT))
PROGRAM("fmod_ret", inner_fmod_ret, count(FMOD_RET))
PROGRAM("fsession", inner_fsession, count_session(FSESSION, is_return(ctx)))

/* Never attached: the test runs them by BPF_PROG_TEST_RUN. */

/* Chooses the outer program. */
SEC("raw_tp")
int arm(__u64 *ctx)
{
	armed = ctx[0];
	return 0;
}

/* Hits the inner programs while no other one runs. */
SEC("raw_tp")
int alone(void *ctx)
{
	pass();
	return 0;
}

/* Stores the address of the variable. */
SEC("raw_tp")
int locate(void *ctx)
{
	address_of_watched = (__u64)&watched;
	return 0;
}
