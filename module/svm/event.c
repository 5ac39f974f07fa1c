// SPDX-License-Identifier: GPL-2.0
/*
 * Events into the guest: injection, windows, and what was interrupted.
 *
 * The VMCB takes one event along with an entry and checks nothing: whether the
 * guest can take an interrupt or an NMI is for software to know. For interrupts
 * the hardware helps: a virtual interrupt that is pending and intercepted exits
 * at the moment when the guest would take it. That is the interrupt window.
 *
 * NMIs. The processor does not track for us that a guest is in its NMI handler
 * (a later extension does; it is not used). The handler's end is its IRET, so
 * IRET is intercepted from the injection on. The exit comes before the IRET has
 * run, and an NMI must not be delivered before it has: the new frame would
 * overwrite the old one. So:
 *
 *	masked		an NMI was injected; IRET is intercepted
 *	iret		IRET exited; it is about to run, no longer intercepted
 *	(unmasked)	RIP has left the IRET: it is done, or faulted, which unmasks too
 *
 * If another NMI waits, the guest must stop right after the IRET. Likewise after
 * an instruction in the shadow of MOV SS or STI, since an NMI must not come
 * between a new SS and the new stack pointer. Nothing reports these moments, so
 * one instruction is run with the trap flag set. Neither the guest nor userspace
 * may see our TF:
 *
 *  - the instruction traps with #DB, which is always intercepted;
 *  - if it faults or exits otherwise, we get there first: all exceptions are
 *    intercepted during the step, and TF is taken out before any code looks;
 *  - the IRET of an NMI handler takes the flags from the stack: what it loaded is
 *    the guest's word, ours is gone by itself;
 *  - instructions that store or load the flags (PUSHF, POPF, INT n, another IRET)
 *    are intercepted. They use the stack, so that it is in order, and a shadow
 *    that keeps NMIs from it is given up. So for SYSCALL and SYSENTER, which
 *    can't be intercepted and are looked for before;
 *  - an event to be injected would push TF: then there is no step, but an exit
 *    forced just after the delivery, which ends the shadow.
 *
 * Soft events. INT n, INT3 and INTO push the RIP after the instruction. If
 * delivering one of the guest's own is interrupted by an exit, RIP still points
 * to it, and it is simply executed again: so it is not reported as an event to
 * be delivered again. One that software injects (userspace restored it, or a
 * debugger passes on a breakpoint) has no such instruction to return to. RIP is
 * moved behind it before the entry, and moved back if the delivery did not come
 * to its end. Processors with NRIP save look for the RIP to push in a field of
 * its own; it gets the same value.
 */
#include <asm/apicdef.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "exit/emulation.h"
#include "svm/svm.h"
#include "vm/request.h"

static bool svm_in_shadow(const struct svm_vcpu *svm)
{
	return svm->vmcb->control.int_state & VMCB_SHADOW;
}

/* Length of the instruction at RIP, for a soft event that came without. */
static unsigned int svm_soft_length(struct bellows_vcpu *vcpu, unsigned int known)
{
	const struct emu_insn *insn = &vcpu->emu->insn;

	if (known)
		return known;
	if (bellows_fetch_insn(vcpu) != INSN_KNOWN)
		return 0;
	switch (insn->op) {
	case OP_INT:
	case OP_INT3:
	case OP_INTO:
	case OP_INT1:
		return insn->length;
	default:
		/* Not an instruction that makes such an event: it belongs to the next one. */
		return 0;
	}
}

static void svm_advance_rip(struct svm_vcpu *svm, unsigned int length)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;

	lockdep_assert_loaded(vcpu);
	svm->soft_injected = true;
	svm->soft_old_rip = bellows_reg_read(vcpu, VCPU_RIP);
	svm->soft_next_rip = svm->soft_old_rip + length;
	bellows_reg_write(vcpu, VCPU_RIP, svm->soft_next_rip);
	svm->vmcb->control.next_rip = svm->soft_next_rip;
}

/* The event did not get through: RIP is at its instruction again. */
static void svm_unwind_rip(struct svm_vcpu *svm)
{
	bellows_reg_write(&svm->vcpu, VCPU_RIP, svm->soft_old_rip);
	svm->soft_injected = false;
}

void svm_inject_exception(struct bellows_vcpu *vcpu)
{
	struct vmcb_control *control = &to_svm(vcpu)->vmcb->control;
	/* A copy: fetching the instruction may queue a fault. */
	const typeof(vcpu->events.exception) e = vcpu->events.exception;

	if (e.soft)
		svm_advance_rip(to_svm(vcpu), svm_soft_length(vcpu, e.insn_len));
	control->event_inj = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | e.vector |
			     (e.has_error ? VMCB_EVENT_HAS_ERROR : 0);
	control->event_error = e.has_error ? e.error : 0;
}

