// SPDX-License-Identifier: GPL-2.0-only
/* Programs for entry and return of a function in user space. */
#include "session.bpf.h"

struct runs {
	__u64 on_entry;
	__u64 on_return;
	__u64 on_entry_multi;
	__u64 on_return_multi;
	__u64 on_both;
	__u64 on_both_return;
	__u64 entry_by_link;
	__u64 entry_by_ioctl;
	__u64 return_by_link;
	__u64 return_by_ioctl;
	__u64 return_again;
} runs;

COUNTING_PROGRAM("uprobe", on_entry)
COUNTING_PROGRAM("uretprobe", on_return)
COUNTING_PROGRAM("uprobe.multi", on_entry_multi)
COUNTING_PROGRAM("uretprobe.multi", on_return_multi)
SESSION_PROGRAM("uprobe.session", on_both)
COUNTING_PROGRAM("uprobe", entry_by_link)
COUNTING_PROGRAM("uprobe", entry_by_ioctl)
COUNTING_PROGRAM("uretprobe", return_by_link)
COUNTING_PROGRAM("uretprobe", return_by_ioctl)
COUNTING_PROGRAM("uretprobe", return_again)
