// SPDX-License-Identifier: GPL-2.0
/*
 * The guest changes its own page tables, its code, its address space: what it
 * reads afterwards is what the tables say, as the architecture promises.
 */
#include "guest.h"
#include "vm.h"

#define WINDOW	0x40000000UL
#define RAM	0x900000UL
#define PAGES	64

static void mark_pages(void)
{
	for (u64 i = 0; i < PAGES; i++)
		*(volatile u64 *)(RAM + i * PAGE_SIZE) = 0x1000 + i;
}

static void point(u64 page, u64 flags)
{
	*guest_pte(WINDOW, 1) = (RAM + page * PAGE_SIZE) | PTE_P | PTE_W | flags;
	barrier();
}

#define SEEN	(*(volatile u64 *)WINDOW - 0x1000)

static void with_invlpg(u64 n)
{
	mark_pages();
	for (u64 i = 0; i < n; i++) {
		point(i % PAGES, 0);
		invlpg((void *)WINDOW);
		GUEST_ASSERT_EQ(SEEN, i % PAGES);
	}
}

static void with_cr3(u64 n)
{
	mark_pages();
	for (u64 i = 0; i < n; i++) {
		point(i % PAGES, 0);
		write_cr3(read_cr3());
		GUEST_ASSERT_EQ(SEEN, i % PAGES);
	}
}

static void with_cr4(u64 n)
{
	mark_pages();
	write_cr4(read_cr4() | CR4_PGE);
	for (u64 i = 0; i < n; i++) {
		point(i % PAGES, PTE_G);
		write_cr4(read_cr4() & ~CR4_PGE);
		write_cr4(read_cr4() | CR4_PGE);
		GUEST_ASSERT_EQ(SEEN, i % PAGES);
	}
}

static void with_invpcid(u64 n)
{
	struct { u64 pcid, address; } d = { 0, WINDOW };

	mark_pages();
	for (u64 i = 0; i < n; i++) {
		u64 type = i % 4;

		point(i % PAGES, 0);
		if (type == 1 && !(read_cr4() & CR4_PCIDE))
			type = 2;
		asm volatile("invpcid %0, %1" :: "m"(d), "r"(type) : "memory");
		GUEST_ASSERT_EQ(SEEN, i % PAGES);
	}
	GUEST_ASSERT_TRAP(VEC_GP, 0, "invpcid %0, %1", "m"(d), "r"(4ULL));
}

static void with_absent(u64 n)
{
	mark_pages();
	for (u64 i = 0; i < n; i++) {
		*guest_pte(WINDOW, 1) = 0;
		invlpg((void *)WINDOW);
		GUEST_ASSERT_EQ(GUEST_TRY("movb (%0), %%al", "r"(WINDOW), "a"(0)), VEC_PF);
		/* Absent to present needs no flush */
		point(i % PAGES, 0);
		GUEST_ASSERT_EQ(SEEN, i % PAGES);
	}
}

static void run_window(void (*fn)(u64), unsigned long n)
{
	struct vcpu *vcpu = long_guest(fn, n);

	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(invlpg_works, "INVLPG")
{
	run_window(with_invlpg, test_scale(2000));
}

CASE(cr3_works, "a write of CR3")
{
	run_window(with_cr3, test_scale(1000));
}

CASE(pge_works, "turning CR4.PGE off and on flushes global pages too")
{
	run_window(with_cr4, test_scale(500));
}

CASE(invpcid_works, "INVPCID of each type; an unknown type is #GP")
{
	REQUIRE(HAS_INVPCID, "no INVPCID for guests");
	run_window(with_invpcid, test_scale(500));
}

CASE(absent_works, "absent pages fault, and are there once the entry is")
{
	run_window(with_absent, test_scale(1000));
}

static void two_spaces(u64 other)
{
	u64 first = read_cr3();

	for (u64 i = 0; i < 500; i++) {
		write_cr3(i & 1 ? other : first);
		GUEST_ASSERT_EQ(*(volatile u64 *)WINDOW, i & 1 ? 0x2222 : 0x1111);
	}
	write_cr3(first);
}

CASE(spaces, "two address spaces, switched by CR3")
{
	struct vm *vm = vm_new(GUEST_LONG);
	u64 first = vm->pt_root, other;

	vm_map(vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	other = vm_make_tables(vm, GUEST_LONG);
	vm_map(vm, WINDOW, RAM + PAGE_SIZE, PAGE_SIZE, PTE_W);
	vm->pt_root = first;
	*(u64 *)vm_host(vm, RAM) = 0x1111;
	*(u64 *)vm_host(vm, RAM + PAGE_SIZE) = 0x2222;
	vcpu_run_to_done(vcpu_new(vm, two_spaces, other));
	vm_free(vm);
}

static void accessed_dirty(u64 arg)
{
	volatile u64 *pte = guest_pte(WINDOW, 1);

	for (int i = 0; i < 100; i++) {
		*pte &= ~(PTE_A | PTE_D);
		invlpg((void *)WINDOW);
		GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), 0);
		(void)*(volatile u64 *)WINDOW;
		GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), PTE_A);
		*(volatile u64 *)WINDOW = i;
		GUEST_ASSERT_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
	}
}

CASE(ad_bits, "accessed and dirty bits of the guest's tables are set as the CPU does")
{
	run_window(accessed_dirty, 0);
}

/* Random changes of many entries against a model in the guest's memory. */
static u16 model[PAGES];