void svm_inject_irq(struct bellows_vcpu *vcpu)
{
	struct vmcb_control *control = &to_svm(vcpu)->vmcb->control;
	const typeof(vcpu->events.interrupt) *irq = &vcpu->events.interrupt;
	u32 type = VMCB_EVENT_INTR;

	if (irq->soft) {
		svm_advance_rip(to_svm(vcpu), svm_soft_length(vcpu, irq->insn_len));
		type = VMCB_EVENT_SOFT;
	}
	control->event_inj = VMCB_EVENT_VALID | type | irq->vector;
	control->event_error = 0;
}

void svm_inject_nmi(struct bellows_vcpu *vcpu)
{
	struct vmcb_control *control = &to_svm(vcpu)->vmcb->control;

	control->event_inj = VMCB_EVENT_VALID | VMCB_EVENT_NMI | X86_TRAP_NMI;
	control->event_error = 0;
	svm_set_nmi_mask(vcpu, true);
}

/* The caller still has the event marked as injected, and gives it again. */
void svm_cancel_injection(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control *control = &svm->vmcb->control;

	if ((control->event_inj & VMCB_EVENT_VALID) &&
	    (control->event_inj & VMCB_EVENT_TYPE) == VMCB_EVENT_NMI)
		svm_set_nmi_mask(vcpu, false);
	control->event_inj = 0;
	if (svm->soft_injected)
		svm_unwind_rip(svm);
}

bool svm_irq_allowed(struct bellows_vcpu *vcpu)
{
	return (bellows_reg_read(vcpu, VCPU_RFLAGS) & X86_EFLAGS_IF) && !svm_in_shadow(to_svm(vcpu));
}

bool svm_nmi_allowed(struct bellows_vcpu *vcpu)
{
	return !to_svm(vcpu)->nmi.masked && !svm_in_shadow(to_svm(vcpu));
}

/*
 * An interrupt waits for the end of STI's shadow, and the instruction in it is HLT:
 * the halt would be over as it begins. It is taken as executed, because one
 * emulator's VMRUN forgets the shadow. There the interrupt would come before the
 * halt, and nothing would end that: guests enable interrupts and halt in one go so
 * that this cannot happen.
 */
static void svm_pass_halt(struct svm_vcpu *svm)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;
	const struct emu_insn *insn = &svm->vcpu.emu->insn;

	/* Userspace that only asks for a window has no interrupt yet. */
	if (!vcpu->events.interrupt.pending && !vcpu->apic)
		return;
	/* A guest that steps itself wants to see the trap after it. */
	if ((vcpu->regs[VCPU_RFLAGS] & (X86_EFLAGS_IF | X86_EFLAGS_TF)) != X86_EFLAGS_IF ||
	    vcpu->guest_debug || svm_get_cpl(vcpu))
		return;
	if (bellows_fetch_insn(vcpu) != INSN_KNOWN || insn->op != OP_HLT)
		return;
	bellows_reg_write(vcpu, VCPU_RIP, vcpu->regs[VCPU_RIP] + insn->length);
	svm_set_interrupt_shadow(vcpu, 0);
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

/* V_IRQ itself may be changed by the CPU. */
static void svm_set_virtual_irq(struct svm_vcpu *svm, bool on, u8 vector, bool window)
{
	const u32 bits = VMCB_V_IRQ | VMCB_V_INTR_PRIO | VMCB_V_IGN_TPR;
	struct vmcb_control *control = &svm->vmcb->control;

	lockdep_assert_loaded(&svm->vcpu);
	if (on && unlikely(svm_in_shadow(svm)) && !(control->event_inj & VMCB_EVENT_VALID))
		svm_pass_halt(svm);
	if (on)
		control->int_ctl |= bits;
	else
		control->int_ctl &= ~bits;
	control->int_vector = vector;
	svm_dirty(svm, VMCB_CLEAN_INT);
	if (vmcb_intercepted(svm->intercept, VMCB_INTERCEPT_VINTR) != window)
		svm_set_intercept(svm, VMCB_INTERCEPT_VINTR, window);
}

void svm_request_irq_window(struct bellows_vcpu *vcpu, bool on)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (on || vmcb_intercepted(svm->intercept, VMCB_INTERCEPT_VINTR))
		svm_set_virtual_irq(svm, on, 0, on);
}

bool svm_offer_irq(struct bellows_vcpu *vcpu, int vector)
{
	svm_set_virtual_irq(to_svm(vcpu), vector >= 0, max(vector, 0), false);
	return true;
}

