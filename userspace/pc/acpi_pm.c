// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI's fixed power management: the power button, the ways to turn the machine off
 * and to let it sleep, and a timer of 3.58 MHz by which kernels measure their other clocks.
 *
 * Asleep (S1) nothing is lost: the vCPUs rest, and go on behind the write that put them to
 * sleep, whether the button or `bellows resume` wakes them. That is why the guest then
 * finds that it was woken.
 *
 * ACPI mode is on from the start; there is no firmware to switch it on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "pc/acpi.h"
#include "pc/pc.h"

#define STS_TIMER	(1u << 0)
#define STS_BUTTON	(1u << 8)
#define STS_WAKE	(1u << 15)
#define STS_ALL		(STS_TIMER | (1u << 5) | STS_BUTTON | (1u << 10) | STS_WAKE)
#define CNT_SCI		(1u << 0)
#define CNT_TYPE	10
#define CNT_SLEEP	(1u << 13)
#define HZ		3579545ull
#define NS		1000000000ull

struct acpi_pm {
	struct device device;
	pthread_mutex_t lock;		/* protects the rest */
	uint16_t sts, en, cnt;
	bool irq;
};

static const struct device_ops life;

static uint32_t timer(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * HZ + now.tv_nsec * HZ / NS;
}

static void update(struct acpi_pm *pm)
{
	bool irq = pm->sts & pm->en & STS_ALL & ~STS_WAKE;

	if (irq != pm->irq) {
		pm->irq = irq;
		vm_irq(pm->device.vm, ACPI_SCI, irq);
	}
}

/* The registers as bytes: any access can be made of it. */
static void image(const struct acpi_pm *pm, uint8_t *bytes)
{
	uint16_t words[] = { pm->sts, pm->en, pm->cnt, 0 };
	uint32_t now = timer();

	memcpy(bytes, words, sizeof(words));
	memcpy(bytes + ACPI_PM_TMR, &now, sizeof(now));
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct acpi_pm *pm = opaque;
	uint8_t bytes[ACPI_PM_SIZE];
	uint64_t value = 0;

	pthread_mutex_lock(&pm->lock);
	image(pm, bytes);
	pthread_mutex_unlock(&pm->lock);
	memcpy(&value, bytes + offset, size);
	return value;
}

static void go_to_sleep(struct acpi_pm *pm)
{
	switch (pm->cnt >> CNT_TYPE & 7) {
	case ACPI_S5:
		vm_end(pm->device.vm, VM_POWERED_OFF, 0);
		break;
	case ACPI_S1:
		/* What is to wake it may be there already. */
		vm_sleep(pm->device.vm, !(pm->sts & pm->en));
		pm->sts |= STS_WAKE;
		break;
	}
}

static void write_byte(struct acpi_pm *pm, unsigned int at, uint8_t value)
{
	unsigned int shift = 8 * (at & 1);
	uint16_t mask = 0xff << shift, bits = (uint16_t)value << shift;

	switch (at & ~1u) {
	case ACPI_PM_STS:
		pm->sts &= ~bits;
		break;
	case ACPI_PM_EN:
		pm->en = (pm->en & ~mask) | (bits & STS_ALL);
		break;
	case ACPI_PM_CNT:
		pm->cnt = (pm->cnt & ~mask) | (bits & ~CNT_SLEEP) | CNT_SCI;
		if (bits & CNT_SLEEP)
			go_to_sleep(pm);
		break;
	}
}

static void pm_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct acpi_pm *pm = opaque;
	unsigned int i;

	pthread_mutex_lock(&pm->lock);
	for (i = 0; i < size; i++)
		write_byte(pm, offset + i, value >> (8 * i));
	update(pm);
	pthread_mutex_unlock(&pm->lock);
}

static const struct bus_ops ops = { pm_read, pm_write };

void acpi_pm_press(struct vm *vm)
{
	struct device *device = vm->devices;
	struct acpi_pm *pm;

	while (device && device->ops != &life)
		device = device->next;
	if (!device)
		return;
	pm = container_of(device, struct acpi_pm, device);
	pthread_mutex_lock(&pm->lock);
	pm->sts |= STS_BUTTON;
	update(pm);
	vm_sleep(vm, false);
	pthread_mutex_unlock(&pm->lock);
}

static void pm_reset(struct device *device)
{
	struct acpi_pm *pm = container_of(device, struct acpi_pm, device);

	pm->sts = pm->en = 0;
	pm->cnt = CNT_SCI;
	pm->irq = false;
	vm_sleep(device->vm, false);
}

static void pm_free(struct device *device)
{
	struct acpi_pm *pm = container_of(device, struct acpi_pm, device);

	pthread_mutex_destroy(&pm->lock);
	free(pm);
}

static const struct device_ops life = { .reset = pm_reset, .free = pm_free };

int acpi_pm_create(struct vm *vm)
{
	struct acpi_pm *pm = calloc(1, sizeof(*pm));

	if (!pm)
		return -ENOMEM;
	pthread_mutex_init(&pm->lock, NULL);
	vm_add_device(vm, &pm->device, "power management", &life);
	pm_reset(&pm->device);
	return bus_add(&vm->bus, BUS_PIO, ACPI_PM, ACPI_PM_SIZE, "power management", &ops, pm);
}
