// SPDX-License-Identifier: GPL-2.0
/*
 * An I/O APIC turns pins into messages.
 *
 * A pin that triggers by edge sends when it goes up, once, or when it is
 * unmasked only if it goes up again. A level sends when it is up, unmasked, and
 * no earlier message waits for its EOI: a CPU that accepted it sets Remote IRR,
 * the EOI clears it, and if the pin is still up it sends again. A guest that
 * never quiets its device would get nothing done: after many such rounds without
 * a pause the next one is left to the caller's timer.
 *
 * Polarity is kept and has no meaning: the source that drives a pin says whether the
 * interrupt is asserted. Version 0x11, as KVM's: no EOI register; an entry that
 * becomes an edge loses Remote IRR, which is what systems use instead.
 */
#include "irq/i82093.h"

#define VERSION		0x11

/* Offsets of the two registers that are visible, and numbers of those behind. */
#define SELECT		0x00
#define WINDOW		0x10
#define REG_ID		0
#define REG_VERSION	1
#define REG_ARBITRATION	2
#define REG_ENTRIES	0x10

#define READ_ONLY	(I82093_REMOTE_IRR | I82093_PENDING)

static int i82093_service(struct i82093 *ioapic, unsigned int pin)
{
	u64 *entry = &ioapic->entry[pin];
	int r;

	if (*entry & I82093_MASKED)
		return IRQ_IGNORED;
	if (!(*entry & I82093_LEVEL)) {
		ioapic->delivered |= BIT(pin);
		return ioapic->send(ioapic, *entry);
	}
	if (*entry & I82093_REMOTE_IRR)
		return IRQ_IGNORED;
	r = ioapic->send(ioapic, *entry);
	if (r >= IRQ_ACCEPTED)
		*entry |= I82093_REMOTE_IRR;
	return r;
}

int i82093_set_pin(struct i82093 *ioapic, unsigned int pin, bool high)
{
	u32 bit = BIT(pin), old = ioapic->irr;

	if (!high) {
		ioapic->irr &= ~bit;
		return IRQ_ACCEPTED;
	}
	ioapic->irr |= bit;
	if (!(ioapic->entry[pin] & I82093_LEVEL)) {
		ioapic->delivered &= ~bit;
		if (old & bit)
			return IRQ_COALESCED;
	}
	return i82093_service(ioapic, pin);
}

u32 i82093_read(const struct i82093 *ioapic, u32 offset)
{
	u32 pin = (ioapic->select - REG_ENTRIES) >> 1;

	if (offset == SELECT)
		return ioapic->select;
	if (offset != WINDOW)
		return 0;
	switch (ioapic->select) {
	case REG_VERSION:
		return (I82093_PINS - 1) << 16 | VERSION;
	case REG_ID:
	case REG_ARBITRATION:
		return (ioapic->id & 0xf) << 24;
	}
	if (pin >= I82093_PINS)
		return ~0U;
	pin = array_index_nospec(pin, I82093_PINS);
	return ioapic->select & 1 ? ioapic->entry[pin] >> 32 : ioapic->entry[pin];
}

static int i82093_write_entry(struct i82093 *ioapic, unsigned int pin, u64 value)
{
	u64 old = ioapic->entry[pin];

	value = (value & ~READ_ONLY) | (old & READ_ONLY);
	if (!(value & I82093_LEVEL))
		value &= ~I82093_REMOTE_IRR;
	ioapic->entry[pin] = value;
	if ((value & I82093_LEVEL) && (ioapic->irr & BIT(pin)))
		i82093_service(ioapic, pin);
	return (old & I82093_MASKED) && !(value & I82093_MASKED) ? (int)pin : -1;
}

int i82093_write(struct i82093 *ioapic, u32 offset, u32 value)
{
	u32 pin = (ioapic->select - REG_ENTRIES) >> 1;
	u64 entry;

	if (offset == SELECT)
		ioapic->select = value & 0xff;
	if (offset != WINDOW)
		return -1;
	if (ioapic->select == REG_ID)
		ioapic->id = value >> 24 & 0xf;
	if (ioapic->select < REG_ENTRIES || pin >= I82093_PINS)
		return -1;
	pin = array_index_nospec(pin, I82093_PINS);
	entry = ioapic->entry[pin];
	if (ioapic->select & 1)
		entry = (u32)entry | (u64)value << 32;
	else
		entry = (entry & ~0xffffffffULL) | value;
	return i82093_write_entry(ioapic, pin, entry);
}

u32 i82093_pins(const struct i82093 *ioapic, u8 vector)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < I82093_PINS; pin++) {
		if ((ioapic->entry[pin] & I82093_VECTOR) == vector)
			pins |= BIT(pin);
	}
	return pins;
}

bool i82093_eoi(struct i82093 *ioapic, unsigned int pin)
{
	u64 *entry = &ioapic->entry[pin];

	if (!(*entry & I82093_LEVEL))
		return false;
	*entry &= ~I82093_REMOTE_IRR;
	if ((*entry & I82093_MASKED) || !(ioapic->irr & BIT(pin))) {
		ioapic->successive[pin] = 0;
		return false;
	}
	if (++ioapic->successive[pin] >= I82093_STORM) {
		ioapic->successive[pin] = 0;
		return true;
	}
	i82093_service(ioapic, pin);
	return false;
}

void i82093_resume(struct i82093 *ioapic)
{
	unsigned int pin;

	for (pin = 0; pin < I82093_PINS; pin++) {
		if ((ioapic->entry[pin] & I82093_LEVEL) && (ioapic->irr & BIT(pin)))
			i82093_service(ioapic, pin);
	}
}

void i82093_restore(struct i82093 *ioapic, u32 irr)
{
	unsigned int pin;

	ioapic->irr = 0;
	ioapic->delivered = 0;
	for (pin = 0; pin < I82093_PINS; pin++) {
		ioapic->successive[pin] = 0;
		if (irr & BIT(pin))
			i82093_set_pin(ioapic, pin, true);
	}
}

void i82093_init(struct i82093 *ioapic,
		 int (*send)(struct i82093 *ioapic, u64 entry))
{
	unsigned int pin;

	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->base = I82093_BASE;
	ioapic->send = send;
	for (pin = 0; pin < I82093_PINS; pin++)
		ioapic->entry[pin] = I82093_MASKED;
}
