// SPDX-License-Identifier: GPL-2.0
/* KVM's paravirtual clock: what a guest computes from its page is the VM's time. */
#include <time.h>
#include "apic.h"

#define MSR_WALL	0x4b564d00
#define MSR_SYSTEM	0x4b564d01
#define MSR_WALL_OLD	0x11
#define MSR_SYSTEM_OLD	0x12
#define FLAG_STABLE	1
#define FLAG_STOPPED	2

struct clock_page {
	u32 version;
	u32 pad0;
	u64 tsc;
	u64 ns;
	u32 mul;
	s8 shift;
	u8 flags;
	u8 pad[2];
};

struct wall_page {
	u32 version, sec, nsec;
};

static volatile struct clock_page pages[4] __attribute__((aligned(64)));
static volatile struct wall_page wall;

static u64 clock_read(volatile struct clock_page *p)
{
	u32 version;
	u64 ns;

	do {
		version = p->version;
		barrier();
		ns = rdtsc() - p->tsc;
		ns = p->shift < 0 ? ns >> -p->shift : ns << p->shift;
		ns = (ns >> 32) * p->mul + ((ns & 0xffffffff) * p->mul >> 32) + p->ns;
		barrier();
	} while ((version & 1) || version != p->version);
	return ns;
}

static u64 address(volatile void *p)
{
	return (unsigned long)p;
}

static void reads(u64 msr)
{
	u64 last = 0, value;

	GUEST_ASSERT_EQ(rdmsr(msr), 0);
	wrmsr(msr, address(&pages[0]) | 1);
	GUEST_ASSERT_EQ(rdmsr(msr), address(&pages[0]) | 1);
	GUEST_ASSERT(pages[0].version && !(pages[0].version & 1));
	GUEST_ASSERT(!(pages[0].flags & FLAG_STOPPED));
	for (unsigned int i = 0; i < 1000; i++) {
		value = clock_read(&pages[0]);
		GUEST_ASSERT(value >= last);
		last = value;
	}
	GUEST_SYNC(1, clock_read(&pages[0]));
	GUEST_SYNC(2, clock_read(&pages[0]));
	GUEST_SYNC(3, clock_read(&pages[0]), pages[0].flags);
	pages[0].flags &= ~FLAG_STOPPED;
	GUEST_SYNC(4, clock_read(&pages[0]), pages[0].flags);
	/* Where there is no memory nothing is written, and nothing happens. */
	wrmsr(msr, MMIO_BASE | 1);
	wrmsr(msr, ~0ULL);
	wrmsr(msr, 0);
	last = pages[0].version;
	GUEST_SYNC(5);
	GUEST_ASSERT_EQ(pages[0].version, last);
}

static u64 vm_time(struct vm *vm)
{
	struct kvm_clock_data data;

	vm_ioctl(vm, KVM_GET_CLOCK, &data);
	return data.clock;
}

static void check_clock(u32 msr)
{
	struct vcpu *vcpu = long_guest(reads, msr);
	struct kvm_clock_data data = { };
	u64 before, after;
	struct ucall uc;

	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_KVMCLOCK_CTRL, 0), -EINVAL);
	vcpu_next(vcpu, &uc);
	before = vm_time(vcpu->vm);
	usleep(20000);
	vcpu_next(vcpu, &uc);
	after = vm_time(vcpu->vm);
	/* What the host measures beside it may differ by rounding. */
	EXPECT(uc.args[1] + 1000 >= before + 19000000 && uc.args[1] <= after + 1000,
	       "%llu, then guest %llu, then %llu", before, uc.args[1], after);
	data.clock = 3600ULL * 1000000000;
	vm_ioctl(vcpu->vm, KVM_SET_CLOCK, &data);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_KVMCLOCK_CTRL, 0), 0);
	vcpu_next(vcpu, &uc);
	EXPECT(uc.args[1] >= data.clock && uc.args[1] < data.clock + 10000000000ULL, "%llu", uc.args[1]);
	EXPECT(uc.args[2] & FLAG_STOPPED, "the guest is told that it was stopped");
	vcpu_next(vcpu, &uc);
	EXPECT(!(uc.args[2] & FLAG_STOPPED), "and told once");
	vcpu_run_to_sync(vcpu, 5);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(is_the_vms_time, "the page gives the VM's time, follows KVM_SET_CLOCK and tells of stops")
{
	check_clock(MSR_SYSTEM);
}

