// SPDX-License-Identifier: GPL-2.0
/*
 * The VMX backend: life of a vCPU, and the table of operations.
 *
 * A vCPU's hardware state is in its VMCS, which must be current on the CPU
 * whenever a field is touched: between vcpu_load and vcpu_put. Creation only
 * allocates; the VMCS gets its contents in the reset that follows, with the
 * vCPU loaded. Host state is brought up to date in three steps, from rare to
 * frequent: another CPU, the first entry since the vCPU was loaded (which may be in
 * another task), every stay in the guest (see the host's half).
 */
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "vm/features.h"
#include "vmx/vmx.h"

/* PAUSE loops: exits after a few thousand cycles of PAUSEs that are close together. */
#define PLE_GAP_CYCLES		128
#define PLE_WINDOW_CYCLES	4096

/* All but RSP live in the common structure; RSP is the VMCS's. */
#define GPRS	((BIT(NR_GPRS) - 1) & ~BIT(GPR_RSP))

/* The pure code has bit numbers of its own; they are the kernel's. */
static_assert(VMX_CTL_PIN_VIRTUAL_NMIS == PIN_BASED_VIRTUAL_NMIS);
static_assert(VMX_CTL_PROC_NMI_WINDOW == CPU_BASED_NMI_WINDOW_EXITING);
static_assert(VMX_CTL_PROC_IRQ_WINDOW == CPU_BASED_INTR_WINDOW_EXITING);
static_assert(VMX_CTL_PROC_MSR_BITMAPS == CPU_BASED_USE_MSR_BITMAPS);
static_assert(VMX_CTL_PROC_IO_EXITING == CPU_BASED_UNCOND_IO_EXITING);
static_assert(VMX_CTL_PROC2_EPT == SECONDARY_EXEC_ENABLE_EPT);
static_assert(VMX_CTL_PROC2_UNRESTRICTED_GUEST == SECONDARY_EXEC_UNRESTRICTED_GUEST);
static_assert(VMX_CTL_PROC2_INVPCID == SECONDARY_EXEC_ENABLE_INVPCID);
static_assert(VMX_CTL_EXIT_LOAD_EFER == VM_EXIT_LOAD_IA32_EFER);
static_assert(VMX_CTL_EXIT_LOAD_PAT == VM_EXIT_LOAD_IA32_PAT);
static_assert(VMX_CTL_ENTRY_IA32E_MODE == VM_ENTRY_IA32E_MODE);
static_assert(VMX_CTL_ENTRY_LOAD_EFER == VM_ENTRY_LOAD_IA32_EFER);
static_assert(VMX_CAP_EPT_AD == VMX_EPT_AD_BIT);
static_assert(VMX_CAP_INVEPT_SINGLE == VMX_EPT_EXTENT_CONTEXT_BIT);

static int vmx_vm_init(struct bellows_vm *vm)
{
	return 0;
}

static void vmx_vm_destroy(struct bellows_vm *vm)
{
}

static u64 vmx_make_eptp(const struct bellows_mmu *mmu)
{
	u64 levels = bellows_pt_levels(mmu->format);

	return mmu->root.v << PAGE_SHIFT | VMX_EPTP_MT_WB | (levels - 1) << 3 |
	       (vmx_controls.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

/* Instructions that raise #UD unless a control permits them. */
static u32 vmx_instruction_controls(struct bellows_vcpu *vcpu)
{
	u32 controls = 0;

	if (bellows_guest_has(vcpu, X86_FEATURE_RDTSCP) ||
	    bellows_guest_has(vcpu, X86_FEATURE_RDPID))
		controls |= VMX_CTL_PROC2_RDTSCP;
	if (bellows_guest_has(vcpu, X86_FEATURE_INVPCID))
		controls |= VMX_CTL_PROC2_INVPCID;
	if (bellows_guest_has(vcpu, X86_FEATURE_XSAVES))
		controls |= VMX_CTL_PROC2_XSAVES;
	return controls & vmx_controls.value[VMX_CTL_PROC2];
}

static void vmx_cpuid_changed(struct bellows_vcpu *vcpu)
{
	const u32 all = VMX_CTL_PROC2_RDTSCP | VMX_CTL_PROC2_INVPCID |
			VMX_CTL_PROC2_XSAVES;
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_tsc_aux_changed(vmx);
	vmx->proc2_controls = (vmx->proc2_controls & ~all) | vmx_instruction_controls(vcpu);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, vmx->proc2_controls);
	vmx_update_owned_bits(vmx);
	vmx_update_msr_intercepts(vcpu);
}

static void vmx_vcpu_destroy(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmcs_free(&vmx->vmcs);
	vpid_free(vmx->vpid);
	free_page((unsigned long)vmx->msr_bitmap);
	free_page((unsigned long)vmx->msr_lists);
	vmx->msr_bitmap = NULL;
	vmx->msr_lists = NULL;
	vmx->vpid = 0;
}

static int vmx_vcpu_create(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int err = vmcs_alloc(&vmx->vmcs);

	if (err)
		return err;
	vmx->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	vmx->msr_lists = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->msr_bitmap || !vmx->msr_lists) {
		vmx_vcpu_destroy(vcpu);
		return -ENOMEM;
	}
	memset(vmx->msr_bitmap, 0xff, PAGE_SIZE);
	vmx->vpid = vpid_alloc();
	vmx->eptp = vmx_make_eptp(&vcpu->vm->mmu);
	vcpu->cached |= GPRS;
	return 0;
}

