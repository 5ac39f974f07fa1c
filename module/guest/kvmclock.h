/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_KVMCLOCK_H
#define BELLOWS_KVMCLOCK_H
/* KVM's paravirtual clock: a page per vCPU that turns its TSC into the VM's time. */
#include "types.h"

struct bellows_vcpu;
struct bellows_vm;

void bellows_kvmclock_init(struct bellows_vm *vm);
/* The guest's TSC starts here: no moment in a page shall be before. */
void bellows_kvmclock_rebase(struct bellows_vm *vm);
void bellows_kvmclock_get(struct bellows_vm *vm, struct kvm_clock_data *data);
/* 0 or -EINVAL. */
int bellows_kvmclock_set(struct bellows_vm *vm, const struct kvm_clock_data *data);

/* VCPU_REQ_CLOCK: the page is written. May sleep. */
void bellows_kvmclock_update(struct bellows_vcpu *vcpu);
/* The vCPU, whose guest uses the clock, was loaded; moved: onto another CPU. Any context. */
void bellows_kvmclock_loaded(struct bellows_vcpu *vcpu, bool moved);
/* The vCPU's TSC was moved. */
void kvmclock_tsc_moved(struct bellows_vcpu *vcpu);
/* KVM_KVMCLOCK_CTRL: the guest is to know that it was stopped. */
int bellows_kvmclock_stopped(struct bellows_vcpu *vcpu);

/* As the table of MSRs wants them. */
int kvmclock_get_msr(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int kvmclock_set_msr(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);

#endif
