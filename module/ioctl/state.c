// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's state as userspace reads and writes it, in KVM's structures. A set
 * is checked as a whole before any of it is loaded, so that a refused one
 * changes nothing.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "exit/emulation.h"
#include "guest/control.h"
#include "guest/debug.h"
#include "guest/inject.h"
#include "guest/msr.h"
#include "ioctl/state.h"
#include "irq/apic.h"
#include "vm/event.h"
#include "vm/request.h"

/* struct kvm_regs lists the general registers in an order of its own. */
static const struct { u16 offset; u8 reg; } gprs[] = {
#define GPR(name, reg) { offsetof(struct kvm_regs, name), reg }
	GPR(rax, GPR_RAX), GPR(rbx, GPR_RBX), GPR(rcx, GPR_RCX), GPR(rdx, GPR_RDX),
	GPR(rsi, GPR_RSI), GPR(rdi, GPR_RDI), GPR(rsp, GPR_RSP), GPR(rbp, GPR_RBP),
	GPR(r8, GPR_R8), GPR(r9, GPR_R9), GPR(r10, GPR_R10), GPR(r11, GPR_R11),
	GPR(r12, GPR_R12), GPR(r13, GPR_R13), GPR(r14, GPR_R14), GPR(r15, GPR_R15),
	GPR(rip, VCPU_RIP),
};

void state_get_regs(struct bellows_vcpu *vcpu, struct kvm_regs *regs)
{
	size_t i;

	lockdep_assert_loaded(vcpu);
	for (i = 0; i < ARRAY_SIZE(gprs); i++)
		*(u64 *)((char *)regs + gprs[i].offset) = bellows_reg_read(vcpu, gprs[i].reg);
	regs->rflags = bellows_get_rflags(vcpu);
}

void state_set_regs(struct bellows_vcpu *vcpu, const struct kvm_regs *regs)
{
	size_t i;

	lockdep_assert_loaded(vcpu);
	for (i = 0; i < ARRAY_SIZE(gprs); i++)
		bellows_reg_write(vcpu, gprs[i].reg, *(const u64 *)((const char *)regs + gprs[i].offset));
	bellows_set_rflags(vcpu, regs->rflags);
	/* As KVM: new registers, no exception left over from the old ones. */
	vcpu->events.exception.pending = false;
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

static const struct { u16 offset; u8 seg; } segments[] = {
#define SEG(name, seg) { offsetof(struct kvm_sregs, name), seg }
	SEG(cs, SEG_CS), SEG(ds, SEG_DS), SEG(es, SEG_ES), SEG(fs, SEG_FS),
	SEG(gs, SEG_GS), SEG(ss, SEG_SS), SEG(tr, SEG_TR), SEG(ldt, SEG_LDTR),
};

void state_get_sregs(struct bellows_vcpu *vcpu, struct kvm_sregs *sregs)
{
	const struct bellows_events *ev = &vcpu->events;
	size_t i;

	lockdep_assert_loaded(vcpu);
	memset(sregs, 0, sizeof(*sregs));
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		bellows_backend(get_segment)(vcpu, segments[i].seg,
					     (void *)((char *)sregs + segments[i].offset));
	bellows_backend(get_gdt)(vcpu, &sregs->gdt);
	bellows_backend(get_idt)(vcpu, &sregs->idt);
	sregs->cr0 = bellows_reg_read(vcpu, VCPU_CR0);
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = bellows_reg_read(vcpu, VCPU_CR3);
	sregs->cr4 = bellows_reg_read(vcpu, VCPU_CR4);
	sregs->cr8 = bellows_get_cr8(vcpu);
	sregs->efer = vcpu->msrs.efer;
	sregs->apic_base = vcpu->msrs.apic_base;
	if ((ev->interrupt.pending || ev->interrupt.injected) && !ev->interrupt.soft)
		__set_bit(ev->interrupt.vector, (unsigned long *)sregs->interrupt_bitmap);
}

static bool state_sregs_valid(struct bellows_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	if (!bellows_cr0_valid(sregs->cr0) || !bellows_cr4_valid(vcpu, sregs->cr4) ||
	    !bellows_efer_valid(vcpu, sregs->efer, true) || sregs->cr8 > 0xf)
		return false;
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG)) {
		/* Long mode: PAE and LMA go with it. */
		return (sregs->cr4 & X86_CR4_PAE) && (sregs->efer & EFER_LMA) &&
		       !(vcpu->maxphyaddr < 64 && (sregs->cr3 & GENMASK_ULL(63, vcpu->maxphyaddr)));
	}
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}

static void state_set_interrupt(struct bellows_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	unsigned long vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap, 256);

	if (vector < 256)
		bellows_queue_irq(vcpu, vector);
}

