// SPDX-License-Identifier: GPL-2.0-only
/* A kprobe.multi in a system call that changes a map. */
#include "nmissed.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_HASH 1

struct runs {
	__u64 on_delete;
} runs;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} victim SEC(".maps");

COUNTING_PROGRAM("kprobe.multi", on_delete)
