// SPDX-License-Identifier: GPL-2.0-only
/* Programs that get into each other's map operations. */
#include "trigger.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_LRU_HASH 9
/* Flag of bpf_map_create: a list for each CPU. */
#define BPF_F_NO_COMMON_LRU 2

struct runs {
	__u64 evicting;
	__u64 in_eviction;
} runs;

/* One element for each CPU: each further key evicts one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} lru SEC(".maps");

__u64 next_key;

static void insert(void)
{
	__u64 key = __sync_fetch_and_add(&next_key, 1);

	bpf_map_update_elem(&lru, &key, &key, 0);
}

SEC("kprobe.multi")
int evicting(void *ctx)
{
	insert();
	COUNT_RUN(evicting);
	return 0;
}

/* On htab_lru_map_delete_node(), under the lock of this CPU's list. */
SEC("kprobe.multi")
int in_eviction(void *ctx)
{
	insert();
	COUNT_RUN(in_eviction);
	return 0;
}
