// SPDX-License-Identifier: GPL-2.0
/*
 * Registers and segments of a guest, between struct bellows_vcpu and the VMCS.
 *
 * A VMREAD costs as much as a dozen ordinary instructions, and most exits want
 * few of the fields or none, so everything is read when it is first asked for
 * and kept until the next entry: common registers under vcpu->cached, segments
 * field by field under seg_cached.
 */
#include <asm/segment.h>
#include "vmx/vmx.h"

/* VMCS fields of a kind are two apart, in this order of segments. */
static const u8 vmcs_order[VCPU_NR_SEGS] = {
	[SEG_ES] = 0, [SEG_CS] = 1, [SEG_SS] = 2, [SEG_DS] = 3,
	[SEG_FS] = 4, [SEG_GS] = 5, [SEG_LDTR] = 6, [SEG_TR] = 7,
};

static const u16 first_field[VMX_NR_SEG_FIELDS] = {
	[VMX_SEG_SELECTOR] = GUEST_ES_SELECTOR,
	[VMX_SEG_BASE] = GUEST_ES_BASE,
	[VMX_SEG_LIMIT] = GUEST_ES_LIMIT,
	[VMX_SEG_ACCESS] = GUEST_ES_AR_BYTES,
};

static_assert(GUEST_ES_SELECTOR + 2 * 7 == GUEST_TR_SELECTOR);
static_assert(GUEST_ES_LIMIT + 2 * 6 == GUEST_LDTR_LIMIT);
static_assert(GUEST_ES_BASE + 2 * 7 == GUEST_TR_BASE);
static_assert(GUEST_ES_AR_BYTES + 2 * 7 == GUEST_TR_AR_BYTES);
static_assert(VCPU_NR_SEGS * VMX_NR_SEG_FIELDS <= 32);

static unsigned int vmx_seg_field(unsigned int seg, enum vmx_segment_field field)
{
	return first_field[field] + 2 * vmcs_order[seg];
}

static u32 vmx_seg_bit(unsigned int seg, enum vmx_segment_field field)
{
	return BIT(seg * VMX_NR_SEG_FIELDS + field);
}

static u64 vmx_seg_read(struct vmx_vcpu *vmx, unsigned int seg, enum vmx_segment_field field)
{
	u32 bit = vmx_seg_bit(seg, field);

	lockdep_assert_loaded(&vmx->vcpu);
	if (!(vmx->seg_cached & bit)) {
		vmx->seg[seg][field] = vmcs_read(vmx_seg_field(seg, field));
		vmx->seg_cached |= bit;
	}
	return vmx->seg[seg][field];
}

static void vmx_seg_write(struct vmx_vcpu *vmx, unsigned int seg,
			  enum vmx_segment_field field, u64 value)
{
	lockdep_assert_loaded(&vmx->vcpu);
	vmx->seg[seg][field] = value;
	vmx->seg_cached |= vmx_seg_bit(seg, field);
	vmcs_write(vmx_seg_field(seg, field), value);
}

/* A segment is usable or it is not; userspace that forgets one of the two bits means "not". */
static u32 vmx_access_rights(const struct kvm_segment *var)
{
	if (var->unusable || !var->present)
		return VMX_AR_UNUSABLE_MASK;
	return (var->type & 15) | (var->s & 1) << 4 | (var->dpl & 3) << 5 | VMX_AR_P_MASK |
	       (var->avl & 1) << 12 | (var->l & 1) << 13 | (var->db & 1) << 14 | (var->g & 1) << 15;
}

void vmx_get_segment(struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 access = vmx_seg_read(vmx, seg, VMX_SEG_ACCESS);

	memset(var, 0, sizeof(*var));
	var->base = vmx_seg_read(vmx, seg, VMX_SEG_BASE);
	var->limit = vmx_seg_read(vmx, seg, VMX_SEG_LIMIT);
	var->selector = vmx_seg_read(vmx, seg, VMX_SEG_SELECTOR);
	var->unusable = !!(access & VMX_AR_UNUSABLE_MASK);
	var->type = access & 15;
	var->s = (access >> 4) & 1;
	var->dpl = (access >> 5) & 3;
	var->present = !var->unusable;
	var->avl = (access >> 12) & 1;
	var->l = (access >> 13) & 1;
	var->db = (access >> 14) & 1;
	var->g = (access >> 15) & 1;
}

