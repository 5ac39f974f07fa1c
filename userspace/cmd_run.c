// SPDX-License-Identifier: GPL-2.0
/*
 * bellows run: runs a flat program in a VM with one CPU, without firmware or
 * disks. What it writes to the serial port appears on stdout.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "command.h"
#include "devices.h"
#include "libbellows.h"

#define MIB		(1ull << 20)
#define REAL_ENTRY	0x7c00
#define LONG_ENTRY	0x100000

struct options {
	const char *image;
	uint64_t memory;
	uint64_t load;
	bool load_given;
	bool real;
	bool trace;
	bool stats;
};

struct machine {
	int device, vm;
	struct libbellows_memory memory;
	struct libbellows_vcpu vcpu;
	struct devices devices;
	unsigned long long exits;
};

static volatile sig_atomic_t interrupted;
static struct kvm_run *volatile interrupted_run;

/* Between the check of the flag and KVM_RUN a signal would be lost, but not this field. */
static void on_signal(int sig)
{
	interrupted = sig;
	if (interrupted_run)
		interrupted_run->immediate_exit = 1;
}

/* A number with K, M or G behind it; -1 if it is none. */
static int parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned int shift = 0;

	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
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

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "flat", required_argument, NULL, 'f' },
		{ "mem", required_argument, NULL, 'm' },
		{ "load", required_argument, NULL, 'l' },
		{ "real", no_argument, NULL, 'r' },
		{ "trace", no_argument, NULL, 't' },
		{ "stats", no_argument, NULL, 's' },
		{ }
	};
	int c;

	*o = (struct options) { .memory = 64 * MIB };
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->image = optarg;
			break;
		case 'm':
			if (parse_size(optarg, &o->memory))
				return usage_error(&command_run, "--mem: '%s' is no size (try 64M)", optarg);
			break;
		case 'l':
			if (parse_size(optarg, &o->load))
				return usage_error(&command_run, "--load: '%s' is no address (try 0x100000)",
						   optarg);
			o->load_given = true;
			break;
		case 'r':
			o->real = true;
			break;
		case 't':
			o->trace = true;
			break;
		case 's':
			o->stats = true;
			break;
		default:
			return usage_error(&command_run, "%s: no such option, or its argument is missing",
					   argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage_error(&command_run, "'%s' is not an option", argv[optind]);
	if (!o->image)
		return usage_error(&command_run, "--flat FILE is needed: the program to run");
	if (!o->load_given)
		o->load = o->real ? REAL_ENTRY : LONG_ENTRY;
	if (o->memory % 4096 || o->memory < MIB)
		return usage_error(&command_run, "--mem: must be a multiple of 4096 and at least 1M");
	if (o->real && o->load > 0xffff)
		return usage_error(&command_run, "--load: must be below 0x10000 in real mode");
	if (!o->real && o->load < LIBBELLOWS_TABLES + LIBBELLOWS_TABLES_SIZE)
		return usage_error(&command_run, "--load: must be at least %#x: page tables are below",
				   LIBBELLOWS_TABLES + LIBBELLOWS_TABLES_SIZE);
	return EXIT_OK;
}

static int load_image(const struct options *o, const struct libbellows_memory *memory)
{
	int fd = open(o->image, O_RDONLY | O_CLOEXEC);
	uint64_t room = o->load < memory->size ? memory->size - o->load : 0;
	uint64_t done = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st)) {
		complain("--flat: %s: %s", o->image, strerror(errno));
		return EXIT_INPUT;
	}
	if (!S_ISREG(st.st_mode) || !st.st_size || (uint64_t)st.st_size > room) {
		complain("--flat: %s: %s", o->image,
			 !S_ISREG(st.st_mode) ? "is not a file" : !st.st_size ? "is empty" :
			 "does not fit: use a larger --mem or a smaller --load");
		close(fd);
		return EXIT_INPUT;
	}
	while (done < (uint64_t)st.st_size) {
		n = read(fd, (char *)memory->map + o->load + done, st.st_size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain("--flat: %s: %s", o->image, n ? strerror(errno) : "became shorter");
			close(fd);
			return EXIT_INPUT;
		}
		done += n;
	}
	close(fd);
	return EXIT_OK;
}

static int failed(const char *what, int err)
{
	complain("%s: %s", what, strerror(-err));
	return EXIT_SYSTEM;
}

