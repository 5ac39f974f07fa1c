/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_FAIL_H
#define SELFTESTS_FAIL_H
/*
 * The kernel's fault injection: the N-th allocation (or copy from or to user
 * space) that this thread makes fails. A test runs a scenario with N = 1, 2, ...
 * until it meets no failure any more.
 */
#include <fcntl.h>
#include "object.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define FAULTS		"/sys/kernel/debug/"

static int fail_nth;

/* Copies to and from user space can fail, too: those that arm and look as well. */
static inline bool try_arm(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return pwrite(fail_nth, text, strlen(text), 0) == (ssize_t)strlen(text);
}

static inline void arm(unsigned int n)
{
	ASSERT(try_arm(n) || try_arm(n), "%s", strerror(errno));
}

/* Takes back what was not used; true if a failure happened before. */
static inline bool disarm(void)
{
	char text[16] = {};
	bool happened = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	arm(0);
	return happened;
}

static inline void fail_set_up(void)
{
	fail_nth = open(FAIL_NTH, O_RDWR);
	REQUIRE(fail_nth >= 0, "no fault injection in this kernel");
	/* By default what may wait does not fail, and the messages are long. */
	REQUIRE(file_write(FAULTS "failslab/ignore-gfp-wait", "N") &&
		file_write(FAULTS "fail_page_alloc/ignore-gfp-wait", "N"),
		"fault injection has no switches here");
	file_write(FAULTS "fail_page_alloc/min-order", "0");
	file_write(FAULTS "failslab/verbose", "0");
	file_write(FAULTS "fail_page_alloc/verbose", "0");
	file_write(FAULTS "fail_usercopy/verbose", "0");
}

#endif
