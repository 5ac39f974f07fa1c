// SPDX-License-Identifier: GPL-2.0
/*
 * The two ways in which a PC resets itself: the keyboard controller, of which only
 * that is here, and the chipset's reset register, which ACPI names. Reading the
 * controller's status finds it idle and empty.
 */
#include <errno.h>
#include <stdlib.h>
#include "pc/acpi.h"
#include "pc/pc.h"

#define I8042_DATA	0x60
#define I8042_COMMAND	0x64
#define PULSE		0xf0		/* pulls low the lines whose bits are zero */
#define RESET_LINE	0x01

static uint64_t idle(void *opaque, uint64_t offset, unsigned int size)
{
	return 0;
}

static void on_command(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct device *device = opaque;

	if ((value & PULSE) == PULSE && !(value & RESET_LINE))
		vm_end(device->vm, VM_REBOOTS, 0);
}

static void on_register(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct device *device = opaque;

	if (value & 4)
		vm_end(device->vm, VM_REBOOTS, 0);
}

static const struct bus_ops data_ops = { idle, NULL };
static const struct bus_ops command_ops = { idle, on_command };
static const struct bus_ops register_ops = { idle, on_register };

static void reset_free(struct device *device)
{
	free(device);
}

static const struct device_ops life = { .free = reset_free };

int reset_create(struct vm *vm)
{
	struct device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return -ENOMEM;
	vm_add_device(vm, device, "reset", &life);
	err = bus_add(&vm->bus, BUS_PIO, I8042_DATA, 1, "i8042", &data_ops, device);
	if (!err)
		err = bus_add(&vm->bus, BUS_PIO, I8042_COMMAND, 1, "i8042", &command_ops, device);
	if (!err)
		err = bus_add(&vm->bus, BUS_PIO, ACPI_RESET_PORT, 1, "reset register", &register_ops, device);
	return err;
}
