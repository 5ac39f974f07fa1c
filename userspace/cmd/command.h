/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMMAND_H
#define COMMAND_H
/* What the sub-commands share: exit codes, messages, the way they report. */
#include "message.h"

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

struct command {
	const char *name;
	const char *summary;
	const char *usage;	/* options and their meaning, whole lines */
	int (*run)(int argc, char **argv);
};

extern const struct command command_host, command_run, command_list, command_stat, command_pause,
	command_resume, command_stop, command_console;

/* Complains, in the same line says where help is, and returns EXIT_USAGE. */
int usage_error(const struct command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The device of a module, or -1 after having said why not and what to do. */
int open_device(const char *path);
/* What a failed KVM_CREATE_VM means here: says so and returns the exit code. */
int explain_vm_error(int device, int err);

#endif
