/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMMAND_H
#define COMMAND_H
/* What the sub-commands share. */

struct command {
	const char *name;
	const char *summary;
	const char *usage;	/* options and their meaning, whole lines */
	int (*run)(int argc, char **argv);
};

extern const struct command command_host, command_run, command_list, command_stat, command_pause,
	command_resume, command_stop, command_console;

#endif
