// SPDX-License-Identifier: GPL-2.0
/*
 * The bellows command: finds the sub-command, runs it, or says what it is for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cmd/command.h"
#include "exit_codes.h"
#include "message.h"

static const struct command *const commands[] = {
	&command_run, &command_list, &command_stat, &command_pause, &command_resume, &command_stop,
	&command_console, &command_host,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void list(FILE *to)
{
	size_t i;

	fputs("usage: bellows COMMAND [OPTIONS]\n\n", to);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help     says more about a command, as does COMMAND --help\n", to);
}

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static int no_command(const char *name)
{
	complain("there is no command '%s': 'bellows help' lists those that are", name);
	return EXIT_USAGE;
}

static int help(const char *name)
{
	const struct command *command = name ? find(name) : NULL;

	if (!name) {
		list(stdout);
		return EXIT_OK;
	}
	if (!command)
		return no_command(name);
	printf("bellows %s: %s\n\n%s", command->name, command->summary, command->usage);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int ret;

	if (argc < 2) {
		list(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argv[2]);
	command = find(argv[1]);
	if (!command)
		return no_command(argv[1]);
	if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		return help(command->name);
	ret = command->run(argc - 1, argv + 1);
	if (fflush(stdout) && ret == EXIT_OK) {
		complain("cannot write the output: %s", strerror(errno));
		ret = EXIT_SYSTEM;
	}
	return ret;
}
