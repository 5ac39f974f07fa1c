// SPDX-License-Identifier: GPL-2.0
/* Port 0xf4: a byte written there ends the VM, and is its exit code. */
#include <errno.h>
#include <stdlib.h>
#include "pc/pc.h"
#include "vm.h"

#define PORT	0xf4

static void exit_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct device *device = opaque;

	vm_end(device->vm, VM_EXITED, value & 0xff);
}

static const struct bus_ops ops = { NULL, exit_write };

static void exit_free(struct device *device)
{
	free(device);
}

static const struct device_ops life = { .free = exit_free };

int exit_port_create(struct vm *vm)
{
	struct device *device = calloc(1, sizeof(*device));

	if (!device)
		return -ENOMEM;
	vm_add_device(vm, device, "exit port", &life);
	return bus_add(&vm->bus, BUS_PIO, PORT, 1, "exit port", &ops, device);
}
