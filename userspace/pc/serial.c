// SPDX-License-Identifier: GPL-2.0
/*
 * A 16550A serial port: the console of every kernel before it has drivers.
 *
 * Sending takes no time, so the transmitter is empty again at once, unless the
 * terminal is full: then it stays busy until there is room, which is how a slow
 * reader slows the guest instead of losing its output. Received bytes stay in the
 * terminal until the FIFO has room.
 *
 * The interrupt is a level that follows from the registers; it is recomputed after
 * each change, under the lock, so that two threads cannot leave the wrong one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "pc/pc.h"
#include "terminal.h"
#include "vm.h"

#define PORT		0x3f8
#define GSI		4
#define FIFO		16

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };	/* IIR is FCR for writes */

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IIR_NONE	0x01
#define IIR_TX		0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80
#define MCR_LOOP	0x10
#define LSR_READY	0x01
#define LSR_OVERRUN	0x02
#define LSR_EMPTY	0x60		/* holding register and transmitter */
#define MSR_CONNECTED	0xb0		/* carrier, ready, clear to send */

struct serial {
	struct device device;
	struct terminal *terminal;
	pthread_mutex_t lock;		/* protects the rest */
	uint8_t ier, lcr, mcr, scratch, fcr, divisor[2];
	uint8_t fifo[FIFO];
	unsigned int n_fifo;
	bool tx_pending;		/* the guest was not told that the transmitter became empty */
	bool overrun, irq;
};

static unsigned int capacity(const struct serial *s)
{
	return s->fcr & FCR_ENABLE ? FIFO : 1;
}

static void refill(struct serial *s)
{
	unsigned int room = capacity(s) - s->n_fifo;

	if (s->n_fifo < capacity(s) && !(s->mcr & MCR_LOOP))
		s->n_fifo += terminal_read(s->terminal, s->fifo + s->n_fifo, room);
}

static uint8_t identify(const struct serial *s)
{
	uint8_t fifo = s->fcr & FCR_ENABLE ? IIR_FIFO : 0;

	if ((s->ier & IER_LINE) && s->overrun)
		return fifo | IIR_LINE;
	if ((s->ier & IER_RX) && s->n_fifo)
		return fifo | (fifo ? IIR_TIMEOUT : IIR_RX);
	if ((s->ier & IER_TX) && s->tx_pending)
		return fifo | IIR_TX;
	return fifo | IIR_NONE;
}

static void update(struct serial *s)
{
	bool irq = !(identify(s) & IIR_NONE);

	if (irq != s->irq) {
		s->irq = irq;
		vm_irq(s->device.vm, GSI, irq);
	}
}

static uint8_t take(struct serial *s)
{
	uint8_t byte = s->fifo[0];

	if (!s->n_fifo)
		return 0;
	memmove(s->fifo, s->fifo + 1, --s->n_fifo);
	refill(s);
	return byte;
}

static void send(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP) {
		if (s->n_fifo < capacity(s))
			s->fifo[s->n_fifo++] = byte;
		else
			s->overrun = true;
	} else {
		terminal_write(s->terminal, &byte, 1);
	}
	s->tx_pending = s->mcr & MCR_LOOP || terminal_has_room(s->terminal);
}

/* In a loop the outputs come back as inputs: DTR, RTS, OUT1, OUT2 as DSR, CTS, RI, DCD. */
static uint8_t modem(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CONNECTED;
	return (s->mcr & 1) << 5 | (s->mcr & 2) << 3 | (s->mcr & 4) << 4 | (s->mcr & 8) << 4;
}

static uint8_t line(struct serial *s)
{
	uint8_t value = s->n_fifo ? LSR_READY : 0;

	if (s->overrun)
		value |= LSR_OVERRUN;
	s->overrun = false;
	if (s->mcr & MCR_LOOP || terminal_has_room(s->terminal))
		value |= LSR_EMPTY;
	return value;
}

static uint8_t read_register(struct serial *s, unsigned int reg)
{
	uint8_t value;

	switch (reg) {
	case DATA:
		return s->lcr & LCR_DLAB ? s->divisor[0] : take(s);
	case IER:
		return s->lcr & LCR_DLAB ? s->divisor[1] : s->ier;
	case IIR:
		value = identify(s);
		if ((value & ~IIR_FIFO) == IIR_TX)
			s->tx_pending = false;
		return value;
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		return line(s);
	case MSR:
		return modem(s);
	default:
		return s->scratch;
	}
}

static void write_register(struct serial *s, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case DATA:
		if (s->lcr & LCR_DLAB)
			s->divisor[0] = value;
		else
			send(s, value);
		break;
	case IER:
		if (s->lcr & LCR_DLAB) {
			s->divisor[1] = value;
			break;
		}
		if ((value & ~s->ier) & IER_TX)
			s->tx_pending = terminal_has_room(s->terminal);
		s->ier = value & 0xf;
		break;
	case IIR:
		if (value & FCR_CLEAR_RX || (value ^ s->fcr) & FCR_ENABLE)
			s->n_fifo = 0;
		s->fcr = value & ~FCR_CLEAR_RX;
		refill(s);
		break;
	case LCR:
		s->lcr = value;
		break;
	case MCR:
		s->mcr = value & 0x1f;
		break;
	case SCRATCH:
		s->scratch = value;
		break;
	}
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct serial *s = opaque;
	uint8_t value;

	pthread_mutex_lock(&s->lock);
	value = read_register(s, offset);
	update(s);
	pthread_mutex_unlock(&s->lock);
	return size == 1 ? value : ~0xffull | value;
}

static void serial_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->lock);
	write_register(s, offset, value);
	update(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops ops = { serial_read, serial_write };

static void on_input(void *opaque)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->lock);
	refill(s);
	update(s);
	pthread_mutex_unlock(&s->lock);
}

static void on_room(void *opaque)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->lock);
	s->tx_pending = true;
	update(s);
	pthread_mutex_unlock(&s->lock);
}

static void serial_reset(struct device *device)
{
	struct serial *s = container_of(device, struct serial, device);

	s->ier = s->lcr = s->mcr = s->scratch = s->fcr = 0;
	s->n_fifo = 0;
	s->tx_pending = s->overrun = s->irq = false;
}

static void serial_free(struct device *device)
{
	struct serial *s = container_of(device, struct serial, device);

	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops life = { .reset = serial_reset, .free = serial_free };

int serial_create(struct vm *vm, struct terminal *terminal)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->terminal = terminal;
	s->divisor[0] = 1;
	vm_add_device(vm, &s->device, "serial", &life);
	terminal_connect(terminal, on_input, on_room, s);
	return bus_add(&vm->bus, BUS_PIO, PORT, 8, "serial", &ops, s);
}
