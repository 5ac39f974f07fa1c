// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPU does of a local APIC, so that the guest need not exit for it: TPR,
 * and ends of interrupts. Their delivery stays with the module.
 *
 * TPR shadow: MOV to and from CR8 works on the TPR in a page of memory, which is
 * the very page in which the APIC keeps its registers. An exit comes when TPR
 * falls below a threshold: the class of the interrupt that it holds back.
 *
 * Virtual-interrupt delivery has two halves. One takes EOI: the CPU knows the
 * highest vector in service (SVI), clears its bit of ISR in that page, and finds the
 * next. A bit per vector says whose end exits. The other half delivers the
 * highest vector requested (RVI) as soon as the guest takes interrupts. That one is
 * not used: RVI is always 0, and the guest gets its interrupts with an entry, or
 * after a window, as without any of this. Bochs delivers to a guest that has
 * interrupts disabled if one of the host's arrives just then, and Linux deadlocks.
 * What it would save is little as long as nothing is posted to CPUs: an interrupt
 * comes with an exit anyway, and wants a window only if the guest has
 * interrupts disabled; what a vCPU sends to itself exits.
 *
 * So a vector that is requested and held back must be watched over. What holds it
 * is a vector in service, then the end of that one exits; or TPR, then writes of TPR
 * do. Either may hold it alone or both, and each exit is followed by another look.
 *
 * It is used in x2APIC mode only, where registers are MSRs, and the bitmap of MSRs
 * decides which need no exit: TPR and EOI. In xAPIC mode the page would
 * have to be mapped into every guest at an address of its choice, and all other
 * registers emulated after the fact; systems with more than one choice take
 * x2APIC mode in a VM. Other vCPUs never write the page: what they send is posted,
 * as ever, and the vCPU is made to exit and take it in.
 */
#include <linux/moduleparam.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include "vmx/vmx.h"

static bool virtual_apic = true;
module_param(virtual_apic, bool, 0444);
MODULE_PARM_DESC(virtual_apic, "Let Intel CPUs that can do so handle TPR, and ends of guests' interrupts");

/* Offset in the page. */
#define TPR		0x80

static void vmx_apic_set_controls(struct vmx_vcpu *vmx)
{
	const u32 cr8 = VMX_CTL_PROC_CR8_LOAD_EXITING | VMX_CTL_PROC_CR8_STORE_EXITING;
	const u32 more = VMX_CTL_PROC2_X2APIC_MODE | VMX_CTL_PROC2_INTERRUPT_DELIVERY;
	u32 proc2 = vmx->virtual_apic ? vmx->proc2_controls | more : vmx->proc2_controls & ~more;

	vmx_set_proc_control(vmx, cr8, !vmx->tpr_shadow);
	vmx_set_proc_control(vmx, VMX_CTL_PROC_TPR_SHADOW, vmx->tpr_shadow);
	if (proc2 != vmx->proc2_controls) {
		vmx->proc2_controls = proc2;
		vmcs_write(SECONDARY_VM_EXEC_CONTROL, proc2);
		vmx_update_msr_intercepts(&vmx->vcpu);
	}
}

static void vmx_apic_set_threshold(struct vmx_vcpu *vmx, u8 threshold)
{
	if (threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmcs_write(TPR_THRESHOLD, threshold);
}

static void vmx_apic_watch_tpr(struct vmx_vcpu *vmx, bool on)
{
	if (on == vmx->tpr_watched)
		return;
	vmx->tpr_watched = on;
	vmx_set_proc_control(vmx, VMX_CTL_PROC_CR8_LOAD_EXITING, on);
	vmx_update_msr_intercepts(&vmx->vcpu);
}

static void vmx_apic_write_told(struct vmx_vcpu *vmx, unsigned int word, u64 more)
{
	lockdep_assert_loaded(&vmx->vcpu);
	/* The halves of a 64-bit field have numbers of their own. */
	vmcs_write(EOI_EXIT_BITMAP0 + 2 * word, vmx->told[word] | more);
}

static void vmx_apic_set_told(struct vmx_vcpu *vmx, const u64 *told)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx->told); i++) {
		vmx->told[i] = told[i];
		vmx_apic_write_told(vmx, i, 0);
	}
	vmx->eoi_watched = -1;
}

static void vmx_apic_watch_eoi(struct vmx_vcpu *vmx, int vector)
{
	if (vector == vmx->eoi_watched)
		return;
	if (vmx->eoi_watched >= 0)
		vmx_apic_write_told(vmx, vmx->eoi_watched / 64, 0);
	if (vector >= 0)
		vmx_apic_write_told(vmx, vector / 64, BIT_ULL(vector % 64));
	vmx->eoi_watched = vector;
}

bool vmx_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->tpr_shadow = virtual_apic && vmx_controls.tpr_shadow;
	vmx->virtual_apic = virtual_apic && vmx_controls.virtual_apic && view->x2apic;
	if (!vmx->tpr_shadow)
		return false;
	vmx->apic_page = view->page;
	vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(view->page));
	vmx_apic_set_threshold(vmx, 0);
	vmx_apic_watch_tpr(vmx, false);
	vmx_apic_set_controls(vmx);
	if (vmx->virtual_apic)
		vmx_apic_set_told(vmx, view->told);
	return vmx->virtual_apic;
}

static bool vmx_apic_holds_back(int holder, int requested)
{
	return requested >= 0 && holder >> 4 >= requested >> 4;
}

void vmx_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool by_tpr;

	if (!vmx->tpr_shadow)
		return;
	by_tpr = vmx_apic_holds_back(*((u8 *)vmx->apic_page + TPR), requested);
	if (vmx->virtual_apic) {
		vmcs_write(GUEST_INTR_STATUS, max(in_service, 0) << 8);
		vmx_apic_watch_eoi(vmx, vmx_apic_holds_back(in_service, requested) ? in_service : -1);
		vmx_apic_watch_tpr(vmx, by_tpr);
	} else {
		vmx_apic_set_threshold(vmx, by_tpr ? requested >> 4 : 0);
	}
}