int state_set_sregs(struct bellows_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	u64 old = bellows_linear_rip(vcpu);
	size_t i;

	lockdep_assert_loaded(vcpu);
	if (!state_sregs_valid(vcpu, sregs) ||
	    bellows_msr_set(vcpu, MSR_IA32_APICBASE, sregs->apic_base, true))
		return -EINVAL;
	bellows_backend(set_idt)(vcpu, &sregs->idt);
	bellows_backend(set_gdt)(vcpu, &sregs->gdt);
	vcpu->cr2 = sregs->cr2;
	bellows_set_cr8(vcpu, sregs->cr8);
	bellows_load_efer(vcpu, sregs->efer);
	bellows_backend(set_cr0)(vcpu, sregs->cr0 | X86_CR0_ET);
	bellows_backend(set_cr4)(vcpu, sregs->cr4);
	bellows_backend(set_cr3)(vcpu, sregs->cr3);
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		bellows_backend(set_segment)(vcpu, segments[i].seg,
					     (const void *)((const char *)sregs + segments[i].offset));
	state_set_interrupt(vcpu, sregs);
	if (bellows_linear_rip(vcpu) != old)
		bellows_expect_nothing(vcpu);
	bellows_request(vcpu, VCPU_REQ_TLB_FLUSH_GUEST);
	bellows_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

static_assert(sizeof_field(struct kvm_fpu, xmm) == 256);

void state_get_fpu(struct bellows_vcpu *vcpu, struct kvm_fpu *fpu)
{
	const struct fxregs_state *fx = &vcpu->fpu.fpstate->regs.fxsave;

	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert(!vcpu->fpu_loaded);
	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	fpu->mxcsr = fx->mxcsr;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
}

void state_set_fpu(struct bellows_vcpu *vcpu, const struct kvm_fpu *fpu)
{
	struct fxregs_state *fx = &vcpu->fpu.fpstate->regs.fxsave;

	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert(!vcpu->fpu_loaded);
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	/* As KVM: MXCSR is not taken from here. What is reserved in it is the XSAVE calls' word. */
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		vcpu->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
}

void state_get_debugregs(struct bellows_vcpu *vcpu, struct kvm_debugregs *regs)
{
	lockdep_assert_held(&vcpu->mutex);
	memset(regs, 0, sizeof(*regs));
	memcpy(regs->db, vcpu->db, sizeof(regs->db));
	regs->dr6 = vcpu->dr6;
	regs->dr7 = vcpu->dr7;
}

int state_set_debugregs(struct bellows_vcpu *vcpu, const struct kvm_debugregs *regs)
{
	lockdep_assert_loaded(vcpu);
	if (regs->flags || (regs->dr6 >> 32) || (regs->dr7 >> 32))
		return -EINVAL;
	memcpy(vcpu->db, regs->db, sizeof(vcpu->db));
	vcpu->dr6 = regs->dr6 | DR6_RESERVED;
	vcpu->dr7 = regs->dr7 | BIT(10);
	bellows_update_dr7(vcpu);
	return 0;
}

void state_get_events(struct bellows_vcpu *vcpu, struct kvm_vcpu_events *events)
{
	const struct bellows_events *ev = &vcpu->events;
	bool payloads = READ_ONCE(vcpu->vm->exception_payload);

	lockdep_assert_loaded(vcpu);
	memset(events, 0, sizeof(*events));
	if (!payloads) {
		/* Without the capability userspace cannot save a payload: it is written now. */
		if (ev->exception.pending)
			bellows_deliver_payload(vcpu);
		events->exception.injected = (ev->exception.injected || ev->exception.pending) &&
					     !ev->exception.soft;
	} else {
		events->exception.injected = ev->exception.injected && !ev->exception.soft;
		events->exception.pending = ev->exception.pending;
		events->exception_has_payload = ev->exception.has_payload;
		events->exception_payload = ev->exception.payload;
		events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	}
	events->exception.nr = ev->exception.vector;
	events->exception.has_error_code = ev->exception.has_error;
	events->exception.error_code = ev->exception.error;
	events->interrupt.injected = (ev->interrupt.pending || ev->interrupt.injected) &&
				     !ev->interrupt.soft;
	events->interrupt.nr = ev->interrupt.vector;
	events->interrupt.shadow = bellows_backend(get_interrupt_shadow)(vcpu);
	events->nmi.injected = ev->nmi.injected;
	events->nmi.pending = ev->nmi.pending;
	events->nmi.masked = bellows_backend(get_nmi_mask)(vcpu);
	events->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
}

static bool state_events_valid(struct bellows_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM |
			  KVM_VCPUEVENT_VALID_PAYLOAD;

	if (events->flags & ~known)
		return false;
	if (events->flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
		if (!READ_ONCE(vcpu->vm->exception_payload))
			return false;
		if (events->exception.pending && events->exception.injected)
			return false;
	}
	if ((events->exception.injected || events->exception.pending) &&
	    (events->exception.nr > 31 || events->exception.nr == X86_TRAP_NMI))
		return false;
	/* There is no system-management mode here. */
	if ((events->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (events->smi.smm || events->smi.pending))
		return false;
	return true;
}

int state_set_events(struct bellows_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	struct bellows_events *ev = &vcpu->events;
	bool payloads = events->flags & KVM_VCPUEVENT_VALID_PAYLOAD;

	lockdep_assert_loaded(vcpu);
	if (!state_events_valid(vcpu, events))
		return -EINVAL;
	memset(&ev->exception, 0, sizeof(ev->exception));
	ev->exception.injected = events->exception.injected;
	ev->exception.pending = payloads && events->exception.pending;
	ev->exception.vector = events->exception.nr;
	ev->exception.has_error = events->exception.has_error_code &&
				  (bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_PE);
	ev->exception.error = events->exception.error_code;
	ev->exception.has_payload = payloads && events->exception_has_payload;
	ev->exception.payload = payloads ? events->exception_payload : 0;

	memset(&ev->interrupt, 0, sizeof(ev->interrupt));
	ev->interrupt.pending = events->interrupt.injected && !events->interrupt.soft;
	ev->interrupt.vector = events->interrupt.nr;
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		bellows_backend(set_interrupt_shadow)(vcpu, events->interrupt.shadow);

	ev->nmi.injected = events->nmi.injected;
	if ((events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && vcpu->apic)
		WRITE_ONCE(vcpu->apic->sipi_vector, events->sipi_vector);
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		ev->nmi.pending = min_t(u8, events->nmi.pending, 2);
	bellows_backend(set_nmi_mask)(vcpu, events->nmi.masked);
	bellows_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
