// SPDX-License-Identifier: GPL-2.0
/*
 * An option is a line of a table; what is wrong with one is said before anything is
 * opened or created.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libbellows.h"
#include "machine.h"
#include "message.h"
#include "options.h"

#define MIB		(1ull << 20)
#define REAL_ENTRY	0x7c00
#define LONG_ENTRY	0x100000
#define FLAT_MEMORY	(64 * MIB)
#define KERNEL_MEMORY	(512 * MIB)
#define MAX_MEMORY	(1ull << 39)
#define MAX_NAME	48

static int bad(const char *fmt, const char *text)
{
	char message[256];

	snprintf(message, sizeof(message), fmt, text);
	return usage_error("run", "%s", message);
}

/* A number, perhaps with K, M or G behind it; -1 if it is none. */
static int parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned int shift = 0;

	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno || end == text || strchr(text, '-'))
		return -1;
	if (*end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit || end[1])
			return -1;
		shift = 10 * (unit - units + 1);
	}
	if (*size > UINT64_MAX >> shift)
		return -1;
	*size <<= shift;
	return 0;
}

static int set_flat(struct options *o, char *text)
{
	o->flat = text;
	return 0;
}

static int set_kernel(struct options *o, char *text)
{
	o->kernel = text;
	return 0;
}

static int set_initrd(struct options *o, char *text)
{
	o->initrd = text;
	return 0;
}

static int set_append(struct options *o, char *text)
{
	o->append = text;
	return 0;
}

static int set_module(struct options *o, char *text)
{
	if (o->n_modules == BOOT_MODULES - 1)
		return bad("--module: %s is one too many", text);
	o->modules[o->n_modules++] = text;
	return 0;
}

static int set_memory(struct options *o, char *text)
{
	if (parse_size(text, &o->memory) || !o->memory)
		return bad("--mem: '%s' is no size (try 512M)", text);
	return 0;
}

static int set_cpus(struct options *o, char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || !n || n > MACHINE_MAX_CPUS || *text == '-')
		return bad("--cpus: '%s' is no number from 1 to 64", text);
	o->cpus = n;
	return 0;
}

static int set_disk(struct options *o, char *text)
{
	if (o->n_disks == MAX_DEVICES)
		return bad("--disk: %s is one too many", text);
	o->disks[o->n_disks++] = text;
	return 0;
}

static int set_net(struct options *o, char *text)
{
	if (!strcmp(text, "none")) {
		o->no_net = true;
		return 0;
	}
	if (o->n_nets == MAX_DEVICES)
		return bad("--net: %s is one too many", text);
	o->nets[o->n_nets++] = text;
	return 0;
}

static int set_name(struct options *o, char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*text || *text == '.' || *text == '-' || strlen(text) > MAX_NAME || text[strspn(text, good)])
		return bad("--name: '%s' is no name: up to 48 letters, digits, '.', '_' and '-'", text);
	o->name = text;
	return 0;
}

static int set_console(struct options *o, char *text)
{
	static const char *const kinds[] = { "serial", "virtio", "none" };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!strcmp(text, kinds[i])) {
			o->console = i;
			return 0;
		}
	}
	return bad("--console: '%s' is none of serial, virtio, none", text);
}

static int set_device(struct options *o, char *text)
{
	o->device = strcmp(text, "auto") ? text : NULL;
	return 0;
}

static int set_load(struct options *o, char *text)
{
	if (parse_size(text, &o->load))
		return bad("--load: '%s' is no address (try 0x100000)", text);
	o->load_given = true;
	return 0;
}

static int set_memory_stats(struct options *o, char *text)
{
	if (text && !*text)
		return bad("--memory-stats=%s: the name of a file is missing", text);
	o->memory_stats = true;
	o->memory_stats_file = text;
	return 0;
}

#define FLAG(member)						\
	static int set_##member(struct options *o, char *text)	\
	{							\
		o->member = true;				\
		return 0;					\
	}

FLAG(real)
FLAG(trace)
FLAG(stats)
FLAG(progress)
FLAG(no_reboot)
FLAG(no_socket)