CASE(old_number, "the clock has its old MSR, too")
{
	check_clock(MSR_SYSTEM_OLD);
}

static void calendar(u64 msr)
{
	wrmsr(MSR_SYSTEM, address(&pages[0]) | 1);
	wrmsr(msr, address(&wall));
	GUEST_ASSERT(wall.version && !(wall.version & 1));
	GUEST_ASSERT(wall.nsec < 1000000000);
	GUEST_SYNC(1, wall.sec * 1000000000ULL + wall.nsec + clock_read(&pages[0]));
	wrmsr(msr, MMIO_BASE);
	GUEST_ASSERT_EQ(rdmsr(msr), MMIO_BASE);
}

CASE(calendar_time, "the wall clock is the host's when the VM's clock was zero")
{
	static const u32 msrs[] = { MSR_WALL, MSR_WALL_OLD };

	for (int i = 0; i < 2; i++) {
		struct vcpu *vcpu = long_guest(calendar, msrs[i]);
		struct timespec before, after;
		struct ucall uc;

		clock_gettime(CLOCK_REALTIME, &before);
		ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
		clock_gettime(CLOCK_REALTIME, &after);
		EXPECT(uc.args[1] + 1000000 >= before.tv_sec * 1000000000ULL + before.tv_nsec, "%llu", uc.args[1]);
		EXPECT(uc.args[1] <= after.tv_sec * 1000000000ULL + after.tv_nsec + 1000000, "%llu", uc.args[1]);
		vcpu_run_to_done(vcpu);
		vm_free(vcpu->vm);
	}
}

static volatile u64 turn, last_time;

/* In turns, each with its own page: time goes on from one to the other. */
static void in_turns(u64 rounds)
{
	u64 me = guest_cpu_id(), now;

	wrmsr(MSR_SYSTEM, address(&pages[me]) | 1);
	for (u64 n = 0; n < rounds; n++) {
		while (turn % 2 != me)
			cpu_relax();
		now = clock_read(&pages[me]);
		if ((pages[0].flags & pages[1].flags & FLAG_STABLE) && turn > 2) {
			GUEST_ASSERT(now >= last_time);
			/* Anybody's page does. */
			GUEST_ASSERT(clock_read(&pages[!me]) >= now);
		}
		last_time = now;
		turn++;
	}
}

CASE(alike_on_all, "a clock that is said to be stable is the same on all vCPUs")
{
	struct vm *vm = apic_vm();

	apic_vcpu(vm, in_turns, test_scale(500));
	apic_vcpu(vm, in_turns, test_scale(500));
	apic_run_all(vm, 2);
	test_diag("flags %u", GUEST_VAR(vm, pages)[0].flags);
	vm_free(vm);
}

CASE(announced, "CPUID announces the clock under KVM's signature")
{
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(), 0x40000000, 0);

	ASSERT(e);
	EXPECT_EQ(memcmp(&e->ebx, "KVMKVMKVM\0\0\0", 12), 0);
	EXPECT_EQ(e->eax, 0x40000001);
	e = cpuid_entry(supported_cpuid(), 0x40000001, 0);
	ASSERT(e);
	EXPECT_EQ(e->eax & 9, 9);
	EXPECT(check_extension(KVM_CAP_ADJUST_CLOCK));
}

CASE(bad_input, "flags that do not exist are refused, and what KVM_GET_CLOCK gave is taken")
{
	struct vm *vm = vm_create();
	struct kvm_clock_data data;
	u64 clock;

	vm_ioctl(vm, KVM_GET_CLOCK, &data);
	clock = data.clock;
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_CLOCK, &data), 0);
	EXPECT(vm_time(vm) >= clock, "it does not go back");
	data.flags = 1;
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_CLOCK, &data), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_CLOCK, NULL), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_CLOCK, NULL), -EFAULT);
	vm_free(vm);
}
