// SPDX-License-Identifier: GPL-2.0-only
/* Programs on a tracepoint, of which some fire it themselves. */
#include "outer.bpf.h"

struct runs {
	__u64 firing;
	__u64 nesting;
	__u64 nesting_raw;
	__u64 nesting_btf;
	__u64 outer;
	__u64 inner_raw_1;
	__u64 inner_raw_2;
	__u64 inner_btf;
	__u64 test_run;
} runs;

/* Fires it first. */
NESTING_PROGRAM("fentry/bpf_fentry_test1", firing)

NESTING_TP("tp", nesting, IN_RECORD)
NESTING_TP("raw_tp", nesting_raw, RAW)
NESTING_TP("tp_btf", nesting_btf, RAW)

OUTER_PROGRAMS
COUNTING_TP("raw_tp", inner_raw_1, RAW)
COUNTING_TP("raw_tp", inner_raw_2, RAW)
COUNTING_TP("tp_btf", inner_btf, RAW)

/* The argument of a test run, which neither the kfunc nor a page fault passes.
 */
#define TEST_RUN 1

/* Fires the tracepoint in a test run only. */
SEC("raw_tp")
int test_run(__u64 *args)
{
	bool in_test_run = args[0] == TEST_RUN;

	if (!in_test_run && !is_fired(args, RAW))
		return 0;
	COUNT_RUN(test_run);
	if (in_test_run)
		call_traced();
	return 0;
}
