/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H
/* What `bellows run` is asked to do. */
#include <stdbool.h>
#include <stdint.h>
#include "boot/boot.h"

#define MAX_DEVICES	8	/* of virtio, all kinds together */

enum console { CONSOLE_SERIAL, CONSOLE_VIRTIO, CONSOLE_NONE };

struct options {
	const char *name;		/* NULL: made up */
	const char *device;		/* NULL: Bellows, or else KVM */
	const char *memory_stats_file;	/* NULL: on stderr */
	const char *flat, *kernel, *initrd, *append;
	char *modules[BOOT_MODULES];	/* "FILE ARGUMENTS" */
	unsigned int n_modules;
	const char *disks[MAX_DEVICES], *nets[MAX_DEVICES];
	unsigned int n_disks, n_nets;
	uint64_t memory;		/* 0: the default of the kind of guest */
	unsigned int cpus;
	enum console console;
	uint64_t load;
	bool load_given, real, trace, stats, memory_stats, progress, no_reboot, no_socket, no_net;
};

/* 0, or an exit code after a message. */
int options_parse(struct options *o, int argc, char **argv);

#endif
