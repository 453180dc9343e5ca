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

NESTING_PROGRAM("tp", nesting)
NESTING_PROGRAM("raw_tp", nesting_raw)
NESTING_PROGRAM("tp_btf/bpf_trigger_tp", nesting_btf)

OUTER_PROGRAMS
COUNTING_PROGRAM("raw_tp", inner_raw_1)
COUNTING_PROGRAM("raw_tp", inner_raw_2)
COUNTING_PROGRAM("tp_btf/bpf_trigger_tp", inner_btf)

/* Fires the tracepoint in a test run only, which passes another argument. */
SEC("raw_tp")
int test_run(__u64 *args)
{
	COUNT_RUN(test_run);
	if (args[0])
		call_traced();
	return 0;
}
