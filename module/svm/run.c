// SPDX-License-Identifier: GPL-2.0
/*
 * Entering the guest: what must be settled just before VMRUN and picked up just
 * after it, with interrupts off.
 *
 * From CLGI to STGI nothing reaches this CPU, not even an NMI. What interrupts
 * the guest in that time makes it exit and stays pending: an NMI is served by
 * the host at STGI, an interrupt when the caller enables them.
 *
 * The host's half of the state that VMLOAD and VMSAVE exchange is saved when
 * the vCPU is loaded, since it changes only with the task or the CPU. With one
 * exception: another thread may give this process an LDT, or a larger one,
 * whenever interrupts are on. So while there is an LDT the state is saved again
 * before each stay in the guest. (It can appear, but never goes away under a living task.)
 *
 * Everything else that VMRUN keeps of the host (CR0, CR3, CR4, EFER, GDTR, IDTR)
 * it reads from the registers at that moment, so it can't be stale.
 */
#include <linux/instrumentation.h>
#include <asm/asm.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/spec-ctrl.h>
#include <asm/special_insns.h>
#include <asm/trapnr.h>
#include "compat.h"
#include "run/guest_state.h"
#include "svm/enter.h"
#include "svm/svm.h"
#include "vm/request.h"

asmlinkage void svm_run(u64 *regs, u64 vmcb, u64 host, struct svm_spec_ctrl *spec);

static_assert(GPR_RCX == SVM_RCX && GPR_RDX == SVM_RDX &&
	      GPR_RBX == SVM_RBX && GPR_RBP == SVM_RBP &&
	      GPR_RSI == SVM_RSI && GPR_RDI == SVM_RDI &&
	      GPR_R8 == 8 && GPR_R15 == 15);
static_assert(offsetof(struct svm_spec_ctrl, guest) == SVM_SPEC_GUEST);
static_assert(offsetof(struct svm_spec_ctrl, host) == SVM_SPEC_HOST);
static_assert(offsetof(struct svm_spec_ctrl, active) == SVM_SPEC_ACTIVE);
static_assert(offsetof(struct svm_spec_ctrl, direct) == SVM_SPEC_DIRECT);

/* What the guest may change without an exit: fetched from the VMCB when asked for. */
#define LIVE_REGS (BIT(VCPU_CR0) | BIT(VCPU_CR3))

