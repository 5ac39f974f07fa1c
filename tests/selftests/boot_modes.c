// SPDX-License-Identifier: GPL-2.0
/* Guests in each mode of the CPU, and the ways from mode to mode. */
#include "guest.h"
#include "vm.h"
#include "all_modes.h"
#include "basics16.h"
#include "basics32.h"

/* The same computation as the blobs', by the host. */
static u32 expected_crc(u32 crc)
{
	for (u32 i = 0; i < 2048; i += 16) {
		crc ^= i * 2654435761u;
		for (int b = 0; b < 32; b++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return crc;
}

static void run_basics_with(enum guest_mode mode, u64 want_cr0, u64 want_cr4, u64 efer)
{
	struct vm *vm = vm_new(mode);
	struct vcpu *vcpu = vcpu_new(vm, NULL, 0x12345678);
	struct kvm_sregs sregs;
	struct ucall uc;

	vcpu_sregs(vcpu, &sregs);
	sregs.efer = efer;
	vcpu_set_sregs(vcpu, &sregs);

	if (mode == GUEST_REAL)
		vm_load_blob(vm, blob_basics16);
	else
		vm_load_blob(vm, blob_basics32);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	ASSERT_EQ(uc.args[0], 1);
	EXPECT_EQ(uc.args[1], expected_crc(0x12345678));
	EXPECT_EQ(uc.args[2], 144);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	ASSERT_EQ(uc.args[0], 2);
	EXPECT_EQ(uc.args[1] & (CR0_PE | CR0_PG), want_cr0);
	EXPECT_EQ(uc.args[2] & CR4_PAE, want_cr4);
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	vcpu_run_to_sync(vcpu, 3);
	vcpu_run_to_done(vcpu);
	vcpu_sregs(vcpu, &sregs);
	EXPECT_EQ(sregs.efer, efer);
	vm_free(vm);
}

static void run_basics(enum guest_mode mode, u64 want_cr0, u64 want_cr4)
{
	run_basics_with(mode, want_cr0, want_cr4, 0);
}

CASE(real, "real mode runs compiled code, interrupts, faults and HLT")
{
	run_basics(GUEST_REAL, 0, 0);
}

CASE(prot32, "protected mode without paging runs compiled code, interrupts, faults and HLT")
{
	run_basics(GUEST_PROT32, CR0_PE, 0);
}

CASE(early_lme, "EFER.LME before paging, and before CR4.PAE, changes nothing yet")
{
	run_basics_with(GUEST_REAL, 0, 0, EFER_LME);
	run_basics_with(GUEST_PROT32, CR0_PE, 0, EFER_LME);
}

CASE(paged32, "protected mode with 2-level paging runs compiled code, interrupts, faults and HLT")
{
	run_basics(GUEST_PAGED32, CR0_PE | CR0_PG, 0);
}

CASE(pae, "PAE paging runs compiled code, interrupts, faults and HLT")
{
	run_basics(GUEST_PAE, CR0_PE | CR0_PG, CR4_PAE);
}

static u64 sum(const u64 *p, unsigned int n)
{
	u64 s = 0;

	while (n--)
		s = s * 31 + *p++;
	return s;
}

static u64 words[512];

static void long_code(u64 arg)
{
	u64 state = arg;

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = guest_random(&state);
	GUEST_SYNC(1, sum(words, ARRAY_SIZE(words)), read_cr4(), rdmsr(MSR_EFER), read_cr0());
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("div %0", "r"(0ULL), "a"(1ULL), "d"(0ULL)), VEC_DE);
	GUEST_ASSERT_EQ(GUEST_TRY("nop"), NO_VECTOR);
	hlt();
	GUEST_SYNC(2);
}

static void run_long(enum guest_mode mode)
{
	struct vcpu *vcpu = vcpu_new(vm_new(mode), long_code, 99);
	u64 state = 99, want[512];
	struct ucall uc;

	for (unsigned int i = 0; i < ARRAY_SIZE(want); i++)
		want[i] = test_random(&state);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], sum(want, ARRAY_SIZE(want)));
	EXPECT_EQ(uc.args[2] & (CR4_LA57 | CR4_PAE),
		  mode == GUEST_LONG5 ? CR4_LA57 | CR4_PAE : CR4_PAE);
	EXPECT_EQ(uc.args[3] & (EFER_LMA | EFER_LME), EFER_LMA | EFER_LME);
	EXPECT_EQ(uc.args[4] & (CR0_PE | CR0_PG), CR0_PE | CR0_PG);
	EXPECT(!memcmp(vm_host(vcpu->vm, (unsigned long)words), want, sizeof(want)),
	       "guest memory differs");
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	vcpu_run_to_sync(vcpu, 2);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(long4, "long mode with 4 levels of page tables runs compiled code, faults and HLT")
{
	run_long(GUEST_LONG);
}

