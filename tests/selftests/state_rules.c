// SPDX-License-Identifier: GPL-2.0
/*
 * Rules about state that userspace and guests set, where a wrong answer is
 * silent: what reaches a host register, what a register keeps, what is lost
 * when an entry fails.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include "device.h"
#include "guest.h"
#include "vm.h"

#define PORT	0x80
#define VECTOR	0x51

/* A CPUID of its own, to be changed. */
static struct kvm_cpuid2 *copy_cpuid(void)
{
	struct kvm_cpuid2 *from = supported_cpuid();
	size_t size = sizeof(*from) + 256 * sizeof(from->entries[0]);

	return memcpy(malloc(size), from, size);
}

static u32 *cpuid_register(struct kvm_cpuid2 *cpuid, u32 function, char reg)
{
	struct kvm_cpuid_entry2 *e = cpuid_entry(cpuid, function, 0);

	if (!e) {
		e = &cpuid->entries[cpuid->nent++];
		memset(e, 0, sizeof(*e));
		e->function = function;
	}
	return reg == 'b' ? &e->ebx : reg == 'c' ? &e->ecx : &e->edx;
}

/* IA32_SPEC_CTRL */

/* What this CPU's own CPUID allows. */
static u64 spec_ctrl_bits(void)
{
	unsigned int a, b = 0, c, d = 0;
	u64 bits = 0;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	bits |= d & BIT(26) ? 1 : 0;
	bits |= d & BIT(27) ? 2 : 0;
	bits |= d & BIT(31) ? 4 : 0;
	b = 0;
	__get_cpuid(0x80000008, &a, &b, &c, &d);
	bits |= b & BIT(14) ? 1 : 0;
	bits |= b & BIT(15) ? 2 : 0;
	bits |= b & BIT(24) ? 4 : 0;
	return bits;
}

static void write_spec_ctrl(u64 allowed)
{
	u64 v;

	for (unsigned int bit = 0; bit < 64; bit++) {
		u64 vector = wrmsr_try(MSR_SPEC_CTRL, BIT64(bit));

		GUEST_ASSERT_EQ(vector, allowed & BIT64(bit) ? NO_VECTOR : VEC_GP);
		if (vector == NO_VECTOR) {
			GUEST_ASSERT_EQ(rdmsr_try(MSR_SPEC_CTRL, &v), NO_VECTOR);
			GUEST_ASSERT_EQ(v, BIT64(bit));
		}
	}
	GUEST_ASSERT_EQ(wrmsr_try(MSR_SPEC_CTRL, ~0ULL), VEC_GP);
}

CASE(spec_ctrl, "IA32_SPEC_CTRL takes the bits this CPU has, whatever the guest's CPUID claims")
{
	REQUIRE(!test_is_kvm, "KVM asks the register, and an emulator's takes anything");
	struct vcpu *vcpu = long_guest(write_spec_ctrl, spec_ctrl_bits());
	struct kvm_cpuid2 *cpuid = copy_cpuid();
	u64 before;

	*cpuid_register(cpuid, 7, 'd') |= BIT(26) | BIT(27) | BIT(31);
	*cpuid_register(cpuid, 0x80000008, 'b') |= BIT(14) | BIT(15) | BIT(24);
	vcpu_set_cpuid(vcpu, cpuid);
	if (__vcpu_get_msr(vcpu, MSR_SPEC_CTRL, &before) == 1) {
		for (unsigned int bit = 0; bit < 64; bit++)
			EXPECT_EQ(__vcpu_set_msr(vcpu, MSR_SPEC_CTRL, BIT64(bit)),
				  !!(spec_ctrl_bits() & BIT64(bit)));
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* FPU */

static void tell_mxcsr(u64 arg)
{
	u32 mxcsr;

	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	GUEST_SYNC(1, mxcsr);
}

CASE(fpu_mxcsr, "KVM_SET_FPU with reserved bits in MXCSR is taken, and MXCSR stays as it was")
{
	struct vcpu *vcpu = long_guest(tell_mxcsr, 0);
	struct kvm_fpu fpu;
	struct ucall uc;

	vcpu_ioctl(vcpu, KVM_GET_FPU, &fpu);
	fpu.mxcsr = 0xffffffff;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_FPU, &fpu), 0);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 0x1f80);
	vm_free(vcpu->vm);
}

static void tell_xmm(u64 arg)
{
	u64 x[4];

	asm volatile("movups %%xmm0, (%0); movups %%xmm15, 16(%0)" :: "r"(x) : "memory");
	GUEST_SYNC(1, x[0], x[1], x[2], x[3]);
}

