/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_I82093_H
#define BELLOWS_IRQ_I82093_H
/*
 * An 82093AA I/O APIC: its registers, and when a pin sends a message. Pure: the
 * caller locks, and carries the messages.
 */
#include "pure.h"

#define BELLOWS_IOAPIC_PINS	24
#define BELLOWS_IOAPIC_BASE	0xfec00000ULL
#define BELLOWS_IOAPIC_SIZE	0x100

/* A redirection entry. */
#define BELLOWS_IOAPIC_VECTOR		0xffULL
#define BELLOWS_IOAPIC_MODE		(7ULL << 8)
#define BELLOWS_IOAPIC_LOGICAL		BIT_ULL(11)
#define BELLOWS_IOAPIC_PENDING		BIT_ULL(12)	/* never seen: sending takes no time */
#define BELLOWS_IOAPIC_REMOTE_IRR	BIT_ULL(14)	/* a level was accepted, its EOI is due */
#define BELLOWS_IOAPIC_LEVEL		BIT_ULL(15)
#define BELLOWS_IOAPIC_MASKED		BIT_ULL(16)
#define BELLOWS_IOAPIC_DEST_SHIFT	56

/* So many interrupts right after an EOI, and the next one waits a little. */
#define BELLOWS_IOAPIC_STORM	10000

struct bellows_i82093 {
	u64 base;
	u32 select;
	u32 id;
	u32 irr;			/* pins that are up; edges also until they go down */
	u32 delivered;			/* edges that were sent */
	u64 entry[BELLOWS_IOAPIC_PINS];
	u32 successive[BELLOWS_IOAPIC_PINS];	/* EOIs that found the pin still up */
	/* How many accepted it; 0: it was pending there; -1: nobody was addressed. */
	int (*send)(struct bellows_i82093 *ioapic, u64 entry);
};

void bellows_i82093_init(struct bellows_i82093 *ioapic,
			 int (*send)(struct bellows_i82093 *ioapic, u64 entry));
/* 1 or more; 0: coalesced; -1: masked, waiting for an EOI, or nobody was addressed. */
int bellows_i82093_set_pin(struct bellows_i82093 *ioapic, unsigned int pin, bool high);
u32 bellows_i82093_read(const struct bellows_i82093 *ioapic, u32 offset);
/* The pin that this unmasked, or -1. */
int bellows_i82093_write(struct bellows_i82093 *ioapic, u32 offset, u32 value);
/* The pins with that vector. */
u32 bellows_i82093_pins(const struct bellows_i82093 *ioapic, u8 vector);
/* A CPU is done with the pin. True: it fires too often, bellows_i82093_resume() shall be called soon. */
bool bellows_i82093_eoi(struct bellows_i82093 *ioapic, unsigned int pin);
void bellows_i82093_resume(struct bellows_i82093 *ioapic);
/* State from outside: the pins in irr come up again. */
void bellows_i82093_restore(struct bellows_i82093 *ioapic, u32 irr);

#endif