static int build(struct machine *m, const struct options *o)
{
	int err;

	m->device = open_device();
	if (m->device < 0)
		return EXIT_UNAVAILABLE;
	m->vm = libbellows_vm_create(m->device);
	if (m->vm < 0)
		return explain_vm_error(m->device, m->vm);
	err = libbellows_memory_create(&m->memory, m->device, o->memory, 0);
	if (err)
		return failed("--mem: cannot have that much", err);
	err = load_image(o, &m->memory);
	if (err)
		return err;
	err = libbellows_vm_attach(m->vm, 0, 0, &m->memory, 0, m->memory.size, 0);
	if (err)
		return failed("cannot attach the memory", err);
	err = libbellows_vcpu_create(&m->vcpu, m->device, m->vm, 0);
	if (err)
		return failed("cannot create the CPU", err);
	err = o->real ? libbellows_vcpu_real_mode(&m->vcpu, o->load) :
			libbellows_vcpu_long_mode(&m->vcpu, &m->memory, o->load);
	return err ? failed("cannot set the CPU's registers", err) : EXIT_OK;
}

/* -1: go on; otherwise the exit code. */
static int handle_exit(struct machine *m)
{
	struct kvm_run *run = m->vcpu.run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		device_io(&m->devices, run->io.direction == KVM_EXIT_IO_OUT, run->io.port, run->io.size,
			  libbellows_io_data(&m->vcpu), run->io.count);
		if (!m->devices.exited)
			return -1;
		return m->devices.exit_code & EXIT_GUEST_MAX;
	case KVM_EXIT_MMIO:
		device_mmio(&m->devices, run->mmio.is_write, run->mmio.phys_addr, run->mmio.len,
			    run->mmio.data);
		return -1;
	case KVM_EXIT_INTR:
		return -1;
	case KVM_EXIT_HLT:
		complain("the guest halted, and nothing can wake it");
		return EXIT_OK;
	case KVM_EXIT_SHUTDOWN:
		complain("the guest died of a triple fault");
		return EXIT_GUEST_DIED;
	case KVM_EXIT_FAIL_ENTRY:
		complain("the CPU refused to enter the guest: reason %#llx",
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		return EXIT_GUEST_DIED;
	case KVM_EXIT_INTERNAL_ERROR:
		complain("the module cannot go on: suberror %u", run->internal.suberror);
		return EXIT_GUEST_DIED;
	default:
		complain("unexpected exit %u", run->exit_reason);
		return EXIT_GUEST_DIED;
	}
}

static int loop(struct machine *m)
{
	int err, code;

	for (;;) {
		if (interrupted) {
			complain("interrupted");
			return 128 + interrupted;
		}
		err = libbellows_vcpu_run(&m->vcpu);
		if (err == -EINTR || err == -EAGAIN)
			continue;
		if (err)
			return failed("cannot run the CPU", err);
		m->exits++;
		code = handle_exit(m);
		if (code >= 0)
			return code;
	}
}

static void show_stats(const struct machine *m)
{
	struct bellows_memory_stat stat;

	fflush(stdout);
	fprintf(stderr, "exits to this program: %llu\n", m->exits);
	if (libbellows_memory_stat(&m->memory, &stat))
		return;
	fprintf(stderr, "guest memory: %llu MiB, of which %llu KiB cost memory (%llu KiB in large pages)\n",
		(unsigned long long)(stat.size / MIB), (unsigned long long)stat.private_pages * 4,
		(unsigned long long)stat.large * 4);
}

static int run(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct machine m = { };
	struct options o;
	int code = parse(&o, argc, argv);

	if (code)
		return code;
	code = build(&m, &o);
	if (code)
		return code;
	m.devices.trace = o.trace;
	interrupted_run = m.vcpu.run;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	code = loop(&m);
	if (o.stats)
		show_stats(&m);
	interrupted_run = NULL;
	libbellows_vcpu_destroy(&m.vcpu);
	close(m.vm);
	libbellows_memory_destroy(&m.memory);
	close(m.device);
	return code;
}

const struct command command_run = {
	.name = "run",
	.summary = "runs a flat program in a VM",
	.usage =
		"usage: bellows run --flat FILE [OPTIONS]\n\n"
		"  --flat FILE   the program: bytes that are put into memory and jumped to\n"
		"  --mem SIZE    guest memory (default 64M)\n"
		"  --load ADDR   where the program goes (default 0x100000; 0x7c00 with --real)\n"
		"  --real        start in 16-bit real mode; default: 64-bit mode, the first 4 GiB\n"
		"                mapped one to one, RDI = size of memory\n"
		"  --trace       report accesses to ports and addresses where nothing is\n"
		"  --stats       at the end, report exits and memory\n\n"
		"Ports: 0x3f8 serial and 0xe9 debug output, to stdout; a byte written to 0xf4 ends\n"
		"the VM and is the exit code (its low six bits).\n",
	.run = run,
};
