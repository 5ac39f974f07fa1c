// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, EFER and XCR0: what the architecture lets a guest write,
 * and what follows from a write. The checks are here, once; a backend gets
 * values that are valid.
 *
 * Under nested paging the guest's own tables are walked by the CPU, so a change
 * of paging mode means: tell the backend, and drop the translations that the
 * CPU would have dropped by itself had it executed the instruction.
 */
#include <asm/processor-flags.h>
#include <asm/msr-index.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include "backend.h"
#include "guest/control.h"
#include "irq/apic_access.h"
#include "vm/features.h"
#include "vm/request.h"

#define CR0_KNOWN (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
		   X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
/* Not bit 5: under nested paging some CPUs set it as an accessed bit. */
#define PDPTR_RESERVED(maxphyaddr) (GENMASK_ULL(63, maxphyaddr) | 0x1c6)

static void control_flush_guest(struct bellows_vcpu *vcpu)
{
	bellows_request(vcpu, VCPU_REQ_TLB_FLUSH_GUEST);
}

static u64 control_physical_reserved(const struct bellows_vcpu *vcpu)
{
	return vcpu->maxphyaddr < 64 ? GENMASK_ULL(63, vcpu->maxphyaddr) : 0;
}

/* PAE paging loads four entries at once, and refuses them if any is malformed. */
static bool control_pdptrs_valid(struct bellows_vcpu *vcpu, u64 cr3)
{
	u64 pdptr[4];
	int i;

	lockdep_assert_preemption_enabled();
	if (bellows_gpa_read(&vcpu->vm->mmu, cr3 & 0xffffffe0, pdptr, sizeof(pdptr)))
		return false;
	for (i = 0; i < 4; i++)
		if ((pdptr[i] & 1) && (pdptr[i] & PDPTR_RESERVED(vcpu->maxphyaddr)))
			return false;
	return true;
}

static bool control_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

bool bellows_cr0_valid(u64 value)
{
	if (value >> 32)
		return false;
	if ((value & X86_CR0_NW) && !(value & X86_CR0_CD))
		return false;
	return !(value & X86_CR0_PG) || (value & X86_CR0_PE);
}

/* Turns paging on or off in the guest's EFER.LMA. False: the CPU would refuse. */
static bool control_switch_paging(struct bellows_vcpu *vcpu, u64 value, u64 *efer)
{
	u64 cr4 = bellows_reg_read(vcpu, VCPU_CR4);
	struct kvm_segment cs;

	*efer = vcpu->msrs.efer;
	/* L as it is in the register, although it means nothing before. */
	bellows_backend(get_segment)(vcpu, SEG_CS, &cs);
	if (value & X86_CR0_PG) {
		if (!(*efer & EFER_LME))
			return true;
		if (!(cr4 & X86_CR4_PAE) || cs.l)
			return false;
		*efer |= EFER_LMA;
	} else {
		if ((*efer & EFER_LMA) && cs.l)
			return false;
		if (cr4 & X86_CR4_PCIDE)
			return false;
		*efer &= ~(u64)EFER_LMA;
	}
	return true;
}

enum guest_write bellows_set_cr0(struct bellows_vcpu *vcpu, u64 value)
{
	u64 old = bellows_reg_read(vcpu, VCPU_CR0);
	u64 cr4 = bellows_reg_read(vcpu, VCPU_CR4);
	u64 efer = vcpu->msrs.efer;
	u64 changed;

	lockdep_assert_loaded(vcpu);
	if (!bellows_cr0_valid(value))
		return GUEST_WRITE_GP;
	value = (value & CR0_KNOWN) | X86_CR0_ET;
	changed = value ^ old;
	if ((changed & X86_CR0_PG) && !control_switch_paging(vcpu, value, &efer))
		return GUEST_WRITE_GP;
	if (control_pae_paging(value, cr4, efer) &&
	    (changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    !control_pdptrs_valid(vcpu, bellows_reg_read(vcpu, VCPU_CR3)))
		return GUEST_WRITE_GP;
	if (efer != vcpu->msrs.efer) {
		vcpu->msrs.efer = efer;
		bellows_backend(set_efer)(vcpu, efer);
	}
	bellows_backend(set_cr0)(vcpu, value);
	if (changed & (X86_CR0_PG | X86_CR0_WP))
		control_flush_guest(vcpu);
	return GUEST_WRITE_OK;
}

static bool control_cr3_valid(const struct bellows_vcpu *vcpu, u64 value)
{
	return !(bellows_is_long_mode(vcpu) && (value & control_physical_reserved(vcpu)));
}

enum guest_write bellows_set_cr3(struct bellows_vcpu *vcpu, u64 value)
{
	u64 cr4 = bellows_reg_read(vcpu, VCPU_CR4);
	bool keep = false;

	lockdep_assert_loaded(vcpu);
	if (cr4 & X86_CR4_PCIDE) {
		keep = value & X86_CR3_PCID_NOFLUSH;
		value &= ~X86_CR3_PCID_NOFLUSH;
	}
	if (!control_cr3_valid(vcpu, value))
		return GUEST_WRITE_GP;
	if (control_pae_paging(bellows_reg_read(vcpu, VCPU_CR0), cr4, vcpu->msrs.efer) &&
	    !control_pdptrs_valid(vcpu, value))
		return GUEST_WRITE_GP;
	bellows_backend(set_cr3)(vcpu, value);
	if (!keep)
		control_flush_guest(vcpu);
	return GUEST_WRITE_OK;
}

bool bellows_cr4_valid(struct bellows_vcpu *vcpu, u64 value)
{
	return !(value & vcpu->cr4_reserved) && bellows_backend(cr4_allowed)(vcpu, value);
}

enum guest_write bellows_set_cr4(struct bellows_vcpu *vcpu, u64 value)
{
	u64 old = bellows_reg_read(vcpu, VCPU_CR4), changed = value ^ old;