/* False: SVM is off, because the machine is going down. */
static __always_inline bool svm_clear_gif(void)
{
	asm goto("1: clgi\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 ::: "memory" : fault);
	return true;
fault:
	return false;
}

static __always_inline void svm_set_gif(void)
{
	asm goto("1: stgi\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 ::: "memory" : fault);
fault:
	return;
}

/* Faults only when SVM was switched off by an emergency; the copy is then of no use. */
void svm_save_host(phys_addr_t host)
{
	lockdep_assert_preemption_disabled();
	asm goto("1: vmsave %0\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 :: "a" (host) : "memory" : fault);
fault:
	return;
}

static noinstr void svm_run_guest(struct svm_vcpu *svm, phys_addr_t host)
{
	bellows_guest_state_enter(&svm->vcpu.quiescent);
	amd_clear_divider();
	svm_run(svm->vcpu.regs, svm->vmcb_pa, host, &svm->spec);
	bellows_guest_state_exit();
}

static __always_inline void svm_registers_in(struct svm_vcpu *svm, struct vmcb_page *vmcb)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;

	vmcb->save.rax = vcpu->regs[GPR_RAX];
	vmcb->save.rsp = vcpu->regs[GPR_RSP];
	vmcb->save.rip = vcpu->regs[VCPU_RIP];
	vmcb->save.rflags = vcpu->regs[VCPU_RFLAGS];
	vcpu->dirty = 0;
	if (vmcb->save.cr2 != vcpu->cr2) {
		vmcb->save.cr2 = vcpu->cr2;
		svm_dirty(svm, VMCB_CLEAN_CR2);
	}
	/* One emulator's VMRUN leaves CR2 alone. So does every exit: it rarely differs. */
	if (unlikely(native_read_cr2() != vcpu->cr2))
		native_write_cr2(vcpu->cr2);
	if ((vmcb->control.int_ctl & VMCB_V_TPR) != vcpu->cr8) {
		vmcb->control.int_ctl = (vmcb->control.int_ctl & ~VMCB_V_TPR) |
					(vcpu->cr8 & VMCB_V_TPR);
		svm_dirty(svm, VMCB_CLEAN_INT);
	}
}

/* CR8, which the guest may have changed by itself, is TPR's upper half. */
static void svm_cr8_out(struct svm_vcpu *svm)
{
	u8 cr8 = svm->vmcb->control.int_ctl & VMCB_V_TPR;

	if (cr8 == svm->vcpu.cr8)
		return;
	svm->vcpu.cr8 = cr8;
	*svm->tpr = cr8 << 4;
}

static __always_inline void svm_registers_out(struct svm_vcpu *svm,
					      const struct vmcb_page *vmcb)
{
	struct bellows_vcpu *vcpu = &svm->vcpu;

	vcpu->regs[GPR_RAX] = vmcb->save.rax;
	vcpu->regs[GPR_RSP] = vmcb->save.rsp;
	vcpu->regs[VCPU_RIP] = vmcb->save.rip;
	vcpu->regs[VCPU_RFLAGS] = vmcb->save.rflags;
	vcpu->cr2 = vmcb->save.cr2;
	if (unlikely(svm->uses_cr8))
		svm_cr8_out(svm);
	vcpu->cached = GENMASK(VCPU_NR_REGS - 1, 0) & ~LIVE_REGS;
}

/*
 * Settles the address space identifier, and what TLB maintenance goes with the next
 * entry. Those after it in the same stay need none.
 */
static void svm_prepare_tlb(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	struct vmcb_control *control = &svm->vmcb->control;
	int this_cpu = smp_processor_id();

	lockdep_assert_irqs_disabled();
	/* What one CPU remembers of the VMCB says nothing about another's memory of it. */
	if (svm->asid.cpu != this_cpu)
		control->clean = 0;
	control->tlb_control = asid_prepare(&cpu->asids, &svm->asid, this_cpu,
					    svm_features.flush_by_asid);
	if (control->asid != svm->asid.asid) {
		control->asid = svm->asid.asid;
		svm_dirty(svm, VMCB_CLEAN_ASID);
	}
}

static void svm_spec_ctrl_in(struct svm_vcpu *svm)
{
	u64 guest = svm->vcpu.msrs.spec_ctrl;

	if (svm_features.v_spec_ctrl) {
		svm->vmcb->save.spec_ctrl = guest;
		return;
	}
	svm->spec.guest = guest;
	svm->spec.host = this_cpu_read(x86_spec_ctrl_current);
	if (unlikely(guest && !svm->spec.direct)) {
		svm->spec.direct = true;
		bellows_request(&svm->vcpu, VCPU_REQ_MSR_FILTER);
	}
}

static void svm_spec_ctrl_out(struct svm_vcpu *svm)
{
	if (svm_features.v_spec_ctrl)
		svm->vcpu.msrs.spec_ctrl = svm->vmcb->save.spec_ctrl;
	else
		svm->vcpu.msrs.spec_ctrl = svm->spec.guest;
}

/*
 * Hardware did with the VMCB what we asked for, unless it refused it. State that
 * was refused was not entered: one emulator leaves the host's registers there.
 */
static __always_inline void svm_finish_entry(struct svm_vcpu *svm, struct vmcb_page *vmcb)
{
	struct vmcb_control *control = &vmcb->control;
	u32 code = control->exit_code;

	lockdep_assert_irqs_disabled();
	control->event_inj = 0;
	if (unlikely(code == VMCB_EXIT_INVALID)) {
		control->clean = 0;
	} else {
		if (unlikely(control->tlb_control != VMCB_TLB_KEEP))
			asid_entered(&this_cpu_ptr(&svm_cpu)->asids, &svm->asid,
				     control->tlb_control);
		/* After a shutdown the save area is undefined. */
		control->clean = unlikely(code == VMCB_EXIT_SHUTDOWN) ? 0 :
				 svm_features.clean_groups;
		svm_registers_out(svm, vmcb);
	}
	control->tlb_control = VMCB_TLB_KEEP;
	svm->debug_bits = 0;
	if (unlikely(vmcb->save.dr6 != DR6_RESERVED)) {
		svm->debug_bits = vmcb->save.dr6 ^ DR6_RESERVED;
		vmcb->save.dr6 = DR6_RESERVED;
		svm_dirty(svm, VMCB_CLEAN_DR);
		/* It is in the register too, where the host's next #DB would take it for its own. */
		set_debugreg(DR6_RESERVED, 6);
	}
}

/*
 * Must the guest come out again as soon as it has been given its event? After an
 * event there is no single step: we look again. And one emulator remembers an
 * interrupt until the next exit, and gives it to the guest again, wanted or not,
 * when another of its processors has a timer in the meantime.
 */
static bool svm_must_come_back(struct svm_vcpu *svm)
{
	const u32 bits = VMCB_EVENT_VALID | VMCB_EVENT_TYPE;

	if (unlikely(svm->nmi.step) && !svm_step_begin(svm))
		return true;
	return unlikely(svm_features.repeats_interrupts) &&
	       (svm->vmcb->control.event_inj & bits) ==
	       (VMCB_EVENT_VALID | VMCB_EVENT_INTR);
}

/* False: neither the guest nor this thread wants it, nor the host for all threads. */
static bool svm_ssbd_differs(const struct svm_vcpu *svm)
{
	return svm->virt_spec_ctrl || test_thread_flag(TIF_SSBD) ||
	       boot_cpu_has(X86_FEATURE_SPEC_STORE_BYPASS_DISABLE);
}

/* For svm_keep_shadow(). A later entry of the stay is in no shadow: quick services pass by an instruction. */
static void svm_note_shadow(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;

	svm->in_shadow = unlikely(control->int_state & VMCB_SHADOW) &&
			 !(control->event_inj & VMCB_EVENT_VALID);
	if (unlikely(svm->in_shadow))
		svm->shadow_rip = svm->vcpu.regs[VCPU_RIP];
}

/* Another thread can change the LDT only with an interrupt here, so once per stay is enough. */
void svm_prepare_enter(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u16 ldt;

	svm->off = false;
	svm_prepare_tlb(svm, cpu);
	svm_note_shadow(svm);
	svm->switch_ssbd = svm_features.virt_ssbd && svm_ssbd_differs(svm);
	store_ldt(ldt);
	if (unlikely(ldt))
		svm_save_host(cpu->host_pa);
}

void svm_enter(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_page *vmcb = svm->vmcb;

	svm_registers_in(svm, vmcb);
	svm->nmi.stepping = false;
	if (unlikely(svm->nmi.step || vmcb->control.event_inj) && svm_must_come_back(svm))
		smp_send_reschedule(smp_processor_id());

	if (unlikely(!svm_clear_gif())) {
		svm->off = true;
		vmcb->control.exit_code = VMCB_EXIT_INVALID;
		return;
	}
	if (svm->has_spec_ctrl)
		svm_spec_ctrl_in(svm);
	if (unlikely(svm->switch_ssbd))
		x86_virt_spec_ctrl(svm->virt_spec_ctrl, true);
	svm_run_guest(svm, this_cpu_read(svm_cpu.host_pa));
	if (unlikely(svm->switch_ssbd))
		x86_virt_spec_ctrl(svm->virt_spec_ctrl, false);
	if (svm->has_spec_ctrl)
		svm_spec_ctrl_out(svm);
	svm_set_gif();

	svm_finish_entry(svm, vmcb);
	if (unlikely(svm->nmi.step))
		svm_step_end(svm);
}

void svm_exit_irqoff(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (unlikely(!svm->off &&
		     svm->vmcb->control.exit_code == VMCB_EXIT_EXCEPTION + X86_TRAP_MC))
		bellows_host_machine_check();
}
