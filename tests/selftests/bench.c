// SPDX-License-Identifier: GPL-2.0
/*
 * What exits, faults and machines cost, on /dev/bellows and on /dev/kvm, in one
 * run: the same guest code, the same host.
 *
 * Costs are ticks of the TSC. Only where an emulator counts instructions with
 * it do they mean anything, and then they are instructions: see the folder of
 * the test machines. Each figure is the least of several rounds, since what
 * interrupts a round (the host's timer) can only add to it; a round's own loop
 * is measured with an instruction that does not exit, and subtracted.
 *
 * Each row runs in a process of its own, and prints "# bench NAME DEVICE TICKS".
 * As a test, it asserts that every row ran to its end on both devices.
 */
#define _GNU_SOURCE
#include <linux/kvm_para.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "apic.h"
#include "guest.h"
#include "host.h"
#include "vm.h"

#define ROUNDS		8
#define LOOPS		256
#define PORT		0x5a0
#define MSR		0x17a		/* IA32_MCG_STATUS: a plain value in both */
#define REGION		(64 * MB)	/* guest-physical, in the first gigabyte */
#define REGION_SIZE	(16 * MB)
#define REGION_PAGES	(REGION_SIZE / PAGE_SIZE)

/* Least ticks of a loop's round, per turn, without those of the loop. */
#define GUEST_COST(insn, ...)						\
	({								\
		u64 __best = ~0ULL, __empty = ~0ULL, __t;		\
		for (unsigned int __r = 0; __r < ROUNDS; __r++) {	\
			__t = rdtsc();					\
			for (unsigned int __i = 0; __i < LOOPS; __i++)	\
				asm volatile("nop" ::: "memory");	\
			__t = rdtsc() - __t;				\
			__empty = __t < __empty ? __t : __empty;	\
			__t = rdtsc();					\
			for (unsigned int __i = 0; __i < LOOPS; __i++)	\
				asm volatile(insn :: __VA_ARGS__);	\
			__t = rdtsc() - __t;				\
			__best = __t < __best ? __t : __best;		\
		}							\
		(__best - __empty) / LOOPS;				\
	})

static void report(const char *name, u64 ticks)
{
	printf("# bench %s %s %llu\n", name, test_is_kvm ? "kvm" : "bellows", ticks);
}

/* Rows that the guest measures. */
static void guest_cpuid(u64 arg)
{
	GUEST_SYNC(GUEST_COST("xorl %%eax, %%eax; cpuid", "i"(0) : "rax", "rbx", "rcx", "rdx"));
}

static void guest_rdmsr(u64 arg)
{
	GUEST_SYNC(GUEST_COST("rdmsr", "c"(MSR) : "rax", "rdx"));
}

static void guest_wrmsr(u64 arg)
{
	GUEST_SYNC(GUEST_COST("wrmsr", "c"(MSR), "a"(0), "d"(0)));
}

static void guest_hypercall(u64 arg)
{
	u64 r = 0;

	/* Unknown on both; the two instructions are as long. */
	if (arg)
		r = GUEST_COST("movl $9999, %%eax; vmmcall", "b"(0) : "rax", "memory");
	else
		r = GUEST_COST("movl $9999, %%eax; vmcall", "b"(0) : "rax", "memory");
	GUEST_SYNC(r);
}

static void guest_cr4(u64 arg)
{
	u64 cr4 = read_cr4();

	/* VME: nothing depends on it in long mode, and neither side lets the guest own it. */
	GUEST_SYNC(GUEST_COST("xorq $1, (%0); movq (%0), %%rax; movq %%rax, %%cr4",
			      "r"(&cr4) : "rax", "memory"));
}

static void guest_cr3(u64 arg)
{
	GUEST_SYNC(GUEST_COST("movq %0, %%cr3", "r"(read_cr3()) : "memory"));
}

static void guest_out(u64 arg)
{
	GUEST_SYNC(GUEST_COST("outb %%al, %%dx", "a"(0), "d"(PORT)));
}

static void guest_in(u64 arg)
{
	GUEST_SYNC(GUEST_COST("inb %%dx, %%al", "d"(PORT) : "rax"));
}

static void guest_mmio_write(u64 arg)
{
	GUEST_SYNC(GUEST_COST("movl %%eax, (%0)", "r"(MMIO_BASE), "a"(0) : "memory"));
}

static void guest_mmio_read(u64 arg)
{
	GUEST_SYNC(GUEST_COST("movl (%0), %%eax", "r"(MMIO_BASE) : "rax", "memory"));
}

