/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_CONTROL_H
#define BELLOWS_CONTROL_H
/* Checks of control state that the ioctl layer makes before it loads a whole set. */
#include "vm/vcpu.h"

bool bellows_cr0_valid(u64 value);
bool bellows_cr3_valid(const struct bellows_vcpu *vcpu, u64 value);
bool bellows_cr4_valid(struct bellows_vcpu *vcpu, u64 value);
bool bellows_efer_valid(const struct bellows_vcpu *vcpu, u64 value, bool host);
void bellows_load_efer(struct bellows_vcpu *vcpu, u64 value);

#endif
