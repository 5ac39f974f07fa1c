// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs: one instruction of the guest that does not run by itself, and
 * what answers it. Beside that, the same when there is more around: other VMs, more
 * guest memory. Costs must not depend on either.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>
#include "bench.h"

#define MSR		0x17a		/* IA32_MCG_STATUS: a plain value in both */
#define BIG_MEMORY	(4 * GB)	/* where a slot of any size has room */

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

static void guest_hypercall(u64 amd)
{
	u64 r = 0;

	/* Unknown on both; the two instructions are as long. */
	if (amd)
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
	GUEST_SYNC(GUEST_COST("outb %%al, %%dx", "a"(0), "d"(BENCH_PORT)));
}

static void guest_in(u64 arg)
{
	GUEST_SYNC(GUEST_COST("inb %%dx, %%al", "d"(BENCH_PORT) : "rax"));
}

static void guest_mmio_write(u64 arg)
{
	GUEST_SYNC(GUEST_COST("movl %%eax, (%0)", "r"(MMIO_BASE), "a"(0) : "memory"));
}

static void guest_mmio_read(u64 arg)
{
	GUEST_SYNC(GUEST_COST("movl (%0), %%eax", "r"(MMIO_BASE) : "rax", "memory"));
}

/* A doorbell: answered in the kernel, by an eventfd that nobody waits for. */
static u64 ioeventfd(void)
{
	struct vcpu *vcpu = long_guest(guest_out, 0);
	struct kvm_ioeventfd bell = {
		.addr = BENCH_PORT, .len = 1, .fd = x(eventfd(0, EFD_CLOEXEC)),
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};

	vm_ioctl(vcpu->vm, KVM_IOEVENTFD, &bell);
	return bench_run(vcpu);
}

static u64 cpuid_8(void)
{
	bench_company(7);
	return bench_run(long_guest(guest_cpuid, 0));
}

static u64 cpuid_64(void)
{
	bench_company(63);
	return bench_run(long_guest(guest_cpuid, 0));
}

/* Beside the little that the guest runs in; nobody touches it. */
static u64 cpuid_with(u64 size)
{
	struct vcpu *vcpu = long_guest(guest_cpuid, 0);
	int fd;

	vm_slot(vcpu->vm, 1, BIG_MEMORY, size, bench_memory(size, false, &fd), 0);
	return bench_run(vcpu);
}

static u64 cpuid_64m(void)
{
	return cpuid_with(64 * MB);
}

static u64 cpuid_1g(void)
{
	return cpuid_with(GB);
}

static u64 cpuid_16g(void)
{
	return cpuid_with(16 * GB);
}

static const struct bench_row rows[] = {
	{ "exit-cpuid", guest_cpuid },
	{ "exit-cpuid-8-vms", .measure = cpuid_8 },
	{ "exit-cpuid-64-vms", .measure = cpuid_64 },
	{ "exit-cpuid-64m", .measure = cpuid_64m },
	{ "exit-cpuid-1g", .measure = cpuid_1g },
	{ "exit-cpuid-16g", .measure = cpuid_16g },
	{ "exit-msr", guest_rdmsr },
	{ "exit-msr-write", guest_wrmsr },
	{ "exit-hypercall", guest_hypercall },
	{ "exit-cr3", guest_cr3 },
	{ "exit-cr4", guest_cr4 },
	{ "exit-pio-user", guest_out },
	{ "exit-pio-user-in", guest_in },
	{ "exit-mmio-user", guest_mmio_write },
	{ "exit-mmio-user-read", guest_mmio_read },
	{ "exit-pio-ioeventfd", .measure = ioeventfd },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, ARRAY_SIZE(rows));
}