/* Runs to the guest's figure; what needs userspace gets it, and nothing else is done. */
static u64 run_measured(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct ucall uc;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0))
			ASSERT(false, "KVM_RUN: %s", strerror(errno));
		if (run->exit_reason == KVM_EXIT_MMIO ||
		    (run->exit_reason == KVM_EXIT_IO && run->io.port == PORT))
			continue;
		ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
		return uc.args[0];
	}
}

static u64 guest_row(void (*fn)(u64 arg))
{
	struct vcpu *vcpu = long_guest(fn, test_host_is_amd());
	u64 ticks = run_measured(vcpu);

	vm_free(vcpu->vm);
	return ticks;
}

/* Interrupts, with the controllers in the kernel. */
#define IRQ		0x51

/* As GUEST_COST(), for what is no instruction but a few statements. */
#define GUEST_COST_OF(body)						\
	({								\
		u64 __best = ~0ULL, __t;				\
		for (unsigned int __r = 0; __r < ROUNDS; __r++) {	\
			__t = rdtsc();					\
			for (unsigned int __i = 0; __i < LOOPS; __i++)	\
				body;					\
			__t = rdtsc() - __t;				\
			__best = __t < __best ? __t : __best;		\
		}							\
		__best / LOOPS;						\
	})

static void irq_setup(void)
{
	guest_handlers[IRQ] = x2_eoi_handler;
	apic_x2_on();
}

/* Sent to itself, delivered, handled, ended: two exits and what the handler runs. */
static void guest_self_irq(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		x2_write(APIC_ICR, IRQ | ICR_SELF | ICR_ASSERT);
		asm volatile("sti; nop; cli" ::: "memory");
	}));
	GUEST_ASSERT_EQ(apic_count(IRQ), ROUNDS * LOOPS);
	GUEST_SYNC(ticks);
}

static void guest_hlt_pending(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		x2_write(APIC_ICR, IRQ | ICR_SELF | ICR_ASSERT);
		asm volatile("sti; hlt; cli" ::: "memory");
	}));
	GUEST_ASSERT_EQ(apic_count(IRQ), ROUNDS * LOOPS);
	GUEST_SYNC(ticks);
}

/* The deadline is over when it is set: no waiting is in this. */
static void guest_timer(u64 arg)
{
	u64 ticks;

	irq_setup();
	x2_write(APIC_LVTT, IRQ | APIC_DEADLINE);
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		wrmsr(MSR_DEADLINE, rdtsc());
		while (apic_count(IRQ) == before)
			asm volatile("sti; nop; cli" ::: "memory");
	}));
	GUEST_SYNC(ticks);
}

static u64 irq_row(void (*fn)(u64 arg))
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), fn, 0);
	u64 ticks = run_measured(vcpu);

	vm_free(vcpu->vm);
	return ticks;
}

/* Two vCPUs that wake each other and halt, on one CPU: one way of the two. */
static void guest_pong(u64 arg)
{
	irq_setup();
	for (;;) {
		u64 before = apic_count(IRQ);

		asm volatile("cli" ::: "memory");
		while (apic_count(IRQ) == before)
			asm volatile("sti; hlt; cli" ::: "memory");
		x2_write(APIC_ICR, IRQ | ICR_ASSERT);
	}
}

static void guest_ping(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		x2_write(APIC_ICR, 1ULL << 32 | IRQ | ICR_ASSERT);
		while (apic_count(IRQ) == before)
			asm volatile("sti; hlt; cli" ::: "memory");
	}));
	GUEST_SYNC(ticks / 2);
}

static void *pong_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	/* Until the process ends. */
	while (!ioctl(vcpu->fd, KVM_RUN, 0) || errno == EINTR)
		;
	return NULL;
}

static u64 ipi_halted(void)
{
	struct vm *vm = apic_vm();
	struct vcpu *ping = apic_vcpu(vm, guest_ping, 0), *pong = apic_vcpu(vm, guest_pong, 0);
	pthread_t thread;

	if (pthread_create(&thread, NULL, pong_thread, pong))
		test_fail(__FILE__, __LINE__, true, "no thread");
	/* It must wait before it is called. */
	usleep(100000);
	return run_measured(ping);
}

/* A doorbell: answered in the kernel, by an eventfd that nobody waits for. */
static u64 ioeventfd(void)
{
	struct vcpu *vcpu = long_guest(guest_out, 0);
	struct kvm_ioeventfd bell = {
		.addr = PORT, .len = 1, .fd = x(eventfd(0, EFD_CLOEXEC)),
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};
	u64 ticks;

	vm_ioctl(vcpu->vm, KVM_IOEVENTFD, &bell);
	ticks = run_measured(vcpu);
	vm_free(vcpu->vm);
	return ticks;
}

