// SPDX-License-Identifier: GPL-2.0
/*
 * Events into a guest: one at a time, through the VM-entry interruption field.
 * The CPU delivers it as part of the entry, in the guest's mode, and reports it
 * back as IDT-vectoring information when the delivery itself exits.
 *
 * NMIs are virtual: the CPU tracks "blocked by NMI" for the guest and gives an
 * exit when the block ends. CPUs without that are refused at load (none with
 * EPT is known). Only an NMI of ours can start a block, so once a guest is known
 * to be unblocked the field need not be read until the next one. It must not be
 * either: an emulated CPU was seen to carry the block of a VM that is gone into
 * the next one.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "vmx/vmx.h"

#define SHADOW_MASK	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

static_assert(GUEST_INTR_STATE_MOV_SS == 2 * GUEST_INTR_STATE_STI);
static_assert(KVM_X86_SHADOW_INT_MOV_SS == 0x01 && KVM_X86_SHADOW_INT_STI == 0x02);

static void vmx_put_event(u32 info, u8 insn_len)
{
	if (insn_len)
		vmcs_write(VM_ENTRY_INSTRUCTION_LEN, insn_len);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, info | INTR_INFO_VALID_MASK);
}

static u32 vmx_soft_exception_type(u8 vector)
{
	/* INT1 has a type of its own; INT3 and INTO share one. */
	return vector == X86_TRAP_DB ? INTR_TYPE_PRIV_SW_EXCEPTION : INTR_TYPE_SOFT_EXCEPTION;
}

void vmx_inject_exception(struct bellows_vcpu *vcpu)
{
	const typeof(vcpu->events.exception) *e = &vcpu->events.exception;
	u32 info = e->vector;

	/* Real mode pushes no error codes, and an entry that asked for one would fail. */
	if (e->has_error && (bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_PE)) {
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, e->error);
		info |= INTR_INFO_DELIVER_CODE_MASK;
	}
	if (e->soft)
		vmx_put_event(info | vmx_soft_exception_type(e->vector), e->insn_len ?: 1);
	else
		vmx_put_event(info | INTR_TYPE_HARD_EXCEPTION, 0);
}

void vmx_inject_irq(struct bellows_vcpu *vcpu)
{
	const typeof(vcpu->events.interrupt) *irq = &vcpu->events.interrupt;

	if (irq->soft)
		vmx_put_event(irq->vector | INTR_TYPE_SOFT_INTR, irq->insn_len ?: 2);
	else
		vmx_put_event(irq->vector | INTR_TYPE_EXT_INTR, 0);
}

/* An entry with an NMI insists that the field says unblocked. */
void vmx_inject_nmi(struct bellows_vcpu *vcpu)
{
	vmx_set_nmi_mask(vcpu, false);
	to_vmx(vcpu)->nmi_unblocked = false;
	vmx_put_event(X86_TRAP_NMI | INTR_TYPE_NMI_INTR, 0);
}

void vmx_cancel_injection(struct bellows_vcpu *vcpu)
{
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
}

bool vmx_irq_allowed(struct bellows_vcpu *vcpu)
{
	return (bellows_reg_read(vcpu, VCPU_RFLAGS) & X86_EFLAGS_IF) &&
	       !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & SHADOW_MASK);
}

/* After STI some CPUs refuse to inject an NMI, so it waits for one instruction. */
bool vmx_nmi_allowed(struct bellows_vcpu *vcpu)
{
	return !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & SHADOW_MASK) &&
	       !vmx_get_nmi_mask(vcpu);
}

void vmx_set_proc_control(struct vmx_vcpu *vmx, u32 control, bool on)
{
	u32 value = on ? vmx->proc_controls | control : vmx->proc_controls & ~control;

	lockdep_assert_loaded(&vmx->vcpu);
	if (value == vmx->proc_controls)
		return;
	vmx->proc_controls = value;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, value);
}

static void vmx_update_irq_window(struct vmx_vcpu *vmx)
{
	vmx_set_proc_control(vmx, VMX_CTL_PROC_IRQ_WINDOW,
			     vmx->irq_window_for_irq || vmx->irq_window_for_nmi);
}

void vmx_request_irq_window(struct bellows_vcpu *vcpu, bool on)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->irq_window_for_irq = on;
	vmx_update_irq_window(vmx);
}

/*
 * A window for NMIs may open in the shadow of STI already, where vmx_nmi_allowed()
 * still says no. That shadow ends with interrupts enabled, so there the other
 * window will do.
 */
void vmx_request_nmi_window(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI) {
		vmx->irq_window_for_nmi = true;
		vmx_update_irq_window(vmx);
	} else {
		vmx_set_proc_control(vmx, VMX_CTL_PROC_NMI_WINDOW, true);
	}
}

/* A window opened: nothing waits for it any more. What still has to go in asks for it again. */
void vmx_close_windows(struct vmx_vcpu *vmx)
{
	vmx->irq_window_for_irq = false;
	vmx->irq_window_for_nmi = false;
	vmx_set_proc_control(vmx, VMX_CTL_PROC_IRQ_WINDOW |
			     VMX_CTL_PROC_NMI_WINDOW, false);
}

bool vmx_get_nmi_mask(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->nmi_unblocked)
		vmx->nmi_unblocked = !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI);
	return !vmx->nmi_unblocked;
}

void vmx_set_nmi_mask(struct bellows_vcpu *vcpu, bool masked)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	state = masked ? state | GUEST_INTR_STATE_NMI : state & ~GUEST_INTR_STATE_NMI;
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state);
	to_vmx(vcpu)->nmi_unblocked = !masked;
}

u32 vmx_get_interrupt_shadow(struct bellows_vcpu *vcpu)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	return (state & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

/* The two exclude each other in hardware; the stronger wins. */
void vmx_set_interrupt_shadow(struct bellows_vcpu *vcpu, u32 shadow)
{
	u32 old = vmcs_read(GUEST_INTERRUPTIBILITY_INFO), state = old & ~SHADOW_MASK;

	/* Nearly every instruction that is skipped. */
	if (likely(state == old && !shadow))
		return;
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		state |= GUEST_INTR_STATE_MOV_SS;
	else if (shadow & KVM_X86_SHADOW_INT_STI)
		state |= GUEST_INTR_STATE_STI;
	if (state != old)
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state);
	/* A trap that was pending in a shadow ends with it. */
	if (state != old || (state & SHADOW_MASK))
		to_vmx(vcpu)->check_shadow = true;
}

/*
 * Machine checks are the host's. #DB and #AC can follow each other for ever
 * while they are being delivered, inside one instruction, and the host would
 * never get its CPU back: they are looked at and handed on.
 */
void vmx_update_exception_intercepts(struct bellows_vcpu *vcpu)
{
	u32 bitmap = BIT(X86_TRAP_MC) | BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC);

	if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
		bitmap |= BIT(X86_TRAP_BP);
	vmcs_write(EXCEPTION_BITMAP, bitmap);
}
