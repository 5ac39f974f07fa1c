// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory is a few slots, checked anew at each access: a device never keeps
 * an address that it has not compared with the slots, and no sum of two guest
 * values is formed that could wrap.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "vm.h"

#define MAX_WARNINGS	20

int vm_init(struct vm *vm, const char *name, const struct vm_backend *backend)
{
	*vm = (struct vm) { .name = name, .backend = backend, .warnings = MAX_WARNINGS };
	pthread_mutex_init(&vm->lock, NULL);
	vm->loop = loop_create();
	return vm->loop ? 0 : -ENOMEM;
}

void vm_free(struct vm *vm)
{
	struct device *device;

	vm_stop_devices(vm);
	while ((device = vm->devices)) {
		vm->devices = device->next;
		device->ops->free(device);
	}
	loop_free(vm->loop);
	vm->loop = NULL;
	bus_free(&vm->bus);
	pthread_mutex_destroy(&vm->lock);
}

int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *host)
{
	const struct vm_slot *last = vm->n_slots ? &vm->slots[vm->n_slots - 1] : NULL;

	if (vm->n_slots == VM_SLOTS || !size || gpa + size - 1 < gpa ||
	    (last && gpa < last->gpa + last->size))
		return -EINVAL;
	vm->slots[vm->n_slots++] = (struct vm_slot) { gpa, size, host };
	return 0;
}

static const struct vm_slot *slot_of(const struct vm *vm, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < vm->n_slots; i++) {
		if (gpa - vm->slots[i].gpa < vm->slots[i].size)
			return &vm->slots[i];
	}
	return NULL;
}

void *vm_memory(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	const struct vm_slot *slot = slot_of(vm, gpa);

	if (!slot || len > slot->size - (gpa - slot->gpa))
		return NULL;
	return slot->host + (gpa - slot->gpa);
}

/* What of [gpa, gpa + len) is in the slot where it begins; 0 if that is none. */
static uint64_t in_slot(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	const struct vm_slot *slot = slot_of(vm, gpa);
	uint64_t room = slot ? slot->size - (gpa - slot->gpa) : 0;

	return len < room ? len : room;
}

static bool all_memory(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	uint64_t n;

	for (; len; gpa += n, len -= n) {
		n = in_slot(vm, gpa, len);
		if (!n)
			return false;
	}
	return true;
}

int vm_read(const struct vm *vm, uint64_t gpa, void *data, uint64_t len)
{
	uint8_t *to = data;
	uint64_t n;

	if (!all_memory(vm, gpa, len))
		return -EFAULT;
	for (; len; gpa += n, to += n, len -= n) {
		n = in_slot(vm, gpa, len);
		memcpy(to, vm_memory(vm, gpa, n), n);
	}
	return 0;
}

int vm_write(const struct vm *vm, uint64_t gpa, const void *data, uint64_t len)
{
	const uint8_t *from = data;
	uint64_t n;

	if (!all_memory(vm, gpa, len))
		return -EFAULT;
	for (; len; gpa += n, from += n, len -= n) {
		n = in_slot(vm, gpa, len);
		memcpy(vm_memory(vm, gpa, n), from, n);
	}
	return 0;
}

void vm_irq(struct vm *vm, unsigned int gsi, bool level)
{
	int err = vm->backend->irq(vm, gsi, level);

	if (err)
		vm_warn(vm, "interrupt line %u: %s", gsi, strerror(-err));
}

int vm_ioeventfd(struct vm *vm, const struct vm_ioeventfd *e, bool assign)
{
	return vm->backend->ioeventfd ? vm->backend->ioeventfd(vm, e, assign) : -EOPNOTSUPP;
}

int vm_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample, bool assign)
{
	return vm->backend->irqfd ? vm->backend->irqfd(vm, gsi, fd, resample, assign) : -EOPNOTSUPP;
}

void vm_add_device(struct vm *vm, struct device *device, const char *name,
		   const struct device_ops *ops)
{
	device->name = name;
	device->ops = ops;
	device->vm = vm;
	device->started = false;
	device->next = vm->devices;
	vm->devices = device;
}

int vm_start_devices(struct vm *vm)
{
	struct device *d;
	int err = loop_start(vm->loop);

	if (err) {
		complain("cannot start a thread: %s", strerror(-err));
		return err;
	}
	for (d = vm->devices; d; d = d->next) {
		err = d->ops->start ? d->ops->start(d) : 0;
		if (err)
			return err;
		d->started = true;
	}
	return 0;
}

void vm_reset_devices(struct vm *vm)
{
	struct device *d;

	for (d = vm->devices; d; d = d->next) {
		if (d->ops->reset)
			d->ops->reset(d);
	}
}

void vm_stop_devices(struct vm *vm)
{
	struct device *d;

	for (d = vm->devices; d; d = d->next) {
		if (d->started && d->ops->stop)
			d->ops->stop(d);
		d->started = false;
	}
	if (vm->loop)
		loop_stop(vm->loop);
}

int vm_virtio_place(struct vm *vm, uint64_t *base, unsigned int *gsi)
{
	if (vm->n_virtio == VM_VIRTIO_DEVICES)
		return -ENOSPC;
	*base = VM_VIRTIO_BASE + vm->n_virtio * VM_VIRTIO_STRIDE;
	*gsi = VM_VIRTIO_GSI + vm->n_virtio;
	vm->n_virtio++;
	return 0;
}

void vm_end(struct vm *vm, enum vm_end end, unsigned int code)
{
	pthread_mutex_lock(&vm->lock);
	if (vm->end == VM_RUNS || (vm->end == VM_REBOOTS && end == VM_STOPPED)) {
		vm->end_code = code;
		__atomic_store_n(&vm->end, end, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&vm->lock);
	if (vm->backend->kick)
		vm->backend->kick(vm);
}

void vm_sleep(struct vm *vm, bool asleep)
{
	if (vm->backend->sleep)
		vm->backend->sleep(vm, asleep);
}

void vm_run_again(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	if (vm->end == VM_REBOOTS)
		__atomic_store_n(&vm->end, VM_RUNS, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&vm->lock);
}

void vm_warn(struct vm *vm, const char *fmt, ...)
{
	char text[512];
	unsigned int left;
	va_list ap;

	pthread_mutex_lock(&vm->lock);
	left = vm->warnings;
	if (left)
		vm->warnings--;
	pthread_mutex_unlock(&vm->lock);
	if (!left)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain("%s: %s%s", vm->name, text,
		 left == 1 ? " (no more such messages for this VM)" : "");
}
