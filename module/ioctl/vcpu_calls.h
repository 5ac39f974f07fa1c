/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_VCPU_CALLS_H
#define BELLOWS_IOCTL_VCPU_CALLS_H
#include <linux/bits.h>
#include <linux/compiler.h>

struct bellows_vcpu;

#define VCPU_CALL_LOADED	BIT(0)	/* works on hardware state: the vCPU is loaded */

struct vcpu_call {
	unsigned int cmd;
	unsigned int flags;
	long (*fn)(struct bellows_vcpu *vcpu, void __user *argp);
};

/* NULL: there is no such call, or it is KVM_RUN. */
const struct vcpu_call *vcpu_call_find(unsigned int cmd);

#endif
