// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers of a guest.
 *
 * What the hardware holds in CR0 and CR4 is not always what the guest wrote:
 * VMX insists on some bits, caching is not the guest's to turn off, and machine
 * checks are the host's. A bit is either owned by the guest, then hardware's bit
 * is the truth and may change without an exit; or by us, then the guest reads
 * the shadow, and a write that would change it exits. regs[] holds the guest's
 * view; where it says "not cached" only the owned bits may be out of date.
 *
 * Owned are bits whose change has no consequence that the CPU does not draw by
 * itself: with EPT that is all of the paging details but PE and PG (they decide
 * EFER.LMA) and bits that the guest's CPUID reserves (they must fault).
 *
 * CR3 is never intercepted. In PAE mode the four pointers that CR3 names are
 * registers of their own: a guest's own load fills them by itself, a load on
 * its behalf must do the same, so they are read when CR3 is set while that mode is
 * on, and when CR0, CR4 or EFER change in a way that loads them, from whatever
 * guest memory holds then.
 */
#include <asm/processor-flags.h>
#include <asm/msr-index.h>
#include <asm/tlbflush.h>
#include "vmx/vmx.h"

#define CR0_GUEST_OWNS	(X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_WP | X86_CR0_AM)
#define CR4_GUEST_OWNS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | \
			 X86_CR4_FSGSBASE)

/* SDM volume 3, section 4.4.1: what loads the four pointers, besides CR3. */
#define CR0_LOADS_PDPTES	(X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)
#define CR4_LOADS_PDPTES	(X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP)
#define PDPTE_RESERVED		0x1e6

static bool vmx_pae_paging(struct bellows_vcpu *vcpu)
{
	return !(vcpu->msrs.efer & EFER_LMA) &&
	       (bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_PG) &&
	       (bellows_reg_read(vcpu, VCPU_CR4) & X86_CR4_PAE);
}

/*
 * Entries are checked where the guest would fault, and may have changed since; an
 * entry of the guest does not take what is malformed. Bit 5 is let through there,
 * for CPUs that set it.
 */
static u64 vmx_usable_pdpte(struct bellows_vcpu *vcpu, u64 pdpte)
{
	unsigned int width = min_t(unsigned int, vcpu->maxphyaddr, boot_cpu_data.x86_phys_bits);

	pdpte &= ~BIT_ULL(5);
	return (pdpte & 1) && (pdpte & (GENMASK_ULL(63, width) | PDPTE_RESERVED)) ? 0 : pdpte;
}

static void vmx_load_pdptes(struct bellows_vcpu *vcpu)
{
	u64 cr3, pdpte[4];
	int i;

	lockdep_assert_loaded(vcpu);
	if (!vmx_pae_paging(vcpu))
		return;
	might_sleep();
	cr3 = bellows_reg_read(vcpu, VCPU_CR3);
	if (bellows_gpa_read(&vcpu->vm->mmu, cr3 & 0xffffffe0, pdpte, sizeof(pdpte)))
		memset(pdpte, 0, sizeof(pdpte));
	for (i = 0; i < 4; i++)
		vmcs_write(GUEST_PDPTR0 + 2 * i, vmx_usable_pdpte(vcpu, pdpte[i]));
}

static void vmx_set_cached(struct bellows_vcpu *vcpu, unsigned int reg, u64 value)
{
	vcpu->regs[reg] = value;
	vcpu->cached |= BIT(reg);
}

void vmx_cache_control(struct vmx_vcpu *vmx, unsigned int reg)
{
	u64 *value = &vmx->vcpu.regs[reg];

	lockdep_assert_loaded(&vmx->vcpu);
	if (reg == VCPU_CR0)
		*value = (*value & ~vmx->cr0_owned) | (vmcs_read(GUEST_CR0) & vmx->cr0_owned);
	else if (reg == VCPU_CR4)
		*value = (*value & ~vmx->cr4_owned) | (vmcs_read(GUEST_CR4) & vmx->cr4_owned);
	else
		*value = vmcs_read(GUEST_CR3);
}

void vmx_set_cr0(struct bellows_vcpu *vcpu, u64 value)
{
	u64 hardware = (value & ~(u64)(X86_CR0_CD | X86_CR0_NW)) | vmx_controls.cr0_set;
	u64 changed = bellows_reg_read(vcpu, VCPU_CR0) ^ value;

	vmcs_write(GUEST_CR0, hardware);
	vmcs_write(CR0_READ_SHADOW, value);
	vmx_set_cached(vcpu, VCPU_CR0, value);
	if (changed & CR0_LOADS_PDPTES)
		vmx_load_pdptes(vcpu);
}

void vmx_set_cr3(struct bellows_vcpu *vcpu, u64 value)
{
	vmcs_write(GUEST_CR3, value);
	vmx_set_cached(vcpu, VCPU_CR3, value);
	vmx_load_pdptes(vcpu);
}

void vmx_set_cr4(struct bellows_vcpu *vcpu, u64 value)
{
	u64 hardware = (value & ~(u64)X86_CR4_MCE) | vmx_controls.cr4_set |
		       (cr4_read_shadow() & X86_CR4_MCE);
	u64 changed = bellows_reg_read(vcpu, VCPU_CR4) ^ value;

	vmcs_write(GUEST_CR4, hardware);
	vmcs_write(CR4_READ_SHADOW, value);
	vmx_set_cached(vcpu, VCPU_CR4, value);
	if (changed & CR4_LOADS_PDPTES)
		vmx_load_pdptes(vcpu);
}

bool vmx_cr4_allowed(struct bellows_vcpu *vcpu, u64 value)
{
	return !(value & ~vmx_controls.cr4_allowed);
}

/* The caller has put the new value into vcpu->msrs. */
void vmx_set_efer(struct bellows_vcpu *vcpu, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 controls = vmx->entry_controls & ~(u32)VMX_CTL_ENTRY_IA32E_MODE;

	if (value & EFER_LMA)
		controls |= VMX_CTL_ENTRY_IA32E_MODE;
	if (controls != vmx->entry_controls) {
		vmx->entry_controls = controls;
		vmcs_write(VM_ENTRY_CONTROLS, controls);
	}
	vmx_efer_changed(vmx);
	vmx_load_pdptes(vcpu);
}

void vmx_set_dr7(struct bellows_vcpu *vcpu, u64 value)
{
	vmcs_write(GUEST_DR7, value);
}

void vmx_update_owned_bits(struct vmx_vcpu *vmx)
{
	struct bellows_vcpu *vcpu = &vmx->vcpu;

	lockdep_assert_loaded(vcpu);
	/* What the guest owned so far must be known before it stops owning it. */
	bellows_reg_read(vcpu, VCPU_CR0);
	bellows_reg_read(vcpu, VCPU_CR4);
	vmx->cr0_owned = CR0_GUEST_OWNS;
	vmx->cr4_owned = CR4_GUEST_OWNS & ~vcpu->cr4_reserved & vmx_controls.cr4_allowed;
	vmcs_write(CR0_GUEST_HOST_MASK, ~vmx->cr0_owned);
	vmcs_write(CR4_GUEST_HOST_MASK, ~vmx->cr4_owned);
	vmcs_write(CR0_READ_SHADOW, vcpu->regs[VCPU_CR0]);
	vmcs_write(CR4_READ_SHADOW, vcpu->regs[VCPU_CR4]);
}
