/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_CHIP_H
#define BELLOWS_IRQ_CHIP_H
/*
 * The interrupt controllers that a VM has once: the 8259 pair, the IOAPIC, the
 * timer, the routes that lead lines to them, and the eventfds that raise lines. A
 * VM has all of them, and a local APIC per vCPU, or none: then userspace has the
 * controllers, and nothing in this folder is used.
 */
#include <linux/mutex.h>
#include "irq/ioapic.h"
#include "irq/irqfd.h"
#include "irq/pic.h"

struct bellows_vm;
struct pit;
struct routes;

struct bellows_irqchip {
	struct bellows_vm *vm;		/* [c] */
	struct pic pic;
	struct ioapic ioapic;
	struct mutex routes_lock;	/* of changes */
	struct routes __rcu *routes;	/* read under bellows_irq_srcu */
	struct irqfds irqfds;
	struct pit *pit;		/* set once, with release; under vm->lock */
};

/* NULL: userspace has the controllers. */
struct bellows_irqchip *bellows_irqchip_of(struct bellows_vm *vm);

/*
 * Creation: under vm->lock, before the first vCPU; sets vm->irqchip, last, with
 * release. 0 or -errno. Destruction: with the VM's last reference gone, before
 * its vCPUs are destroyed, and also when there is no chip. No source may deliver
 * any more when it returns.
 */
int bellows_irqchip_create(struct bellows_vm *vm);
void bellows_irqchip_destroy(struct bellows_vm *vm);

/* The guest is done with the interrupt of a pin; the chip in KVM's numbers. No spinlock held. */
void irqchip_ended(struct bellows_irqchip *chip, unsigned int which, unsigned int pin);
/* The guest lets a pin through that it had masked. The same. */
void irqchip_unmasked(struct bellows_irqchip *chip, unsigned int which, unsigned int pin);

#endif
