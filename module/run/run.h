/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_RUN_RUN_H
#define BELLOWS_RUN_RUN_H

struct bellows_vcpu;

/* KVM_RUN: in and out of the guest until userspace is needed (RUN_TO_USER, 0) or something fails (-errno); loaded. */
int bellows_vcpu_run(struct bellows_vcpu *vcpu);

#endif
