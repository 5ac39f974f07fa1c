/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_CONTROL_H
#define BELLOWS_CONTROL_H
/* Control registers, EFER and XCR0: writes with the architecture's checks. */
#include "vm/result.h"
#include "vm/vcpu.h"

/* Control state with the architecture's checks; loaded. */
enum guest_write bellows_set_cr0(struct bellows_vcpu *vcpu, u64 value);
enum guest_write bellows_set_cr3(struct bellows_vcpu *vcpu, u64 value);
enum guest_write bellows_set_cr4(struct bellows_vcpu *vcpu, u64 value);
enum guest_write bellows_set_cr8(struct bellows_vcpu *vcpu, u64 value);
u64 bellows_get_cr8(struct bellows_vcpu *vcpu);
enum guest_write bellows_set_xcr(struct bellows_vcpu *vcpu, u32 index, u64 value);
/* As an access to the MSR. */
int control_set_efer(struct bellows_vcpu *vcpu, u64 value);

/* The checks alone, for a whole set that is loaded afterwards. */
bool bellows_cr0_valid(u64 value);
bool bellows_cr4_valid(struct bellows_vcpu *vcpu, u64 value);
bool bellows_efer_valid(const struct bellows_vcpu *vcpu, u64 value, bool host);
void bellows_load_efer(struct bellows_vcpu *vcpu, u64 value);

#endif
