// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPU does of a local APIC, so that the guest need not exit for it.
 *
 * TPR shadow: MOV to and from CR8 works on the TPR in a page of memory, which is
 * the very page in which the APIC keeps its registers. An exit comes when TPR
 * falls below a threshold: the class of the interrupt that it holds back.
 *
 * Virtual-interrupt delivery: the CPU evaluates priorities, moves vectors from IRR
 * to ISR in that page as it delivers them, and takes the guest's EOI. It has two
 * bytes of its own for that, the highest vectors requested and in service (RVI,
 * SVI). It keeps them up to date by itself; when the module changes ISR or IRR,
 * between an exit and the next entry, both are computed again from the page. A bit
 * per vector says whose end must be told.
 *
 * It is used in x2APIC mode only, where registers are MSRs, and the bitmap of MSRs
 * decides which need no exit: TPR, EOI and self-IPI. In xAPIC mode the page would
 * have to be mapped into every guest at an address of its choice, and all other
 * registers emulated after the fact; systems with more than one choice take
 * x2APIC mode in a VM. Other vCPUs never write the page: what they send is posted,
 * as ever, and the vCPU is made to exit and take it in.
 */
#include <linux/moduleparam.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include "vmx/vmx.h"

/* Off: with the TPR shadow alone Linux stops early in its boot, for a reason not found yet. */
static bool virtual_apic;
module_param(virtual_apic, bool, 0444);
MODULE_PARM_DESC(virtual_apic, "Let Intel CPUs that can do so handle TPR, EOI and priorities of guests' interrupts");

/* Offset in the page. */
#define TPR		0x80

static void set_controls(struct bellows_vmx *vmx)
{
	const u32 cr8 = BELLOWS_VMX_PROC_CR8_LOAD_EXITING | BELLOWS_VMX_PROC_CR8_STORE_EXITING;
	const u32 more = BELLOWS_VMX_PROC2_X2APIC_MODE | BELLOWS_VMX_PROC2_INTERRUPT_DELIVERY;
	u32 proc2 = vmx->virtual_apic ? vmx->proc2_controls | more : vmx->proc2_controls & ~more;

	bellows_vmx_set_proc_control(vmx, cr8, !vmx->tpr_shadow);
	bellows_vmx_set_proc_control(vmx, BELLOWS_VMX_PROC_TPR_SHADOW, vmx->tpr_shadow);
	if (proc2 != vmx->proc2_controls) {
		vmx->proc2_controls = proc2;
		vmcs_write(SECONDARY_VM_EXEC_CONTROL, proc2);
		bellows_vmx_update_msr_intercepts(&vmx->vcpu);
	}
}

static void set_threshold(struct bellows_vmx *vmx, u8 threshold)
{
	if (threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmcs_write(TPR_THRESHOLD, threshold);
}

static void set_told(struct bellows_vmx *vmx, const u64 *told)
{
	vmcs_write(EOI_EXIT_BITMAP0, told[0]);
	vmcs_write(EOI_EXIT_BITMAP1, told[1]);
	vmcs_write(EOI_EXIT_BITMAP2, told[2]);
	vmcs_write(EOI_EXIT_BITMAP3, told[3]);
}

bool bellows_vmx_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view)
{
	struct bellows_vmx *vmx = to_vmx(vcpu);

	vmx->tpr_shadow = virtual_apic && bellows_vmx_controls.tpr_shadow;
	vmx->virtual_apic = virtual_apic && bellows_vmx_controls.virtual_apic && view->x2apic;
	if (!vmx->tpr_shadow)
		return false;
	vmx->apic_page = view->page;
	vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(view->page));
	set_threshold(vmx, 0);
	set_controls(vmx);
	if (vmx->virtual_apic)
		set_told(vmx, view->told);
	return vmx->virtual_apic;
}

void bellows_vmx_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested)
{
	struct bellows_vmx *vmx = to_vmx(vcpu);
	u8 tpr;

	if (vmx->virtual_apic) {
		vmcs_write(GUEST_INTR_STATUS, max(in_service, 0) << 8 | max(requested, 0));
	} else if (vmx->tpr_shadow) {
		tpr = *((u8 *)vmx->apic_page + TPR) >> 4;
		set_threshold(vmx, requested >= 0 && requested >> 4 <= tpr ? requested >> 4 : 0);
	}
}
