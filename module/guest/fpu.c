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

struct bellows_host_state bellows_host;

/* What the host says of its bugs that is as true of its guests, and no feature that they would have to be given. */
#define ARCH_CAP_FOR_GUESTS							\
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA |			\
	 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO |	\
	 ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO |	\
	 ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR |		\
	 ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO |			\
	 ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

/*
 * IA32_ARCH_CAPABILITIES for guests. An older CPU without the register, or
 * without the bit, may be known to the kernel to be safe. Not passed on are the
 * bits that announce further MSRs (TSX_CTRL, MCU_OPT_CTRL, XAPIC_DISABLE_STATUS):
 * guests have none of those. Without TSX nothing is said about it. Nested tables
 * are made so that the size of a page does not change under an executing guest.
 */
static u64 arch_capabilities(void)
{
	static const struct {
		unsigned int bug;
		u64 immune;
	} bugs[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
		{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
		{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_TAA, ARCH_CAP_TAA_NO },
	};
	u64 value = 0;
	size_t i;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &value);
	value &= ARCH_CAP_FOR_GUESTS;
	value |= ARCH_CAP_PSCHANGE_MC_NO;
	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!boot_cpu_has_bug(bugs[i].bug))
			value |= bugs[i].immune;
	if (!boot_cpu_has(X86_FEATURE_RTM))
		value &= ~(u64)ARCH_CAP_TAA_NO;
	return value;
}

void bellows_host_state_init(void)
{
	rdmsrl_safe(MSR_EFER, &bellows_host.efer);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE) || (native_read_cr4() & X86_CR4_OSXSAVE))
		bellows_host.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl_safe(MSR_IA32_XSS, &bellows_host.xss);
	bellows_host.arch_capabilities = arch_capabilities();
	bellows_host.has_pku = cpu_feature_enabled(X86_FEATURE_PKU);
}

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
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	vcpu->fpu_loaded = true;
}

void bellows_fpu_put(struct bellows_vcpu *vcpu)
{
	if (!vcpu->fpu_loaded)
		return;
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	vcpu->fpu_loaded = false;
}

/* Of OSXSAVE and PKE: no backend lets a guest change them without an exit, so they are known. */
static bool cr4_has(const struct bellows_vcpu *vcpu, u64 bit)
{
	return vcpu->regs[BELLOWS_CR4] & bit;
}

static bool guest_uses_pkru(struct bellows_vcpu *vcpu)
{
	return bellows_host.has_pku && ((vcpu->xcr0 & XFEATURE_MASK_PKRU) || cr4_has(vcpu, X86_CR4_PKE));
}

/* Interrupts off, just before and just after the entry. */
void bellows_fpu_enter(struct bellows_vcpu *vcpu)
{
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (bellows_host.xcr0 && cr4_has(vcpu, X86_CR4_OSXSAVE)) {
		if (vcpu->xcr0 != bellows_host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
		if (vcpu->msrs.xss != bellows_host.xss)
			wrmsrl(MSR_IA32_XSS, vcpu->msrs.xss);
	}
	if (guest_uses_pkru(vcpu)) {
		vcpu->host_pkru = rdpkru();
		if (vcpu->host_pkru != vcpu->pkru)
			wrpkru(vcpu->pkru);
	}
}

void bellows_fpu_exit(struct bellows_vcpu *vcpu)
{
	if (guest_uses_pkru(vcpu)) {
		vcpu->pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->host_pkru);
	}
	if (bellows_host.xcr0 && cr4_has(vcpu, X86_CR4_OSXSAVE)) {
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
static void claim_sse(struct fpstate *fpstate)
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

	bellows_fpu_put(vcpu);
	fx = &vcpu->fpu.fpstate->regs.fxsave;
	if (write) {
		claim_sse(vcpu->fpu.fpstate);
		memcpy((u8 *)fx->xmm_space + reg * 16, data, 16);
	} else if (bellows_host.xcr0 &&
		   !(vcpu->fpu.fpstate->regs.xsave.header.xfeatures & XFEATURE_MASK_SSE)) {
		memset(data, 0, 16);
	} else {
		memcpy(data, (u8 *)fx->xmm_space + reg * 16, 16);
	}
	bellows_fpu_load(vcpu);
}