static void vmx_init_controls(struct vmx_vcpu *vmx)
{
	const u32 *value = vmx_controls.value;

	vmx->proc_controls = value[VMX_CTL_PROC];
	vmx->proc2_controls = value[VMX_CTL_PROC2];
	vmx->entry_controls = value[VMX_CTL_ENTRY];
	if (!vmx->vpid)
		vmx->proc2_controls &= ~(u32)VMX_CTL_PROC2_VPID;
	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, value[VMX_CTL_PIN]);
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->proc_controls);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, vmx->proc2_controls);
	vmcs_write(VM_EXIT_CONTROLS, value[VMX_CTL_EXIT]);
	vmcs_write(VM_ENTRY_CONTROLS, vmx->entry_controls);
}

/* Fields that only some controls give a meaning to; others may not exist. */
static void vmx_init_optional(struct vmx_vcpu *vmx)
{
	u32 proc2 = vmx->proc2_controls;

	if (proc2 & VMX_CTL_PROC2_VPID)
		vmcs_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	if (proc2 & VMX_CTL_PROC2_PAUSE_LOOP_EXITING) {
		vmcs_write(PLE_GAP, PLE_GAP_CYCLES);
		vmcs_write(PLE_WINDOW, PLE_WINDOW_CYCLES);
	}
	if (proc2 & VMX_CTL_PROC2_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, ~0ULL);
	if (vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_XSAVES))
		vmcs_write(XSS_EXIT_BITMAP, 0);
}

static void vmx_init_vmcs(struct vmx_vcpu *vmx)
{
	lockdep_assert_loaded(&vmx->vcpu);
	vmx_init_controls(vmx);
	vmx_init_optional(vmx);
	vmcs_write(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write(EPT_POINTER, vmx->eptp);
	vmcs_write(MSR_BITMAP, __pa(vmx->msr_bitmap));
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmx_host_init(vmx);
	vmx_msr_lists_init(vmx);
}

/* What the VMCS holds of the state after power-on and INIT: SDM volume 3, table 9-1. */
static void vmx_vcpu_reset(struct bellows_vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	size_t i;

	if (!init) {
		vmx_init_vmcs(vmx);
		for (i = 0; i < VMX_NR_SYSCALL; i++)
			vmx_msr_set(vcpu, vmx_switched_msrs[i], 0, true);
		vmx_msr_set(vcpu, MSR_KERNEL_GS_BASE, 0, true);
		vmcs_write(GUEST_SYSENTER_CS, 0);
		vmcs_write(GUEST_SYSENTER_ESP, 0);
		vmcs_write(GUEST_SYSENTER_EIP, 0);
	}
	vmx_segments_reset(vmx);
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmx->nmi_unblocked = true;
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	/* Valid from here on, so that none of the four looks at another one's past. */
	vcpu->cached |= BIT(VCPU_CR0) | BIT(VCPU_CR3) | BIT(VCPU_CR4);
	vcpu->msrs.efer = 0;
	vmx_set_cr0(vcpu, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
	vmx_set_cr4(vcpu, 0);
	vmx_set_cr3(vcpu, 0);
	vmx_set_efer(vcpu, 0);
	vmx_update_exception_intercepts(vcpu);
	vmx_cpuid_changed(vcpu);
	vmx_flush_tlb_guest(vcpu);
}

static void vmx_vcpu_load(struct bellows_vcpu *vcpu, int cpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmcs_load(vmx, cpu)) {
		vmx_host_cpu_changed(cpu);
		vmx_flush_tlb(vcpu);
	}
	/* Whatever ran in between. */
	vcpu->l1d_unsafe = true;
}

static void vmx_vcpu_put(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->msrs_loaded)
		return;
	vmx_msrs_put(vmx);
	vmx_host_task_put(vmx);
}