/* Faults. The memory's kind is named by the row; the slot is new for each round. */
enum kind { SMALL, LARGE };

static void *map_region(enum kind kind, int *fd)
{
	struct bellows_memory_create create = {
		.size = REGION_SIZE,
		.flags = kind == SMALL ? BELLOWS_MEMORY_SMALL_PAGES : 0,
	};
	char *p;

	if (!test_is_kvm) {
		*fd = dev_ioctl(BELLOWS_MEMORY_CREATE, &create);
		p = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
		ASSERT(p != MAP_FAILED, "%s", strerror(errno));
		return p;
	}
	/* Room to align: a large page needs it. */
	p = mmap(NULL, REGION_SIZE + 2 * MB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	p = (char *)(((unsigned long)p + 2 * MB - 1) & ~(2 * MB - 1));
	x(madvise(p, REGION_SIZE, kind == SMALL ? MADV_NOHUGEPAGE : MADV_HUGEPAGE));
	return p;
}

static void guest_touch(u64 arg)
{
	for (;;) {
		u64 t = rdtsc();

		for (u64 at = REGION; at < REGION + REGION_SIZE; at += PAGE_SIZE)
			*(volatile u64 *)at = at;
		GUEST_SYNC(rdtsc() - t);
	}
}

static u64 touch_row(enum kind kind, bool present)
{
	struct vcpu *vcpu = long_guest(guest_touch, 0);
	u64 best = ~0ULL, ticks;
	int fd = -1;
	char *p;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		p = map_region(kind, &fd);
		if (present)
			memset(p, 1, REGION_SIZE);
		vm_slot(vcpu->vm, 1, REGION, REGION_SIZE, p, 0);
		ticks = run_measured(vcpu);
		best = ticks < best ? ticks : best;
		vm_slot(vcpu->vm, 1, REGION, 0, p, 0);
		munmap(p, REGION_SIZE);
		if (fd >= 0)
			close(fd);
	}
	vm_free(vcpu->vm);
	return best / REGION_PAGES;
}

static u64 touch_present(void)
{
	return touch_row(SMALL, true);
}

static u64 touch_fresh(void)
{
	return touch_row(SMALL, false);
}

static u64 touch_large(void)
{
	return touch_row(LARGE, false);
}

/* The process itself touches memory that nobody has touched. */
static u64 touch_user(void)
{
	u64 best = ~0ULL, t;
	int fd = -1;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		volatile char *p = map_region(SMALL, &fd);

		t = rdtsc();
		for (u64 at = 0; at < REGION_SIZE; at += PAGE_SIZE)
			p[at] = 1;
		t = rdtsc() - t;
		best = t < best ? t : best;
		munmap((void *)p, REGION_SIZE);
		if (fd >= 0)
			close(fd);
	}
	return best / REGION_PAGES;
}

/* A word of Linux's list of the CPU's features. */
static bool cpu_flag(const char *name)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, name);
	if (f)
		fclose(f);
	return found;
}

/* Eight words a turn, as Linux clears where the CPU promises nothing. */
static void clear_words(u64 *to)
{
	for (unsigned int i = 0; i < PAGE_SIZE / 64; i++, to += 8)
		asm volatile("movq %1, (%0); movq %1, 8(%0); movq %1, 16(%0); movq %1, 24(%0)\n\t"
			     "movq %1, 32(%0); movq %1, 40(%0); movq %1, 48(%0); movq %1, 56(%0)"
			     :: "r"(to), "r"(0UL) : "memory");
}

static void clear(void *to, bool bytes, bool words)
{
	unsigned long count = bytes ? PAGE_SIZE : PAGE_SIZE / 8;

	if (bytes)
		asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	else if (words)
		asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	else
		clear_words(to);
}

/* What clearing a page costs in this kernel: part of each touch of fresh memory. */
static u64 clear_page(void)
{
	bool bytes = cpu_flag(" erms"), words = cpu_flag(" rep_good");
	static char page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	u64 best = ~0ULL, t;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		t = rdtsc();
		for (unsigned int i = 0; i < LOOPS; i++)
			clear(page, bytes, words);
		t = rdtsc() - t;
		best = t < best ? t : best;
	}
	return best / LOOPS;
}

static void guest_nothing(u64 arg)
{
}

static u64 life(void)
{
	u64 best = ~0ULL, t;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		struct vm *vm;
		struct vcpu *vcpu;

		t = rdtsc();
		vcpu = long_guest(guest_nothing, 0);
		vm = vcpu->vm;
		vcpu_run_to_done(vcpu);
		vm_free(vm);
		t = rdtsc() - t;
		best = t < best ? t : best;
	}
	return best;
}