static void stress(u64 n)
{
	u64 state = n;

	mark_pages();
	for (u64 i = 0; i < PAGES; i++) {
		model[i] = 0xffff;
		*guest_pte(WINDOW + i * PAGE_SIZE, 1) = 0;
	}
	write_cr3(read_cr3());
	for (u64 i = 0; i < n; i++) {
		u64 r = guest_random(&state), slot = r % PAGES, page = (r >> 8) % PAGES;
		u64 va = WINDOW + slot * PAGE_SIZE;
		volatile u64 *p = (u64 *)va;

		if ((r >> 20) % 4 == 0) {
			*guest_pte(va, 1) = 0;
			model[slot] = 0xffff;
		} else {
			*guest_pte(va, 1) = (RAM + page * PAGE_SIZE) | PTE_P | PTE_W;
			model[slot] = page;
		}
		invlpg((void *)p);
		slot = (r >> 32) % PAGES;
		p = (u64 *)(WINDOW + slot * PAGE_SIZE);
		if (model[slot] == 0xffff)
			GUEST_ASSERT_EQ(GUEST_TRY("movb (%0), %%al", "r"(p), "a"(0)), VEC_PF);
		else
			GUEST_ASSERT_EQ(*p, 0x1000 + model[slot]);
	}
}

CASE(random_changes, "random changes of 64 entries agree with a model")
{
	struct vcpu *vcpu = long_guest(stress, test_scale(20000));

	vm_map(vcpu->vm, WINDOW, RAM, PAGES * PAGE_SIZE, PTE_W);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void self_modifying(u64 n)
{
	volatile u8 *code = (u8 *)RAM;
	u64 (*fn)(void) = (u64 (*)(void))RAM;

	for (u64 i = 0; i < n; i++) {
		/* mov $i, %eax; ret */
		code[0] = 0xb8;
		*(volatile u32 *)(code + 1) = i;
		code[5] = 0xc3;
		GUEST_ASSERT_EQ(fn(), i);
	}
	/* The next instruction is the one that was changed */
	for (u64 i = 0; i < n; i++) {
		u64 r;

		asm volatile("movb %b1, 1f + 1(%%rip); jmp 1f; 1: mov $0x11, %%eax" : "=a"(r) : "q"(i));
		GUEST_ASSERT_EQ(r, (u8)i);
	}
}

CASE(code, "self-modifying code executes what was written last")
{
	run_guest(self_modifying, test_scale(1000));
}

static void call_code(u64 arg)
{
	u64 (*fn)(void) = (u64 (*)(void))RAM;

	for (;;)
		GUEST_SYNC(1, fn());
}

CASE(host_code, "code that the host changes between exits is what the guest executes")
{
	struct vcpu *vcpu = long_guest(call_code, 0);
	u8 *code = vm_host(vcpu->vm, RAM);
	struct ucall uc;

	for (u32 i = 0; i < 200; i++) {
		code[0] = 0xb8;
		memcpy(code + 1, &i, 4);
		code[5] = 0xc3;
		vcpu_next(vcpu, &uc);
		ASSERT_EQ(uc.args[1], i);
	}
	vm_free(vcpu->vm);
}

static void odd_instructions(u64 gif)
{
	u64 v;

	asm volatile("wbinvd" ::: "memory");
	asm volatile("invd" ::: "memory");
	asm volatile("pause; pause");
	v = GUEST_TRY("rdpmc", "c"(0x12345), "a"(0), "d"(0));
	GUEST_ASSERT_EQ(v, VEC_GP);
	/* VMX and SVM are not for guests */
	GUEST_ASSERT_EQ(GUEST_TRY("vmxoff"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmlaunch"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmread %%rax, %%rcx", "a"(0), "c"(0)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmptrld (%0)", "r"(RAM)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmrun", "a"(RAM)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmload", "a"(RAM)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("vmsave", "a"(RAM)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("getsec", "a"(0)), VEC_UD);
	if (gif)
		return;
	GUEST_ASSERT_EQ(GUEST_TRY("clgi"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("stgi"), VEC_UD);
}

CASE(odd, "WBINVD, INVD and PAUSE do nothing, RDPMC is #GP, VMX and SVM instructions are #UD")
{
	/* KVM does not intercept them where the CPU has a virtual GIF. */
	run_guest(odd_instructions, test_is_kvm && test_host_is_amd());
}

static void descriptor_tables(u64 arg)
{
	struct descriptor_ptr gdt, idt, p;
	u16 ldt, tr;

	asm volatile("sgdt %0; sidt %1; sldt %2; str %3" : "=m"(gdt), "=m"(idt), "=m"(ldt), "=m"(tr));
	GUEST_ASSERT_EQ(gdt.base, GDT_BASE);
	GUEST_ASSERT_EQ(idt.base, IDT_BASE);
	GUEST_ASSERT_EQ(ldt, 0);
	GUEST_ASSERT_EQ(tr, SEL_TSS);
	guest_memcpy((void *)RAM, (void *)GDT_BASE, PAGE_SIZE);
	p = (struct descriptor_ptr){ 0xfff, RAM };
	asm volatile("lgdt %0" :: "m"(p));
	asm volatile("mov %w0, %%ds" :: "r"(SEL_DATA));
	asm volatile("sgdt %0" : "=m"(gdt));
	GUEST_ASSERT_EQ(gdt.base, RAM);
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
}

CASE(tables, "LGDT, SGDT, SIDT, SLDT and STR")
{
	run_guest(descriptor_tables, 0);
}
