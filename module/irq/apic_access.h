/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_APIC_ACCESS_H
#define BELLOWS_IRQ_APIC_ACCESS_H
/* The ways to a local APIC's registers. By the vCPU's thread. */
#include "types.h"

struct bellows_vcpu;
struct kvm_lapic_state;

/* The register page. False: the address is not the APIC's. Also without one. */
bool bellows_apic_mmio_read(struct bellows_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len);
bool bellows_apic_mmio_write(struct bellows_vcpu *vcpu, gpa_t gpa, const void *data,
			     unsigned int len);

/* MSRs, as the table of MSRs wants them; also without an APIC. */
int bellows_apic_x2apic_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int bellows_apic_x2apic_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
/*
 * A guest's write to EOI, ICR or the deadline, which neither sleeps nor needs the
 * table. False: nothing was done, it is to go the long way.
 */
bool bellows_apic_wrmsr_fast(struct bellows_vcpu *vcpu, u32 index, u64 value);
/* IA32_APIC_BASE of a vCPU with an APIC. */
int bellows_apic_set_base(struct bellows_vcpu *vcpu, u64 value, bool host);

/* Hardware has ended an interrupt. */
void bellows_apic_ended(struct bellows_vcpu *vcpu, u8 vector);
u8 bellows_apic_tpr(struct bellows_vcpu *vcpu);
/* CR8 was written. */
void bellows_apic_set_tpr(struct bellows_vcpu *vcpu, u8 tpr);
/* CPUID was set: it decides on modes of the timer. Also without an APIC. */
void bellows_apic_cpuid_changed(struct bellows_vcpu *vcpu);

/* KVM_GET_LAPIC, KVM_SET_LAPIC */
void bellows_apic_get_state(struct bellows_vcpu *vcpu, struct kvm_lapic_state *state);
int bellows_apic_set_state(struct bellows_vcpu *vcpu, const struct kvm_lapic_state *state);

#endif