static void vmx_set_tsc_offset(struct bellows_vcpu *vcpu, u64 offset)
{
	vmcs_write(TSC_OFFSET, offset);
}

static bool vmx_offer_irq(struct bellows_vcpu *vcpu, int vector)
{
	return false;
}

static bool vmx_irq_taken(struct bellows_vcpu *vcpu)
{
	return false;
}

/* Instructions that a control must permit in a guest, and features with state of their own. */
static bool vmx_supports(unsigned int feature)
{
	switch (feature) {
	case X86_FEATURE_RDTSCP:
	case X86_FEATURE_RDPID:
		return boot_cpu_has(feature) &&
		       vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_RDTSCP);
	case X86_FEATURE_INVPCID:
		return boot_cpu_has(feature) &&
		       vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_INVPCID);
	case X86_FEATURE_XSAVES:
		return boot_cpu_has(feature) &&
		       vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_XSAVES);
	/* The module's own: nothing of the CPU's is behind them. */
	case X86_FEATURE_X2APIC:
	case X86_FEATURE_TSC_DEADLINE_TIMER:
	case X86_FEATURE_TSC_ADJUST:
	case X86_FEATURE_ARCH_CAPABILITIES:
		return true;
	case X86_FEATURE_VMX:
	case X86_FEATURE_SGX:
	case X86_FEATURE_MPX:
	case X86_FEATURE_INTEL_PT:
		return false;
	default:
		return boot_cpu_has(feature);
	}
}

struct bellows_backend bellows_vmx_backend = {
	.name = "vmx",
	.enable_bit = "CR4.VMXE",
	.vcpu_size = sizeof(struct vmx_vcpu),
	.hypercall_insn_len = 3,
	.supports = vmx_supports,
	.available = vmx_available,
	.setup = vmx_setup,
	.teardown = vmx_teardown,

	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.cpu_emergency_disable = vmx_cpu_emergency_disable,
	.vm_init = vmx_vm_init,
	.vm_destroy = vmx_vm_destroy,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.prepare_enter = vmx_prepare_enter,
	.enter = vmx_enter,
	.decode_quickly = vmx_decode_quickly,
	.exit_irqoff = vmx_exit_irqoff,
	.decode_exit = vmx_decode_exit,
	.cache_reg = vmx_cache_reg,
	.get_segment = vmx_get_segment,
	.set_segment = vmx_set_segment,
	.get_segment_base = vmx_get_segment_base,
	.in_64bit_code = vmx_in_64bit_code,
	.get_cpl = vmx_get_cpl,
	.get_gdt = vmx_get_gdt,
	.set_gdt = vmx_set_gdt,
	.get_idt = vmx_get_idt,
	.set_idt = vmx_set_idt,
	.set_cr0 = vmx_set_cr0,
	.set_cr3 = vmx_set_cr3,
	.set_cr4 = vmx_set_cr4,
	.set_efer = vmx_set_efer,
	.cr4_allowed = vmx_cr4_allowed,
	.set_dr7 = vmx_set_dr7,
	.msr_get = vmx_msr_get,
	.msr_set = vmx_msr_set,
	.update_msr_intercepts = vmx_update_msr_intercepts,
	.set_tsc_offset = vmx_set_tsc_offset,
	.cpuid_changed = vmx_cpuid_changed,
	.update_exception_intercepts = vmx_update_exception_intercepts,
	.inject_exception = vmx_inject_exception,
	.inject_irq = vmx_inject_irq,
	.inject_nmi = vmx_inject_nmi,
	.cancel_injection = vmx_cancel_injection,
	.irq_allowed = vmx_irq_allowed,
	.nmi_allowed = vmx_nmi_allowed,
	.request_irq_window = vmx_request_irq_window,
	.offer_irq = vmx_offer_irq,
	.irq_taken = vmx_irq_taken,
	.apic_changed = vmx_apic_changed,
	.apic_vectors = vmx_apic_vectors,
	.request_nmi_window = vmx_request_nmi_window,
	.get_nmi_mask = vmx_get_nmi_mask,
	.set_nmi_mask = vmx_set_nmi_mask,
	.get_interrupt_shadow = vmx_get_interrupt_shadow,
	.set_interrupt_shadow = vmx_set_interrupt_shadow,
	.flush_tlb = vmx_flush_tlb,
	.flush_tlb_guest = vmx_flush_tlb_guest,
};
