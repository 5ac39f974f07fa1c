// SPDX-License-Identifier: GPL-2.0
/*
 * The machine restarts under running VMs: by reboot(2), at once, without asking
 * anybody, by sysrq, and by kexec into the same kernel. Each time virtualization
 * has to be off on every CPU, and afterwards the module has to find the CPUs
 * free and run guests on all of them.
 *
 *	restart [reboot|emergency|kexec]...
 *
 * The program is started again after each restart; BELLOWS_RESTARTS says how
 * many there have been. That the machine came back, in time and not by a panic,
 * is for the runner to see; it gets the points from the last one that runs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "guest.h"
#include "vm.h"

#define PORT	0x80
#define KEXEC	0x45584543	/* reboot(2)'s word for it */

static unsigned int slow(void)
{
	const char *s = getenv("BELLOWS_SLOW");

	return s && atoi(s) ? 10 : 1;
}

static void spin(u64 arg)
{
	for (;;)
		cpu_relax();
}

static void leave(u64 arg)
{
	for (;;)
		outb(PORT, 0);
}

static void sum(u64 arg)
{
	u64 sum = 0;

	for (u64 i = 0; i < arg; i++)
		sum += i;
	GUEST_SYNC(1, sum);
}

/* A whole guest on each CPU. */
static void guests_work(void)
{
	for (unsigned int cpu = 0; cpu < host_cpus(); cpu++) {
		struct vcpu *vcpu;
		struct ucall uc;

		pin_to_cpu(cpu);
		vcpu = long_guest(sum, 100);
		ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
		ASSERT_EQ(uc.args[1], 4950);
		vcpu_run_to_done(vcpu);
		vm_free(vcpu->vm);
	}
}

static void *run_forever(void *arg)
{
	struct vcpu *vcpu = arg;

	for (;;)
		__vcpu_run(vcpu);
	return NULL;
}

static void *make_vms(void *arg)
{
	for (;;) {
		int fd = ioctl(dev_open(), KVM_CREATE_VM, 0);

		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	ASSERT_EQ(pthread_create(&t, NULL, fn, arg), 0);
}

static void start_guest(struct vm *vm, void (*fn)(u64))
{
	start(run_forever, vcpu_new(vm, fn, 0));
}

/*
 * Guests that compute and guests that leave all the time, more of them than
 * CPUs; one that ran and is not running now; VMs that come and go; another
 * process, which will not hear of the restart.
 */
static void be_busy(void)
{
	struct vcpu *idle = long_guest(leave, 0);
	pid_t pid;

	vcpu_run_to(idle, KVM_EXIT_IO);
	pid = x(fork());
	if (!pid) {
		start_guest(vm_new(GUEST_LONG), spin);
		for (;;)
			pause();
	}
	struct vm *vm = vm_new(GUEST_LONG);

	for (unsigned int i = 0; i < 2 * host_cpus(); i++)
		start_guest(vm, i & 1 ? leave : spin);
	start(make_vms, NULL);
	usleep(200000 * slow());
}

static void say_restarting(void)
{
	printf("# restarting\n");
	fflush(stdout);
	usleep(300000 * slow());	/* the words have to get out */
}

static void load_kernel(void)
{
	static char line[4096];
	int kernel = x(open("/lib/kexec/bzImage", O_RDONLY)), initrd = x(open("/lib/kexec/initrd", O_RDONLY));
	int fd = x(open("/proc/cmdline", O_RDONLY));

	x(read(fd, line, sizeof(line) - 1));
	line[strcspn(line, "\n")] = 0;
	x(syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, 0));
}

static void by_reboot(void)
{
	be_busy();
	say_restarting();
	x(reboot(RB_AUTOBOOT));
}

static void by_kexec(void)
{
	load_kernel();
	be_busy();
	say_restarting();
	x(reboot(KEXEC));
}

static void by_emergency(void)
{
	int fd = x(open("/proc/sysrq-trigger", O_WRONLY));

	be_busy();
	say_restarting();
	x(write(fd, "b", 1));
}

static const struct {
	const char *name, *what;
	void (*restart)(void);
} ways[] = {
	{ "reboot", "a reboot with running VMs ends in a machine that runs VMs", by_reboot },
	{ "emergency", "an emergency restart with running VMs ends in a machine that runs VMs",
	  by_emergency },
	{ "kexec", "kexec with running VMs ends in a kernel that runs VMs", by_kexec },
};

/* Of an argument; NULL for one that is none. */
static const typeof(ways[0]) *find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const char *s = getenv("BELLOWS_RESTARTS");
	int done = s ? atoi(s) : 0;

	for (int i = 1; i < argc; i++)
		if (!find(argv[i]))
			return 2;
	if (!s) {
		printf("1..0 # SKIP would restart this machine\n");
		return 4;
	}
	guests_work();
	if (done < argc - 1) {
		find(argv[1 + done])->restart();
		sleep(60);
		printf("# still here\n");
		return 1;
	}
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		printf("ok %d - %s\n", i, find(argv[i])->what);
	return 0;
}