/* One that was being delivered when the exit came counts: it is delivered again as any other. */
bool svm_irq_taken(struct bellows_vcpu *vcpu)
{
	const u32 bits = VMCB_EVENT_VALID | VMCB_EVENT_TYPE | VMCB_EVENT_VECTOR;
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control *control = &svm->vmcb->control;

	if (!(control->int_ctl & VMCB_V_IRQ))
		return true;
	if (svm->off || (u32)control->exit_code == VMCB_EXIT_INVALID ||
	    (control->exit_int_info & bits) !=
	    (VMCB_EVENT_VALID | VMCB_EVENT_INTR | (u32)vcpu->offered_irq))
		return false;
	svm_set_virtual_irq(svm, false, 0, false);
	return true;
}

/* Hardware knows of one interrupt at a time, and of no register but TPR. */
bool svm_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view)
{
	to_svm(vcpu)->tpr = (u8 *)view->page + APIC_TASKPRI;
	return false;
}

/* While nothing is requested the guest may change CR8 as it likes: we find out after an exit. */
void svm_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested)
{
	const unsigned int bit = VMCB_INTERCEPT_CR_WRITE + 8;
	struct svm_vcpu *svm = to_svm(vcpu);
	bool on = !svm->uses_cr8 || requested >= 0;

	if (vmcb_intercepted(svm->intercept, bit) != on)
		svm_set_intercept(svm, bit, on);
}

/* SYSCALL keeps the flags in a register; in its shadow no stack is half switched. */
static bool svm_at_syscall(struct bellows_vcpu *vcpu)
{
	const struct emu_insn *insn = &vcpu->emu->insn;

	return bellows_fetch_insn(vcpu) == INSN_KNOWN &&
	       (insn->op == OP_SYSCALL || insn->op == OP_SYSENTER);
}

void svm_request_nmi_window(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	/* The intercepted IRET is the next we hear of it. */
	if (svm->nmi.masked && !svm->nmi.iret)
		return;
	if (!svm->nmi.iret && !(svm->vmcb->control.event_inj & VMCB_EVENT_VALID) &&
	    svm_in_shadow(svm) && svm_at_syscall(vcpu)) {
		svm_set_interrupt_shadow(vcpu, 0);
		bellows_request(vcpu, VCPU_REQ_EVENT);
		return;
	}
	svm->nmi.step = true;
}

bool svm_get_nmi_mask(struct bellows_vcpu *vcpu)
{
	return to_svm(vcpu)->nmi.masked;
}

void svm_set_nmi_mask(struct bellows_vcpu *vcpu, bool masked)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	lockdep_assert_loaded(vcpu);
	svm->nmi.masked = masked;
	svm->nmi.iret = false;
	svm_set_intercept(svm, VMCB_INTERCEPT_IRET, masked);
}

u32 svm_get_interrupt_shadow(struct bellows_vcpu *vcpu)
{
	/* The hardware does not say which of the two instructions it was. */
	return svm_in_shadow(to_svm(vcpu)) ? KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
}

void svm_set_interrupt_shadow(struct bellows_vcpu *vcpu, u32 shadow)
{
	struct vmcb_control *control = &to_svm(vcpu)->vmcb->control;

	if (shadow)
		control->int_state |= VMCB_SHADOW;
	else
		control->int_state &= ~VMCB_SHADOW;
}

static void svm_step_intercepts(struct svm_vcpu *svm)
{
	u32 *words = svm->vmcb->control.intercept;

	words[VMCB_INTERCEPT_EXCEPTION / 32] = ~0U;
	vmcb_intercept(words, VMCB_INTERCEPT_PUSHF, true);
	vmcb_intercept(words, VMCB_INTERCEPT_POPF, true);
	vmcb_intercept(words, VMCB_INTERCEPT_INT_N, true);
	vmcb_intercept(words, VMCB_INTERCEPT_IRET, !svm->nmi.iret);
	/* An interrupt that is offered would push TF, too. */
	vmcb_intercept(words, VMCB_INTERCEPT_VINTR, true);
	svm_dirty(svm, VMCB_CLEAN_INTERCEPTS);
}

/* Registers are in the VMCB already. False: not with an event; the caller forces an exit. */
bool svm_step_begin(struct svm_vcpu *svm)
{
	struct vmcb_page *vmcb = svm->vmcb;

	lockdep_assert_irqs_disabled();
	if (vmcb->control.event_inj & VMCB_EVENT_VALID)
		return false;
	svm->nmi.stepping = true;
	svm->nmi.guest_tf = vmcb->save.rflags & X86_EFLAGS_TF;
	vmcb->save.rflags |= X86_EFLAGS_TF;
	svm_step_intercepts(svm);
	return true;
}

