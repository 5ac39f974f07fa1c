/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_H
#define BELLOWS_VM_H
/*
 * A virtual machine: an address space and the vCPUs in it. It lives as long
 * as its fd or any of its vCPUs' fds.
 *
 * Locking: vm->lock serializes vCPU creation and VM-wide settings; it is taken
 * before mmu.slots_lock and never while a vcpu->mutex is held. Letters on members:
 *   [c]  constant once the VM is on the list of VMs
 *   [f]  written under vm->lock before there is a vCPU, constant from then on
 *   [l]  vm->lock
 *   [o]  written under vm->lock, read by any thread: one word, READ_ONCE
 *   [L]  bellows_vms_lock
 *   [b]  buses.lock
 *   [k]  kvmclock.lock
 *   [a]  atomic, any context
 *   [s]  serializes itself
 */
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include "host/host.h"
#include "mmu/mmu.h"

#define BELLOWS_MAX_VCPUS	64
#define BELLOWS_MAX_VCPU_ID	255

struct bellows_vcpu;
struct bellows_msr_filter;
struct bellows_irqchip;

enum bellows_bus_kind {
	BELLOWS_BUS_PIO,
	BELLOWS_BUS_MMIO,
	BELLOWS_NR_BUSES
};

struct bellows_bus;

/* What in the kernel answers at which port or address. */
struct bellows_buses {
	struct mutex lock;			/* [s] of changes */
	struct bellows_bus __rcu *bus[BELLOWS_NR_BUSES];	/* [b] read under SRCU; NULL: nothing there */
};

/* KVM's paravirtual clock: how the VM's time follows from the host's. */
struct bellows_kvmclock {
	spinlock_t lock;		/* [s] interrupts off */
	/* Time is ns at the host's TSC base_tsc; not by_tsc: the host's clock + ns. */
	bool by_tsc;			/* [k] */
	u64 base_tsc;			/* [k] of bellows_host_tsc() */
	s64 ns;				/* [k] */
	u64 base_boot;			/* [k] that moment by the host's clock */
	unsigned int sleeps;		/* [k] of the host, up to then */
	u64 wall_gpa;			/* [a] what the guest last wrote, for reading back */
	bool differs;			/* [a] vCPUs' TSCs were set apart: for good */
};

struct bellows_vm {
	struct kref ref;			/* [a] */
	struct mm_struct *mm;			/* [c] mm_count held: ioctls from another mm get -EIO */
	struct mutex lock;			/* [s] */
	struct list_head link;			/* [L] */
	bool dead;				/* [a] set once, never cleared */
	bool dead_reported;			/* [a] likewise */
	struct bellows_mmu mmu;			/* [s] */
	unsigned int nvcpus;			/* [o] published with release after vcpus[] */
	struct bellows_vcpu *vcpus[BELLOWS_MAX_VCPUS];	/* [l] those that are counted: constant */
	struct bellows_msr_filter __rcu *msr_filter;	/* [l] read under RCU */
	u32 user_msr_mask;			/* [o] KVM_CAP_X86_USER_SPACE_MSR */
	bool exception_payload;			/* [o] KVM_CAP_EXCEPTION_PAYLOAD */
	u64 disabled_quirks;			/* [o] KVM_CAP_DISABLE_QUIRKS: KVM_X86_QUIRK_* */
	u64 tss_addr;				/* [l] */
	u64 identity_map_addr;			/* [f] */
	s64 tsc_offset;				/* [f] new vCPUs start their TSC here */
	u32 id;					/* [c] for debugfs and messages */
	struct bellows_kvmclock kvmclock;	/* [s] */
	bool x2apic_32bit_ids;			/* [o] KVM_CAP_X2APIC_API */
	bool x2apic_no_broadcast_quirk;		/* [o] */
	u32 bsp_id;				/* [f] */
	void *backend;				/* [c] the backend's own, may be NULL */
	struct bellows_buses buses;		/* [s] */
	struct list_head ioeventfds;		/* [b] */
	struct bellows_irqchip *irqchip;	/* [f] published with release; NULL: userspace has it */
};

/* Are the interrupt controllers in the kernel? Settled once a vCPU exists. */
static inline bool bellows_irqchip_in_kernel(const struct bellows_vm *vm)
{
	/* Pairs with the release in bellows_irqchip_create(). */
	return smp_load_acquire(&vm->irqchip);
}

/* By an error of ours, or by the host having lost virtualization: every ioctl gives -EIO. */
static inline bool bellows_vm_is_dead(const struct bellows_vm *vm)
{
	return READ_ONCE(vm->dead) || bellows_host_lost();
}

#endif
