// SPDX-License-Identifier: GPL-2.0
/* What the device sees of MMIO: addresses, widths, order; and what does not reach it. */
#include "device.h"
#include "guest.h"
#include "mmio16.h"
#include "mmio32.h"

#define DEV	MMIO_BASE
#define WINDOW	0x40000000UL
#define RAM	0x900000UL

static void plain_widths(u64 arg)
{
	*(volatile u8 *)(DEV + 1) = 0x12;
	*(volatile u16 *)(DEV + 2) = 0x3456;
	*(volatile u32 *)(DEV + 4) = 0x789abcde;
	*(volatile u64 *)(DEV + 8) = 0x1122334455667788;
	GUEST_ASSERT_EQ(*(volatile u8 *)(DEV + 1), 0x12);
	GUEST_ASSERT_EQ(*(volatile u16 *)(DEV + 2), 0x3456);
	GUEST_ASSERT_EQ(*(volatile u32 *)(DEV + 4), 0x789abcde);
	GUEST_ASSERT_EQ(*(volatile u64 *)(DEV + 8), 0x1122334455667788);
}

static void expect_log(struct device *dev, const struct access *want, unsigned int n)
{
	EXPECT_EQ(dev->n, n);
	for (unsigned int i = 0; i < n && i < dev->n; i++) {
		const struct access *a = &dev->log[i];

		EXPECT(a->address == want[i].address && a->size == want[i].size &&
		       a->write == want[i].write && a->data == want[i].data,
		       "access %u: %s of %u bytes at %llx, data %llx; not %s of %u at %llx, data %llx",
		       i, a->write ? "write" : "read", a->size, a->address, a->data,
		       want[i].write ? "write" : "read", want[i].size, want[i].address, want[i].data);
	}
}

static void run_log(void (*fn)(u64), const struct access *want, unsigned int n, bool two_pages)
{
	struct vcpu *vcpu = long_guest(fn, 0);
	struct device dev;

	device_init(&dev, DEV, 0x8000);
	if (two_pages) {
		vm_map(vcpu->vm, WINDOW, DEV, PAGE_SIZE, PTE_W);
		vm_map(vcpu->vm, WINDOW + PAGE_SIZE, DEV + 0x4000, PAGE_SIZE, PTE_W);
	}
	device_run_to_done(&dev, vcpu);
	expect_log(&dev, want, n);
	vm_free(vcpu->vm);
}

CASE(widths, "1, 2, 4 and 8 bytes are one access each, of that width")
{
	static const struct access want[] = {
		{ DEV + 1, 1, true, 0, 0x12 }, { DEV + 2, 2, true, 0, 0x3456 },
		{ DEV + 4, 4, true, 0, 0x789abcde }, { DEV + 8, 8, true, 0, 0x1122334455667788 },
		{ DEV + 1, 1, false, 0, 0x12 }, { DEV + 2, 2, false, 0, 0x3456 },
		{ DEV + 4, 4, false, 0, 0x789abcde }, { DEV + 8, 8, false, 0, 0x1122334455667788 },
	};

	run_log(plain_widths, want, ARRAY_SIZE(want), false);
}

static void sixteen(u64 arg)
{
	u64 v[2] = { 0x1122334455667788, 0x99aabbccddeeff00 }, w[2];

	asm volatile("movups (%0), %%xmm3; movaps %%xmm3, (%1); movaps (%1), %%xmm4; movups %%xmm4, (%2)"
		     :: "r"(v), "r"(DEV + 32), "r"(w) : "memory");
	GUEST_ASSERT_EQ(w[0], v[0]);
	GUEST_ASSERT_EQ(w[1], v[1]);
}

CASE(sse, "16 bytes through SSE are two accesses of 8, in order")
{
	static const struct access want[] = {
		{ DEV + 32, 8, true, 0, 0x1122334455667788 },
		{ DEV + 40, 8, true, 0, 0x99aabbccddeeff00 },
		{ DEV + 32, 8, false, 0, 0x1122334455667788 },
		{ DEV + 40, 8, false, 0, 0x99aabbccddeeff00 },
	};

	run_log(sixteen, want, ARRAY_SIZE(want), false);
}

static void crossing(u64 arg)
{
	*(volatile u64 *)(WINDOW + 0xffd) = 0x1122334455667788;
	GUEST_ASSERT_EQ(*(volatile u64 *)(WINDOW + 0xffd), 0x1122334455667788);
	*(volatile u16 *)(WINDOW + 0xfff) += 1;
}