static const struct {
	struct option option;
	int (*set)(struct options *o, char *text);
} table[] = {
	{ { "flat", required_argument, NULL, 0 }, set_flat },
	{ { "kernel", required_argument, NULL, 0 }, set_kernel },
	{ { "initrd", required_argument, NULL, 0 }, set_initrd },
	{ { "module", required_argument, NULL, 0 }, set_module },
	{ { "append", required_argument, NULL, 0 }, set_append },
	{ { "mem", required_argument, NULL, 0 }, set_memory },
	{ { "cpus", required_argument, NULL, 0 }, set_cpus },
	{ { "disk", required_argument, NULL, 0 }, set_disk },
	{ { "net", required_argument, NULL, 0 }, set_net },
	{ { "name", required_argument, NULL, 0 }, set_name },
	{ { "console", required_argument, NULL, 0 }, set_console },
	{ { "device", required_argument, NULL, 0 }, set_device },
	{ { "load", required_argument, NULL, 0 }, set_load },
	{ { "real", no_argument, NULL, 0 }, set_real },
	{ { "trace", no_argument, NULL, 0 }, set_trace },
	{ { "stats", no_argument, NULL, 0 }, set_stats },
	{ { "memory-stats", optional_argument, NULL, 0 }, set_memory_stats },
	{ { "progress", no_argument, NULL, 0 }, set_progress },
	{ { "no-reboot", no_argument, NULL, 0 }, set_no_reboot },
	{ { "no-socket", no_argument, NULL, 0 }, set_no_socket },
};

#define N_OPTIONS	(sizeof(table) / sizeof(table[0]))

static int check_flat(struct options *o)
{
	if (o->kernel || o->initrd || o->n_modules || o->append || o->n_disks || o->n_nets || o->no_net || o->cpus > 1)
		return usage_error("run", "--flat: a flat program gets one CPU and memory, and nothing else");
	if (!o->memory)
		o->memory = FLAT_MEMORY;
	if (!o->load_given)
		o->load = o->real ? REAL_ENTRY : LONG_ENTRY;
	if (o->real && o->load > 0xffff)
		return usage_error("run", "--load: must be below 0x10000 in real mode");
	if (!o->real && o->load < LIBBELLOWS_TABLES + LIBBELLOWS_TABLES_SIZE)
		return usage_error("run", "--load: must be at least %#x: page tables are below",
				   LIBBELLOWS_TABLES + LIBBELLOWS_TABLES_SIZE);
	return 0;
}

/* An operating system has a network unless the user says otherwise. */
static int check_net(struct options *o)
{
	if (o->no_net && o->n_nets)
		return usage_error("run", "--net: none, and %s: only one of them can be meant", o->nets[0]);
	if (!o->flat && !o->no_net && !o->n_nets)
		o->nets[o->n_nets++] = "user";
	if (o->n_disks + o->n_nets <= MAX_DEVICES - 2)
		return 0;
	return usage_error("run", "--disk, --net: there is room for 6 together, and a network is one, unless it is 'none'");
}

static int check(struct options *o)
{
	int err = 0;

	if (!o->flat && !o->kernel)
		return usage_error("run", "--kernel FILE is needed (or --flat FILE): what to run");
	if (o->flat)
		err = check_flat(o);
	else if (o->load_given || o->real)
		return usage_error("run", "--load and --real are for --flat only");
	if (!o->memory)
		o->memory = KERNEL_MEMORY;
	if (!err && (o->memory % 4096 || o->memory < MIB || o->memory > MAX_MEMORY))
		return usage_error("run", "--mem: must be a multiple of 4096, from 1M to 512G");
	return err ? err : check_net(o);
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option options[N_OPTIONS + 1] = { };
	unsigned int i;
	int c, at, err;

	*o = (struct options) { .cpus = 1 };
	for (i = 0; i < N_OPTIONS; i++)
		options[i] = table[i].option;
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":", options, &at)) != -1) {
		if (c == ':')
			return bad("%s: its argument is missing", argv[optind - 1]);
		if (c)
			return bad("%s: there is no such option", argv[optind - 1]);
		err = table[at].set(o, optarg);
		if (err)
			return err;
	}
	if (optind < argc)
		return bad("'%s' is not an option", argv[optind]);
	return check(o);
}
