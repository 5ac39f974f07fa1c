// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's FPU, XCR0 and PKRU.
 *
 * While a thread is in KVM_RUN its FPU state is the guest's, for the kernel
 * too: a context switch, or a softirq that uses the FPU, saves and restores the
 * guest's registers like those of any thread. So they are loaded once per stay
 * in the kernel and not per entry. What the kernel does not know about are
 * XCR0, XSS and PKRU: those it expects to be its own, so they are switched
 * around each entry, and only if they differ.
 */
#include <linux/slab.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/msr.h>
#include <asm/pgtable.h>
#include <asm/pkru.h>
#include <asm/special_insns.h>
#include "backend.h"
#include "guest/fpu.h"
#include "host/state.h"

int bellows_fpu_create(struct bellows_vcpu *vcpu)
{
	vcpu->xcr0 = XFEATURE_MASK_FP;
	return fpu_alloc_guest_fpstate(&vcpu->fpu) ? 0 : -ENOMEM;
}

void bellows_fpu_destroy(struct bellows_vcpu *vcpu)
{
	if (vcpu->fpu.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu);
}

void bellows_fpu_load(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert_preemption_enabled();
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	vcpu->fpu_loaded = true;
}

void bellows_fpu_put(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert_preemption_enabled();
	if (!vcpu->fpu_loaded)
		return;
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	vcpu->fpu_loaded = false;
}

/* Of OSXSAVE and PKE: no backend lets a guest change them without an exit, so they are known. */
static bool fpu_cr4_has(const struct bellows_vcpu *vcpu, u64 bit)
{
	return vcpu->regs[VCPU_CR4] & bit;
}

static bool fpu_uses_pkru(struct bellows_vcpu *vcpu)
{
	return bellows_host.has_pku &&
	       ((vcpu->xcr0 & XFEATURE_MASK_PKRU) || fpu_cr4_has(vcpu, X86_CR4_PKE));
}

/* Interrupts off, just before and just after the entry. */
void bellows_fpu_enter(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_irqs_disabled();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (bellows_host.xcr0 && fpu_cr4_has(vcpu, X86_CR4_OSXSAVE)) {
		if (vcpu->xcr0 != bellows_host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
		if (vcpu->msrs.xss != bellows_host.xss)
			wrmsrl(MSR_IA32_XSS, vcpu->msrs.xss);
	}
	if (fpu_uses_pkru(vcpu)) {
		vcpu->host_pkru = rdpkru();
		if (vcpu->host_pkru != vcpu->pkru)
			wrpkru(vcpu->pkru);
	}
}

void bellows_fpu_exit(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_irqs_disabled();
	if (fpu_uses_pkru(vcpu)) {
		vcpu->pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->host_pkru);
	}
	if (bellows_host.xcr0 && fpu_cr4_has(vcpu, X86_CR4_OSXSAVE)) {
		if (vcpu->xcr0 != bellows_host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, bellows_host.xcr0);
		if (vcpu->msrs.xss != bellows_host.xss)
			wrmsrl(MSR_IA32_XSS, bellows_host.xss);
	}
}

/*
 * The area says which parts are in their initial state; what stands there then
 * is left from earlier, and must not come to life with the part.
 */
static void fpu_claim_sse(struct fpstate *fpstate)
{
	struct xstate_header *header = &fpstate->regs.xsave.header;

	if (!bellows_host.xcr0 || (header->xfeatures & XFEATURE_MASK_SSE))
		return;
	memset(fpstate->regs.fxsave.xmm_space, 0, sizeof(fpstate->regs.fxsave.xmm_space));
	if (!(header->xfeatures & XFEATURE_MASK_YMM))
		fpstate->regs.fxsave.mxcsr = MXCSR_DEFAULT;
	header->xfeatures |= XFEATURE_MASK_SSE;
}

/* One SSE register, for the emulator: the guest's registers are live or in its save area. */
void bellows_fpu_xmm(struct bellows_vcpu *vcpu, unsigned int reg, void *data, bool write)
{
	struct fxregs_state *fx;

	lockdep_assert_loaded(vcpu);
	lockdep_assert(vcpu->fpu_loaded);
	bellows_fpu_put(vcpu);
	fx = &vcpu->fpu.fpstate->regs.fxsave;
	if (write) {
		fpu_claim_sse(vcpu->fpu.fpstate);
		memcpy((u8 *)fx->xmm_space + reg * 16, data, 16);
	} else if (bellows_host.xcr0 &&
		   !(vcpu->fpu.fpstate->regs.xsave.header.xfeatures & XFEATURE_MASK_SSE)) {
		memset(data, 0, 16);
	} else {
		memcpy(data, (u8 *)fx->xmm_space + reg * 16, 16);
	}
	bellows_fpu_load(vcpu);
}
