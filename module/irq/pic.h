/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_PIC_H
#define BELLOWS_IRQ_PIC_H
/* The 8259 pair of a VM. */
#include <linux/spinlock.h>
#include "io/bus.h"
#include "irq/i8259.h"
#include "irq/route.h"

struct bellows_irqchip;
struct bellows_vm;
struct kvm_pic_state;

struct pic {
	spinlock_t lock;		/* irqs off */
	struct i8259_pair pair;		/* under lock */
	u8 sources[I8259_PINS];		/* under lock */
	bool output;			/* written under lock, read in any context */
	struct bellows_bus_device master, slave, elcr;
};

int pic_init(struct bellows_irqchip *chip);
void pic_destroy(struct bellows_irqchip *chip);
/* Any context. The answer as KVM_IRQ_LINE_STATUS has it: enum irq_answer. */
int pic_set(struct bellows_irqchip *chip, enum bellows_irq_source source, unsigned int pin,
	    bool high);

/* The pair asks for an interrupt. Any context. */
bool pic_pending(struct bellows_vm *vm);
/* INTA, by the vCPU's thread at injection: the vector. -1: there are no chips. */
int pic_acknowledge(struct bellows_vm *vm);

void bellows_pic_get_state(struct bellows_irqchip *chip, unsigned int which,
			   struct kvm_pic_state *state);
void bellows_pic_set_state(struct bellows_irqchip *chip, unsigned int which,
			   const struct kvm_pic_state *state);

#endif