/* After the exit, the guest's registers are in vcpu->regs[]: our TF was not seen, and will not be. */
void svm_step_end(struct svm_vcpu *svm)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;
	bool loaded_flags;

	lockdep_assert_irqs_disabled();
	if (!svm->nmi.stepping) {
		/* An event went in; look again. */
		svm->nmi.step = false;
		bellows_request(vcpu, VCPU_REQ_EVENT);
		return;
	}
	loaded_flags = svm->nmi.iret && vcpu->regs[VCPU_RIP] != svm->nmi.iret_rip;
	if (!loaded_flags)
		vcpu->regs[VCPU_RFLAGS] = (vcpu->regs[VCPU_RFLAGS] & ~(u64)X86_EFLAGS_TF) |
					     svm->nmi.guest_tf;
	memcpy(svm->vmcb->control.intercept, svm->intercept, sizeof(svm->intercept));
	svm_dirty(svm, VMCB_CLEAN_INTERCEPTS);
	svm->nmi.step = false;
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

/* Has the IRET run that we let go? */
static void svm_track_iret(struct svm_vcpu *svm)
{
	if (!svm->nmi.iret || bellows_reg_read(&svm->vcpu, VCPU_RIP) == svm->nmi.iret_rip)
		return;
	svm_set_nmi_mask(&svm->vcpu, false);
	bellows_request(&svm->vcpu, VCPU_REQ_EVENT);
}

/*
 * The host wanted the CPU in the moment of the entry, so the instruction in the
 * shadow has not run, and it is still in the shadow. Not every processor says so:
 * one emulator loses the shadow in VMRUN. After an exit of the guest's own doing
 * (a window, for one) the same RIP may also be a jump to itself.
 */
static void svm_keep_shadow(struct svm_vcpu *svm, u32 info)
{
	struct vmcb_control *control = &svm->vmcb->control;

	if ((control->exit_code == VMCB_EXIT_INTR ||
	     control->exit_code == VMCB_EXIT_NMI) &&
	    !(info & VMCB_EVENT_VALID) &&
	    bellows_reg_read(&svm->vcpu, VCPU_RIP) == svm->shadow_rip)
		control->int_state |= VMCB_SHADOW;
}

/* Of ours #DB is INT1's: nothing else of that vector is injected behind its instruction. */
static bool svm_is_soft(u32 info, bool ours)
{
	u8 vector = info & VMCB_EVENT_VECTOR;
	u32 type = info & VMCB_EVENT_TYPE;

	/* INT3 and INTO are exceptions by the manual, soft interrupts in one emulator. */
	return type == VMCB_EVENT_SOFT ||
	       (type == VMCB_EVENT_EXCEPTION &&
		(vector == X86_TRAP_BP || vector == X86_TRAP_OF || (ours && vector == X86_TRAP_DB)));
}

/* Is what was being delivered a soft event of ours, or the one that took its place? */
static bool svm_from_injected(struct svm_vcpu *svm)
{
	return svm->soft_injected &&
	       bellows_reg_read(&svm->vcpu, VCPU_RIP) == svm->soft_next_rip;
}

/* What exit_int_info says, into vcpu->exit.vectoring; and where RIP and the NMI mask stand. */
void svm_decode_vectoring(struct svm_vcpu *svm)
{
	struct bellows_vectoring *v = &svm->vcpu.exit.vectoring;
	u32 info = svm->vmcb->control.exit_int_info;
	bool injected;

	lockdep_assert_loaded(&svm->vcpu);
	*v = (struct bellows_vectoring) { 0 };
	svm_track_iret(svm);
	if (unlikely(svm->in_shadow))
		svm_keep_shadow(svm, info);
	injected = (info & VMCB_EVENT_VALID) && svm_from_injected(svm);
	if (injected) {
		v->insn_len = svm_is_soft(info, true) ? svm->soft_next_rip - svm->soft_old_rip : 0;
		svm_unwind_rip(svm);
	}
	svm->soft_injected = false;
	if (!(info & VMCB_EVENT_VALID))
		return;
	/* The guest's own runs again; but the handler of task switches must know of the gate. */
	if (svm_is_soft(info, injected) && !injected &&
	    svm->vmcb->control.exit_code != VMCB_EXIT_TASK_SWITCH)
		return;

	v->valid = true;
	v->vector = info & VMCB_EVENT_VECTOR;
	switch (info & VMCB_EVENT_TYPE) {
	case VMCB_EVENT_NMI:
		v->type = BELLOWS_EVENT_NMI;
		break;
	case VMCB_EVENT_EXCEPTION:
		v->type = svm_is_soft(info, injected) ? BELLOWS_EVENT_SOFT_EXCEPTION : BELLOWS_EVENT_EXCEPTION;
		v->has_error = info & VMCB_EVENT_HAS_ERROR;
		v->error = v->has_error ? svm->vmcb->control.exit_int_error : 0;
		break;
	case VMCB_EVENT_SOFT:
		v->type = BELLOWS_EVENT_SOFT_INTERRUPT;
		break;
	default:
		v->type = BELLOWS_EVENT_INTERRUPT;
	}
}