/* An area for KVM_SET_XSAVE: nothing but x87, or SSE registers full of a byte as well. */
static void set_xsave(struct vcpu *vcpu, bool sse, u8 byte)
{
	struct kvm_xsave *xsave = aligned_alloc(64, 65536);

	vcpu_ioctl(vcpu, KVM_GET_XSAVE, xsave);
	memset(&xsave->region[160 / 4], byte, 256);
	xsave->region[24 / 4] = 0x1f80;
	xsave->region[512 / 4] = sse ? 3 : 1;
	vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave);
	free(xsave);
}

CASE(fpu_xmm, "XMM registers of KVM_SET_FPU are the guest's, also when SSE was in its initial state")
{
	REQUIRE(!test_is_kvm, "KVM forgets them then");
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	struct vcpu *vcpu = long_guest(tell_xmm, 0);
	struct kvm_fpu fpu;
	struct ucall uc;

	set_xsave(vcpu, false, 0x77);
	vcpu_ioctl(vcpu, KVM_GET_FPU, &fpu);
	memset(fpu.xmm, 0x5c, sizeof(fpu.xmm));
	vcpu_ioctl(vcpu, KVM_SET_FPU, &fpu);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	for (unsigned int i = 1; i <= 4; i++)
		EXPECT_EQ(uc.args[i], 0x5c5c5c5c5c5c5c5c);
	vm_free(vcpu->vm);
}

static void load_from_device(u64 address)
{
	u64 x[6];

	asm volatile("movups (%1), %%xmm0\n"
		     "movups %%xmm0, (%0); movups %%xmm1, 16(%0); movups %%xmm15, 32(%0)"
		     :: "r"(x), "r"(address) : "memory");
	GUEST_ASSERT_EQ(x[0], 0x0101010101010101);
	GUEST_ASSERT_EQ(x[1], 0x0101010101010101);
	for (unsigned int i = 2; i < 6; i++)
		GUEST_ASSERT_EQ(x[i], 0);
}

CASE(device_xmm, "a load of one XMM register from a device leaves the others as they are: initial")
{
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	struct vcpu *vcpu = long_guest(load_from_device, MMIO_BASE);
	struct device dev;

	device_init(&dev, MMIO_BASE, PAGE_SIZE);
	memset(dev.data, 1, PAGE_SIZE);
	set_xsave(vcpu, true, 0x99);
	set_xsave(vcpu, false, 0x99);
	device_run_to_done(&dev, vcpu);
	vm_free(vcpu->vm);
}

/* CR4 */

static const struct {
	u64 cr4;
	u32 function;
	char reg;
	unsigned int bit;
} cr4_features[] = {
	{ CR4_UMIP, 7, 'c', 2 }, { CR4_PKE, 7, 'c', 3 }, { CR4_LA57, 7, 'c', 16 },
	{ CR4_FSGSBASE, 7, 'b', 0 }, { CR4_SMEP, 7, 'b', 7 }, { CR4_SMAP, 7, 'b', 20 },
	{ CR4_OSXSAVE, 1, 'c', 26 },
};

static int try_cr4(struct vcpu *vcpu, u64 bit)
{
	struct kvm_sregs good, s;
	int ret;

	vcpu_sregs(vcpu, &good);
	s = good;
	s.cr4 |= bit;
	ret = __vcpu_ioctl(vcpu, KVM_SET_SREGS, &s);
	vcpu_sregs(vcpu, &s);
	EXPECT_EQ(s.cr4, ret ? good.cr4 : good.cr4 | bit);
	vcpu_set_sregs(vcpu, &good);
	return ret;
}

CASE(cr4_before, "before KVM_SET_CPUID2 KVM_SET_SREGS takes the CR4 bits that the host offers, no other")
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		bool offered = supported_feature(cr4_features[i].function, 0, cr4_features[i].reg,
						 cr4_features[i].bit);

		EXPECT(try_cr4(vcpu, cr4_features[i].cr4) == (offered ? 0 : -EINVAL),
		       "CR4 0x%llx, offered: %d", cr4_features[i].cr4, offered);
	}
	EXPECT_EQ(try_cr4(vcpu, BIT64(15)), -EINVAL);
	EXPECT_EQ(try_cr4(vcpu, BIT64(63)), -EINVAL);
	vm_free(vcpu->vm);
}

