/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one list of backend operations: struct, static calls and the check at
 * load are made from it. All are mandatory: a backend that has nothing to do
 * says so with an empty function.
 *
 * BACKEND_OP(return type, name, context, (parameters), (their names))
 *
 * Contexts, asserted at each call: LOADED: vcpu->mutex held and the vCPU loaded
 * on this CPU (preemption may be on: a notifier puts and loads); IRQOFF: loaded,
 * with interrupts off; PLACED: vcpu->mutex held, preemption off; ANY: as told.
 */

/* One CPU, interrupts off. -EBUSY: another hypervisor holds VMXE or SVME. */
BACKEND_OP(int, cpu_enable, ANY, (void), ())
BACKEND_OP(void, cpu_disable, ANY, (void), ())
/* From NMI context on the way to a reboot or crash kernel: whatever the state is, end it. */
BACKEND_OP(void, cpu_emergency_disable, ANY, (void), ())

BACKEND_OP(int, vm_init, ANY, (struct bellows_vm *vm), (vm))
BACKEND_OP(void, vm_destroy, ANY, (struct bellows_vm *vm), (vm))

/* Allocation and one-time set-up; destroy may run on any CPU and must clear the state wherever it is loaded. */
BACKEND_OP(int, vcpu_create, ANY, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, vcpu_destroy, ANY, (struct bellows_vcpu *vcpu), (vcpu))
/* Hardware state after power-on or (init) INIT; common registers were set by the caller. */
BACKEND_OP(void, vcpu_reset, LOADED, (struct bellows_vcpu *vcpu, bool init), (vcpu, init))
/* Everything of the host that changes with the CPU or under us is refreshed here. */
BACKEND_OP(void, vcpu_load, PLACED, (struct bellows_vcpu *vcpu, int cpu), (vcpu, cpu))
BACKEND_OP(void, vcpu_put, PLACED, (struct bellows_vcpu *vcpu), (vcpu))

/*
 * Before the first of one or more calls of enter with interrupts off all
 * the time: what can't change in between.
 */
BACKEND_OP(void, prepare_enter, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))
/*
 * Runs the guest until its next exit. Guest FPU, XCR0, PKRU and DR0-3
 * are in place; CR2 (vcpu->cr2), SPEC_CTRL and everything else of the switch
 * are the callee's work. It wraps the entry itself, and as little else as
 * possible, in bellows_guest_state_enter() and _exit()
 */
BACKEND_OP(void, enter, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))
/*
 * Straight after enter: true, if an instruction exited, the CPU says how
 * long it is, no event was on its way and the backend has nothing else to do
 * about the exit; vcpu->exit is filled then. Has no other effect: decode_exit may follow.
 */
BACKEND_OP(bool, decode_quickly, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))
/* After the last enter: serve an NMI or machine check that caused the exit. */
BACKEND_OP(void, exit_irqoff, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))
/* Fill vcpu->exit. */
BACKEND_OP(void, decode_exit, LOADED, (struct bellows_vcpu *vcpu), (vcpu))

/* Bring vcpu->regs[reg] up to date. */
BACKEND_OP(void, cache_reg, LOADED, (struct bellows_vcpu *vcpu, unsigned int reg), (vcpu, reg))
BACKEND_OP(void, get_segment, LOADED, (struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var),
	   (vcpu, seg, var))
BACKEND_OP(void, set_segment, LOADED, (struct bellows_vcpu *vcpu, unsigned int seg, const struct kvm_segment *var),
	   (vcpu, seg, var))
BACKEND_OP(u64, get_segment_base, LOADED, (struct bellows_vcpu *vcpu, unsigned int seg),
	   (vcpu, seg))
BACKEND_OP(bool, in_64bit_code, LOADED, (struct bellows_vcpu *vcpu),
	   (vcpu))	/* long mode, and CS.L */
BACKEND_OP(unsigned int, get_cpl, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, get_gdt, LOADED, (struct bellows_vcpu *vcpu, struct kvm_dtable *dt), (vcpu, dt))
BACKEND_OP(void, set_gdt, LOADED, (struct bellows_vcpu *vcpu, const struct kvm_dtable *dt),
	   (vcpu, dt))
BACKEND_OP(void, get_idt, LOADED, (struct bellows_vcpu *vcpu, struct kvm_dtable *dt), (vcpu, dt))
BACKEND_OP(void, set_idt, LOADED, (struct bellows_vcpu *vcpu, const struct kvm_dtable *dt),
	   (vcpu, dt))

