// SPDX-License-Identifier: GPL-2.0
/* A vCPU's state can be read, written, and moved to another vCPU, where the guest goes on. */
#include "guest.h"
#include "vm.h"

#define PORT	0x80

static void spin(u64 arg)
{
	for (;;)
		outb(PORT, 0);
}

CASE(regs, "KVM_SET_REGS and KVM_GET_REGS: every register keeps its value")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_regs want, got;
	u64 *w = (u64 *)&want, *g = (u64 *)&got, seed = 5;

	for (unsigned int i = 0; i < sizeof(want) / 8; i++)
		w[i] = test_random(&seed);
	want.rflags = FLAG_FIXED | FLAG_CF | FLAG_OF | FLAG_DF | FLAG_IF | FLAG_IOPL3 | FLAG_AC;
	vcpu_set_regs(vcpu, &want);
	vcpu_regs(vcpu, &got);
	for (unsigned int i = 0; i < sizeof(want) / 8; i++)
		EXPECT(w[i] == g[i], "register %u: %llx, not %llx", i, g[i], w[i]);
	vm_free(vcpu->vm);
}

CASE(sregs, "KVM_GET_SREGS after KVM_SET_SREGS gives the same")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_sregs a, b;

	vcpu_sregs(vcpu, &a);
	a.fs.base = 0x123456789;
	a.gs.base = 0xffff888000001000;
	a.cr2 = 0xdeadbeef000;
	a.cr8 = 7;
	a.idt.base = 0xfffff00000000000;
	a.idt.limit = 0x123;
	a.gdt.limit = 0x456;
	vcpu_set_sregs(vcpu, &a);
	vcpu_sregs(vcpu, &b);
	for (unsigned int i = 0; i < sizeof(a); i++)
		EXPECT(((u8 *)&a)[i] == ((u8 *)&b)[i], "byte %u of struct kvm_sregs: %x, not %x", i,
		       ((u8 *)&b)[i], ((u8 *)&a)[i]);
	vm_free(vcpu->vm);
}

CASE(bad_sregs, "KVM_SET_SREGS refuses control registers that cannot be, and changes nothing: EINVAL")
{
	static const struct {
		const char *what;
		u64 cr0, cr4, efer, cr3;	/* to flip */
	} bad[] = {
		{ "PG without PE", CR0_PE, 0, 0, 0 },
		{ "NW without CD", CR0_NW, 0, 0, 0 },
		{ "CR0 bit 40", 1ULL << 40, 0, 0, 0 },
		{ "CR4 bit 15", 0, 1ULL << 15, 0, 0 },
		{ "CR4 bit 40", 0, 1ULL << 40, 0, 0 },
		{ "long mode without PAE", 0, CR4_PAE, 0, 0 },
		{ "LMA without LME", 0, 0, EFER_LME, 0 },
		{ "LME and PG without LMA", 0, 0, EFER_LMA, 0 },
		{ "EFER bit 1", 0, 0, 1ULL << 1, 0 },
		{ "CR3 bit 60", 0, 0, 0, 1ULL << 60 },
	};
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_sregs good, s, after;

	vcpu_sregs(vcpu, &good);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i].efer == 1ULL << 1 && test_is_kvm)
			continue;	/* it finds out when it enters the guest */
		s = good;
		s.cr0 ^= bad[i].cr0;
		s.cr4 ^= bad[i].cr4;
		s.efer ^= bad[i].efer;
		s.cr3 ^= bad[i].cr3;
		s.fs.base = 0x1000;
		int ret = __vcpu_ioctl(vcpu, KVM_SET_SREGS, &s);

		EXPECT(ret == -EINVAL, "%s: %d", bad[i].what, ret);
		vcpu_sregs(vcpu, &after);
		EXPECT(!memcmp(&good, &after, sizeof(good)), "%s: changed something", bad[i].what);
	}
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

CASE(events, "KVM_SET_VCPU_EVENTS: a pending interrupt, NMI or exception set there is delivered")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_vcpu_events e, got;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &e);
	EXPECT_EQ(e.exception.injected, 0);
	EXPECT_EQ(e.interrupt.injected, 0);
	EXPECT_EQ(e.nmi.pending, 0);
	e.nmi.masked = 1;
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &got);
	EXPECT_EQ(got.nmi.masked, 1);
	e.nmi.masked = 0;
	e.exception.injected = 1;
	e.exception.nr = VEC_UD;
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &got);
	EXPECT_EQ(got.exception.injected, 1);
	EXPECT_EQ(got.exception.nr, VEC_UD);
	/* The guest expects none, and says so to us. */
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, UCALL_PORT);
	struct kvm_regs r;

	vcpu_regs(vcpu, &r);
	struct ucall *uc = vm_host(vcpu->vm, r.rdi);

	EXPECT_EQ(uc->cmd, UCALL_TRAP);
	EXPECT_EQ(uc->args[0], VEC_UD);
	vm_free(vcpu->vm);
}