CASE(cr4_without, "after it, a CR4 bit whose feature the guest's CPUID lacks is EINVAL")
{
	for (unsigned int i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		struct vcpu *vcpu = vcpu_create(vm_create(), 0);
		struct kvm_cpuid2 *cpuid = copy_cpuid();

		*cpuid_register(cpuid, cr4_features[i].function, cr4_features[i].reg) &=
			~BIT(cr4_features[i].bit);
		vcpu_set_cpuid(vcpu, cpuid);
		EXPECT(try_cr4(vcpu, cr4_features[i].cr4) == -EINVAL, "CR4 0x%llx",
		       cr4_features[i].cr4);
		vm_free(vcpu->vm);
	}
}

CASE(cr4_claimed, "a CR4 bit that the guest's CPUID claims and the host has not is EINVAL")
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct kvm_cpuid2 *cpuid = copy_cpuid();

	for (unsigned int i = 0; i < ARRAY_SIZE(cr4_features); i++)
		*cpuid_register(cpuid, cr4_features[i].function, cr4_features[i].reg) |=
			BIT(cr4_features[i].bit);
	vcpu_set_cpuid(vcpu, cpuid);
	for (unsigned int i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		bool offered = supported_feature(cr4_features[i].function, 0, cr4_features[i].reg,
						 cr4_features[i].bit);

		EXPECT(try_cr4(vcpu, cr4_features[i].cr4) == (offered ? 0 : -EINVAL),
		       "CR4 0x%llx, offered: %d", cr4_features[i].cr4, offered);
	}
	/* PKS, which QEMU's own CPU has and no guest gets */
	*cpuid_register(cpuid, 7, 'c') |= BIT(31);
	vcpu_set_cpuid(vcpu, cpuid);
	EXPECT_EQ(try_cr4(vcpu, BIT64(24)), -EINVAL);
	vm_free(vcpu->vm);
}

/* EFER */

CASE(efer_lma, "EFER.LMA follows paging: KVM_SET_MSRS neither sets nor clears it")
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT_EQ(__vcpu_set_msr(vcpu, MSR_EFER, EFER_LME | EFER_LMA), 1);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_EFER), EFER_LME);
	vm_free(vcpu->vm);

	vcpu = long_guest(tell_mxcsr, 0);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_EFER) & EFER_LMA, EFER_LMA);
	EXPECT_EQ(__vcpu_set_msr(vcpu, MSR_EFER, EFER_LME | EFER_SCE), 1);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_EFER), EFER_LME | EFER_LMA | EFER_SCE);
	vcpu_run_to_sync(vcpu, 1);
	vm_free(vcpu->vm);
}

CASE(efer_bits, "KVM_SET_MSRS takes SCE, LME and NX before and without CPUID, and no reserved bit ever")
{
	for (unsigned int with = 0; with < 2; with++) {
		struct vcpu *vcpu = vcpu_create(vm_create(), 0);

		if (with) {
			struct kvm_cpuid2 *cpuid = copy_cpuid();

			*cpuid_register(cpuid, 0x80000001, 'd') &= ~(BIT(20) | BIT(29) | BIT(11));
			vcpu_set_cpuid(vcpu, cpuid);
		}
		for (unsigned int bit = 0; bit < 64; bit++) {
			u64 v = BIT64(bit);

			if (v & (EFER_SCE | EFER_LME | EFER_NX)) {
				EXPECT(__vcpu_set_msr(vcpu, MSR_EFER, v) == 1, "bit %u", bit);
				EXPECT_EQ(vcpu_get_msr(vcpu, MSR_EFER), v);
			} else if (bit < 8 || bit == 9 || bit > 21) {
				EXPECT(__vcpu_set_msr(vcpu, MSR_EFER, v) == 0, "bit %u", bit);
			}
		}
		vm_free(vcpu->vm);
	}
}

static void efer_in_guest(u64 arg)
{
	u64 efer = rdmsr(MSR_EFER);

	/* LME with paging on, and NX that CPUID does not have */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, efer & ~EFER_LME), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, efer | EFER_NX), VEC_GP);
	/* LMA cannot be written, and trying is no fault in our hands or KVM's */
	wrmsr_try(MSR_EFER, efer & ~EFER_LMA);
	GUEST_ASSERT_EQ(rdmsr(MSR_EFER), efer);
}