/* Checked values. The callee updates regs[VCPU_CRn] and its cached bit. */
BACKEND_OP(void, set_cr0, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))
BACKEND_OP(void, set_cr3, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))
BACKEND_OP(void, set_cr4, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))
BACKEND_OP(void, set_efer, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))
/* CR4 bits the hardware does not let a guest have whatever CPUID says. */
BACKEND_OP(bool, cr4_allowed, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))
/*
 * Effective DR7 (the guest's, or the debugger's). Accesses to debug registers
 * and #DB are always intercepted: DR6 is kept in vcpu->dr6 by common code, from
 * the payload of the #DB exit. Hardware's own DR6 for the guest, where there is
 * one, is to be kept at its reset value so that the payload is the new bits only.
 */
BACKEND_OP(void, set_dr7, LOADED, (struct bellows_vcpu *vcpu, u64 value), (vcpu, value))

/* Vendor MSRs: MSR_RESULT_OK or _GP, -ENOENT: not this backend's. Also with interrupts off, but for EFER. */
BACKEND_OP(int, msr_get, LOADED, (struct bellows_vcpu *vcpu, u32 index, u64 *value),
	   (vcpu, index, value))
BACKEND_OP(int, msr_set, LOADED, (struct bellows_vcpu *vcpu, u32 index, u64 value, bool host),
	   (vcpu, index, value, host))
/* Which MSRs reach the guest directly: recompute from bellows_msr_allowed(). */
BACKEND_OP(void, update_msr_intercepts, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, set_tsc_offset, LOADED, (struct bellows_vcpu *vcpu, u64 offset), (vcpu, offset))
/* vcpu->cpuid or vcpu->guest_debug changed: adjust intercepts. */
BACKEND_OP(void, cpuid_changed, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, update_exception_intercepts, LOADED, (struct bellows_vcpu *vcpu), (vcpu))

/* Events, from vcpu->events. Each puts one event in place for the next entry. */
BACKEND_OP(void, inject_exception, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, inject_irq, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, inject_nmi, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
/* The entry did not happen: take back what inject_* put in place (the caller requeues it as for vectoring). */
BACKEND_OP(void, cancel_injection, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(bool, irq_allowed, LOADED, (struct bellows_vcpu *vcpu),
	   (vcpu))	/* RFLAGS.IF and no shadow */
BACKEND_OP(bool, nmi_allowed, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, request_irq_window, LOADED, (struct bellows_vcpu *vcpu, bool on), (vcpu, on))
/*
 * An interrupt that the guest takes by itself as soon as it takes interrupts; -1:
 * none any more. False: hardware has no such thing. One offer or window at a time.
 */
BACKEND_OP(bool, offer_irq, LOADED, (struct bellows_vcpu *vcpu, int vector), (vcpu, vector))
/* After an exit, while there is an offer: the guest has taken it, and the offer is gone. */
BACKEND_OP(bool, irq_taken, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
/*
 * With an APIC in the kernel: its mode, or the vectors whose ends must be
 * told, may have changed. True: from now on hardware keeps TPR, ISR and IRR in the
 * APIC's page, and ends interrupts, while the guest runs.
 */
BACKEND_OP(bool, apic_changed, LOADED, (struct bellows_vcpu *vcpu, const struct bellows_apic_view *view),
	   (vcpu, view))
/* The highest vectors in service and requested, -1: none: at least after each change of ours. */
BACKEND_OP(void, apic_vectors, LOADED, (struct bellows_vcpu *vcpu, int in_service, int requested),
	   (vcpu, in_service, requested))
BACKEND_OP(void, request_nmi_window, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(bool, get_nmi_mask, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, set_nmi_mask, LOADED, (struct bellows_vcpu *vcpu, bool masked), (vcpu, masked))
/* KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS */
BACKEND_OP(u32, get_interrupt_shadow, LOADED, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, set_interrupt_shadow, LOADED, (struct bellows_vcpu *vcpu, u32 shadow),
	   (vcpu, shadow))

/* drop this VM's translations, all of them or those of the guest's own tables. */
BACKEND_OP(void, flush_tlb, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))
BACKEND_OP(void, flush_tlb_guest, IRQOFF, (struct bellows_vcpu *vcpu), (vcpu))

#undef BACKEND_OP
