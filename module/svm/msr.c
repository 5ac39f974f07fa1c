// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that this kind of hardware holds, and which of them a guest reaches
 * without an exit: those that VMRUN, VMLOAD and VMSAVE switch.
 *
 * Two need care. SPEC_CTRL is switched by the entry code and is worth an exit as
 * long as the guest does not use it; once it has put something there it gets
 * the register itself (the next entry sees to that). No instruction switches
 * TSC_AUX: it is written when the vCPU is loaded and put back when it is unloaded.
 * The kernel itself does not read it, and no user code runs in between.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include "backend.h"
#include "guest/msr_filter.h"
#include "svm/permission.h"
#include "svm/svm.h"
#include "vm/features.h"
#include "vm/result.h"

/* MSRs whose guest value stands in the VMCB. */
static const struct {
	u32 index;
	u16 offset;
	bool address;			/* must be canonical */
} in_vmcb[] = {
#define IN_VMCB(msr, field, addr) { msr, offsetof(struct vmcb_page, save.field), addr }
	IN_VMCB(MSR_STAR, star, false),
	IN_VMCB(MSR_LSTAR, lstar, true),
	IN_VMCB(MSR_CSTAR, cstar, true),
	IN_VMCB(MSR_SYSCALL_MASK, sfmask, false),
	IN_VMCB(MSR_FS_BASE, fs.base, true),
	IN_VMCB(MSR_GS_BASE, gs.base, true),
	IN_VMCB(MSR_KERNEL_GS_BASE, kernel_gs_base, true),
	IN_VMCB(MSR_IA32_SYSENTER_CS, sysenter_cs, false),
	IN_VMCB(MSR_IA32_SYSENTER_ESP, sysenter_esp, true),
	IN_VMCB(MSR_IA32_SYSENTER_EIP, sysenter_eip, true),
};

static u64 *svm_msr_field(struct svm_vcpu *svm, u32 index, bool *address)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(in_vmcb); i++) {
		if (in_vmcb[i].index != index)
			continue;
		*address = in_vmcb[i].address;
		return (u64 *)((char *)svm->vmcb + in_vmcb[i].offset);
	}
	return NULL;
}

static bool svm_canonical(struct bellows_vcpu *vcpu, u64 address)
{
	unsigned int bits = bellows_reg_read(vcpu, VCPU_CR4) & X86_CR4_LA57 ? 57 : 48;

	return ((s64)(address << (64 - bits)) >> (64 - bits)) == (s64)address;
}

static bool svm_has_virt_ssbd(struct bellows_vcpu *vcpu)
{
	return svm_features.virt_ssbd && bellows_guest_has(vcpu, X86_FEATURE_VIRT_SSBD);
}

int svm_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool address;
	u64 *field = svm_msr_field(svm, index, &address);

	if (field) {
		*value = *field;
		return MSR_RESULT_OK;
	}
	if (index == MSR_AMD64_VIRT_SPEC_CTRL && svm_has_virt_ssbd(vcpu)) {
		*value = svm->virt_spec_ctrl;
		return MSR_RESULT_OK;
	}
	return -ENOENT;
}

static int svm_set_virt_spec_ctrl(struct svm_vcpu *svm, u64 value)
{
	lockdep_assert_loaded(&svm->vcpu);
	if (!svm_has_virt_ssbd(&svm->vcpu))
		return -ENOENT;
	if (value & ~(u64)SPEC_CTRL_SSBD)
		return MSR_RESULT_GP;
	svm->virt_spec_ctrl = value;
	return MSR_RESULT_OK;
}

int svm_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool address;
	u64 *field = svm_msr_field(svm, index, &address);

	if (field) {
		if (address && !svm_canonical(vcpu, value))
			return MSR_RESULT_GP;
		*field = value;
		svm_dirty(svm, VMCB_CLEAN_SEG);
		return MSR_RESULT_OK;
	}
	switch (index) {
	case MSR_AMD64_VIRT_SPEC_CTRL:
		return svm_set_virt_spec_ctrl(svm, value);
	case MSR_IA32_CR_PAT:
		svm->vmcb->save.g_pat = value;
		svm_dirty(svm, VMCB_CLEAN_NPT);
		return MSR_RESULT_OK;
	case MSR_TSC_AUX:
		svm_sync_tsc_aux(vcpu);
		return MSR_RESULT_OK;
	}
	return -ENOENT;
}

static void svm_msr_let_through(struct svm_vcpu *svm, u32 index, bool read, bool write)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;

	lockdep_assert_held(&vcpu->mutex);
	svm_msrpm_set(page_address(svm->msrpm), index,
		      read && bellows_msr_allowed(vcpu, index, false),
		      write && bellows_msr_allowed(vcpu, index, true));
}

void svm_update_msr_intercepts(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(in_vmcb); i++)
		svm_msr_let_through(svm, in_vmcb[i].index, true, true);
	if (svm_features.v_spec_ctrl || svm->spec.active) {
		bool direct = (svm_features.v_spec_ctrl || svm->spec.direct) &&
			      (bellows_guest_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
			       bellows_guest_has(vcpu, X86_FEATURE_AMD_IBRS) ||
			       bellows_guest_has(vcpu, X86_FEATURE_AMD_STIBP) ||
			       bellows_guest_has(vcpu, X86_FEATURE_AMD_SSBD));

		svm_msr_let_through(svm, MSR_IA32_SPEC_CTRL, direct, direct);
	}
	svm_dirty(svm, VMCB_CLEAN_MAPS);
}

void svm_set_tsc_offset(struct bellows_vcpu *vcpu, u64 offset)
{
	to_svm(vcpu)->vmcb->control.tsc_offset = offset;
	svm_dirty(to_svm(vcpu), VMCB_CLEAN_INTERCEPTS);
}

/* Preemption off. A write costs, and equal values are frequent (0 on the first CPU). */
void svm_write_tsc_aux(u64 value)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);

	lockdep_assert_preemption_disabled();
	if (!svm_features.tsc_aux || cpu->tsc_aux == value)
		return;
	wrmsrl(MSR_TSC_AUX, value);
	cpu->tsc_aux = value;
}

/* The guest's value changed: its register too, if it is in. */
void svm_sync_tsc_aux(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	preempt_disable();
	if (vcpu->loaded)
		svm_write_tsc_aux(vcpu->msrs.tsc_aux);
	preempt_enable();
}