void vmx_set_segment(struct bellows_vcpu *vcpu, unsigned int seg, const struct kvm_segment *var)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 access = vmx_access_rights(var);

	/* An entry insists on "accessed" in usable segments; a CPU sets it in what it loads. */
	if (!(access & VMX_AR_UNUSABLE_MASK) && seg != SEG_LDTR)
		access |= VMX_AR_TYPE_ACCESSES_MASK;
	vmx_seg_write(vmx, seg, VMX_SEG_BASE, var->base);
	vmx_seg_write(vmx, seg, VMX_SEG_LIMIT, var->limit);
	vmx_seg_write(vmx, seg, VMX_SEG_SELECTOR, var->selector);
	vmx_seg_write(vmx, seg, VMX_SEG_ACCESS, access);
}

u64 vmx_get_segment_base(struct bellows_vcpu *vcpu, unsigned int seg)
{
	return vmx_seg_read(to_vmx(vcpu), seg, VMX_SEG_BASE);
}

/* Without long mode no entry takes a CS with L set. */
bool vmx_in_64bit_code(struct bellows_vcpu *vcpu)
{
	return bellows_is_long_mode(vcpu) &&
	       (vmx_seg_read(to_vmx(vcpu), SEG_CS, VMX_SEG_ACCESS) & VMX_AR_L_MASK);
}

/* The DPL of SS is the CPL in every mode, virtual-8086 mode (3) and real mode (0) included. */
unsigned int vmx_get_cpl(struct bellows_vcpu *vcpu)
{
	return VMX_AR_DPL(vmx_seg_read(to_vmx(vcpu), SEG_SS, VMX_SEG_ACCESS));
}

void vmx_get_gdt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt)
{
	dt->base = vmcs_read(GUEST_GDTR_BASE);
	dt->limit = vmcs_read(GUEST_GDTR_LIMIT);
}

void vmx_set_gdt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt)
{
	vmcs_write(GUEST_GDTR_BASE, dt->base);
	vmcs_write(GUEST_GDTR_LIMIT, dt->limit);
}

void vmx_get_idt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt)
{
	dt->base = vmcs_read(GUEST_IDTR_BASE);
	dt->limit = vmcs_read(GUEST_IDTR_LIMIT);
}

void vmx_set_idt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt)
{
	vmcs_write(GUEST_IDTR_BASE, dt->base);
	vmcs_write(GUEST_IDTR_LIMIT, dt->limit);
}

void vmx_cache_reg(struct bellows_vcpu *vcpu, unsigned int reg)
{
	switch (reg) {
	case GPR_RSP:
		vcpu->regs[reg] = vmcs_read(GUEST_RSP);
		break;
	case VCPU_RIP:
		vcpu->regs[reg] = vmcs_read(GUEST_RIP);
		break;
	case VCPU_RFLAGS:
		vcpu->regs[reg] = vmcs_read(GUEST_RFLAGS);
		break;
	case VCPU_CR0:
	case VCPU_CR3:
	case VCPU_CR4:
		vmx_cache_control(to_vmx(vcpu), reg);
		break;
	}
	vcpu->cached |= BIT(reg);
}

static void vmx_segment_reset(struct vmx_vcpu *vmx, unsigned int seg, u16 selector, u64 base,
			      u32 access)
{
	vmx_seg_write(vmx, seg, VMX_SEG_SELECTOR, selector);
	vmx_seg_write(vmx, seg, VMX_SEG_BASE, base);
	vmx_seg_write(vmx, seg, VMX_SEG_LIMIT, 0xffff);
	vmx_seg_write(vmx, seg, VMX_SEG_ACCESS, access);
}

/* As after power-on: SDM volume 3, table 9-1. */
void vmx_segments_reset(struct vmx_vcpu *vmx)
{
	static const u8 data[] = { SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS };
	size_t i;

	vmx->seg_cached = 0;
	vmx_segment_reset(vmx, SEG_CS, 0xf000, 0xffff0000, 0x9b);
	for (i = 0; i < ARRAY_SIZE(data); i++)
		vmx_segment_reset(vmx, data[i], 0, 0, 0x93);
	vmx_segment_reset(vmx, SEG_TR, 0, 0, 0x8b);
	vmx_segment_reset(vmx, SEG_LDTR, 0, 0, 0x82);
	vmcs_write(GUEST_GDTR_BASE, 0);
	vmcs_write(GUEST_GDTR_LIMIT, 0xffff);
	vmcs_write(GUEST_IDTR_BASE, 0);
	vmcs_write(GUEST_IDTR_LIMIT, 0xffff);
}
