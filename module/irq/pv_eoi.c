// SPDX-License-Identifier: GPL-2.0
/*
 * EOI without an exit, for guests that know KVM's way.
 *
 * The guest names a byte per vCPU. When an interrupt goes in and nothing would
 * follow from its end (the IOAPIC does not care, it is the only one in service, and
 * no other waits), the byte's lowest bit is set: an offer. The guest ends the
 * interrupt by clearing the bit, if it is set, and by writing EOI if it is not.
 * After the next exit the bit tells whether the end has come.
 *
 * An offer lasts while nothing changes. It is taken back before an entry for
 * which its conditions do not hold any more (an interrupt has come that the end
 * would let through), when the guest writes EOI all the same, and whenever
 * userspace gets to see the vCPU: what is saved then has no offer in it. The byte
 * is this vCPU's, which is not in the guest meanwhile, so none of it needs to be
 * atomic.
 */
#include <linux/lockdep.h>
#include "backend.h"
#include "irq/apic.h"
#include "irq/ioapic.h"
#include "irq/pv_eoi.h"
#include "vm/request.h"
#include "vm/result.h"

static gpa_t pv_eoi_address(const struct bellows_vcpu *vcpu)
{
	return vcpu->msrs.pv_eoi & ~1ULL;
}

static bool pv_eoi_write_byte(struct bellows_vcpu *vcpu, u8 value)
{
	return !bellows_gpa_write(&vcpu->vm->mmu, pv_eoi_address(vcpu), &value, sizeof(value));
}

static unsigned int pv_eoi_count(const struct bellows_apic *apic, unsigned int bank)
{
	unsigned int i, n = 0;

	for (i = 0; i < 8; i++)
		n += hweight32(apic->regs.reg[bank + i].v);
	return n;
}

/*
 * One in service, or one that the guest will take by itself; no pin behind it that
 * waits for the end, no other interrupt, and no timer that goes on once it is seen to
 * be taken.
 */
static bool pv_eoi_end_has_no_effect(const struct bellows_apic *apic)
{
	int offered = apic->vcpu->offered_irq;
	int vector = offered >= 0 ? offered : lapic_regs_highest(&apic->regs, LAPIC_ISR);

	if (vector < 0 || apic->rests || ioapic_handles(apic->vcpu->vm, vector))
		return false;
	if (offered >= 0)
		return pv_eoi_count(apic, LAPIC_ISR) == 0 && pv_eoi_count(apic, LAPIC_IRR) == 1;
	return lapic_regs_highest(&apic->regs, LAPIC_IRR) < 0 &&
	       pv_eoi_count(apic, LAPIC_ISR) == 1;
}

void bellows_apic_offer_eoi(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;

	lockdep_assert_held(&vcpu->mutex);
	if (!(vcpu->msrs.pv_eoi & 1))
		return;
	/* Where hardware ends interrupts the detour is the longer way. */
	if (apic->regs.by_hardware || !pv_eoi_end_has_no_effect(apic)) {
		bellows_apic_withdraw_eoi(vcpu);
		return;
	}
	if (!apic->eoi_offered)
		apic->eoi_offered = pv_eoi_write_byte(vcpu, 1);
}

void bellows_apic_withdraw_eoi(struct bellows_vcpu *vcpu)
{
	bellows_apic_sync_eoi(vcpu);
	if (!vcpu->apic->eoi_offered)
		return;
	vcpu->apic->eoi_offered = false;
	pv_eoi_write_byte(vcpu, 0);
}

void bellows_apic_sync_eoi(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;
	bool level;
	u8 byte;

	lockdep_assert_held(&vcpu->mutex);
	if (!apic->eoi_offered)
		return;
	/* A byte that is gone can't be cleared any more: the guest has to do without the end. */
	if (bellows_gpa_read(&vcpu->vm->mmu, pv_eoi_address(vcpu), &byte, sizeof(byte)) || byte & 1)
		return;
	apic->eoi_offered = false;
	lapic_regs_end(&apic->regs, &level);
	if (bellows_apic_has_interrupt(vcpu))
		bellows_request(vcpu, VCPU_REQ_EVENT);
}

int bellows_apic_pv_eoi_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	lockdep_assert_held(&vcpu->mutex);
	if (value & 2)
		return MSR_RESULT_GP;
	if (vcpu->apic)
		bellows_apic_withdraw_eoi(vcpu);
	vcpu->msrs.pv_eoi = value;
	return MSR_RESULT_OK;
}
