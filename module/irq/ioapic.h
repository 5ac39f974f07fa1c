/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_IOAPIC_H
#define BELLOWS_IRQ_IOAPIC_H
/* The IOAPIC of a VM. */
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "io/bus.h"
#include "irq/i82093.h"
#include "irq/route.h"

struct bellows_irqchip;
struct bellows_vm;
struct kvm_ioapic_state;

struct ioapic {
	spinlock_t lock;		/* irqs off */
	struct i82093 regs;		/* under lock */
	u8 sources[I82093_PINS];	/* under lock */
	u32 listened;			/* pins whose end is waited for; under lock */
	u64 handled[4];			/* vectors whose EOI matters; as pic.output */
	struct bellows_bus_device device;
	struct delayed_work resume;
};

int ioapic_init(struct bellows_irqchip *chip);
void ioapic_destroy(struct bellows_irqchip *chip);
/* As pic_set(). */
int ioapic_set(struct bellows_irqchip *chip, enum bellows_irq_source source, unsigned int pin,
	       bool high);
/* The pins whose end is waited for, edge or level. */
void ioapic_set_listened(struct bellows_irqchip *chip, u32 pins);

/*
 * A local APIC got an EOI of a vector that the IOAPIC cares for; level: it came
 * level-triggered. By the vCPU's thread, no spinlock held.
 */
void ioapic_eoi(struct bellows_vm *vm, u8 vector, bool level);
/* Does the IOAPIC care for EOIs of this vector? Any context. */
bool ioapic_handles(struct bellows_vm *vm, u8 vector);
/* The same for 64 of them: a bit each. */
u64 ioapic_handled(struct bellows_vm *vm, unsigned int word);

void bellows_ioapic_get_state(struct bellows_irqchip *chip, struct kvm_ioapic_state *state);
void bellows_ioapic_set_state(struct bellows_irqchip *chip, const struct kvm_ioapic_state *state);

#endif
