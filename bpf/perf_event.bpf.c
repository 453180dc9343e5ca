// SPDX-License-Identifier: GPL-2.0-only
/* Programs on perf events, and programs that make them overflow. */
#include "overflow.bpf.h"
#include "trigger.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_PERCPU_ARRAY 6

struct runs {
	__u64 on_write;
	__u64 on_own_write;
	__u64 on_fault;
	__u64 on_overflow;
	__u64 in_kprobe;
	__u64 in_fentry;
	__u64 faulting;
} runs;

/* The variable that the breakpoint watches, and its address. */
volatile __u64 watched;
__u64 address;

/*
 * As watched, but written by system calls. memcpy() of three words writes the
 * first one once, the second one twice; of one word, that one twice.
 */
struct value {
	__u64 words[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} written SEC(".maps");
/* Address of this CPU's first word. */
__u64 written_address;

/* Address of the page that faults. */
__u64 page;

#define WRITING_PROGRAM(section, program) \
	SEC(section)                      \
	int program(void *ctx)            \
	{                                 \
		COUNT_RUN(program);       \
		watched = 1;              \
		return 0;                 \
	}

COUNTING_PROGRAM("perf_event", on_write)
COUNTING_PROGRAM("perf_event", on_overflow)
WRITING_PROGRAM("perf_event", on_own_write)
WRITING_PROGRAM("kprobe", in_kprobe)
WRITING_PROGRAM("fentry/bpf_fentry_test1", in_fentry)

/* The thread may fault elsewhere, too. */
SEC("perf_event")
int on_fault(struct overflow *ctx)
{
	if (ctx->addr == page)
		COUNT_RUN(on_fault);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int faulting(void *ctx)
{
	__u64 word;

	COUNT_RUN(faulting);
	bpf_copy_from_user(&word, sizeof(word), (void *)page);
	return 0;
}

/* Never attached: a test run writes. */
SEC("raw_tp")
int write(void *ctx)
{
	watched = 1;
	return 0;
}

/* Never attached: a test run stores the addresses. */
SEC("raw_tp")
int locate(void *ctx)
{
	__u32 key = 0;

	address = (__u64)&watched;
	written_address = (__u64)bpf_map_lookup_elem(&written, &key);
	return 0;
}
