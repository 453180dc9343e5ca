// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of every attach type, twice: an outer one that passes all places
 * where inner ones can sit, and an inner one that only counts.
 */
#include "overflow.bpf.h"
#include "session.bpf.h"
#include "trigger.bpf.h"

/* enum bpf_cmd */
#define BPF_PROG_TEST_RUN 10

/* The outer program that runs; all others return at once. */
enum outer {
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
} armed;

/* Of that, and of whatever inner program is attached. */
struct runs {
	__u64 outer;
	__u64 inner;
	__u64 inner_return;
} runs;

/*
 * What a breakpoint watches, and where the kernel has it. It is in a map of its
 * own, which the test writes to by a system call: one byte, because memcpy()
 * writes twice where there are more.
 */
volatile __u8 watched SEC(".bss.watched");
__u64 address_of_watched;

/* The page of user space whose faults are the trigger's. */
__u64 page;

/* Whether a program is on its way past the others: none goes there twice. */
static volatile __u64 is_passing;

/* Hits whatever inner program there is. */
static void pass(void)
{
	bpf_modify_return_test_tp(0);
	watched = 1;
}

/* Runs an inner program. */
static int count(void)
{
	COUNT_RUN(inner);
	return 0;
}

/* The run on entry is the one that stands for the hit. */
static int count_session(bool is_return)
{
	if (!is_return)
		return count();
	COUNT_RUN(inner_return);
	return 0;
}

/* Runs an outer program, which may be the inner one as well. */
static int enter(enum outer outer)
{
	if (armed != outer)
		return 0;
	COUNT_RUN(outer);
	if (!is_passing) {
		is_passing = 1;
		pass();
		is_passing = 0;
	}
	return 0;
}

#define PROGRAM(section, program, action) \
	SEC(section)                      \
	int program(void *ctx)            \
	{                                 \
		return action;            \
	}

PROGRAM("kprobe", outer_kprobe, enter(KPROBE))
PROGRAM("kprobe", outer_kprobe_int3, enter(KPROBE_INT3))
PROGRAM("kprobe", outer_kprobe_optimized, enter(KPROBE_OPTIMIZED))
PROGRAM("kretprobe", outer_kretprobe, enter(KRETPROBE))
PROGRAM("kprobe.multi", outer_kprobe_multi, enter(KPROBE_MULTI))
PROGRAM("kretprobe.multi", outer_kretprobe_multi, enter(KRETPROBE_MULTI))
PROGRAM("tp", outer_tp, enter(TP))
PROGRAM("raw_tp", outer_raw_tp, enter(RAW_TP))
PROGRAM("tp_btf", outer_tp_btf, enter(TP_BTF))
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

/* Of all system calls of this name only the trigger's test run matters. */
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
PROGRAM("kprobe", inner_kprobe, count())
PROGRAM("kprobe", inner_kprobe_int3, count())
PROGRAM("kretprobe", inner_kretprobe, count())
PROGRAM("kprobe.multi", inner_kprobe_multi, count())
PROGRAM("kretprobe.multi", inner_kretprobe_multi, count())
PROGRAM("kprobe.session", inner_kprobe_session, count_session(is_return(ctx)))
PROGRAM("tp", inner_tp, count())
PROGRAM("raw_tp", inner_raw_tp, count())
PROGRAM("tp_btf", inner_tp_btf, count())
PROGRAM("perf_event", inner_perf_event, count())
PROGRAM("fentry", inner_fentry, count())
PROGRAM("fexit", inner_fexit, count())
PROGRAM("fmod_ret", inner_fmod_ret, count())
PROGRAM("fsession", inner_fsession, count_session(is_return(ctx)))

/* Never attached; a test run of each does what it says. */

/* Chooses the outer program. */
SEC("raw_tp")
int arm(__u64 *ctx)
{
	armed = ctx[0];
	return 0;
}

/* Passes the inner programs with nothing around. */
SEC("raw_tp")
int alone(void *ctx)
{
	pass();
	return 0;
}

/* Says where the kernel has the variable. */
SEC("raw_tp")
int locate(void *ctx)
{
	address_of_watched = (__u64)&watched;
	return 0;
}
