/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_I8259_H
#define BELLOWS_IRQ_I8259_H
/*
 * A pair of 8259A interrupt controllers as in every PC: registers and priorities,
 * nothing else. Pure: the caller locks, and looks at .output and the pins after
 * each call.
 */
#include "pure.h"
#include "irq/message.h"

#define I8259_PINS	16		/* 0 to 7 of the master, 8 to 15 of the slave */

/* In the order of struct kvm_pic_state. Any values are safe. */
struct i8259 {
	u8 last_irr;		/* the pins, as last seen */
	u8 irr;			/* requests */
	u8 imr;			/* masked */
	u8 isr;			/* in service */
	u8 top;			/* the pin of highest priority, modulo 8 */
	u8 base;		/* vector of pin 0 */
	u8 read_isr;		/* reading the command port gives ISR, not IRR */
	u8 poll;		/* the next read acknowledges */
	u8 special_mask;
	u8 init_state;		/* the ICW that comes next, minus 1; 0: none */
	u8 auto_eoi;
	u8 rotate_on_auto_eoi;
	u8 special_fully_nested;
	u8 init4;		/* ICW4 will come */
	u8 elcr;		/* level-triggered pins */
	u8 elcr_mask;		/* those that can be */
};

struct i8259_pair {
	struct i8259 chip[2];		/* master, slave */
	bool output;			/* INTR */
	u16 ended;			/* pins whose service ended; the caller clears them */
	u16 unmasked;			/* pins that were masked before; the same */
};

void i8259_init(struct i8259_pair *pair);
/* After the registers were replaced. */
void i8259_update(struct i8259_pair *pair);
/* What became of the request. */
enum irq_answer i8259_set_pin(struct i8259_pair *pair, unsigned int pin, bool high);
/* INTA: the vector. Pin 7 of a chip that has no request. */
u8 i8259_acknowledge(struct i8259_pair *pair);
/* Ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1. */
u8 i8259_read(struct i8259_pair *pair, u16 port);
void i8259_write(struct i8259_pair *pair, u16 port, u8 value);

#endif
