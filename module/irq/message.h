/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_MESSAGE_H
#define BELLOWS_IRQ_MESSAGE_H
/* What interrupt controllers send each other. Pure: tests have it, too. */
#include "pure.h"

/* Delivery modes as an APIC encodes them. */
enum bellows_irq_mode {
	BELLOWS_IRQ_FIXED = 0,
	BELLOWS_IRQ_LOWEST = 1,
	BELLOWS_IRQ_SMI = 2,
	BELLOWS_IRQ_NMI = 4,
	BELLOWS_IRQ_INIT = 5,
	BELLOWS_IRQ_SIPI = 6,
	BELLOWS_IRQ_EXTINT = 7,
};

enum bellows_irq_shorthand {
	BELLOWS_IRQ_TO_DEST = 0,
	BELLOWS_IRQ_TO_SELF = 1,
	BELLOWS_IRQ_TO_ALL = 2,
	BELLOWS_IRQ_TO_OTHERS = 3,
};

/* What travels between the controllers: an IPI, an MSI, an IOAPIC's pin. */
struct bellows_irq_message {
	u32 dest;			/* 8 bits wide unless the sender is in x2APIC mode */
	u8 vector;
	u8 delivery_mode;		/* bellows_irq_mode */
	bool logical;
	bool level;			/* trigger mode */
	bool assert;			/* false: only an INIT level de-assert, which does nothing */
	u8 shorthand;			/* bellows_irq_shorthand; the others than TO_DEST need a source */
	bool redirection_hint;		/* of an MSI: one of those addressed is enough */
};

#endif