CASE(cross, "an access across two pages is split there, each part at its own address")
{
	static const struct access want[] = {
		{ DEV + 0xffd, 3, true, 0, 0x667788 }, { DEV + 0x4000, 5, true, 0, 0x1122334455 },
		{ DEV + 0xffd, 3, false, 0, 0x667788 }, { DEV + 0x4000, 5, false, 0, 0x1122334455 },
		{ DEV + 0xfff, 1, false, 0, 0x66 }, { DEV + 0x4000, 1, false, 0, 0x55 },
		{ DEV + 0xfff, 1, true, 0, 0x67 }, { DEV + 0x4000, 1, true, 0, 0x55 },
	};

	run_log(crossing, want, ARRAY_SIZE(want), true);
}

static void rmw(u64 arg)
{
	*(volatile u32 *)DEV = 7;
	asm volatile("addl $3, (%0)" :: "r"(DEV) : "memory", "cc");
	asm volatile("lock incl (%0)" :: "r"(DEV) : "memory", "cc");
	u32 old = 0x55;

	asm volatile("xchgl %0, (%1)" : "+r"(old) : "r"(DEV) : "memory");
	GUEST_ASSERT_EQ(old, 11);
}

CASE(read_modify_write, "read-modify-write is one read and one write, locked or not")
{
	static const struct access want[] = {
		{ DEV, 4, true, 0, 7 },
		{ DEV, 4, false, 0, 7 }, { DEV, 4, true, 0, 10 },
		{ DEV, 4, false, 0, 10 }, { DEV, 4, true, 0, 11 },
		{ DEV, 4, false, 0, 11 }, { DEV, 4, true, 0, 0x55 },
	};

	run_log(rmw, want, ARRAY_SIZE(want), false);
}

static void movs_device(u64 arg)
{
	u64 rsi = DEV, rdi = DEV + 0x4000, rcx = 3;

	for (u32 i = 0; i < 3; i++)
		*(volatile u32 *)(DEV + 4 * i) = i + 1;
	asm volatile("rep movsl" : "+S"(rsi), "+D"(rdi), "+c"(rcx) :: "memory");
	GUEST_ASSERT_EQ(rsi, DEV + 12);
	GUEST_ASSERT_EQ(rdi, DEV + 0x400c);
	GUEST_ASSERT_EQ(rcx, 0);
}

CASE(device_to_device, "REP MOVS from MMIO to MMIO reads and writes element by element")
{
	static const struct access want[] = {
		{ DEV, 4, true, 0, 1 }, { DEV + 4, 4, true, 0, 2 }, { DEV + 8, 4, true, 0, 3 },
		{ DEV, 4, false, 0, 1 }, { DEV + 0x4000, 4, true, 0, 1 },
		{ DEV + 4, 4, false, 0, 2 }, { DEV + 0x4004, 4, true, 0, 2 },
		{ DEV + 8, 4, false, 0, 3 }, { DEV + 0x4008, 4, true, 0, 3 },
	};

	run_log(movs_device, want, ARRAY_SIZE(want), false);
}

static void stos_many(u64 arg)
{
	u64 rdi = DEV, rcx = 600;

	asm volatile("rep stosq" : "+D"(rdi), "+c"(rcx) : "a"(0xabcdef) : "memory");
	GUEST_ASSERT_EQ(rdi, DEV + 4800);
	GUEST_ASSERT_EQ(rcx, 0);
}

CASE(stos_pages, "REP STOS over more than a page of MMIO reaches each element once")
{
	struct vcpu *vcpu = long_guest(stos_many, 0);
	struct device dev;

	device_init(&dev, DEV, 0x8000);
	device_run_to_done(&dev, vcpu);
	EXPECT_EQ(dev.n, 600);
	for (unsigned int i = 0; i < 0x1000; i++)
		EXPECT_EQ(((u64 *)dev.data)[i], i < 600 ? 0xabcdef : 0);
	vm_free(vcpu->vm);
}