CASE(long5, "long mode with 5 levels of page tables runs compiled code, faults and HLT")
{
	REQUIRE(HAS_LA57, "this CPU has no 5-level paging (LA57)");
	run_long(GUEST_LONG5);
}

static void high_address(u64 va)
{
	volatile u64 *p = (u64 *)va;

	GUEST_ASSERT_EQ(*p, 0x1122334455667788);
	*p = va;
}

static void run_high(enum guest_mode mode, u64 va)
{
	struct vm *vm = vm_new(mode);
	struct vcpu *vcpu = vcpu_new(vm, high_address, va);
	u64 *p = vm_host(vm, TEST_BASE);

	vm_map(vm, va, TEST_BASE, PAGE_SIZE, PTE_W);
	*p = 0x1122334455667788;
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(*p, va);
	vm_free(vm);
}

CASE(top4, "4 levels: both ends of the address space are mapped")
{
	run_high(GUEST_LONG, 0x00007ffffffff000);
	run_high(GUEST_LONG, 0xffff800000000000);
	run_high(GUEST_LONG, 0xfffffffffffff000);
}

CASE(top5, "5 levels: addresses that 4 levels do not have")
{
	REQUIRE(HAS_LA57, "this CPU has no 5-level paging (LA57)");
	run_high(GUEST_LONG5, 0x00fffffffffff000);
	run_high(GUEST_LONG5, 0xff00000000000000);
	run_high(GUEST_LONG5, 0x0000800000000000);
}

static void not_canonical(u64 va)
{
	GUEST_ASSERT_TRAP(VEC_GP, 0, "cmpb $0, (%0)", "r"(va));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "movb %%al, (%0)", "r"(va));
}

CASE(canonical4, "4 levels: addresses beyond 47 bits are #GP")
{
	run_guest(not_canonical, 0x0000800000000000);
	run_guest(not_canonical, 0xffff7fffffffffff);
}

CASE(canonical5, "5 levels: addresses beyond 56 bits are #GP")
{
	REQUIRE(HAS_LA57, "this CPU has no 5-level paging (LA57)");
	struct vm *vm = vm_new(GUEST_LONG5);

	vcpu_run_to_done(vcpu_new(vm, not_canonical, 0x0100000000000000));
	vm_free(vm);
}

static void expect_stage(struct vcpu *vcpu, u32 port, u32 value)
{
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, port);
	u32 got = *(u32 *)((char *)vcpu->run + vcpu->run->io.data_offset);

	if (port == 0x80)
		ASSERT_EQ(got, value);
	else
		ASSERT_EQ(got & value, value);
}

