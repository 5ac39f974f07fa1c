// SPDX-License-Identifier: GPL-2.0
/*
 * A pair of 8259As. Each keeps requests (IRR), what is in service (ISR) and a
 * mask (IMR); a request goes out if nothing of its priority or above is in
 * service. Priorities are a ring of eight that can be turned, so that every
 * question is answered after turning the registers until the top is bit 0.
 *
 * The slave hangs at pin 2 of the master: while it wants service there is a
 * request, and nothing else makes one. So none is lost when the slave has another
 * request after an acknowledged one, and none stays behind when a device thinks
 * better of it. If the slave's request goes between its two acknowledgements, the
 * guest gets the slave's pin 7.
 *
 * Not there: a single chip, 8085 mode, buffered mode, level-triggered mode by
 * ICW1 (PCs have a register for each pin's trigger, the ELCR).
 */
#include "irq/i8259.h"

#define CASCADE		2
#define SPURIOUS	7

/* Pins that have an edge on every PC: timer, keyboard, cascade; clock, coprocessor. */
#define MASTER_ELCR	0xf8
#define SLAVE_ELCR	0xde

#define ICW1		0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10
#define OCW3		0x08
#define OCW3_READ	0x02		/* bit 0 says what */
#define OCW3_POLL	0x04
#define OCW3_MASK	0x40		/* bit 5 says on or off */
#define OCW2_ROTATE	0x80
#define OCW2_SPECIFIC	0x40
#define OCW2_EOI	0x20

static unsigned int i8259_index_of(const struct i8259_pair *pair, const struct i8259 *c)
{
	return c - pair->chip;
}

/* Turned so that the pin of highest priority is bit 0. */
static u8 i8259_by_priority(const struct i8259 *c, u8 pins)
{
	unsigned int top = c->top & 7;

	return pins >> top | pins << (8 - top);
}

/* 0 is the highest; 8: none. */
static unsigned int i8259_priority(const struct i8259 *c, u8 pins)
{
	u8 turned = i8259_by_priority(c, pins);

	return turned ? __builtin_ctz(turned) : 8;
}

static unsigned int i8259_pin_at(const struct i8259 *c, unsigned int priority)
{
	return (priority + c->top) & 7;
}

/* The pin that wants service now, or -1. */
static int i8259_requested(const struct i8259_pair *pair, const struct i8259 *c)
{
	unsigned int request = i8259_priority(c, c->irr & ~c->imr);
	u8 in_service = c->isr;

	/* Masked pins in service do not block others then. */
	if (c->special_mask)
		in_service &= ~c->imr;
	/* The slave sees to its own priorities. */
	if (c->special_fully_nested && c == &pair->chip[0])
		in_service &= ~BIT(CASCADE);
	return request < i8259_priority(c, in_service) ? (int)i8259_pin_at(c, request) : -1;
}

static enum irq_answer i8259_chip_set_pin(struct i8259 *c, unsigned int pin, bool high)
{
	u8 bit = BIT(pin);
	enum irq_answer answer = IRQ_ACCEPTED;

	if (high && ((c->elcr & bit) || !(c->last_irr & bit))) {
		if (c->irr & bit)
			answer = IRQ_COALESCED;
		c->irr |= bit;
	} else if (!high && (c->elcr & bit)) {
		c->irr &= ~bit;
	}
	if (high)
		c->last_irr |= bit;
	else
		c->last_irr &= ~bit;
	return c->imr & bit ? IRQ_IGNORED : answer;
}

void i8259_update(struct i8259_pair *pair)
{
	if (i8259_requested(pair, &pair->chip[1]) >= 0)
		pair->chip[0].irr |= BIT(CASCADE);
	else
		pair->chip[0].irr &= ~BIT(CASCADE);
	pair->output = i8259_requested(pair, &pair->chip[0]) >= 0;
}

enum irq_answer i8259_set_pin(struct i8259_pair *pair, unsigned int pin, bool high)
{
	enum irq_answer answer = i8259_chip_set_pin(&pair->chip[pin >> 3 & 1], pin & 7, high);

	i8259_update(pair);
	return answer;
}

static void i8259_chip_end(struct i8259_pair *pair, struct i8259 *c, unsigned int pin)
{
	c->isr &= ~BIT(pin);
	pair->ended |= BIT(pin + 8 * i8259_index_of(pair, c));
}

static void i8259_put_in_service(struct i8259_pair *pair, struct i8259 *c,
				 unsigned int pin)
{
	c->isr |= BIT(pin);
	/* A level stays a request until the device lowers it. */
	if (!(c->elcr & BIT(pin)))
		c->irr &= ~BIT(pin);
	if (!c->auto_eoi)
		return;
	if (c->rotate_on_auto_eoi)
		c->top = (pin + 1) & 7;
	i8259_chip_end(pair, c, pin);
}

