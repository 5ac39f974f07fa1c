// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's registers that live in the VMCB.
 *
 * Control registers are the guest's own but for three bits. CR0.CD and NW stay
 * clear in hardware, because a guest that runs uncached for its first second (as
 * every one does from power-on) would be a hundred times slower; while they are
 * set in the guest's mind, its accesses to CR0 exit. CR4.MCE is the host's: a
 * machine check with MCE clear stops the machine. EFER.SVME is always set, or
 * VMRUN refuses.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include "svm/segment.h"
#include "svm/svm.h"
#include "vm/request.h"

#define HIDDEN_CR0	((u64)(X86_CR0_CD | X86_CR0_NW))

static struct vmcb_segment *svm_segment_of(struct bellows_vcpu *vcpu, unsigned int seg)
{
	struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;

	lockdep_assert_loaded(vcpu);
	switch (seg) {
	case SEG_ES:
		return &save->es;
	case SEG_CS:
		return &save->cs;
	case SEG_SS:
		return &save->ss;
	case SEG_DS:
		return &save->ds;
	case SEG_FS:
		return &save->fs;
	case SEG_GS:
		return &save->gs;
	case SEG_LDTR:
		return &save->ldtr;
	default:
		return &save->tr;
	}
}

static enum svm_segment_kind svm_segment_kind_of(unsigned int seg)
{
	switch (seg) {
	case SEG_CS:
		return SVM_SEG_CODE;
	case SEG_SS:
		return SVM_SEG_STACK;
	case SEG_LDTR:
		return SVM_SEG_LDT;
	case SEG_TR:
		return SVM_SEG_TASK;
	default:
		return SVM_SEG_DATA;
	}
}

void svm_get_segment(struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var)
{
	svm_segment_unpack(var, svm_segment_of(vcpu, seg), svm_segment_kind_of(seg),
			   to_svm(vcpu)->vmcb->save.cpl);
}

void svm_set_segment(struct bellows_vcpu *vcpu, unsigned int seg, const struct kvm_segment *var)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_segment_pack(svm_segment_of(vcpu, seg), var);
	/* The privilege level is that of the stack; VMRUN takes it from a field of its own. */
	if (seg == SEG_SS)
		svm->vmcb->save.cpl = var->dpl & 3;
	svm_dirty(svm, VMCB_CLEAN_SEG);
}

u64 svm_get_segment_base(struct bellows_vcpu *vcpu, unsigned int seg)
{
	return svm_segment_of(vcpu, seg)->base;
}

bool svm_in_64bit_code(struct bellows_vcpu *vcpu)
{
	return (to_svm(vcpu)->vmcb->save.cs.attr & VMCB_ATTR_L) && bellows_is_long_mode(vcpu);
}

unsigned int svm_get_cpl(struct bellows_vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cpl;
}

static void svm_get_table(const struct vmcb_segment *seg, struct kvm_dtable *dt)
{
	*dt = (struct kvm_dtable) { .base = seg->base, .limit = seg->limit };
}

static void svm_set_table(struct svm_vcpu *svm, struct vmcb_segment *seg,
			  const struct kvm_dtable *dt)
{
	lockdep_assert_loaded(&svm->vcpu);
	seg->base = dt->base;
	seg->limit = dt->limit;
	svm_dirty(svm, VMCB_CLEAN_DT);
}

void svm_get_gdt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt)
{
	svm_get_table(&to_svm(vcpu)->vmcb->save.gdtr, dt);
}

void svm_set_gdt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt)
{
	svm_set_table(to_svm(vcpu), &to_svm(vcpu)->vmcb->save.gdtr, dt);
}

void svm_get_idt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt)
{
	svm_get_table(&to_svm(vcpu)->vmcb->save.idtr, dt);
}

void svm_set_idt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt)
{
	svm_set_table(to_svm(vcpu), &to_svm(vcpu)->vmcb->save.idtr, dt);
}

static void svm_set_cached(struct bellows_vcpu *vcpu, unsigned int reg, u64 value)
{
	vcpu->regs[reg] = value;
	vcpu->cached |= BIT(reg);
}

void svm_cache_reg(struct bellows_vcpu *vcpu, unsigned int reg)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_save *save = &svm->vmcb->save;

	switch (reg) {
	case VCPU_CR0:
		svm_set_cached(vcpu, reg, save->cr0 | svm->cache_disable);
		break;
	case VCPU_CR3:
		svm_set_cached(vcpu, reg, save->cr3);
		break;
	case VCPU_CR4:
		svm_set_cached(vcpu, reg, svm->guest_cr4);
		break;
	case GPR_RAX:
		svm_set_cached(vcpu, reg, save->rax);
		break;
	case GPR_RSP:
		svm_set_cached(vcpu, reg, save->rsp);
		break;
	case VCPU_RIP:
		svm_set_cached(vcpu, reg, save->rip);
		break;
	case VCPU_RFLAGS:
		svm_set_cached(vcpu, reg, save->rflags);
		break;
	default:
		bellows_vm_bug(vcpu->vm, "svm: a general register was not cached");
		svm_set_cached(vcpu, reg, 0);
	}
}

void svm_set_cr0(struct bellows_vcpu *vcpu, u64 value)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->cache_disable = value & HIDDEN_CR0;
	svm->vmcb->save.cr0 = value & ~HIDDEN_CR0;
	svm_set_intercept(svm, VMCB_INTERCEPT_CR_READ + 0, svm->cache_disable);
	svm_set_intercept(svm, VMCB_INTERCEPT_CR_WRITE + 0, svm->cache_disable);
	svm_dirty(svm, VMCB_CLEAN_CR);
	svm_set_cached(vcpu, VCPU_CR0, value);
}

void svm_set_cr3(struct bellows_vcpu *vcpu, u64 value)
{
	to_svm(vcpu)->vmcb->save.cr3 = value;
	svm_dirty(to_svm(vcpu), VMCB_CLEAN_CR);
	svm_set_cached(vcpu, VCPU_CR3, value);
}

void svm_set_cr4(struct bellows_vcpu *vcpu, u64 value)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 needed = __read_cr4() & X86_CR4_MCE;

	svm->guest_cr4 = value;
	svm->vmcb->save.cr4 = value | needed;
	svm_set_intercept(svm, VMCB_INTERCEPT_CR_READ + 4, needed & ~value);
	svm_dirty(svm, VMCB_CLEAN_CR);
	svm_set_cached(vcpu, VCPU_CR4, value);
}

bool svm_cr4_allowed(struct bellows_vcpu *vcpu, u64 value)
{
	return !(value & (X86_CR4_VMXE | X86_CR4_SMXE));
}

/*
 * LME counts only when paging is on, which is also when LMA is set, and CR0.PG
 * does not change without an exit: the CPU need not see LME before. And one
 * emulator must not: QEMU's #VMEXIT with the guest's LME set and its CR4.PAE
 * clear leaves the host with the guest's CR0.
 */
void svm_set_efer(struct bellows_vcpu *vcpu, u64 value)
{
	if (!(value & EFER_LMA))
		value &= ~(u64)EFER_LME;
	to_svm(vcpu)->vmcb->save.efer = value | EFER_SVME;
	svm_dirty(to_svm(vcpu), VMCB_CLEAN_CR);
}

void svm_set_dr7(struct bellows_vcpu *vcpu, u64 value)
{
	to_svm(vcpu)->vmcb->save.dr7 = value;
	svm_dirty(to_svm(vcpu), VMCB_CLEAN_DR);
}