static void run_all_modes(bool five)
{
	struct vm *vm = vm_new(GUEST_REAL);
	struct vcpu *vcpu = vcpu_new(vm, NULL, 0);
	u64 *roots = vm_host(vm, LOW_BASE);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vm_load_blob(vm, blob_all_modes);
	roots[0] = vm_make_tables(vm, GUEST_PAGED32);
	roots[1] = vm_make_tables(vm, GUEST_PAE);
	roots[2] = vm_make_tables(vm, GUEST_LONG);
	roots[3] = five ? vm_make_tables(vm, GUEST_LONG5) : 0;
	for (u32 stage = 1; stage <= 11; stage++) {
		if (stage == 5)
			expect_stage(vcpu, 0x81, EFER_LME | EFER_LMA);
		if (stage == 7 && !five)
			continue;
		expect_stage(vcpu, 0x80, stage);
		vcpu_sregs(vcpu, &sregs);
		vcpu_regs(vcpu, &regs);
		EXPECT_EQ(!!(sregs.cr0 & CR0_PE), stage >= 2 && stage <= 8);
		EXPECT_EQ(!!(sregs.cr0 & CR0_PG), stage >= 3 && stage <= 7);
		EXPECT_EQ(!!(sregs.efer & EFER_LMA), stage >= 5 && stage <= 7);
		EXPECT_EQ(sregs.cs.l, stage == 6 || stage == 7);
		if (stage == 6)
			EXPECT_EQ(regs.rbx, 0x123456789abcdef0);
		if (stage == 7)
			EXPECT_EQ(regs.rbx & CR4_LA57, CR4_LA57);
	}
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

CASE(all_modes, "one guest goes from real mode through 2-level, PAE and 4-level paging and back")
{
	run_all_modes(false);
}

CASE(all_modes5, "the same with 5 levels on the way")
{
	REQUIRE(HAS_LA57, "this CPU has no 5-level paging (LA57)");
	run_all_modes(true);
}

/* Enables long mode, leaves, and only then takes the steps that must come before paging. */
static const u8 late_pae_code[] = {
	0xb9, 0x80, 0x00, 0x00, 0xc0,	/* mov $MSR_EFER, %ecx */
	0x0f, 0x32,			/* rdmsr */
	0x0d, 0x00, 0x01, 0x00, 0x00,	/* or $EFER_LME, %eax */
	0x0f, 0x30,			/* wrmsr */
	0x0f, 0x32,			/* rdmsr */
	0xe7, 0x80,			/* out %eax, $0x80 */
	0x0f, 0x20, 0xe0,		/* mov %cr4, %eax */
	0x09, 0xd8,			/* or %ebx, %eax */
	0x0f, 0x22, 0xe0,		/* mov %eax, %cr4 */
	0x0f, 0x20, 0xc0,		/* mov %cr0, %eax */
	0x0d, 0x00, 0x00, 0x00, 0x80,	/* or $CR0_PG, %eax */
	0x0f, 0x22, 0xc0,		/* mov %eax, %cr0 */
	0x0f, 0x32,			/* rdmsr */
	0xe7, 0x81,			/* out %eax, $0x81 */
	0xf4,				/* hlt */
};

static struct vcpu *late_pae_vcpu(u64 cr4_bits)
{
	struct vm *vm = vm_new(GUEST_PROT32);
	struct vcpu *vcpu = vcpu_new(vm, NULL, 0);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vcpu_regs(vcpu, &regs);
	regs.rbx = cr4_bits;
	vcpu_set_regs(vcpu, &regs);
	vcpu_sregs(vcpu, &sregs);
	sregs.cr3 = vm_make_tables(vm, GUEST_LONG);
	sregs.idt.limit = 0;
	vcpu_set_sregs(vcpu, &sregs);
	vm_load_blob(vm, late_pae_code);
	expect_stage(vcpu, 0x80, EFER_LME);
	vcpu_sregs(vcpu, &sregs);
	EXPECT_EQ(sregs.efer & (EFER_LME | EFER_LMA), EFER_LME);
	EXPECT_EQ(sregs.cr4 & CR4_PAE, 0);
	return vcpu;
}

CASE(late_pae, "long mode may be enabled before PAE is")
{
	/* KVM has QEMU's CPU lose the host's paging here. */
	REQUIRE(!test_is_kvm || !test_on_machine("qemu-svm"), "the host would not survive this");
	struct vcpu *vcpu = late_pae_vcpu(CR4_PAE);

	expect_stage(vcpu, 0x81, EFER_LME | EFER_LMA);
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

CASE(no_pae, "paging without PAE is #GP where long mode is enabled")
{
	REQUIRE(!test_is_kvm || !test_on_machine("qemu-svm"), "the host would not survive this");
	/* There is no IDT: the #GP is a triple fault. */
	REQUIRE(!test_on_machine("bochs-svm"), "Bochs' SVM panics before it looks at the intercept");
	struct vcpu *vcpu = late_pae_vcpu(0);

	vcpu_run_to(vcpu, KVM_EXIT_SHUTDOWN);
	vm_free(vcpu->vm);
}

CASE(reset_state, "a new vCPU is in the state after reset")
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct kvm_sregs s;
	struct kvm_regs r;

	vcpu_regs(vcpu, &r);
	vcpu_sregs(vcpu, &s);
	EXPECT_EQ(r.rip, 0xfff0);
	EXPECT_EQ(r.rflags, 2);
	EXPECT_EQ(s.cs.selector, 0xf000);
	EXPECT_EQ(s.cs.base, 0xffff0000);
	EXPECT_EQ(s.cs.limit, 0xffff);
	EXPECT_EQ(s.ds.base, 0);
	EXPECT_EQ(s.ds.limit, 0xffff);
	EXPECT_EQ(s.cr0, 0x60000010);
	EXPECT_EQ(s.cr3, 0);
	EXPECT_EQ(s.cr4, 0);
	EXPECT_EQ(s.efer, 0);
	EXPECT_EQ(s.gdt.limit, 0xffff);
	EXPECT_EQ(s.idt.limit, 0xffff);
	vm_free(vm);
}

CASE(reset_vector, "the state after reset starts at the top of the first 4 GiB")
{
	struct vm *vm = vm_create();
	struct mem *mem = mem_create(PAGE_SIZE, 0);
	u8 *rom = mem->host;

	vm_slot(vm, 0, 0xfffff000, PAGE_SIZE, mem->host, 0);
	memcpy(rom + 0xff0, "\xb0\x5a\xe6\x80\xf4", 5);	/* mov $0x5a, %al; out %al, $0x80; hlt */
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, 0x80);
	EXPECT_EQ(*((u8 *)vcpu->run + vcpu->run->io.data_offset), 0x5a);
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
	mem_free(mem);
}