CASE(efer_guest, "a guest without NX in its CPUID cannot set EFER.NX, though its host could for it")
{
	struct vcpu *vcpu = long_guest(efer_in_guest, 0);
	struct kvm_cpuid2 *cpuid = copy_cpuid();

	vcpu_set_msr(vcpu, MSR_EFER, EFER_LME | EFER_SCE);
	*cpuid_register(cpuid, 0x80000001, 'd') &= ~BIT(20);
	vcpu_set_cpuid(vcpu, cpuid);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* Events */

static u64 arrived;

static void on_interrupt(struct guest_frame *f)
{
	arrived++;
}

static void take_interrupts(u64 arg)
{
	guest_handlers[VECTOR] = on_interrupt;
	sti();
	GUEST_SYNC(1);
	GUEST_SYNC(2, arrived);
	GUEST_SYNC(3, arrived);
}

CASE(failed_entry, "an interrupt that should go in with an entry that fails goes in with the next one, once")
{
	REQUIRE(!test_is_kvm, "KVM takes over what an emulator leaves in RIP then");
	struct vcpu *vcpu = long_guest(take_interrupts, 0);
	struct kvm_interrupt irq = { VECTOR };
	struct kvm_vcpu_events events;
	struct kvm_regs before, after;
	struct kvm_sregs good, bad;
	struct ucall uc;

	vcpu_run_to_sync(vcpu, 1);
	/* Userspace's answer to the exit is taken up. */
	vcpu->run->immediate_exit = 1;
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	vcpu_regs(vcpu, &before);
	vcpu_sregs(vcpu, &good);
	vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq);
	bad = good;
	bad.cs.db = 1;			/* 64-bit and 32-bit */
	vcpu_set_sregs(vcpu, &bad);
	if (__vcpu_run(vcpu) || vcpu->run->exit_reason != KVM_EXIT_FAIL_ENTRY)
		SKIP("this CPU enters such a guest: %s", exit_name(vcpu->run->exit_reason));
	vcpu_regs(vcpu, &after);
	for (unsigned int i = 0; i < sizeof(after) / 8; i++)
		EXPECT_EQ(((u64 *)&after)[i], ((u64 *)&before)[i]);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	EXPECT_EQ(events.interrupt.injected, 1);
	EXPECT_EQ(events.interrupt.nr, VECTOR);
	/* It fails each time, and the interrupt stays one. */
	vcpu_run_to(vcpu, KVM_EXIT_FAIL_ENTRY);
	/* The bitmap is what KVM_SET_SREGS would queue: nothing more. */
	vcpu_set_sregs(vcpu, &good);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 2);
	EXPECT_EQ(uc.args[1], 1);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 1);
	vm_free(vcpu->vm);
}

/*
 * A handler whose first instruction leaves the guest and has an operand that is
 * not there. The page fault that brought it in has been delivered by then: the
 * second one is one of its own, not a double fault. The operand's place goes by
 * the stack, so that the second time it is there.
 */
#define HOLE	(TEST_BASE + 0x200000UL)
#define OPERAND	512

void first_insn_handler(void);
void second_fault(void);
asm(".text\n"
    ".globl first_insn_handler\n"
    "first_insn_handler:\n"
    "	lmsw	" TEST_STR(OPERAND) "(%rsp)\n"
    "	mov	8(%rsp), %rdi\n"
    "	mov	%rsp, %rsi\n"
    "	and	$-16, %rsp\n"
    "	call	tell_second_fault\n");

void tell_second_fault(u64 rip, u64 rsp);
void __attribute__((used)) tell_second_fault(u64 rip, u64 rsp)
{
	GUEST_SYNC(2, rip == (unsigned long)first_insn_handler, read_cr2());
	GUEST_DONE();
}

static void fault_in_handler(u64 arg)
{
	/* After two frames of 48 bytes the operand lies below the hole, after one in it. */
	u64 rsp = HOLE - OPERAND + 48;

	*(volatile u64 *)(HOLE - 48) = CR0_PE | CR0_MP | CR0_NE;
	guest_set_gate(VEC_PF, first_insn_handler, GATE_INTERRUPT, 0, SEL_CODE64);
	*guest_pte(HOLE, 2) &= ~PTE_P;
	write_cr3(read_cr3());
	asm volatile("mov %0, %%rsp\n1: outb %%al, %1\n jmp 1b" :: "r"(rsp), "i"(PORT) : "memory");
}

CASE(fault_in_handler_entry, "a handler's first instruction exits and faults: its fault is delivered, no #DF")
{
	struct vcpu *vcpu = long_guest(fault_in_handler, 0);
	struct kvm_vcpu_events e;
	struct ucall uc;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &e);
	e.exception.injected = 1;
	e.exception.nr = VEC_PF;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0;
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &e);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 2);
	EXPECT_EQ(uc.args[1], 1);
	EXPECT_EQ(uc.args[2], HOLE);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