static void protection(u64 arg)
{
	/* Read-only, then absent, then writable across into absent */
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_W | PFERR_P, "movl $1, (%0)", "r"(WINDOW));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_W, "movl $1, (%0)", "r"(WINDOW + PAGE_SIZE));
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_W, "movq $1, (%0)", "r"(WINDOW + 3 * PAGE_SIZE - 4));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + 3 * PAGE_SIZE);
	GUEST_ASSERT_TRAP(VEC_PF, 0, "movq (%0), %%rax", "r"(WINDOW + 3 * PAGE_SIZE - 1), "a"(0));
	GUEST_ASSERT_EQ(*(volatile u32 *)WINDOW, 0x12345678);
}

CASE(faults, "read-only and absent pages fault before the device is asked")
{
	struct vcpu *vcpu = long_guest(protection, 0);
	struct device dev;

	device_init(&dev, DEV, 0x8000);
	vm_map(vcpu->vm, WINDOW, DEV, PAGE_SIZE, 0);
	vm_map(vcpu->vm, WINDOW + 2 * PAGE_SIZE, DEV, PAGE_SIZE, PTE_W);
	memcpy(dev.data, "\x78\x56\x34\x12", 4);
	device_run_to_done(&dev, vcpu);
	EXPECT_EQ(dev.n, 1);
	vm_free(vcpu->vm);
}

static u64 user_touch(u64 address)
{
	return *(volatile u32 *)address;
}

static void user_access(u64 arg)
{
	GUEST_ASSERT_EQ(guest_user(user_touch, WINDOW), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_PF);
	GUEST_ASSERT_EQ(guest_cpu()->error, PFERR_P | PFERR_U);
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW);
	GUEST_ASSERT_EQ(guest_user(user_touch, WINDOW + PAGE_SIZE), 0x12345678);
}

CASE(user, "user mode reaches MMIO through user pages only")
{
	struct vcpu *vcpu = long_guest(user_access, 0);
	struct device dev;

	device_init(&dev, DEV, 0x8000);
	vm_map(vcpu->vm, WINDOW, DEV, PAGE_SIZE, PTE_W);
	vm_map(vcpu->vm, WINDOW + PAGE_SIZE, DEV, PAGE_SIZE, PTE_W | PTE_U);
	memcpy(dev.data, "\x78\x56\x34\x12", 4);
	device_run_to_done(&dev, vcpu);
	EXPECT_EQ(dev.n, 1);
	vm_free(vcpu->vm);
}

static void read_once(u64 arg)
{
	u64 v = *(volatile u64 *)DEV;

	GUEST_SYNC(1, v);
}

CASE(completion, "a read is completed by a KVM_RUN with immediate_exit, state is then readable")
{
	struct vcpu *vcpu = long_guest(read_once, 0);
	struct ucall uc;

	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	memcpy(vcpu->run->mmio.data, "\1\2\3\4\5\6\7\x08", 8);
	vcpu->run->immediate_exit = 1;
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	/* Nothing is completed twice. */
	memset(vcpu->run->mmio.data, 0xff, 8);
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 0x0807060504030201);
	vm_free(vcpu->vm);
}

static void not_emulated(u64 arg)
{
	asm volatile("fxsave64 (%0); ud2" :: "r"(arg) : "memory");
}

static void expect_emulation_failure(struct vcpu *vcpu, u64 rip)
{
	struct kvm_vcpu_events events;
	struct kvm_regs regs;

	vcpu_run_to(vcpu, KVM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(vcpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	vcpu_regs(vcpu, &regs);
	if (rip)
		EXPECT_EQ(regs.rip, rip);
	/* KVM has a #UD waiting, should userspace want to go on. */
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.exception.injected = 0;
	events.exception.pending = 0;
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events);
}

static void vector_store(u64 arg)
{
	asm volatile("vmovups %%ymm0, (%0); ud2" :: "r"(arg) : "memory");
}

CASE(refused, "an instruction that is not emulated gives KVM_EXIT_INTERNAL_ERROR, the VM lives on")
{
	REQUIRE(HAS_AVX, "this CPU has no AVX, whose loads and stores are not emulated");
	struct vcpu *vcpu = long_guest(vector_store, DEV);
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 7 } };

	vcpu_sregs(vcpu, &sregs);
	sregs.cr4 |= CR4_OSXSAVE;
	vcpu_set_sregs(vcpu, &sregs);
	vcpu_ioctl(vcpu, KVM_SET_XCRS, &xcrs);
	expect_emulation_failure(vcpu, 0);
	vcpu_call(vcpu, plain_widths, 0);
	struct device dev;

	device_init(&dev, DEV, 0x1000);
	device_run_to_done(&dev, vcpu);
	vm_free(vcpu->vm);
}

