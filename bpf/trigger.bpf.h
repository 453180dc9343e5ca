/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NMISSED_TRIGGER_BPF_H
#define NMISSED_TRIGGER_BPF_H

#include "nmissed.bpf.h"

/*
 * Never attached. BPF_PROG_TEST_RUN of a fentry program, whatever its target,
 * makes the kernel call bpf_fentry_test1 once (bpf_prog_test_run_tracing).
 */
SEC("fentry/bpf_modify_return_test")
int trigger(void *ctx)
{
	return 0;
}

#endif
