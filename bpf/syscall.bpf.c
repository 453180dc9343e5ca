// SPDX-License-Identifier: GPL-2.0-only
/* Programs that a system call passes, some of which sleep there. */
#include <stdbool.h>
#include "nmissed.bpf.h"

/* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_SCHED_SETAFFINITY 203
/* Iterations of two nested loops, each at most BPF_MAX_LOOPS: minutes... */
#define OUTER_TURNS (1 << 13)
#define INNER_TURNS (1 << 23)
/* ...which end after these nanoseconds. */
#define TIMEOUT_NS 5000000000ULL
/* Nothing is mapped there. */
#define NOWHERE ((void *)4096)

struct runs {
	__u64 sys_enter;
	__u64 sys_exit;
	__u64 raw_sys_enter;
	__u64 on_tp;
	__u64 on_fentry;
	__u64 on_fexit;
	__u64 on_fmod_ret;
	__u64 on_lsm;
	__u64 on_open;
	__u64 on_permission;
	__u64 on_test_run;
} runs;

/* The id of a thread whose mmap(2) holds the lock until released is set. */
volatile __u64 lock_holder;
/* Set by the program that holds it. */
volatile __u64 lock_held;
/* The next program in the system call falls asleep. */
volatile __u64 sleep_next;
/* Set by that program. */
volatile __u64 asleep;
/* Set by the test when all hits are made. */
volatile __u64 released;

/* A test that fails to set released gets the CPU back, too. */
static long is_over(__u32 turn, __u64 *until)
{
	return released || bpf_ktime_get_ns() > *until;
}

static long wait_on(__u32 turn, __u64 *until)
{
	bpf_loop(INNER_TURNS, is_over, until, 0);
	return is_over(turn, until);
}

/* Under the lock of the process's mappings. */
SEC("kprobe")
int holding(void *ctx)
{
	__u64 until;

	if ((__u32)bpf_get_current_pid_tgid() != lock_holder)
		return 0;
	lock_held = true;
	until = bpf_ktime_get_ns() + TIMEOUT_NS;
	bpf_loop(OUTER_TURNS, wait_on, &until, 0);
	return 0;
}

/* The fault takes the same lock. */
static void sleep_if_asked(void)
{
	__u64 word;

	if (!sleep_next)
		return;
	sleep_next = false;
	asleep = true;
	bpf_copy_from_user(&word, sizeof(word), NOWHERE);
}

#define SLEEPING_PROGRAM(section, program) \
	SEC(section)                       \
	int program(void *ctx)             \
	{                                  \
		COUNT_RUN(program);        \
		sleep_if_asked();          \
		return 0;                  \
	}

/* The test sets BPF_F_SLEEPABLE on the first two: libbpf has no section. */
SLEEPING_PROGRAM("tp", on_tp)
SLEEPING_PROGRAM("raw_tp", on_test_run)
SLEEPING_PROGRAM("fentry.s/__x64_sys_sched_setaffinity", on_fentry)
SLEEPING_PROGRAM("fexit.s/__x64_sys_sched_setaffinity", on_fexit)
SLEEPING_PROGRAM("fmod_ret.s/__x64_sys_sched_setaffinity", on_fmod_ret)
SLEEPING_PROGRAM("lsm.s/task_setscheduler", on_lsm)

/* linux/fs.h */
struct file {
	unsigned int f_flags;
} __attribute__((preserve_access_index));

/* linux/bpf.h */
struct bpf_dynptr {
	__u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_get_file_xattr(struct file *file, const char *name__str,
			      struct bpf_dynptr *value) __ksym __weak;

/* asm-generic/fcntl.h: only the test opens files with it. */
#define O_SYNC 04010000

/* An attribute that programs may read; it need not exist. */
static const char attribute[] = "user.nmissed";
static char value[8];
/* bpf_get_current_pid_tgid() of the thread that reads it. */
static volatile __u64 reader;

/* Reads an attribute of the file, which calls the hook inode_permission. */
SEC("lsm.s/file_open")
int on_open(__u64 *args)
{
	struct file *file = (struct file *)args[0];
	struct bpf_dynptr buffer;

	if ((file->f_flags & O_SYNC) != O_SYNC)
		return 0;
	COUNT_RUN(on_open);
	bpf_dynptr_from_mem(value, sizeof(value), 0, &buffer);
	reader = bpf_get_current_pid_tgid();
	bpf_get_file_xattr(file, attribute, &buffer);
	reader = 0;
	return 0;
}

SEC("lsm/inode_permission")
int on_permission(void *ctx)
{
	if (reader == bpf_get_current_pid_tgid())
		COUNT_RUN(on_permission);
	return 0;
}

COUNTING_PROGRAM("tp", sys_enter)
COUNTING_PROGRAM("tp", sys_exit)

/* Arguments: the registers, and the number of the system call. */
SEC("raw_tp")
int raw_sys_enter(__u64 *args)
{
	if (args[1] == NR_SCHED_SETAFFINITY)
		COUNT_RUN(raw_sys_enter);
	return 0;
}
