/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_STATE_H
#define BELLOWS_IOCTL_STATE_H
#include "vm/vcpu.h"

/* Whole sets of state, the vCPU loaded: 0 or -EINVAL. */
void state_get_regs(struct bellows_vcpu *vcpu, struct kvm_regs *regs);
void state_set_regs(struct bellows_vcpu *vcpu, const struct kvm_regs *regs);
void state_get_sregs(struct bellows_vcpu *vcpu, struct kvm_sregs *sregs);
int state_set_sregs(struct bellows_vcpu *vcpu, const struct kvm_sregs *sregs);
void state_get_fpu(struct bellows_vcpu *vcpu, struct kvm_fpu *fpu);
void state_set_fpu(struct bellows_vcpu *vcpu, const struct kvm_fpu *fpu);
void state_get_debugregs(struct bellows_vcpu *vcpu, struct kvm_debugregs *regs);
int state_set_debugregs(struct bellows_vcpu *vcpu, const struct kvm_debugregs *regs);
void state_get_events(struct bellows_vcpu *vcpu, struct kvm_vcpu_events *events);
int state_set_events(struct bellows_vcpu *vcpu, const struct kvm_vcpu_events *events);

#endif
