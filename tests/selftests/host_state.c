// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest must leave alone: the state of the process that runs it, and
 * that of other guests. Each case lets guests change some state of the CPU and
 * then looks at the host's through the eyes of user code.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "guest.h"
#include "vm.h"

/* System calls that need no thread-local storage: FS may be the test's. */
static inline long raw_call(long nr, long a, long b, long c)
{
	long r;

	asm volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}

static inline long raw_run(struct vcpu *vcpu)
{
	return raw_call(SYS_ioctl, vcpu->fd, KVM_RUN, 0);
}

/* Segments and their bases */

static void change_segments(u64 arg)
{
	u64 i;

	for (i = 1; i < 20; i++) {
		wrmsr(MSR_FS_BASE, i << 32);
		wrmsr(MSR_GS_BASE, i << 33);
		asm volatile("swapgs");
		wrmsr(MSR_GS_BASE, i << 34);
		GUEST_SYNC(i);
		GUEST_ASSERT_EQ(rdmsr(MSR_FS_BASE), i << 32);
		GUEST_ASSERT_EQ(rdmsr(MSR_GS_BASE), i << 34);
		GUEST_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), i << 33);
	}
}

static __thread u64 in_fs = 0x1234567;

CASE(bases, "FS and GS bases of the process survive a guest with its own")
{
	struct vcpu *vcpu = long_guest(change_segments, 0);
	static u64 area[2] = { 0x99 };
	u64 base, value, i;

	x(syscall(SYS_arch_prctl, ARCH_SET_GS, area));
	for (i = 1; i < 20; i++) {
		vcpu_run_to_sync(vcpu, i);
		asm volatile("movq %%gs:0, %0" : "=r"(value));
		ASSERT_EQ(value, 0x99);
		ASSERT_EQ(in_fs, 0x1234567);
		x(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
		ASSERT_EQ(base, (unsigned long)area);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* An LDT segment over area, limit in bytes; its selector. */
static u16 ldt_segment(unsigned int nr, void *area, unsigned int limit)
{
	struct user_desc desc = {
		.entry_number = nr, .base_addr = (unsigned long)area, .limit = limit,
		.seg_32bit = 1, .useable = 1,
	};

	long r = __x(syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)));

	REQUIRE(r != -ENOSYS, "this kernel has no LDTs");
	ASSERT_EQ(r, 0);
	return nr * 8 + 7;
}

static volatile int segv_seen;
static sigjmp_buf segv_back;

static void on_segv(int sig)
{
	segv_seen = 1;
	siglongjmp(segv_back, 1);
}

static bool faults(void (*fn)(void))
{
	signal(SIGSEGV, on_segv);
	segv_seen = 0;
	if (!sigsetjmp(segv_back, 1))
		fn();
	return segv_seen;
}

CASE(selectors, "segment selectors and the LDT of the process survive")
{
	struct vcpu *vcpu = long_guest(change_segments, 0);
	char *low = mmap((void *)0x20000000, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	u16 fs_sel, gs_sel, fs, gs, ds, es, loaded = 0x2b;
	u8 in_ldt_fs, in_ldt_gs;
	u64 tls;
	long r;

	ASSERT(low != MAP_FAILED);
	low[0] = 0x11;
	low[0x80] = 0x22;
	fs_sel = ldt_segment(3, low, 0xff);
	gs_sel = ldt_segment(5, low + 0x80, 0xff);
	x(syscall(SYS_arch_prctl, ARCH_GET_FS, &tls));

	asm volatile("mov %0, %%ds; mov %0, %%es" :: "r"(loaded));
	asm volatile("mov %0, %%gs" :: "r"(gs_sel));
	asm volatile("mov %0, %%fs" :: "r"(fs_sel));
	r = raw_run(vcpu);
	asm volatile("mov %%fs, %0" : "=r"(fs));
	asm volatile("movb %%fs:0, %0" : "=q"(in_ldt_fs));
	raw_call(SYS_arch_prctl, ARCH_SET_FS, tls, 0);
	asm volatile("mov %%gs, %0" : "=r"(gs));
	asm volatile("movb %%gs:0, %0" : "=q"(in_ldt_gs));
	asm volatile("mov %%ds, %0; mov %%es, %1" : "=r"(ds), "=r"(es));

	ASSERT_EQ(r, 0);
	EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_IO);
	EXPECT_EQ(fs, fs_sel);
	EXPECT_EQ(gs, gs_sel);
	EXPECT_EQ(ds, loaded);
	EXPECT_EQ(es, loaded);
	EXPECT_EQ(in_ldt_fs, 0x11);
	EXPECT_EQ(in_ldt_gs, 0x22);
	/* The LDT itself, by loading from it anew. */
	asm volatile("mov %1, %%gs; movb %%gs:0, %0" : "=q"(in_ldt_gs) : "r"(fs_sel));
	EXPECT_EQ(in_ldt_gs, 0x11);
	vm_free(vcpu->vm);
}

static volatile u64 stop, spins;

static void spin(u64 arg)
{
	sti();
	while (!stop)
		spins++;
}

/* Runs the guest, and then reads through a segment that was not there when the run began. */
static void *use_new_ldt(void *arg)
{
	struct vcpu *vcpu = arg;
	u8 value = 0;

	pin_to_cpu(1);
	while (vcpu->run->exit_reason != KVM_EXIT_IO)
		raw_run(vcpu);
	asm volatile("push %%fs; mov %1, %%fs; movb %%fs:0, %0; pop %%fs" : "=&q"(value) : "r"(3 * 8 + 7));
	raw_call(SYS_exit, value != 0x77, 0, 0);
	return NULL;
}

static char ldt_stack[65536];

static int ldt_thread(void *vcpu)
{
	use_new_ldt(vcpu);
	return 2;
}

CASE(new_ldt, "an LDT that another thread makes while the guest runs is there afterwards")
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD;
	struct vcpu *vcpu = long_guest(spin, 0);
	int status;
	pid_t child;
	char *low;

	REQUIRE(host_cpus() > 1, "this host has one CPU");
	low = mmap((void *)0x20000000, PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT(low != MAP_FAILED);
	low[0] = 0x77;
	pin_to_cpu(0);
	/* No pthread: its thread-local storage would be in FS. */
	child = x(clone(ldt_thread, ldt_stack + sizeof(ldt_stack), flags, vcpu));
	while (!GUEST_VAR(vcpu->vm, spins))
		usleep(1000);
	ldt_segment(3, low, 0xff);
	/* The guest goes on, and leaves once more; nobody else shall run there meanwhile. */
	GUEST_VAR(vcpu->vm, stop) = 1;
	x(waitpid(child, &status, 0));
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	vm_free(vcpu->vm);
}

/* Ports */

static void exit_once(u64 arg)
{
	for (;;)
		GUEST_SYNC(0);
}

static void allowed_port(void)
{
	asm volatile("outb %%al, $0x80" :: "a"(0));
}

static void other_port(void)
{
	asm volatile("inb $0x84, %%al" ::: "rax");
}

CASE(ports, "the I/O permission bitmap of the process is in force, no more and no less")
{
	struct vcpu *vcpu = long_guest(exit_once, 0);

	REQUIRE(__x(syscall(SYS_ioperm, 0x80, 1, 1)) != -ENOSYS, "this kernel has no ioperm()");
	EXPECT(!faults(allowed_port));
	EXPECT(faults(other_port));
	for (int i = 0; i < 10; i++) {
		vcpu_run(vcpu);
		EXPECT(!faults(allowed_port));
		EXPECT(faults(other_port));
	}
	x(syscall(SYS_ioperm, 0x80, 1, 0));
	vcpu_run(vcpu);
	EXPECT(faults(allowed_port));
	vm_free(vcpu->vm);
}

CASE(no_ports, "a process without ports gets none from a guest's exit")
{
	struct vcpu *vcpu = long_guest(exit_once, 0);

	EXPECT(faults(allowed_port));
	vcpu_run(vcpu);
	EXPECT(faults(allowed_port));
	EXPECT(faults(other_port));
	vm_free(vcpu->vm);
}

/* MSRs */

static void change_tsc_aux(u64 arg)
{
	u64 i;
	u32 aux;

	for (i = 0; i < 10; i++) {
		wrmsr(MSR_TSC_AUX, 0xabcd0000 + i);
		GUEST_SYNC(i);
		asm volatile("rdtscp" : "=c"(aux) :: "rax", "rdx");
		GUEST_ASSERT_EQ(aux, 0xabcd0000 + i);
		GUEST_ASSERT_EQ(rdmsr(MSR_TSC_AUX), 0xabcd0000 + i);
	}
}

CASE(tsc_aux, "RDTSCP says the guest's word in the guest and the CPU in the process")
{
	struct vcpu *vcpu = long_guest(change_tsc_aux, 0);
	unsigned int cpu;
	u32 aux;

	REQUIRE(HAS_RDTSCP, "this CPU has no RDTSCP");
	pin_to_cpu(host_cpus() - 1);
	for (int i = 0; i < 10; i++) {
		vcpu_run_to_sync(vcpu, i);
		asm volatile("rdtscp" : "=c"(aux) :: "rax", "rdx");
		x(syscall(SYS_getcpu, &cpu, NULL, NULL));
		EXPECT_EQ(aux & 0xfff, cpu);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* CR4 is the host's and changes with its tasks: one that may not read the TSC has TSD set. */

static void read_own_tsc(u64 arg)
{
	for (u64 i = 0;; i++) {
		rdtsc();
		write_cr4(read_cr4() ^ CR4_TSD);
		GUEST_SYNC(1, i);
	}
}

static void tsc_read(void)
{
	rdtsc();
}

static void may_read_tsc(bool yes)
{
	x(prctl(PR_SET_TSC, yes ? PR_TSC_ENABLE : PR_TSC_SIGSEGV, 0, 0, 0));
}

CASE(tsd, "a process that may not read the TSC still may not after its guest did, and others still may")
{
	struct vcpu *vcpu = long_guest(read_own_tsc, 0);
	volatile bool *stop = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	ASSERT(stop != MAP_FAILED);
	pin_to_cpu(0);
	child = x(fork());
	if (!child) {
		bool good = true;

		may_read_tsc(false);
		while (good && !*stop) {
			good = faults(tsc_read);
			sched_yield();
		}
		_exit(!good);
	}
	for (unsigned int i = 0; i < 40; i++) {
		may_read_tsc(i & 1);
		vcpu_run_to_sync(vcpu, 1);
		ASSERT_EQ(faults(tsc_read), !(i & 1));
		sched_yield();
		vcpu_run_to_sync(vcpu, 1);
		ASSERT_EQ(faults(tsc_read), !(i & 1));
	}
	*stop = true;
	may_read_tsc(true);
	x(waitpid(child, &status, 0));
	EXPECT_EQ(status, 0);
	vm_free(vcpu->vm);
}

/*
 * The guest's own system calls, from privilege 0, which SYSCALL allows. Two
 * guests with two entries share a CPU with each other and with ordinary threads.
 */
#define FLAG_ID		BIT64(21)

static u64 syscall_hits;

extern char syscall_entry[];
asm(".pushsection .text\n"
    "syscall_entry:\n"
    "	movabsq	$0x5ca1ab1e, %rax\n"
    "	jmp	*%rcx\n"
    ".popsection");

static void own_syscalls(u64 seed)
{
	u64 i, rax, flags;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, (u64)SEL_CODE64 << 32);
	wrmsr(MSR_LSTAR, (u64)(unsigned long)syscall_entry);
	for (i = 0; i < 2000; i++) {
		/* Not arithmetic flags: QEMU's SYSCALL loses those. */
		u64 mask = (i + seed) & 1 ? FLAG_AC : FLAG_ID;

		wrmsr(MSR_CSTAR, seed + i);
		wrmsr(MSR_SFMASK, mask);
		write_flags(read_flags() | FLAG_AC | FLAG_ID);
		asm volatile("syscall; pushfq; popq %1"
			     : "=a"(rax), "=r"(flags) :: "rcx", "r11", "memory");
		GUEST_ASSERT_EQ(rax, 0x5ca1ab1e);
		GUEST_ASSERT_EQ(flags & (FLAG_AC | FLAG_ID), (FLAG_AC | FLAG_ID) & ~mask);
		GUEST_ASSERT_EQ(rdmsr(MSR_CSTAR), seed + i);
		GUEST_ASSERT_EQ(rdmsr(MSR_LSTAR), (u64)(unsigned long)syscall_entry);
		if (i % 100 == 0)
			GUEST_SYNC(i);
	}
	syscall_hits = i;
}

static void *run_own_syscalls(void *arg)
{
	struct vcpu *vcpu = arg;
	struct ucall uc;

	pin_to_cpu(0);
	while (vcpu_next(vcpu, &uc) != UCALL_DONE)
		sched_yield();
	return NULL;
}

CASE_TIMEOUT(syscalls, "SYSCALL enters the right kernel: two guests and the host on one CPU", 60)
{
	struct vcpu *vcpu[2] = { long_guest(own_syscalls, 0), long_guest(own_syscalls, 0x100000) };
	pthread_t thread[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, run_own_syscalls, vcpu[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(GUEST_VAR(vcpu[i]->vm, syscall_hits), 2000);
		vm_free(vcpu[i]->vm);
	}
}

/* Debug registers; where struct user has the process's */

#define DEBUGREG(n)	(848UL + 8 * (n))

static volatile u64 watched;

static void arm_breakpoints(u64 arg)
{
	write_dr0(0x100);
	write_dr1(0x200);
	write_dr2(0x300);
	write_dr3(0x400);
	write_dr7(DR7_FIXED | 0xff);
	for (u64 i = 0;; i++) {
		GUEST_SYNC(i);
		GUEST_ASSERT_EQ(read_dr0(), 0x100);
		GUEST_ASSERT_EQ(read_dr3(), 0x400);
	}
}

static void traced_child(void)
{
	struct vcpu *vcpu = long_guest(arm_breakpoints, 0);

	vcpu_run_to_sync(vcpu, 0);
	raise(SIGSTOP);			/* the parent arms DR0 */
	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to_sync(vcpu, 2);
	watched = 1;			/* and sees this */
	_exit(0);
}

CASE(breakpoints, "a debugger's breakpoints on the process survive a guest's")
{
	int status;
	pid_t child = fork();

	if (!child) {
		x(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		traced_child();
	}
	x(waitpid(child, &status, 0));
	ASSERT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "status 0x%x", status);
	x(ptrace(PTRACE_POKEUSER, child, DEBUGREG(0), &watched));
	/* DR0: writes of eight bytes */
	x(ptrace(PTRACE_POKEUSER, child, DEBUGREG(7), 0x90001UL));
	x(ptrace(PTRACE_CONT, child, NULL, NULL));
	x(waitpid(child, &status, 0));
	ASSERT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "status 0x%x", status);
	EXPECT_EQ(ptrace(PTRACE_PEEKUSER, child, DEBUGREG(6), NULL) & 15, 1);
	x(ptrace(PTRACE_CONT, child, NULL, NULL));
	x(waitpid(child, &status, 0));
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
}

static volatile u64 steps;

static void count_step(struct guest_frame *frame)
{
	steps++;
}

/* Single steps of its own, the last one just before it leaves. */
static void step_itself(u64 arg)
{
	guest_handlers[VEC_DB] = count_step;
	for (u64 i = 0;; i++) {
		write_flags(read_flags() | FLAG_TF);
		asm volatile("nop; nop");
		GUEST_SYNC(i);
		write_flags(read_flags() & ~FLAG_TF);
		GUEST_ASSERT(steps);
	}
}

static volatile int traps;

static void on_trap(int sig)
{
	traps++;
}

CASE(stepping, "a guest's single steps are not taken for the host's when its own breakpoint hits")
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W, .bp_addr = (unsigned long)&watched, .bp_len = 8,
		.exclude_kernel = 1,
	};
	struct vcpu *vcpu;
	u64 hits = 0;
	int fd;

	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM takes a step that is pending at an exit into the host, which dies");
	vcpu = long_guest(step_itself, 0);
	signal(SIGTRAP, on_trap);
	fd = __x(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
	REQUIRE(fd >= 0, "no breakpoints by perf here (%d)", fd);
	for (int i = 0; i < 5; i++) {
		vcpu_run_to_sync(vcpu, i);
		watched = i;
	}
	ASSERT_EQ(read(fd, &hits, sizeof(hits)), (ssize_t)sizeof(hits));
	EXPECT_EQ(hits, 5);
	EXPECT_EQ(traps, 0);
	close(fd);
	vm_free(vcpu->vm);
}

/* CR2, which the host's own page faults change */

static void keep_cr2(u64 arg)
{
	u64 i;

	for (i = 0; i < 20; i++) {
		write_cr2(0xcafe000 + i);
		GUEST_SYNC(i);
		GUEST_ASSERT_EQ(read_cr2(), 0xcafe000 + i);
	}
}

CASE(cr2, "CR2 of the guest survives page faults of the host")
{
	struct vcpu *vcpu = long_guest(keep_cr2, 0);
	volatile char *area = mmap(NULL, 20 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 20; i++) {
		vcpu_run_to_sync(vcpu, i);
		area[i * PAGE_SIZE] = 1;
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/*
 * Everything at once, and always another CPU: two guests that check themselves,
 * in threads that are chased over the CPUs.
 */
static void check_self(u64 seed)
{
	u64 i, r12 = seed + 12, r15 = seed + 15, out12, out15, xmm;

	wrmsr(MSR_FS_BASE, seed << 12);
	wrmsr(MSR_KERNEL_GS_BASE, seed << 13);
	wrmsr(MSR_SYSENTER_ESP, seed << 14);
	wrmsr(MSR_LSTAR, seed << 15);
	write_dr0(seed);
	asm volatile("movq %0, %%xmm5" :: "r"(seed * 3));
	for (i = 0; !*(volatile u64 *)&watched; i++) {
		asm volatile("mov %2, %%r12; mov %3, %%r15; pause; cpuid; mov %%r12, %0; mov %%r15, %1"
			     : "=&m"(out12), "=&m"(out15) : "r"(r12), "r"(r15), "a"(0), "c"(0)
			     : "rbx", "rdx", "r12", "r15");
		GUEST_ASSERT_EQ(out12, r12);
		GUEST_ASSERT_EQ(out15, r15);
		asm volatile("movq %%xmm5, %0" : "=r"(xmm));
		GUEST_ASSERT_EQ(xmm, seed * 3);
		GUEST_ASSERT_EQ(rdmsr(MSR_FS_BASE), seed << 12);
		GUEST_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), seed << 13);
		GUEST_ASSERT_EQ(rdmsr(MSR_SYSENTER_ESP), seed << 14);
		GUEST_ASSERT_EQ(rdmsr(MSR_LSTAR), seed << 15);
		GUEST_ASSERT_EQ(read_dr0(), seed);
		if (i % 64 == 0)
			GUEST_SYNC(i);
	}
}

static volatile bool moving;

static void *run_checks(void *arg)
{
	struct vcpu *vcpu = arg;
	u64 base, mine = (u64)(unsigned long)vcpu;
	struct ucall uc;

	x(syscall(SYS_arch_prctl, ARCH_SET_GS, mine));
	while (vcpu_next(vcpu, &uc) != UCALL_DONE) {
		x(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
		ASSERT_EQ(base, mine);
		if (!moving)
			GUEST_VAR(vcpu->vm, watched) = 1;
	}
	return NULL;
}

CASE_TIMEOUT(migration, "guests keep their state while their threads move from CPU to CPU", 60)
{
	struct vcpu *vcpu[2] = { long_guest(check_self, 0x1111), long_guest(check_self, 0x2222) };
	pthread_t thread[2];
	cpu_set_t set;

	REQUIRE(host_cpus() > 1, "this host has one CPU");
	moving = true;
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, run_checks, vcpu[i]), 0);
	for (unsigned long i = 0; i < test_scale(200); i++) {
		for (int t = 0; t < 2; t++) {
			CPU_ZERO(&set);
			CPU_SET((i >> t) % host_cpus(), &set);
			ASSERT_EQ(pthread_setaffinity_np(thread[t], sizeof(set), &set), 0);
		}
		usleep(1000);
	}
	moving = false;
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		vm_free(vcpu[i]->vm);
	}
}
