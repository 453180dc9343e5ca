// SPDX-License-Identifier: GPL-2.0-only
/* Programs of trampolines, and programs around and beside them. */
#include "outer.bpf.h"
#include "session.bpf.h"

struct runs {
	__u64 calling;
	__u64 outer;
	__u64 fentry;
	__u64 fexit;
	__u64 fmod_ret;
	__u64 fsession;
	__u64 fsession_return;
	__u64 fentry_multi;
	__u64 fexit_multi;
	__u64 fsession_multi;
	__u64 fsession_multi_return;
	__u64 body;
	__u64 beside;
	__u64 beside_first;
	__u64 beside_second;
	__u64 second;
} runs;

/* Whether a program calls the function that it sits on. */
__u64 nesting;
/* What the program that may skip the function returns; 0 lets it run. */
__u64 verdict;

static void nest(void)
{
	if (nesting)
		call_traced();
}

#define TRAMPOLINE_PROGRAM(section, program, result) \
	SEC(section)                                 \
	int program(void *ctx)                       \
	{                                            \
		COUNT_RUN(program);                  \
		nest();                              \
		return result;                       \
	}

#define TRAMPOLINE_SESSION(section, program)         \
	SEC(section)                                 \
	int program(void *ctx)                       \
	{                                            \
		if (is_return(ctx)) {                \
			COUNT_RUN(program##_return); \
		} else {                             \
			COUNT_RUN(program);          \
			nest();                      \
		}                                    \
		return 0;                            \
	}

TRAMPOLINE_PROGRAM("fentry/bpf_modify_return_test_tp", fentry, 0)
TRAMPOLINE_PROGRAM("fexit/bpf_modify_return_test_tp", fexit, 0)
TRAMPOLINE_PROGRAM("fmod_ret/bpf_modify_return_test_tp", fmod_ret, verdict)
TRAMPOLINE_SESSION("fsession/bpf_modify_return_test_tp", fsession)

/* libbpf has no such sections: the test sets the type. */
TRAMPOLINE_PROGRAM("fentry.multi", fentry_multi, 0)
TRAMPOLINE_PROGRAM("fexit.multi", fexit_multi, 0)
TRAMPOLINE_SESSION("fsession.multi", fsession_multi)

/* Never attached: calls the function in a test run, and holds nothing. */
NESTING_PROGRAM("raw_tp", calling)

OUTER_PROGRAMS

/* On the tracepoint in the function. */
COUNTING_PROGRAM("raw_tp", body)

/* Other users of ftrace. */
COUNTING_PROGRAM("kprobe.multi", beside)
COUNTING_PROGRAM("kprobe.multi", beside_first)
COUNTING_PROGRAM("kprobe", beside_second)
NESTING_PROGRAM("kprobe.multi", second)
