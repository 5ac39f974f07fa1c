// SPDX-License-Identifier: GPL-2.0
/* Puts vCPUs into a mode: segments, tables of descriptors, control registers. */
#include "guest.h"
#include "vm.h"

#define DESCRIPTOR(type, flags, limit)					\
	((u64)((limit) & 0xffff) | (u64)(type) << 40 | (u64)((limit) >> 16) << 48 | (u64)(flags) << 52)

static const u64 gdt[] = {
	[SEL_CODE64 / 8] = DESCRIPTOR(0x9b, 0xa, 0xfffff),
	[SEL_DATA / 8] = DESCRIPTOR(0x93, 0xc, 0xfffff),
	[SEL_CODE32 / 8] = DESCRIPTOR(0x9b, 0xc, 0xfffff),
	[SEL_USER32 / 8] = DESCRIPTOR(0xfb, 0xc, 0xfffff),
	[SEL_USER_DATA / 8] = DESCRIPTOR(0xf3, 0xc, 0xfffff),
	[SEL_USER64 / 8] = DESCRIPTOR(0xfb, 0xa, 0xfffff),
	[SEL_CODE16 / 8] = DESCRIPTOR(0x9b, 0x0, 0xffff),
	[SEL_DATA16 / 8] = DESCRIPTOR(0x93, 0x0, 0xffff),
};

static struct kvm_segment segment(u16 selector)
{
	u64 d = gdt[selector / 8];
	struct kvm_segment s = {
		.selector = selector,
		.limit = (d & 0xffff) | (d >> 48 & 0xf) << 16,
		.type = d >> 40 & 15,
		.s = 1,
		.dpl = d >> 45 & 3,
		.present = 1,
		.l = d >> 53 & 1,
		.db = d >> 54 & 1,
		.g = d >> 55 & 1,
	};

	if (s.g)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

static void set_data(struct kvm_sregs *sregs, struct kvm_segment s)
{
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = s;
}

static void set_segments(struct vcpu *vcpu, struct kvm_sregs *sregs, enum guest_mode mode)
{
	bool is_long = mode == GUEST_LONG || mode == GUEST_LONG5;

	if (mode == GUEST_REAL) {
		struct kvm_segment s = { .limit = 0xffff, .type = 3, .s = 1, .present = 1 };

		set_data(sregs, s);
		s.selector = BLOB_BASE >> 4;
		s.base = BLOB_BASE;
		sregs->ds = sregs->es = sregs->ss = sregs->gs = s;
		s.type = 0xb;
		sregs->cs = s;
		sregs->gdt.base = 0;
		sregs->gdt.limit = 0xffff;
		sregs->idt.base = 0;
		sregs->idt.limit = 0x3ff;
		return;
	}
	sregs->cs = segment(is_long ? SEL_CODE64 : SEL_CODE32);
	set_data(sregs, segment(SEL_DATA));
	sregs->gdt.base = GDT_BASE;
	sregs->gdt.limit = 0xfff;
	sregs->idt.base = is_long ? IDT_BASE : IDT32_BASE;
	sregs->idt.limit = is_long ? 0xfff : 0x7ff;
	sregs->tr = (struct kvm_segment) {
		.selector = SEL_TSS + 16 * vcpu->id,
		.base = TSS_BASE + vcpu->id * TSS_STRIDE,
		.limit = sizeof(struct tss64) - 1,
		.type = 11,
		.present = 1,
	};
	sregs->ldt = (struct kvm_segment) { .unusable = 1 };
}

static void write_tss(struct vcpu *vcpu)
{
	u64 base = TSS_BASE + vcpu->id * TSS_STRIDE, stack = STACK_BASE + vcpu->id * STACK_STRIDE;
	u64 *descriptor = vm_host(vcpu->vm, GDT_BASE + SEL_TSS + 16 * vcpu->id);
	struct tss64 *tss = vm_host(vcpu->vm, base);

	memset(tss, 0, sizeof(*tss));
	tss->rsp[0] = stack + STACK_RSP0;
	tss->ist[0] = stack + STACK_DF;
	tss->ist[1] = stack + STACK_NMI;
	tss->iomap = sizeof(*tss);
	descriptor[0] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x8bULL << 40 |
			(base >> 24 & 0xff) << 56;
	descriptor[1] = base >> 32;
}

/* Descriptor tables of the machine: once, before the first vCPU. */
void cpu_write_tables(struct vm *vm);
void cpu_write_tables(struct vm *vm)
{
	struct gate64 *idt = vm_host(vm, IDT_BASE);

	memcpy(vm_host(vm, GDT_BASE), gdt, sizeof(gdt));
	for (unsigned int v = 0; v < 256; v++) {
		u64 stub = (unsigned long)guest_stubs + v * 16;

		idt[v] = (struct gate64) {
			.offset_low = stub,
			.offset_mid = stub >> 16,
			.offset_high = stub >> 32,
			.selector = SEL_CODE64,
			.type = GATE_INTERRUPT | (v == VECTOR_USER_EXIT ? GATE_DPL3 : 0),
			.ist = v == VEC_DF ? 1 : v == VEC_NMI ? 2 : 0,
		};
	}
}

void vcpu_set_mode(struct vcpu *vcpu, enum guest_mode mode)
{
	struct kvm_sregs sregs;

	vcpu_sregs(vcpu, &sregs);
	set_segments(vcpu, &sregs, mode);
	sregs.cr0 = CR0_ET | CR0_NE;
	sregs.cr4 = 0;
	sregs.efer = 0;
	if (mode >= GUEST_PROT32)
		sregs.cr0 |= CR0_PE | CR0_MP;
	if (mode >= GUEST_PAGED32) {
		sregs.cr0 |= CR0_PG | CR0_WP;
		sregs.cr4 = CR4_PSE | CR4_OSFXSR | CR4_OSXMMEXCPT;
		sregs.cr3 = vcpu->vm->pt_root;
	}
	if (mode >= GUEST_PAE) {
		sregs.cr4 |= CR4_PAE;
		sregs.efer = EFER_NX;
	}
	if (mode >= GUEST_LONG)
		sregs.efer |= EFER_LME | EFER_LMA | EFER_SCE;
	if (mode == GUEST_LONG5)
		sregs.cr4 |= CR4_LA57;
	vcpu_set_sregs(vcpu, &sregs);
	write_tss(vcpu);
}

void vcpu_call(struct vcpu *vcpu, void (*fn)(u64 arg), u64 arg)
{
	bool blob = vcpu->vm->mode < GUEST_LONG;
	u64 top = STACK_BASE + vcpu->id * STACK_STRIDE + STACK_MAIN - 16;
	struct kvm_regs regs = {
		.rip = blob ? BLOB_BASE : (unsigned long)fn,
		.rsp = blob ? BLOB_STACK : top - 8,
		.rdi = arg,
		.rflags = FLAG_FIXED,
	};

	if (vcpu->vm->mode == GUEST_REAL) {
		regs.rip = 0;
		regs.rsp = 0xfff0;
	}
	if (!blob)
		*(u64 *)vm_host(vcpu->vm, regs.rsp) = (unsigned long)guest_return;
	vcpu_set_regs(vcpu, &regs);
}
