/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_VCPU_H
#define BELLOWS_IOCTL_VCPU_H
#include <linux/fs.h>
#include "vm/vcpu.h"

/* The mapping of a vCPU's descriptor: struct kvm_run, then the data of port I/O. */
#define BELLOWS_RUN_PAGES	2

/* A new vCPU's descriptor, or -errno. */
int bellows_vcpu_create_fd(struct bellows_vm *vm, u32 id);

#define BELLOWS_CALL_LOADED	BIT(0)	/* works on hardware state: the vCPU is loaded */

struct bellows_vcpu_call {
	unsigned int cmd;
	unsigned int flags;
	long (*fn)(struct bellows_vcpu *vcpu, void __user *argp);
};

/* NULL: there is no such call, or it is KVM_RUN. */
const struct bellows_vcpu_call *bellows_vcpu_call_find(unsigned int cmd);

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
