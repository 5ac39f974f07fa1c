// SPDX-License-Identifier: GPL-2.0
/*
 * When everything is open and all threads exist, this process gives up the right to
 * ask the kernel for anything that running the guest does not need: no programs, no
 * processes, no files by name. A guest that takes over a device of ours then holds
 * what the VM had anyway.
 *
 * A call that is not on the list fails with EPERM; it does not kill, because a
 * library that tries something new should not cost a guest its life.
 *
 * The user-mode network is the exception that costs most: it opens sockets all the
 * time, and reads the resolver's configuration whenever that may have changed. A filter
 * of calls cannot tell files apart; Landlock can, but only for a thread and those that it
 * creates. So that part comes first.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "confine.h"
#include "message.h"

#define RESOLVER	"/etc/resolv.conf"

/* All that the first version of Landlock knows. */
#define ANY_ACCESS	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
	SCMP_SYS(lseek), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(sync_file_range),
	SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(dup), SCMP_SYS(fcntl), SCMP_SYS(ioctl),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(brk), SCMP_SYS(mremap),
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(membarrier), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(restart_syscall), SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(getpgrp),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(getsockopt), SCMP_SYS(shutdown), SCMP_SYS(wait4), SCMP_SYS(waitid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static const int network[] = {
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(stat),
	SCMP_SYS(uname), SCMP_SYS(sysinfo),
};

static int allow(scmp_filter_ctx f, const int *calls, unsigned int n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/* Calls of which only some forms are harmless. */
static int allow_forms(scmp_filter_ctx f, pid_t self, bool reads_files)
{
	/* Signals to ourselves: kicks. Others get only the request to end (helpers of ours). */
	int err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self));

	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_A1(SCMP_CMP_EQ, SIGTERM));
	/* Memory, but none that can be executed. */
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Of files that are open already. */
	if (!err)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ, 0x1000, 0x1000));
	if (!err && reads_files)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ, 0x1000, 0));
	if (!err && reads_files)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	return err;
}

/* The directory of the resolver's configuration, which may be replaced. */
static int allow_resolver(int rules)
{
	char path[PATH_MAX];
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	int err;

	if (!realpath(RESOLVER, path))
		return 0;
	rule.parent_fd = open(dirname(path), O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -errno;
	err = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ? -errno : 0;
	close(rule.parent_fd);
	return err;
}

int confine_files(void)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = ANY_ACCESS };
	int rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0), err;

	/* A kernel without it still runs VMs. */
	if (rules < 0)
		return 0;
	err = allow_resolver(rules);
	if (!err && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, rules, 0)))
		err = -errno;
	close(rules);
	return err;
}

int confine(bool user_network)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = f ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = allow(f, always, sizeof(always) / sizeof(always[0]));
	if (!err && user_network)
		err = allow(f, network, sizeof(network) / sizeof(network[0]));
	if (!err)
		err = allow_forms(f, getpid(), user_network);
	if (!err)
		err = seccomp_load(f);
	if (f)
		seccomp_release(f);
	/* A kernel without filters still runs VMs. */
	if (err == -EINVAL || err == -EOPNOTSUPP) {
		complain("cannot confine this process: the kernel has no seccomp filters");
		return 0;
	}
	return err;
}