/* The pin that goes into service; 7 when there is no request. */
static unsigned int i8259_chip_acknowledge(struct i8259_pair *pair, struct i8259 *c)
{
	int pin = i8259_requested(pair, c);

	if (pin < 0)
		return SPURIOUS;
	i8259_put_in_service(pair, c, pin);
	return pin;
}

u8 i8259_acknowledge(struct i8259_pair *pair)
{
	bool request = i8259_requested(pair, &pair->chip[0]) >= 0;
	unsigned int pin = i8259_chip_acknowledge(pair, &pair->chip[0]);
	u8 vector = pair->chip[0].base + pin;

	if (request && pin == CASCADE)
		vector = pair->chip[1].base + i8259_chip_acknowledge(pair, &pair->chip[1]);
	i8259_update(pair);
	return vector;
}

/* ICW1: everything but the vectors, the pins and the ELCR starts anew. */
static void i8259_chip_reset(struct i8259_pair *pair, struct i8259 *c, u8 icw1)
{
	u8 edges = c->irr & ~c->elcr;

	/* The end of these is not to be waited for any longer. */
	pair->ended |= (edges | c->isr) << 8 * i8259_index_of(pair, c);
	c->last_irr = 0;
	c->irr &= c->elcr;
	c->imr = 0;
	c->isr = 0;
	c->top = 0;
	c->special_mask = 0;
	c->read_isr = 0;
	c->poll = 0;
	c->init4 = icw1 & ICW1_ICW4;
	if (!c->init4) {
		c->special_fully_nested = 0;
		c->auto_eoi = 0;
	}
	c->init_state = 1;
}

static void i8259_write_ocw3(struct i8259 *c, u8 value)
{
	if (value & OCW3_POLL)
		c->poll = 1;
	if (value & OCW3_READ)
		c->read_isr = value & 1;
	if (value & OCW3_MASK)
		c->special_mask = value >> 5 & 1;
}

static void i8259_write_ocw2(struct i8259_pair *pair, struct i8259 *c, u8 value)
{
	unsigned int pin = value & 7, first;

	if (!(value & OCW2_EOI)) {
		if (!(value & OCW2_SPECIFIC))
			c->rotate_on_auto_eoi = value >> 7;
		else if (value & OCW2_ROTATE)
			c->top = (pin + 1) & 7;
		return;
	}
	if (!(value & OCW2_SPECIFIC)) {
		first = i8259_priority(c, c->isr);
		if (first == 8)
			return;
		pin = i8259_pin_at(c, first);
	}
	if (value & OCW2_ROTATE)
		c->top = (pin + 1) & 7;
	i8259_chip_end(pair, c, pin);
}

static void i8259_write_data(struct i8259_pair *pair, struct i8259 *c, u8 value)
{
	switch (c->init_state) {
	case 1:
		c->base = value & 0xf8;
		c->init_state = 2;
		break;
	case 2:		/* the cascade is fixed */
		c->init_state = c->init4 ? 3 : 0;
		break;
	case 3:
		c->special_fully_nested = !!(value & ICW4_NESTED);
		c->auto_eoi = !!(value & ICW4_AUTO_EOI);
		c->init_state = 0;
		break;
	default:
		pair->unmasked |= (c->imr & ~value) << 8 * i8259_index_of(pair, c);
		c->imr = value;
	}
}

void i8259_write(struct i8259_pair *pair, u16 port, u8 value)
{
	struct i8259 *c = &pair->chip[port >> 7 & 1];

	if (port >> 4 == 0x4d) {
		c = &pair->chip[port & 1];
		c->elcr = value & c->elcr_mask;
	} else if (port & 1) {
		i8259_write_data(pair, c, value);
	} else if (value & ICW1) {
		i8259_chip_reset(pair, c, value);
	} else if (value & OCW3) {
		i8259_write_ocw3(c, value);
	} else {
		i8259_write_ocw2(pair, c, value);
	}
	i8259_update(pair);
}

/* An acknowledgement by software: bit 7 says that there was a request. */
static u8 i8259_chip_poll(struct i8259_pair *pair, struct i8259 *c)
{
	int pin = i8259_requested(pair, c);

	c->poll = 0;
	if (pin < 0)
		return SPURIOUS;
	i8259_put_in_service(pair, c, pin);
	i8259_update(pair);
	return 0x80 | pin;
}

u8 i8259_read(struct i8259_pair *pair, u16 port)
{
	struct i8259 *c = &pair->chip[port >> 7 & 1];

	if (port >> 4 == 0x4d)
		return pair->chip[port & 1].elcr;
	if (c->poll)
		return i8259_chip_poll(pair, c);
	if (port & 1)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

void i8259_init(struct i8259_pair *pair)
{
	memset(pair, 0, sizeof(*pair));
	pair->chip[0].elcr_mask = MASTER_ELCR;
	pair->chip[1].elcr_mask = SLAVE_ELCR;
}
