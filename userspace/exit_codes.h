/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EXIT_CODES_H
#define EXIT_CODES_H
/*
 * Exit codes. Those below 64 belong to the guest of `bellows run`; ours are
 * those of sysexits.h, so that a script can tell them apart.
 */
enum {
	EXIT_OK = 0,
	EXIT_GUEST_MAX = 63,
	EXIT_USAGE = 64,	/* the command line is wrong */
	EXIT_INPUT = 66,	/* a file that was named cannot be used */
	EXIT_UNAVAILABLE = 69,	/* this machine, now: no module, no virtualization */
	EXIT_GUEST_DIED = 70,	/* triple fault, or a state the CPU refused */
	EXIT_SYSTEM = 71,	/* the kernel refused something it should not */
};

#endif
