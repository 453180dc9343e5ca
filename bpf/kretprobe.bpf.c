// SPDX-License-Identifier: GPL-2.0-only
/* Programs on the return of a function, and outer programs. */
#include "outer.bpf.h"
#include "session.bpf.h"

/* enum bpf_map_type */
#define BPF_MAP_TYPE_ARRAY 2

struct runs {
	__u64 outer;
	__u64 by_link;
	__u64 by_ioctl;
	__u64 event_by_link;
	__u64 event_by_ioctl;
	__u64 on_return;
	__u64 on_both;
	__u64 on_both_return;
} runs;

OUTER_PROGRAMS
COUNTING_PROGRAM("kretprobe", by_link)
COUNTING_PROGRAM("kretprobe", by_ioctl)
COUNTING_PROGRAM("kretprobe", event_by_link)
COUNTING_PROGRAM("kretprobe", event_by_ioctl)
COUNTING_PROGRAM("kretprobe.multi", on_return)
SESSION_PROGRAM("kprobe.session", on_both)

/* Eleven structs, each in the next. The kernel shows them by nested calls. */
#define STRUCT_AROUND(inner, outer) \
	struct outer {              \
		struct inner in;    \
	};

struct depth_1 {
	__u32 value;
};
STRUCT_AROUND(depth_1, depth_2)
STRUCT_AROUND(depth_2, depth_3)
STRUCT_AROUND(depth_3, depth_4)
STRUCT_AROUND(depth_4, depth_5)
STRUCT_AROUND(depth_5, depth_6)
STRUCT_AROUND(depth_6, depth_7)
STRUCT_AROUND(depth_7, depth_8)
STRUCT_AROUND(depth_8, depth_9)
STRUCT_AROUND(depth_9, depth_10)
STRUCT_AROUND(depth_10, depth_11)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct depth_11);
} structs SEC(".maps");
