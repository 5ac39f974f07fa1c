/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_H
#define BELLOWS_VM_H
/*
 * A virtual machine: an address space and the vCPUs in it. It lives as long
 * as its fd or any of its vCPUs' fds.
 *
 * Locking: vm->lock serializes vCPU creation and VM-wide settings; it is taken
 * before mmu.slots_lock and never while a vcpu->mutex is held.
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
	struct mutex lock;			/* of changes */
	struct bellows_bus __rcu *bus[BELLOWS_NR_BUSES];	/* NULL: nothing there */
};

/* KVM's paravirtual clock: how the VM's time follows from the host's. */
struct bellows_kvmclock {
	spinlock_t lock;
	/* [lock] by_tsc: time is ns at the host's TSC base_tsc; else the host's clock + ns. */
	bool by_tsc;
	u64 base_tsc;			/* of bellows_host_tsc() */
	s64 ns;
	u64 base_boot;			/* that moment by the host's clock */
	unsigned int sleeps;		/* of the host, up to then */
	u64 wall_gpa;			/* [a] what the guest last wrote, for reading back */
	bool differs;			/* [a] vCPUs' TSCs were set apart: for good */
};

struct bellows_vm {
	struct kref ref;
	struct mm_struct *mm;			/* [c] mm_count held: ioctls from another mm get -EIO */
	struct mutex lock;
	struct list_head link;			/* under bellows_vms_lock */
	bool dead;				/* set once (WRITE_ONCE), never cleared */
	bool dead_reported;
	struct bellows_mmu mmu;
	unsigned int nvcpus;			/* published with release after vcpus[] */
	struct bellows_vcpu *vcpus[BELLOWS_MAX_VCPUS];
	struct bellows_msr_filter __rcu *msr_filter;
	u32 user_msr_mask;			/* KVM_CAP_X86_USER_SPACE_MSR */
	bool exception_payload;			/* KVM_CAP_EXCEPTION_PAYLOAD */
	bool disable_quirks;
	u64 tss_addr;
	u64 identity_map_addr;
	s64 tsc_offset;				/* new vCPUs start their TSC here */
	u32 id;					/* for debugfs and messages */
	struct bellows_kvmclock kvmclock;
	bool x2apic_32bit_ids;			/* KVM_CAP_X2APIC_API */
	bool x2apic_no_broadcast_quirk;
	u32 bsp_id;				/* [c] from the first vCPU on */
	void *backend;				/* [c] the backend's own, may be NULL */
	struct bellows_buses buses;
	struct list_head ioeventfds;		/* under buses.lock */
	struct bellows_irqchip *irqchip;	/* [c] from before the first vCPU; NULL: userspace has it */
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
