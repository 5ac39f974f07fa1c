// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a VM in the foreground: build it from the options, load what it runs,
 * let it run, boot it again when it asks for that, and say how it ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "boot/boot.h"
#include "bridge.h"
#include "confine.h"
#include "control.h"
#include "disk/disk.h"
#include "exit_codes.h"
#include "machine.h"
#include "message.h"
#include "options.h"
#include "pc/acpi.h"
#include "pc/pc.h"
#include "progress.h"
#include "report.h"
#include "run.h"
#include "terminal.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/net.h"
#include "virtio/rng.h"

struct run {
	const struct options *o;
	struct machine machine;
	struct terminal *terminal;
	struct terminal *early;		/* where the serial port writes when it is not the console */
	struct boot_config boot;
	struct control *control;
	char name[64];
	struct loop_source signals;
	bool made;
	char cmdline[BOOT_CMDLINE_MAX];
	struct progress progress;
	struct report report;
};

/* --- Signals --------------------------------------------------------------------------- */

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct run *r = container_of(source, struct run, signals);
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) == sizeof(info))
		vm_end(&r->machine.vm, VM_STOPPED, info.ssi_signo);
}

static void on_kick(int sig)
{
	/* It only has to get a thread out of the guest. */
}

/* Before the first thread is created, which inherits the mask. */
static int take_signals(struct run *r)
{
	struct sigaction kick = { .sa_handler = on_kick };
	sigset_t set;

	sigaction(SIGUSR1, &kick, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	r->signals = (struct loop_source) { signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal };
	if (r->signals.fd < 0)
		return -errno;
	return loop_add(r->machine.vm.loop, &r->signals, EPOLLIN);
}

/* --- Building --------------------------------------------------------------------------- */

static int made(int err, const char *what)
{
	if (!err)
		return 0;
	complain("cannot create the %s: %s", what, strerror(-err));
	return EXIT_SYSTEM;
}

static int make_machine(struct run *r, bool controllers)
{
	const struct options *o = r->o;
	struct machine_config config = {
		.name = r->name, .device = o->device, .memory = o->memory,
		.cpus = o->cpus, .controllers = controllers, .trace = o->trace,
	};
	int err;

	progress_start(&r->progress, o->progress);
	r->made = true;
	if (o->name)
		snprintf(r->name, sizeof(r->name), "%s", o->name);
	else
		snprintf(r->name, sizeof(r->name), "vm%d", (int)getpid());
	err = machine_create(&r->machine, &config);
	if (err)
		return err;
	err = take_signals(r);
	if (err)
		return made(err, "signal handling");
	r->terminal = terminal_create(&r->machine.vm, o->console == CONSOLE_NONE ? -1 : STDIN_FILENO,
				      o->console == CONSOLE_NONE ? -1 : STDOUT_FILENO);
	err = made(r->terminal ? 0 : -ENOMEM, "console");
	if (!err)
		progress_watch(&r->progress, r->terminal);
	if (err || o->no_socket)
		return err;
	return control_create(&r->control, &r->machine, r->terminal, r->name);
}

static int make_devices(struct run *r)
{
	struct vm *vm = &r->machine.vm;
	bool virtio = r->o->console == CONSOLE_VIRTIO;
	struct terminal *t = r->terminal;
	int err;

	if (virtio)
		t = r->early = terminal_create(vm, -1, STDOUT_FILENO);
	err = made(t ? serial_create(vm, t) : -ENOMEM, "serial port");
	if (!err)
		err = made(debug_port_create(vm, t), "debug port");
	if (!err)
		err = made(exit_port_create(vm), "exit port");
	return err;
}

static int make_pc_devices(struct run *r)
{
	struct vm *vm = &r->machine.vm;
	int err = made(cmos_create(vm, r->o->memory), "clock");

	if (!err)
		err = made(reset_create(vm), "reset");
	if (!err)
		err = made(acpi_pm_create(vm), "power management");
	return err;
}

/* Messages of these are their own; wrong options are the user's, the rest is this machine's. */
static int option_made(int err)
{
	return !err ? 0 : err == -EINVAL ? EXIT_USAGE : EXIT_INPUT;
}

/* Disks come first, so that their names do not depend on what else there is. */
static int make_virtio(struct run *r)
{
	struct vm *vm = &r->machine.vm;
	unsigned int i;
	int err = 0, fd;

	for (i = 0; i < r->o->n_disks && !err; i++)
		err = option_made(virtio_blk_create(vm, r->o->disks[i]));
	for (i = 0; i < r->o->n_nets && !err; i++)
		err = option_made(virtio_net_create(vm, r->o->nets[i]));
	if (!err)
		err = made(virtio_rng_create(vm), "source of random numbers");
	if (err || r->o->console != CONSOLE_VIRTIO)
		return err;
	err = made(bridge_create(vm, r->terminal, &fd), "console");
	return err ? err : made(virtio_console_create(vm, fd, fd), "console");
}

/* --- Loading ---------------------------------------------------------------------------- */

static int open_files(struct run *r)
{
	const struct options *o = r->o;
	struct boot_config *b = &r->boot;
	unsigned int i;
	char *space;
	int err = boot_open(&b->kernel, "--kernel", o->kernel);

	if (!err && o->initrd)
		err = boot_open(&b->modules[b->n_modules++], "--initrd", o->initrd);
	for (i = 0; i < o->n_modules && !err; i++) {
		space = strchr(o->modules[i], ' ');
		if (space)
			*space = 0;
		err = boot_open(&b->modules[b->n_modules], "--module", o->modules[i]);
		b->modules[b->n_modules++].args = space ? space + 1 : "";
	}
	return err;
}

/* Whether a word of the command line begins so. */
static bool has_word(const char *line, const char *start)
{
	const char *at = line;

	while ((at = strstr(at, start))) {
		if (at == line || at[-1] == ' ')
			return true;
		at++;
	}
	return false;
}

/* What the user gave, and where the kernel should talk, unless that is said. */
static int make_cmdline(struct run *r)
{
	const char *given = r->o->append ? r->o->append : "";
	const char *console = r->o->console == CONSOLE_VIRTIO ? "console=hvc0" : "console=ttyS0";
	const char *root = r->o->n_disks && !has_word(given, "root=") ? disk_root_device(r->o->disks[0]) : NULL;
	bool talk = !has_word(given, "console=");
	int n = snprintf(r->cmdline, sizeof(r->cmdline), "%s%s%s%s%s%s", given,
			 talk && *given ? " " : "", talk ? console : "",
			 root ? " root=" : "", root ? root : "", root ? " rw" : "");

	r->boot.cmdline = r->cmdline;
	if (n < (int)sizeof(r->cmdline))
		return 0;
	complain("--append: the command line is too long");
	return EXIT_USAGE;
}

static int load_kernel(struct run *r)
{
	struct boot_entry entry;
	int err = acpi_write(&r->machine.vm, r->o->cpus, &r->boot.rsdp);

	if (err) {
		complain("--mem: too small for the machine's tables: use 2M or more");
		return EXIT_USAGE;
	}
	err = boot_load(&r->machine.vm, &r->boot, &entry);
	if (!err)
		err = machine_set_entry(&r->machine, &entry);
	machine_forget_memory(&r->machine);
	if (!err)
		progress_report(&r->progress, "loaded %s, %llu KiB, with %u modules", r->boot.kernel.path,
			 (unsigned long long)r->boot.kernel.size >> 10, r->boot.n_modules);
	return err;
}

static int load_flat(struct run *r)
{
	struct vm *vm = &r->machine.vm;
	const struct options *o = r->o;
	struct libbellows_vcpu *cpu = &r->machine.cpus[0].vcpu;
	struct boot_file file;
	int err = boot_open(&file, "--flat", o->flat);

	if (!err && !vm_memory(vm, o->load, file.size)) {
		complain("--flat: %s: does not fit: use a larger --mem or a smaller --load", o->flat);
		err = EXIT_INPUT;
	}
	if (!err)
		err = boot_read_to(vm, &file, 0, o->load, file.size);
	if (file.fd >= 0)
		close(file.fd);
	machine_forget_memory(&r->machine);
	if (err)
		return err;
	return made(o->real ? libbellows_vcpu_real_mode(cpu, o->load) :
		    libbellows_vcpu_long_mode(cpu, &r->machine.memory, o->load), "CPU's registers");
}

/* --- Running ------------------------------------------------------------------------------ */

static bool has_user_network(const struct options *o)
{
	unsigned int i;

	for (i = 0; i < o->n_nets; i++) {
		if (!strncmp(o->nets[i], "user", 4))
			return true;
	}
	return false;
}

static int start(struct run *r)
{
	bool network = has_user_network(r->o);
	int err;

	err = report_open(&r->report, r->o);
	if (err)
		return err;
	/* Without a network no file can be opened at all. */
	err = made(network ? confine_files() : 0, "confinement to a few files");
	if (err)
		return err;
	if (vm_start_devices(&r->machine.vm))
		return EXIT_SYSTEM;
	err = terminal_start(r->terminal);
	if (err)
		return made(err, "connection to stdin");
	err = machine_start(&r->machine);
	if (err)
		return err;
	report_begin(&r->report);
	err = made(confine(network), "confinement of this process");
	if (!err)
		progress_report(&r->progress, "starting");
	return err;
}

static int exit_code(const struct run *r, enum vm_end end)
{
	switch (end) {
	case VM_EXITED:
		return r->machine.vm.end_code & EXIT_GUEST_MAX;
	case VM_HALTED:
		complain("the guest halted, and nothing can wake it");
		return EXIT_OK;
	case VM_DIED:
		return EXIT_GUEST_DIED;
	case VM_FAILED:
		return EXIT_SYSTEM;
	case VM_STOPPED:
		return r->machine.vm.end_code ? 128 + r->machine.vm.end_code : EXIT_OK;
	default:
		return EXIT_OK;
	}
}

static int live(struct run *r)
{
	enum vm_end end;
	int err;

	for (;;) {
		machine_go(&r->machine);
		end = machine_wait(&r->machine);
		if (end != VM_REBOOTS || r->o->no_reboot || r->o->flat)
			break;
		progress_report(&r->progress, "the guest boots again");
		machine_pause(&r->machine, true);
		err = machine_reset(&r->machine);
		if (!err)
			err = load_kernel(r);
		if (err)
			return err;
	}
	progress_report(&r->progress, "ended");
	return exit_code(r, end);
}

static void finish(struct run *r, bool ran)
{
	if (!r->made)
		return;
	machine_stop(&r->machine);
	vm_stop_devices(&r->machine.vm);
	control_free(r->control);
	if (r->early)
		terminal_free(r->early);
	if (r->terminal)
		terminal_free(r->terminal);
	if (ran && (r->o->stats || r->o->memory_stats))
		report_write(&r->report, r->o, &r->machine);
	machine_free(&r->machine);
	if (r->signals.fd > 0)
		close(r->signals.fd);
	report_close(&r->report);
	boot_close(&r->boot);
}

static int run_and_finish(struct run *r, int err)
{
	int code = err ? err : start(r);
	bool ran = !code;

	if (ran)
		code = live(r);
	finish(r, ran);
	return code;
}

int run_flat(const struct options *o)
{
	struct run *r = calloc(1, sizeof(*r));
	int err, code;

	if (!r)
		return EXIT_SYSTEM;
	r->o = o;
	err = make_machine(r, false);
	if (!err)
		err = make_devices(r);
	if (!err)
		err = load_flat(r);
	code = run_and_finish(r, err);
	free(r);
	return code;
}

int run_kernel(const struct options *o)
{
	struct run *r = calloc(1, sizeof(*r));
	int err, code;

	if (!r)
		return EXIT_SYSTEM;
	r->o = o;
	err = make_cmdline(r);
	if (!err)
		err = open_files(r);
	if (!err)
		err = make_machine(r, true);
	if (!err)
		err = make_devices(r);
	if (!err)
		err = make_pc_devices(r);
	if (!err)
		err = make_virtio(r);
	if (!err)
		err = load_kernel(r);
	code = run_and_finish(r, err);
	free(r);
	return code;
}
