/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_PV_EOI_H
#define BELLOWS_IRQ_PV_EOI_H
/*
 * EOI by a bit in guest memory: offered before an entry, looked at after an exit,
 * withdrawn when userspace may look. By the vCPU's thread; may sleep.
 */
#include "types.h"

struct bellows_vcpu;

void bellows_apic_offer_eoi(struct bellows_vcpu *vcpu);
void bellows_apic_sync_eoi(struct bellows_vcpu *vcpu);
void bellows_apic_withdraw_eoi(struct bellows_vcpu *vcpu);
/* KVM's MSR that names the bit; also without an APIC. */
int bellows_apic_pv_eoi_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);

#endif
