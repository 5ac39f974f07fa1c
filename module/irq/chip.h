/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_CHIP_H
#define BELLOWS_IRQ_CHIP_H
/*
 * The interrupt controllers that a VM has once, from inside: the 8259 pair, the
 * IOAPIC, the timer, and the routes that lead lines to them.
 *
 * A line (GSI) is up while any of its sources holds it up, so that a device of
 * userspace and one of the kernel can share it. Each chip remembers the sources
 * per pin.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "io/bus.h"
#include "irq/i8259.h"
#include "irq/i82093.h"
#include "irq/irq.h"

enum bellows_irq_source {
	BELLOWS_SOURCE_USER,		/* KVM_IRQ_LINE */
	BELLOWS_SOURCE_PULSE,		/* irqfds without resampling */
	BELLOWS_SOURCE_RESAMPLE,	/* all irqfds with resampling of a line */
	BELLOWS_SOURCE_PIT,
};

struct routes;
struct pit;

struct pic {
	spinlock_t lock;		/* irqs off */
	struct i8259_pair pair;		/* under lock */
	u8 sources[I8259_PINS];		/* under lock */
	bool output;			/* written under lock, read by anybody */
	struct bellows_bus_device master, slave, elcr;
};

struct ioapic {
	spinlock_t lock;		/* irqs off */
	struct i82093 regs;		/* under lock */
	u8 sources[I82093_PINS];		/* under lock */
	u32 listened;			/* pins whose end somebody waits for; under lock */
	u64 handled[4];			/* vectors whose EOI matters; written under lock, read by anybody */
	struct bellows_bus_device device;
	struct delayed_work resume;
};

struct irqfds {
	struct mutex lock;		/* one assigns or takes away */
	spinlock_t list_lock;		/* irqs off; inside an eventfd's wait queue's lock */
	struct list_head list;		/* under list_lock: those that are active */
	struct list_head resampled;	/* read under bellows_irq_srcu, changed under list_lock */
	unsigned int n;			/* under list_lock: those that exist */
};

struct bellows_irqchip {
	struct bellows_vm *vm;		/* [c] */
	struct pic pic;
	struct ioapic ioapic;
	struct mutex routes_lock;	/* of changes */
	struct routes __rcu *routes;		/* read under bellows_irq_srcu */
	struct irqfds irqfds;
	struct pit *pit;		/* set once, with release; under vm->lock */
};

/* NULL: userspace has the controllers. */
struct bellows_irqchip *bellows_irqchip_of(struct bellows_vm *vm);

int pic_init(struct bellows_irqchip *chip);
void pic_destroy(struct bellows_irqchip *chip);
/* Any context. As KVM_IRQ_LINE_STATUS has it: accepted by so many; 0: coalesced; -1: masked. */
int pic_set(struct bellows_irqchip *chip, enum bellows_irq_source source, unsigned int pin,
	    bool high);
struct kvm_pic_state;
void bellows_pic_get_state(struct bellows_irqchip *chip, unsigned int which,
			   struct kvm_pic_state *state);
void bellows_pic_set_state(struct bellows_irqchip *chip, unsigned int which,
			   const struct kvm_pic_state *state);

int ioapic_init(struct bellows_irqchip *chip);
void ioapic_destroy(struct bellows_irqchip *chip);
/* As pic_set(). */
int ioapic_set(struct bellows_irqchip *chip, enum bellows_irq_source source,
	       unsigned int pin, bool high);
struct kvm_ioapic_state;
void bellows_ioapic_get_state(struct bellows_irqchip *chip, struct kvm_ioapic_state *state);
void bellows_ioapic_set_state(struct bellows_irqchip *chip, const struct kvm_ioapic_state *state);
/* The pins whose end somebody waits for, edge or level. */
void ioapic_set_listened(struct bellows_irqchip *chip, u32 pins);

/* The chip in KVM's numbers. The guest is done with a pin's interrupt: any context, no spinlock held. */
void irqchip_ended(struct bellows_irqchip *chip, unsigned int which, unsigned int pin);
/* The guest lets a pin through that it had masked. The same. */
void irqchip_unmasked(struct bellows_irqchip *chip, unsigned int which, unsigned int pin);

#endif