CASE(bad_events, "KVM_SET_VCPU_EVENTS: unknown flags, vectors and combinations are EINVAL")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_vcpu_events good, e;

	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &good);
	e = good;
	e.flags = 0x80000000;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e), -EINVAL);
	e = good;
	e.exception.injected = 1;
	e.exception.nr = 32;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e), -EINVAL);
	e = good;
	e.exception.injected = 1;
	e.exception.nr = VEC_NMI;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e), -EINVAL);
	vm_free(vcpu->vm);
}

CASE(mp_state, "KVM_SET_MP_STATE: RUNNABLE and no other without an APIC in the kernel")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_mp_state m;

	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &m);
	EXPECT_EQ(m.mp_state, KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &m), 0);
	m.mp_state = 77;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &m), -EINVAL);
	m.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &m), -EINVAL);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

static void compute(u64 n)
{
	u64 x[2] = { 1, 2 }, state = 7, sum = 0;

	wrmsr(MSR_STAR, 0x1234);
	wrmsr(MSR_FS_BASE, 0x900000);
	write_dr0(0x4444);
	asm volatile("movups (%0), %%xmm6; fninit; fldpi" :: "r"(x) : "memory");
	for (u64 i = 0; i < n; i++) {
		sum = sum * 31 + guest_random(&state);
		outl(PORT, i);
		GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
	}
	asm volatile("movups %%xmm6, (%0); fistpq (%1)" :: "r"(x), "r"(&state) : "memory");
	GUEST_ASSERT_EQ(x[0], 1);
	GUEST_ASSERT_EQ(x[1], 2);
	GUEST_ASSERT_EQ(state, 3);
	GUEST_ASSERT_EQ(rdmsr(MSR_STAR), 0x1234);
	GUEST_ASSERT_EQ(rdmsr(MSR_FS_BASE), 0x900000);
	GUEST_ASSERT_EQ(read_dr0(), 0x4444);
	GUEST_SYNC(1, sum);
}

/* Everything there is, from one vCPU to another. */
static void move(struct vcpu *from, struct vcpu *to)
{
	static const u32 msrs[] = {
		MSR_TSC, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_KERNEL_GS_BASE,
		MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT, MSR_FS_BASE, MSR_GS_BASE,
	};
	struct kvm_xsave *xsave = aligned_alloc(64, 65536);
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_regs regs;

	/* Finishes the instruction that left the guest. */
	from->run->immediate_exit = 1;
	ASSERT_EQ(__vcpu_run(from), -EINTR);
	from->run->immediate_exit = 0;
#define MOVE(NAME, data)						\
	vcpu_ioctl(from, KVM_GET_##NAME, data);				\
	vcpu_ioctl(to, KVM_SET_##NAME, data)
	vcpu_set_cpuid(to, supported_cpuid());
	MOVE(SREGS, &sregs);
	MOVE(REGS, &regs);
	if (HAS_XSAVE) {
		MOVE(XCRS, &xcrs);
	}
	MOVE(XSAVE, xsave);
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		vcpu_set_msr(to, msrs[i], vcpu_get_msr(from, msrs[i]));
	MOVE(VCPU_EVENTS, &events);
	MOVE(DEBUGREGS, &debug);
	MOVE(MP_STATE, &mp);
	free(xsave);
}

/*
 * All that this guest uses. By pages, because one emulator copies slowly in one go
 * what has to be faulted in.
 */
static void copy_memory(char *to, const char *from)
{
	static const char zeros[PAGE_SIZE];

	for (size_t i = 0; i < TEST_BASE; i += PAGE_SIZE)
		if (memcmp(from + i, zeros, PAGE_SIZE))
			memcpy(to + i, from + i, PAGE_SIZE);
}

CASE(migrate, "a guest that moves to a new VM at every exit computes the same")
{
	unsigned int n = test_scale(50);
	struct vcpu *vcpu = long_guest(compute, n);
	u64 state = 7, sum = 0;
	struct ucall uc;

	for (unsigned int i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu->run->io.port == UCALL_PORT)
			vcpu_ucall(vcpu, &uc);
		ASSERT_EQ(vcpu->run->io.port, PORT);
		struct vm *vm = vm_new(GUEST_LONG);
		struct vcpu *next = vcpu_create(vm, 0);

		move(vcpu, next);
		copy_memory(vm->mem->host, vcpu->vm->mem->host);
		vm_free(vcpu->vm);
		vcpu = next;
		sum = sum * 31 + test_random(&state);
	}
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], sum);
	vm_free(vcpu->vm);
}

static void flip_flags(u64 arg)
{
	for (u64 i = 0; i < 20; i++)
		GUEST_SYNC(i, read_flags());
}

CASE(edit, "registers that the host changes between exits are the guest's from then on")
{
	struct vcpu *vcpu = long_guest(flip_flags, 0);
	struct kvm_regs r;
	struct ucall uc;

	for (u64 i = 0; i < 20; i++) {
		ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
		ASSERT_EQ(uc.args[0], i);
		vcpu_regs(vcpu, &r);
		r.rflags ^= FLAG_IF;
		vcpu_set_regs(vcpu, &r);
		if (i)
			EXPECT_EQ(!!(uc.args[1] & FLAG_IF), i & 1);
	}
	vm_free(vcpu->vm);
}
