/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_I82093_H
#define BELLOWS_IRQ_I82093_H
/*
 * An 82093AA I/O APIC: its registers, and when a pin sends a message. Pure: the
 * caller locks, and carries the messages.
 */
#include "pure.h"
#include "irq/message.h"

#define I82093_PINS	24
#define I82093_BASE	0xfec00000ULL
#define I82093_SIZE	0x100

/* A redirection entry. */
#define I82093_VECTOR		0xffULL
#define I82093_MODE		(7ULL << 8)
#define I82093_LOGICAL		BIT_ULL(11)
#define I82093_PENDING		BIT_ULL(12)		/* never seen: sending takes no time */
#define I82093_REMOTE_IRR	BIT_ULL(14)		/* a level was accepted, its EOI is due */
#define I82093_LEVEL		BIT_ULL(15)
#define I82093_MASKED		BIT_ULL(16)
#define I82093_DEST_SHIFT	56

/* So many interrupts right after an EOI, and the next one waits a little. */
#define I82093_STORM	10000

struct i82093 {
	u64 base;
	u32 select;
	u32 id;
	u32 irr;			/* pins that are up; edges also until they go down */
	u32 delivered;			/* edges that were sent */
	u64 entry[I82093_PINS];
	u32 successive[I82093_PINS];		/* EOIs that found the pin still up */
	/* How many accepted it, or enum irq_answer. */
	int (*send)(struct i82093 *ioapic, u64 entry);
};

void i82093_init(struct i82093 *ioapic,
		 int (*send)(struct i82093 *ioapic, u64 entry));
/* How many accepted it, or enum irq_answer. */
int i82093_set_pin(struct i82093 *ioapic, unsigned int pin, bool high);
u32 i82093_read(const struct i82093 *ioapic, u32 offset);
/* The pin that this unmasked, or -1. */
int i82093_write(struct i82093 *ioapic, u32 offset, u32 value);
/* The pins with that vector. */
u32 i82093_pins(const struct i82093 *ioapic, u8 vector);
/* A CPU is done with the pin. True: it fires too often, i82093_resume() shall be called soon. */
bool i82093_eoi(struct i82093 *ioapic, unsigned int pin);
void i82093_resume(struct i82093 *ioapic);
/* State from outside: the pins in irr come up again. */
void i82093_restore(struct i82093 *ioapic, u32 irr);

#endif
