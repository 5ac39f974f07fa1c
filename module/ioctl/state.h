/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_STATE_H
#define BELLOWS_IOCTL_STATE_H
#include "vm/vcpu.h"

/* Whole sets of state, the vCPU loaded: 0 or -EINVAL. */
void bellows_get_regs(struct bellows_vcpu *vcpu, struct kvm_regs *regs);
void bellows_set_regs(struct bellows_vcpu *vcpu, const struct kvm_regs *regs);
void bellows_get_sregs(struct bellows_vcpu *vcpu, struct kvm_sregs *sregs);
int bellows_set_sregs(struct bellows_vcpu *vcpu, const struct kvm_sregs *sregs);
void bellows_get_fpu(struct bellows_vcpu *vcpu, struct kvm_fpu *fpu);
void bellows_set_fpu(struct bellows_vcpu *vcpu, const struct kvm_fpu *fpu);
void bellows_get_debugregs(struct bellows_vcpu *vcpu, struct kvm_debugregs *regs);
int bellows_set_debugregs(struct bellows_vcpu *vcpu, const struct kvm_debugregs *regs);
void bellows_get_events(struct bellows_vcpu *vcpu, struct kvm_vcpu_events *events);
int bellows_set_events(struct bellows_vcpu *vcpu, const struct kvm_vcpu_events *events);

#endif
