/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_REQUEST_H
#define BELLOWS_VM_REQUEST_H
/* Requests to vCPUs, one or all of a VM's, and a VM's death. */
#include "vm/vcpu.h"

struct bellows_vm;

/* X(NAME): bits of vcpu->requests. */
#define VCPU_REQUESTS(X)							\
	X(TLB_FLUSH)		/* all translations of this VM, before the next entry */ \
	X(TLB_FLUSH_GUEST)	/* the guest's own linear translations only */	\
	X(VM_DEAD)								\
	X(TRIPLE_FAULT)								\
	X(EVENT)		/* look for something to inject */		\
	X(MSR_FILTER)		/* the VM's MSR filter changed */		\
	X(APIC)			/* something was posted to the local APIC */	\
	X(APIC_VIEW)		/* what hardware must know of the APIC changed */ \
	X(CLOCK)		/* the clock page is out of date */		\
	X(KICK)			/* only leave the guest */

#define VCPU_REQUEST_ENUM(name) VCPU_REQ_##name,
enum bellows_request {
	VCPU_REQUESTS(VCPU_REQUEST_ENUM)
};

static inline void bellows_request(struct bellows_vcpu *vcpu, enum bellows_request req)
{
	/* Pairs with the full barrier between publishing .mode and reading .requests at entry. */
	smp_wmb();
	set_bit(req, &vcpu->requests);
}

/* The vCPU leaves the guest, or wakes, soon. Any context but NMI. */
void bellows_vcpu_kick(struct bellows_vcpu *vcpu);

/*
 * A request to every vCPU of the VM. On return none is inside the guest that has not
 * seen it. Interrupts on; mutexes may be held; never from a vCPU's own entry path.
 */
void bellows_vm_request_all(struct bellows_vm *vm, unsigned int request);
/* The same for a flush: every vCPU drops the VM's translations before it enters again. */
void bellows_vm_flush_tlb(struct bellows_vm *vm);

/* The VM is dead: vCPUs leave soon, and KVM_RUN does not start again. Any context but NMI. */
void bellows_vm_kill(struct bellows_vm *vm);
/* The same after an error of our own: warns once, every ioctl then gives -EIO. */
void bellows_vm_bug(struct bellows_vm *vm, const char *what);

int bellows_requests_init(void);	/* module load: per-CPU masks */
void bellows_requests_exit(void);

#endif
