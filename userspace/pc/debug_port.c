// SPDX-License-Identifier: GPL-2.0
/*
 * Port 0xe9, as in Bochs: what is written there appears on the console without
 * any asking, and reading it gives 0xe9, by which a guest knows that it is there.
 */
#include <errno.h>
#include <stdlib.h>
#include "pc/pc.h"
#include "terminal.h"

#define PORT	0xe9

struct debug_port {
	struct device device;
	struct terminal *terminal;
};

static uint64_t debug_read(void *opaque, uint64_t offset, unsigned int size)
{
	return PORT;
}

static void debug_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct debug_port *d = opaque;
	char byte = value;

	terminal_write(d->terminal, &byte, 1);
}

static const struct bus_ops ops = { debug_read, debug_write };

static void debug_free(struct device *device)
{
	free(container_of(device, struct debug_port, device));
}

static const struct device_ops life = { .free = debug_free };

int debug_port_create(struct vm *vm, struct terminal *terminal)
{
	struct debug_port *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->terminal = terminal;
	vm_add_device(vm, &d->device, "debug port", &life);
	return bus_add(&vm->bus, BUS_PIO, PORT, 1, "debug port", &ops, d);
}
