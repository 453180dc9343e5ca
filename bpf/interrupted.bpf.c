// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program whose event raises an interrupt, and one on a function that a
 * softirq calls after it.
 */
#include "nmissed.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
/* Index of a perf event array */
#define BPF_F_CURRENT_CPU 0xffffffffULL

#define MAX_CPUS 8
#define MAX_FRAMES 48

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct runs {
	__u64 outer_kprobe;
	__u64 outer_multi;
	__u64 inner_kprobe;
	__u64 inner_multi;
	/* Not subject to the checks of the others. */
	__u64 truth;
	/* Runs of truth while an outer program ran on its CPU. */
	__u64 truth_in_outer;
} runs;

/* Turns of a loop after the event. */
__u64 turns;

/* Whether an outer program runs on this CPU. */
__u32 is_running[MAX_CPUS];

/* The call chain of the first run of truth in an outer program. */
__u64 frames[MAX_FRAMES];

static long turn(__u32 index, void *unused)
{
	return 0;
}

static inline __attribute__((always_inline)) void interrupt(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() & (MAX_CPUS - 1);
	__u64 event = turns;

	is_running[cpu] = 1;
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event,
			      sizeof(event));
	if (event)
		bpf_loop(event, turn, (void *)0, 0);
	is_running[cpu] = 0;
}

SEC("kprobe")
int outer_kprobe(void *ctx)
{
	COUNT_RUN(outer_kprobe);
	interrupt(ctx);
	return 0;
}

SEC("kprobe.multi")
int outer_multi(void *ctx)
{
	COUNT_RUN(outer_multi);
	interrupt(ctx);
	return 0;
}

COUNTING_PROGRAM("kprobe", inner_kprobe)
COUNTING_PROGRAM("kprobe.multi", inner_multi)

SEC("fentry/__put_task_struct")
int truth(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() & (MAX_CPUS - 1);

	COUNT_RUN(truth);
	if (is_running[cpu] && !COUNT_RUN(truth_in_outer))
		bpf_get_stack(ctx, frames, sizeof(frames), 0);
	return 0;
}
