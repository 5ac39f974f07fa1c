// SPDX-License-Identifier: GPL-2.0
/* Runs the rows of a benchmark on both modules, one after the other. */
#define _GNU_SOURCE
#include <getopt.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "apic.h"
#include "bench.h"
#include "host.h"

#define HUNG		20	/* seconds */

void bench_report(const char *name, u64 ticks)
{
	printf("# bench %s %s %llu\n", name, test_is_kvm ? "kvm" : "bellows", ticks);
	fflush(stdout);
}

u64 bench_run(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct ucall uc;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0))
			ASSERT(false, "KVM_RUN: %s", strerror(errno));
		if (run->exit_reason == KVM_EXIT_MMIO ||
		    (run->exit_reason == KVM_EXIT_IO && run->io.port == BENCH_PORT))
			continue;
		ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
		return uc.args[0];
	}
}

void *bench_memory(u64 size, bool small, int *fd)
{
	struct bellows_memory_create create = {
		.size = size,
		.flags = small ? BELLOWS_MEMORY_SMALL_PAGES : 0,
	};
	char *p;

	*fd = -1;
	if (!test_is_kvm) {
		*fd = dev_ioctl(BELLOWS_MEMORY_CREATE, &create);
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
		ASSERT(p != MAP_FAILED, "%s", strerror(errno));
		return p;
	}
	/* Room to align: a large page needs it. */
	p = mmap(NULL, size + 2 * MB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	p = (char *)(((unsigned long)p + 2 * MB - 1) & ~(2 * MB - 1));
	x(madvise(p, size, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE));
	return p;
}

void bench_company(unsigned int count)
{
	while (count--)
		vcpu_run_to_done(long_guest(guest_bench_nothing, 0));
}

/* The scheduler adds up what all tasks but the idle one ran. */
void bench_moment(struct bench_moment *m)
{
	struct timespec now;
	char line[1024];
	FILE *f = fopen("/proc/schedstat", "re");

	m->busy = 0;
	while (f && !m->busy && fgets(line, sizeof(line), f))
		sscanf(line, "cpu0 %*u %*u %*u %*u %*u %*u %llu", &m->busy);
	if (f)
		fclose(f);
	REQUIRE(m->busy, "this kernel does not count how long tasks run");
	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	m->ticks = rdtsc();
	m->ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
}

u64 bench_between(const struct bench_moment *from, const struct bench_moment *to)
{
	double share = (double)(to->busy - from->busy) / (to->ns - from->ns);

	return share * (to->ticks - from->ticks);
}

static u64 row_in_vm(const struct bench_row *row)
{
	struct vcpu *vcpu = row->irq ? apic_vcpu(apic_vm(), row->irq, 0) :
				       long_guest(row->guest, test_host_is_amd());
	u64 ticks = bench_run(vcpu);

	vm_free(vcpu->vm);
	return ticks;
}

/* In a process of its own: nothing is left behind, whatever happens. */
static int run_row(const struct bench_row *row)
{
	pid_t pid;
	int status;

	fflush(stdout);
	*test_skip_reason = 0;
	pid = x(fork());
	if (!pid) {
		u64 ticks;

		/* One that hangs ends itself: others are still to come. */
		alarm(row->seconds ? row->seconds : HUNG);
		ticks = row->measure ? row->measure() : row_in_vm(row);
		if (ticks != BENCH_REPORTED)
			bench_report(row->name, ticks);
		_exit(0);
	}
	x(waitpid(pid, &status, 0));
	return status;
}

/* All are, when none is named. */
static bool wanted(const char *name, char **only)
{
	bool any = *only;

	for (; *only; only++)
		if (!strcmp(*only, name))
			return true;
	return !any;
}

static void run_rows(const char *device, const struct bench_row *rows, unsigned int count,
		     char **only, unsigned int *number)
{
	test_device = device;
	test_is_kvm = strstr(device, "kvm");
	for (unsigned int i = 0; i < count; i++) {
		int status;

		if (!wanted(rows[i].name, only))
			continue;
		status = run_row(&rows[i]);
		if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_EXIT_SKIP)
			printf("ok %u - %s on %s # SKIP %s\n", ++*number, rows[i].name, device,
			       test_skip_reason);
		else
			printf("%sok %u - %s on %s\n", status ? "not " : "", ++*number,
			       rows[i].name, device);
	}
}

/* For profiles: where modules' code is. */
static void print_sections(const char *module)
{
	static const char *const names[] = { ".text", ".noinstr.text", ".text.unlikely" };
	char path[128], address[32];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", module, names[i]);
		f = fopen(path, "re");
		if (f && fgets(address, sizeof(address), f))
			printf("# section %s %s %s", module, names[i], address);
		if (f)
			fclose(f);
	}
}

/* What the host does against its CPU's errors, which both modules have to follow. */
static void print_hardening(void)
{
	char line[256];
	glob_t g;

	if (glob("/sys/devices/system/cpu/vulnerabilities/*", 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "re");

		if (f && fgets(line, sizeof(line), f))
			printf("# hardening %s %s", strrchr(g.gl_pathv[i], '/') + 1, line);
		if (f)
			fclose(f);
	}
	globfree(&g);
}

static void file_put(const char *file, const char *text)
{
	FILE *f = fopen(file, "we");

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static void swap_for_kvm(void)
{
	int r = 0;

	for (unsigned int i = 0; module_loaded(BELLOWS_MODULE) && i < 100; i++) {
		r = module_unload(BELLOWS_MODULE);
		usleep(10000);
	}
	ASSERT(!module_loaded(BELLOWS_MODULE), "bellows does not unload: %s", strerror(-r));
	/* It polls before it lets a vCPU wait: that would be idle time that looks like work. */
	ASSERT_EQ(kvm_load("halt_poll_ns=0"), 0);
}

static int list_rows(const struct bench_row *rows, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		puts(rows[i].name);
	return 0;
}

int bench_main(int argc, char **argv, const struct bench_row *rows, unsigned int count)
{
	unsigned int number = 0, todo = 0;
	char **only = argv + 1;

	if (argc > 1 && !strcmp(argv[1], "--list"))
		return list_rows(rows, count);
	if (!kvm_available()) {
		printf("1..0 # SKIP there are no modules of KVM here to compare with\n");
		return 4;
	}
	if (*only && !strcmp(*only, "--watch")) {
		guest_bench_watch = true;
		only++;
	}
	for (unsigned int i = 0; i < count; i++)
		todo += wanted(rows[i].name, only);
	pin_to_cpu(0);
	/* Linux leaves large pages off on hosts as small as some emulated ones are. */
	file_put("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	printf("TAP version 13\n1..%u\n", 2 * todo);
	print_hardening();
	ASSERT_EQ(module_loaded(BELLOWS_MODULE) ? 0 : bellows_load(""), 0);
	print_sections("bellows");
	run_rows("/dev/bellows", rows, count, only, &number);
	swap_for_kvm();
	print_sections("kvm");
	print_sections("kvm_amd");
	print_sections("kvm_intel");
	run_rows("/dev/kvm", rows, count, only, &number);
	ASSERT_EQ(kvm_unload(), 0);
	/* As it was found. */
	ASSERT_EQ(bellows_load(""), 0);
	return 0;
}
