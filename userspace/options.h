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

/* A number with K, M or G behind it; -1 if it is none. */
int parse_size(const char *text, uint64_t *size);
/* 0, or an exit code after a message. */
int parse_options(struct options *o, int argc, char **argv);

/* What to give as root= for this --disk; NULL if the file cannot be read. */
const char *root_of_disk(const char *spec);

/* Both return the exit code. */
int run_flat(const struct options *o);
int run_kernel(const struct options *o);

#endif
