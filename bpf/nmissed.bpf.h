/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every program here needs. The few kernel types and kfuncs that are used
 * are declared by hand, so that no vmlinux.h of one kernel is built into tests
 * that run on many.
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

#include <bpf/bpf_helpers.h>

/*
 * Fires the tracepoint bpf_test_run:bpf_trigger_tp. Any type of program may
 * call it and any type of probe may sit on it (net/bpf/test_run.c, since
 * 6.10).
 */
extern int bpf_modify_return_test_tp(int nonce) __ksym;

/* How often the program of this name ran; each file has its struct runs. */
#define COUNT_RUN(program) __sync_fetch_and_add(&runs.program, 1)

/* A program that does nothing else. */
#define COUNTING_PROGRAM(section, program) \
	SEC(section)                       \
	int program(void *ctx)             \
	{                                  \
		COUNT_RUN(program);        \
		return 0;                  \
	}

/* A program in which others are nested: everything that probes the kfunc. */
#define NESTING_PROGRAM(section, program) \
	NESTING_PROGRAM_AS(section, program, program)

/* As it, for one of several programs whose runs count as one's. */
#define NESTING_PROGRAM_AS(section, program, counter) \
	SEC(section)                                  \
	int program(void *ctx)                        \
	{                                             \
		COUNT_RUN(counter);                   \
		bpf_modify_return_test_tp(0);         \
		return 0;                             \
	}

char _license[] SEC("license") = "GPL";

#endif
