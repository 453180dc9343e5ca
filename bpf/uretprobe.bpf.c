// SPDX-License-Identifier: GPL-2.0-only
/* Programs for the return of a function in user space. */
#include "session.bpf.h"

struct runs {
	__u64 on_return;
	__u64 on_return_multi;
	__u64 on_both;
	__u64 on_both_return;
} runs;

COUNTING_PROGRAM("uretprobe", on_return)
COUNTING_PROGRAM("uretprobe.multi", on_return_multi)
SESSION_PROGRAM("uprobe.session", on_both)
