// SPDX-License-Identifier: GPL-2.0-only
/* Programs in an interrupt over another one: softirq, hardirq, NMI. */
#include "session.bpf.h"
#include "trigger.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_LRU_HASH 9
/* Flag of bpf_map_create: a list for each CPU. */
#define BPF_F_NO_COMMON_LRU 2
#define CLOCK_MONOTONIC 1

struct bpf_timer {
	__u64 words[2];
} __attribute__((aligned(8)));

struct runs {
	__u64 outer;
	__u64 on_write;
	__u64 inner_fentry;
	__u64 inner_fexit;
	__u64 inner_kprobe;
	__u64 inner_kretprobe;
	__u64 inner_multi;
	__u64 inner_multi_return;
	__u64 inner_session;
	__u64 inner_session_return;
} runs;

/* One element for each CPU, which the test fills: each key evicts another. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} lru SEC(".maps");

struct element {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct element);
} timers SEC(".maps");

/* The context in which the outer program is interrupted. */
enum {
	HARDIRQ,
	SOFTIRQ,
	NMI,
};
const volatile __u32 context;

static int on_timer(void *map, __u32 *key, struct element *element)
{
	return 0;
}

/* Programs that may be interrupted must not use timers, but this one may. */
SEC("fentry/bpf_modify_return_test_tp")
int start_timer(void *ctx)
{
	struct element *element;
	__u32 key = 0;

	element = bpf_map_lookup_elem(&timers, &key);
	if (element) {
		bpf_timer_init(&element->timer, &timers, CLOCK_MONOTONIC);
		bpf_timer_set_callback(&element->timer, on_timer);
		bpf_timer_start(&element->timer, 0, 0);
	}
	return 0;
}

/*
 * Evictions have interrupts disabled. There a signal waits for irq_work, which
 * calls group_send_sig_info(). Signal 0 has no effect.
 */
SEC("fentry/htab_lru_map_delete_node")
int send_signal(void *ctx)
{
	bpf_send_signal(0);
	return 0;
}

/* The variable that a breakpoint watches, and its address. */
volatile __u64 watched;
__u64 address;

/* Never attached: a test run stores the address. */
SEC("raw_tp")
int locate(void *ctx)
{
	address = (__u64)&watched;
	return 0;
}

COUNTING_PROGRAM("perf_event", on_write)

/* The CPU on which an outer program waits, plus 1. */
volatile __u32 waiting;

static bool is_awaited(void)
{
	return waiting == bpf_get_smp_processor_id() + 1;
}

static long is_over(__u32 turn, __u64 *before)
{
	return *(volatile __u64 *)&runs.inner_fexit != *before;
}

/* Has this CPU interrupted, and stays until the interrupt is over. */
static void interrupt(void)
{
	__u64 before = runs.inner_fexit;
	__u64 key = before;

	waiting = bpf_get_smp_processor_id() + 1;
	if (context == HARDIRQ)
		bpf_map_update_elem(&lru, &key, &key, 0);
	else if (context == SOFTIRQ)
		bpf_modify_return_test_tp(0);
	else
		watched = 1;
	bpf_loop(1 << 23, is_over, &before, 0);
	waiting = 0;
}

#define INTERRUPTED_PROGRAM(section, program) \
	SEC(section)                          \
	int program(void *ctx)                \
	{                                     \
		COUNT_RUN(outer);             \
		interrupt();                  \
		return 0;                     \
	}

INTERRUPTED_PROGRAM("fentry/bpf_fentry_test1", outer_fentry)
INTERRUPTED_PROGRAM("kprobe", outer_kprobe)
INTERRUPTED_PROGRAM("kprobe.multi", outer_multi)

/*
 * On what the interrupt calls, and only what this one calls; a test sets the
 * target of fentry and fexit.
 */
#define AWAITED_PROGRAM(section, program)   \
	SEC(section)                        \
	int program(void *ctx)              \
	{                                   \
		if (is_awaited())           \
			COUNT_RUN(program); \
		return 0;                   \
	}

AWAITED_PROGRAM("fentry/bpf_timer_cb", inner_fentry)
AWAITED_PROGRAM("fexit/bpf_timer_cb", inner_fexit)
AWAITED_PROGRAM("kprobe", inner_kprobe)
AWAITED_PROGRAM("kretprobe", inner_kretprobe)
AWAITED_PROGRAM("kprobe.multi", inner_multi)
AWAITED_PROGRAM("kretprobe.multi", inner_multi_return)

SEC("kprobe.session")
int inner_session(void *ctx)
{
	if (!is_awaited())
		return 0;
	if (is_return(ctx))
		COUNT_RUN(inner_session_return);
	else
		COUNT_RUN(inner_session);
	return 0;
}
