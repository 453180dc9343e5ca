/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NMISSED_SESSION_BPF_H
#define NMISSED_SESSION_BPF_H

#include "nmissed.bpf.h"

/* The kfunc took no argument until 7.0. */
extern bool bpf_session_is_return___without_ctx(void) __ksym __weak;
extern bool bpf_session_is_return___with_ctx(void *ctx) __ksym __weak;

static bool is_return(void *ctx)
{
	if (bpf_ksym_exists(bpf_session_is_return___with_ctx))
		return bpf_session_is_return___with_ctx(ctx);
	return bpf_session_is_return___without_ctx();
}

/*
 * Runs twice per hit: once on entry and once, counted as program_return, on
 * return.
 */
#define SESSION_PROGRAM(section, program)            \
	SEC(section)                                 \
	int program(void *ctx)                       \
	{                                            \
		if (is_return(ctx))                  \
			COUNT_RUN(program##_return); \
		else                                 \
			COUNT_RUN(program);          \
		return 0;                            \
	}

#endif
