/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations for all programs. Kernel types and kfuncs are declared by hand:
 * a vmlinux.h is that of one kernel, and the tests run on many.
 */
#ifndef NMISSED_BPF_H
#define NMISSED_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <stdbool.h>
#include <bpf/bpf_helpers.h>

/*
 * Fires the tracepoint bpf_test_run:bpf_trigger_tp. Any type of program may
 * call it and any type of probe may sit on it (net/bpf/test_run.c, since
 * 6.10).
 */
extern int bpf_modify_return_test_tp(int nonce) __ksym __weak;

/* An address of user space that no process maps (vm.mmap_min_addr). */
#define UNMAPPED 8

/*
 * Calls the function and fires the tracepoint on which inner probes sit: the
 * kfunc and its tracepoint; or before 6.10 a helper that no other program of
 * the guest calls (since 4.2), and exceptions:page_fault_kernel, by a read of a
 * string of one byte (since 5.5), which faults once: other reads try again.
 */
static inline __attribute__((always_inline)) void call_traced(void)
{
	char comm[16];

	if (bpf_ksym_exists(bpf_modify_return_test_tp)) {
		bpf_modify_return_test_tp(0);
		return;
	}
	bpf_get_current_comm(comm, sizeof(comm));
	bpf_probe_read_user_str(comm, 1, (void *)UNMAPPED);
}

/*
 * Returns whether call_traced() fired the tracepoint: of page faults, other
 * code has some, too. In `ctx` the address is in this place: in a record behind
 * the common fields, in raw arguments the first.
 */
#define IN_RECORD 1
#define RAW 0
static inline __attribute__((always_inline)) bool is_fired(const __u64 *ctx,
							   int place)
{
	return bpf_ksym_exists(bpf_modify_return_test_tp) ||
	       *(const volatile __u32 *)&ctx[place] == UNMAPPED;
}

/* Counts a run of the program; each file has a struct runs. */
#define COUNT_RUN(program) __sync_fetch_and_add(&runs.program, 1)

/* A program that only counts its runs. */
#define COUNTING_PROGRAM(section, program) \
	SEC(section)                       \
	int program(void *ctx)             \
	{                                  \
		COUNT_RUN(program);        \
		return 0;                  \
	}

/* A program that calls the kfunc, and so hits probes of it while it runs. */
#define NESTING_PROGRAM(section, program) \
	NESTING_PROGRAM_AS(section, program, program)

/* As NESTING_PROGRAM, with a counter that several programs share. */
#define NESTING_PROGRAM_AS(section, program, counter) \
	SEC(section)                                  \
	int program(void *ctx)                        \
	{                                             \
		COUNT_RUN(counter);                   \
		call_traced();                        \
		return 0;                             \
	}

/* As COUNTING_PROGRAM, on the tracepoint that call_traced() fires. */
#define COUNTING_TP(section, program, place) \
	SEC(section)                         \
	int program(__u64 *ctx)              \
	{                                    \
		if (is_fired(ctx, place))    \
			COUNT_RUN(program);  \
		return 0;                    \
	}

/* As NESTING_PROGRAM, on that tracepoint. */
#define NESTING_TP(section, program, place) \
	SEC(section)                        \
	int program(__u64 *ctx)             \
	{                                   \
		if (is_fired(ctx, place)) { \
			COUNT_RUN(program); \
			call_traced();      \
		}                           \
		return 0;                   \
	}

char _license[] SEC("license") = "GPL";

#endif