static u64 vcpu_life(void)
{
	struct vm *vm = vm_new(GUEST_LONG);
	u64 best = ~0ULL, t;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		t = rdtsc();
		x(ioctl(vm->fd, KVM_CREATE_VCPU, (long)r));
		t = rdtsc() - t;
		best = t < best ? t : best;
	}
	vm_free(vm);
	return best;
}

/* While other machines are alive, each with memory it has touched. */
static u64 cpuid_among(unsigned int others)
{
	struct vcpu *other[64];
	u64 ticks;

	for (unsigned int i = 0; i < others; i++) {
		other[i] = long_guest(guest_nothing, 0);
		vcpu_run_to_done(other[i]);
	}
	ticks = guest_row(guest_cpuid);
	for (unsigned int i = 0; i < others; i++)
		vm_free(other[i]->vm);
	return ticks;
}

static u64 cpuid_8(void)
{
	return cpuid_among(7);
}

static u64 cpuid_64(void)
{
	return cpuid_among(63);
}

static const struct row {
	const char *name;
	void (*guest)(u64 arg);		/* the guest measures; or */
	void (*irq)(u64 arg);		/* one in a VM with controllers does; or */
	u64 (*measure)(void);
} rows[] = {
	{ "exit-cpuid", guest_cpuid },
	{ "exit-cpuid-8-vms", .measure = cpuid_8 },
	{ "exit-cpuid-64-vms", .measure = cpuid_64 },
	{ "exit-rdmsr", guest_rdmsr },
	{ "exit-wrmsr", guest_wrmsr },
	{ "exit-hypercall", guest_hypercall },
	{ "exit-cr4-write", guest_cr4 },
	{ "cr3-write", guest_cr3 },
	{ "exit-pio-out-user", guest_out },
	{ "exit-pio-in-user", guest_in },
	{ "exit-mmio-write-user", guest_mmio_write },
	{ "exit-mmio-read-user", guest_mmio_read },
	{ "pio-ioeventfd", .measure = ioeventfd },
	{ "irq-self-eoi", .irq = guest_self_irq },
	{ "hlt-pending-irq", .irq = guest_hlt_pending },
	{ "timer-set-fire", .irq = guest_timer },
	{ "ipi-halted", .measure = ipi_halted },
	{ "clear-4k", .measure = clear_page },
	{ "touch-4k-present", .measure = touch_present },
	{ "touch-4k-fresh", .measure = touch_fresh },
	{ "touch-2m-fresh", .measure = touch_large },
	{ "touch-user-fresh", .measure = touch_user },
	{ "vm-create-run-destroy", .measure = life },
	{ "vcpu-create", .measure = vcpu_life },
};

/* In a process of its own: nothing is left behind, whatever happens. */
static bool run_row(const struct row *row)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = x(fork());
	if (!pid) {
		/* One that hangs ends itself: others are still to come. */
		alarm(20);
		report(row->name, row->guest ? guest_row(row->guest) :
				  row->irq ? irq_row(row->irq) : row->measure());
		fflush(stdout);
		_exit(0);
	}
	x(waitpid(pid, &status, 0));
	return !status;
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

static unsigned int run_rows(const char *device, const char *only, unsigned int number)
{
	test_device = device;
	test_is_kvm = strstr(device, "kvm");
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		bool good = !only || !strcmp(only, rows[i].name) ? run_row(&rows[i]) : true;

		printf("%sok %u - %s on %s\n", good ? "" : "not ", ++number, rows[i].name, device);
	}
	return number;
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
	ASSERT_EQ(kvm_load(""), 0);
}

/* bench [ROW]: all rows, or that one. */
int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	unsigned int number;

	if (!kvm_available()) {
		printf("1..0 # SKIP there are no modules of KVM here to compare with\n");
		return 4;
	}
	pin_to_cpu(0);
	/* Linux leaves large pages off on hosts as small as some emulated ones are. */
	file_put("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	printf("TAP version 13\n1..%zu\n", 2 * ARRAY_SIZE(rows));
	ASSERT_EQ(module_loaded(BELLOWS_MODULE) ? 0 : bellows_load(""), 0);
	print_sections("bellows");
	number = run_rows("/dev/bellows", only, 0);
	swap_for_kvm();
	print_sections("kvm");
	print_sections("kvm_amd");
	print_sections("kvm_intel");
	run_rows("/dev/kvm", only, number);
	ASSERT_EQ(kvm_unload(), 0);
	/* As it was found. */
	ASSERT_EQ(bellows_load(""), 0);
	return 0;
}
