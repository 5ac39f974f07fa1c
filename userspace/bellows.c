// SPDX-License-Identifier: GPL-2.0
/*
 * The bellows command: finds the sub-command, and explains what goes wrong in
 * the user's terms: which option, which file, what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "libbellows.h"

static const struct command *const commands[] = {
	&command_run, &command_list, &command_stat, &command_pause, &command_resume, &command_stop,
	&command_console, &command_host,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int usage_error(const struct command *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain("%s; see 'bellows help %s'", text, command->name);
	return EXIT_USAGE;
}

int open_device(const char *path)
{
	int fd = libbellows_open_path(path);

	switch (fd) {
	case -ENOENT:
	case -ENXIO:
		complain("%s is not there: load the module first (sudo modprobe %s)", path,
			 strcmp(path, LIBBELLOWS_DEVICE) ? "kvm-intel or kvm-amd" : "bellows");
		return -1;
	case -EACCES:
		complain("%s: permission denied: ask for access to it, or run as root",
			 path);
		return -1;
	case -ENOTTY:
	case -EPROTO:
		complain("%s does not speak KVM's ABI as this command does: give /dev/bellows or /dev/kvm",
			 path);
		return -1;
	}
	if (fd < 0) {
		complain("%s: %s", path, strerror(-fd));
		return -1;
	}
	return fd;
}

int explain_vm_error(int device, int err)
{
	struct bellows_host_info info = { .why = "" };

	libbellows_host_info(device, &info);
	switch (err) {
	case -EOPNOTSUPP:
	case -ENODEV:
		complain("this machine cannot run VMs: %s",
			 info.why[0] ? info.why : "the CPU lacks what is needed (see the kernel's log)");
		return EXIT_UNAVAILABLE;
	case -EBUSY:
		complain("another hypervisor holds the CPUs: end its VMs, or unload it (the kernel's log names the CPU)");
		return EXIT_UNAVAILABLE;
	case -ENOMEM:
		complain("not enough memory to create a VM");
		return EXIT_SYSTEM;
	default:
		complain("cannot create a VM: %s", strerror(-err));
		return EXIT_SYSTEM;
	}
}

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
