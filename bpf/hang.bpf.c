// SPDX-License-Identifier: GPL-2.0-only
/* Programs that get into each other's map operations. */
#include "trigger.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_LRU_HASH 9
/* Flag of bpf_map_create: a list for each CPU. */
#define BPF_F_NO_COMMON_LRU 2

struct runs {
	__u64 evicting;
	__u64 in_eviction;
	__u64 updating;
	__u64 in_update;
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

struct bpf_htab {
	void **extra_elems;
} __attribute__((preserve_access_index));

extern const void __per_cpu_offset __ksym __weak;

/* Buckets with locks of their own for most of the keys. */
#define KEYS 8
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8 * KEYS);
	__type(key, __u64);
	__type(value, __u64);
} hash SEC(".maps");

/* Address of this CPU's spare element of the map. */
__u64 address;

/* The test updates the map by a system call. */
SEC("fentry/htab_map_update_elem")
int locate(__u64 *ctx)
{
	const __u64 *offsets = &__per_cpu_offset;
	struct bpf_htab *htab = (void *)ctx[0];
	__u64 offset = 0;

	if (address || !offsets)
		return 0;
	bpf_probe_read_kernel(&offset, sizeof(offset),
			      offsets + bpf_get_smp_processor_id());
	bpf_probe_read_kernel(&address, sizeof(address), &htab->extra_elems);
	address += offset;
	return 0;
}

static void update(__u64 key)
{
	bpf_map_update_elem(&hash, &key, &key, 0);
}

/* Exchanges the element with the spare one, which is read, then written. */
SEC("kprobe.multi")
int updating(void *ctx)
{
	update(0);
	COUNT_RUN(updating);
	return 0;
}

/* Between the two. Some other key is in a bucket whose lock is free. */
SEC("perf_event")
int in_update(void *ctx)
{
	__u64 key;

	for (key = 1; key < KEYS; key++)
		update(key);
	COUNT_RUN(in_update);
	return 0;
}
