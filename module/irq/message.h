/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_MESSAGE_H
#define BELLOWS_IRQ_MESSAGE_H
/* What interrupt controllers send each other. Pure: tests have it, too. */
#include "pure.h"

/* What a source or a sender hears besides the number of vCPUs that took its interrupt. */
enum irq_answer {
	IRQ_IGNORED = -1,	/* masked, no route, an EOI is due, or no vCPU was addressed */
	IRQ_COALESCED = 0,	/* with one that is pending, or the APIC takes none */
	IRQ_ACCEPTED = 1,
};

/* Delivery modes as an APIC encodes them. */
enum message_mode {
	MESSAGE_FIXED = 0,
	MESSAGE_LOWEST = 1,
	MESSAGE_SMI = 2,
	MESSAGE_NMI = 4,
	MESSAGE_INIT = 5,
	MESSAGE_SIPI = 6,
	MESSAGE_EXTINT = 7,
};

enum message_shorthand {
	MESSAGE_TO_DEST = 0,
	MESSAGE_TO_SELF = 1,
	MESSAGE_TO_ALL = 2,
	MESSAGE_TO_OTHERS = 3,
};

/* What travels between the controllers: an IPI, an MSI, an IOAPIC's pin. */
struct irq_message {
	u32 dest;			/* 8 bits wide unless the sender is in x2APIC mode */
	u8 vector;
	u8 delivery_mode;		/* message_mode */
	bool logical;
	bool level;			/* trigger mode */
	bool assert;			/* false: only an INIT level de-assert, without effect */
	u8 shorthand;			/* message_shorthand; but for TO_DEST there is a source */
	bool redirection_hint;		/* of an MSI: one of those addressed is enough */
};

#endif
