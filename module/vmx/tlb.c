// SPDX-License-Identifier: GPL-2.0
/*
 * Translations that a CPU has cached for a guest, and how they are dropped.
 *
 * A CPU caches three kinds: linear (the guest's own tables, tagged with the
 * VPID), guest-physical (EPT, tagged with the EPT root) and combined (tagged
 * with both). INVEPT with the root drops guest-physical and combined ones;
 * INVVPID drops linear and combined ones. Without VPIDs every entry and exit
 * drops linear and combined ones by itself.
 *
 * A vCPU that comes to a CPU drops everything under its tags there, since what
 * it left behind at an earlier visit missed all flushes since; the first visit
 * does the same for an earlier owner of the tag. Thus a VPID can be reused at
 * once, and so can the page of an EPT root.
 */
#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include "vmx/vmx.h"

#define NR_VPIDS	65536

static DECLARE_BITMAP(vpids, NR_VPIDS);
static DEFINE_SPINLOCK(vpids_lock);

/* 0 is the host's. */
void vpid_init(void)
{
	bitmap_zero(vpids, NR_VPIDS);
	__set_bit(0, vpids);
}

/* 0: none left, or not supported; the vCPU then works without. */
u16 vpid_alloc(void)
{
	unsigned long vpid;

	if (!vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_VPID))
		return 0;
	spin_lock(&vpids_lock);
	vpid = find_first_zero_bit(vpids, NR_VPIDS);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = 0;
	spin_unlock(&vpids_lock);
	return vpid;
}

void vpid_free(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpids_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpids_lock);
}

void vmx_flush_tlb_guest(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	lockdep_assert_held(&vcpu->mutex);
	if (vmx->vpid && vmx_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vmx->vpid))
		vmcs_access_failed("INVVPID", vmx->vpid);
}

void vmx_flush_tlb(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert_preemption_disabled();
	if (vmx_invept(VMX_EPT_EXTENT_CONTEXT, to_vmx(vcpu)->eptp))
		vmcs_access_failed("INVEPT", 0);
	vmx_flush_tlb_guest(vcpu);
}