	lockdep_assert_loaded(vcpu);
	if (!bellows_cr4_valid(vcpu, value))
		return GUEST_WRITE_GP;
	if (bellows_is_long_mode(vcpu)) {
		if (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57))
			return GUEST_WRITE_GP;
	} else if (control_pae_paging(bellows_reg_read(vcpu, VCPU_CR0), value, vcpu->msrs.efer) &&
		   (changed & (X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP)) &&
		   !control_pdptrs_valid(vcpu, bellows_reg_read(vcpu, VCPU_CR3))) {
		return GUEST_WRITE_GP;
	}
	if ((value & ~old & X86_CR4_PCIDE) &&
	    (!bellows_is_long_mode(vcpu) ||
	     (bellows_reg_read(vcpu, VCPU_CR3) & X86_CR3_PCID_MASK)))
		return GUEST_WRITE_GP;
	bellows_backend(set_cr4)(vcpu, value);
	/* SDM volume 3, section 4.10.4.1. */
	if ((changed & (X86_CR4_PGE | X86_CR4_PAE | X86_CR4_PSE | X86_CR4_LA57)) ||
	    (~value & old & X86_CR4_PCIDE) || (value & ~old & (X86_CR4_SMEP | X86_CR4_SMAP)))
		control_flush_guest(vcpu);
	return GUEST_WRITE_OK;
}

enum guest_write bellows_set_cr8(struct bellows_vcpu *vcpu, u64 value)
{
	lockdep_assert_loaded(vcpu);
	if (value & ~0xfULL)
		return GUEST_WRITE_GP;
	vcpu->cr8 = value;
	if (vcpu->apic)
		bellows_apic_set_tpr(vcpu, value << 4);
	return GUEST_WRITE_OK;
}

u64 bellows_get_cr8(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	return vcpu->apic ? bellows_apic_tpr(vcpu) >> 4 : vcpu->cr8;
}

static u64 control_efer_known(const struct bellows_vcpu *vcpu)
{
	u64 known = EFER_SCE;

	if (bellows_guest_has(vcpu, X86_FEATURE_LM))
		known |= EFER_LME | EFER_LMA;
	if (bellows_guest_has(vcpu, X86_FEATURE_NX))
		known |= EFER_NX;
	if (bellows_guest_has(vcpu, X86_FEATURE_FXSR_OPT))
		known |= EFER_FFXSR;
	return known;
}

bool bellows_efer_valid(const struct bellows_vcpu *vcpu, u64 value, bool host)
{
	/* Userspace may set EFER before CPUID: only what no guest here can have is refused. */
	u64 known = host ? EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_FFXSR :
		    control_efer_known(vcpu);

	return !(value & ~known);
}

/* Userspace's word: the whole register, LMA included. */
void bellows_load_efer(struct bellows_vcpu *vcpu, u64 value)
{
	lockdep_assert_loaded(vcpu);
	vcpu->msrs.efer = value;
	bellows_backend(set_efer)(vcpu, value);
}

int control_set_efer(struct bellows_vcpu *vcpu, u64 value)
{
	u64 old = vcpu->msrs.efer;

	lockdep_assert_loaded(vcpu);
	if (!bellows_efer_valid(vcpu, value, false))
		return MSR_RESULT_GP;
	if (((value ^ old) & EFER_LME) && (bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_PG))
		return MSR_RESULT_GP;
	/* LMA follows paging and cannot be written. */
	value = (value & ~(u64)EFER_LMA) | (old & EFER_LMA);
	if (value == old)
		return MSR_RESULT_OK;
	bellows_load_efer(vcpu, value);
	if ((value ^ old) & EFER_NX)
		control_flush_guest(vcpu);
	return MSR_RESULT_OK;
}

/* XCR0: x87 always, AVX only on top of SSE, the parts of AVX-512 only together. */
enum guest_write bellows_set_xcr(struct bellows_vcpu *vcpu, u32 index, u64 value)
{
	const u64 avx512 = XFEATURE_MASK_AVX512;

	lockdep_assert_held(&vcpu->mutex);
	if (index || !(value & XFEATURE_MASK_FP) ||
	    (value & ~(vcpu->guest_xcr0_mask | XFEATURE_MASK_FP)))
		return GUEST_WRITE_GP;
	if ((value & XFEATURE_MASK_YMM) && !(value & XFEATURE_MASK_SSE))
		return GUEST_WRITE_GP;
	if (!(value & XFEATURE_MASK_BNDREGS) != !(value & XFEATURE_MASK_BNDCSR))
		return GUEST_WRITE_GP;
	if ((value & avx512) && ((value & avx512) != avx512 || !(value & XFEATURE_MASK_YMM)))
		return GUEST_WRITE_GP;
	vcpu->xcr0 = value;
	return GUEST_WRITE_OK;
}