CASE(refused_fxsave, "FXSAVE to MMIO is emulated or refused, and never reaches memory")
{
	struct vcpu *vcpu = long_guest(not_emulated, DEV);
	struct device dev;
	unsigned int n = 0;

	device_init(&dev, DEV, 0x1000);
	do {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO)
			device_serve(&dev, vcpu);
	} while (vcpu->run->exit_reason == KVM_EXIT_MMIO && n++ < 100);
	if (vcpu->run->exit_reason != KVM_EXIT_INTERNAL_ERROR) {
		EXPECT_EQ(dev.n, 512 / 8);
		EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_IO);
	}
	vm_free(vcpu->vm);
}

static void jump_to(u64 arg)
{
	((void (*)(void))arg)();
}

CASE(fetch, "executing MMIO space gives KVM_EXIT_INTERNAL_ERROR")
{
	struct vcpu *vcpu = long_guest(jump_to, DEV);

	expect_emulation_failure(vcpu, DEV);
	vm_free(vcpu->vm);
}

CASE(real_mode, "MMIO in real mode: segments, 16-bit and 32-bit addresses, wrap, limit")
{
	struct vm *vm = vm_create();
	struct mem *mem = mem_create(0xa0000, 0), *high = mem_create(PAGE_SIZE, 0);
	struct device dev;
	struct vcpu *vcpu;
	struct ucall uc;

	vm->mode = GUEST_REAL;
	vm_slot(vm, 0, 0, 0xa0000, mem->host, 0);
	vm_slot(vm, 1, TSS_BASE + 0x100000, PAGE_SIZE, high->host, 0);
	device_init(&dev, 0xa0000, 0x10000);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, GUEST_REAL);
	vcpu_call(vcpu, NULL, 0);
	vm_load_blob(vm, blob_mmio16);
	ASSERT_EQ(device_next(&dev, vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 1);
	vm_free(vm);
	mem_free(mem);
	mem_free(high);
}

static void run_32(enum guest_mode mode)
{
	struct vm *vm = vm_new(mode);
	struct vcpu *vcpu = vcpu_new(vm, NULL, 0);
	struct device dev;
	struct ucall uc;

	device_init(&dev, DEV, 0x1000);
	vm_load_blob(vm, blob_mmio32);
	ASSERT_EQ(device_next(&dev, vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 1);
	vm_free(vm);
}

CASE(prot32, "MMIO in protected mode: bases, limits, read-only and expand-down segments")
{
	run_32(GUEST_PROT32);
}

CASE(paged32, "the same with 2-level paging")
{
	run_32(GUEST_PAGED32);
}

CASE(pae, "the same with PAE")
{
	run_32(GUEST_PAE);
}

static void top_of_physical(u64 arg)
{
	GUEST_ASSERT_EQ(*(volatile u32 *)WINDOW, 0x12345678);
}

CASE(high, "MMIO far above memory")
{
	struct vcpu *vcpu = long_guest(top_of_physical, 0);
	struct device dev;

	device_init(&dev, 0x7fff00000ULL, 0x1000);
	memcpy(dev.data, "\x78\x56\x34\x12", 4);
	vm_map(vcpu->vm, WINDOW, 0x7fff00000ULL, PAGE_SIZE, PTE_W);
	device_run_to_done(&dev, vcpu);
	EXPECT_EQ(dev.log[0].address, 0x7fff00000ULL);
	vm_free(vcpu->vm);
}

static void accessed(u64 arg)
{
	volatile u64 *pte = guest_pte(WINDOW, 1);

	GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), 0);
	(void)*(volatile u32 *)WINDOW;
	GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), PTE_A);
	*(volatile u32 *)WINDOW = 1;
	GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
}

CASE(accessed_dirty, "accesses to MMIO set the guest's accessed and dirty bits")
{
	struct vcpu *vcpu = long_guest(accessed, 0);
	struct device dev;

	device_init(&dev, DEV, 0x1000);
	vm_map(vcpu->vm, WINDOW, DEV, PAGE_SIZE, PTE_W);
	device_run_to_done(&dev, vcpu);
	EXPECT_EQ(dev.n, 2);
	vm_free(vcpu->vm);
}
