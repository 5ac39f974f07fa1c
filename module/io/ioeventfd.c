// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: a write of the guest that matches signals an eventfd, and the guest
 * goes on without userspace. Each is a device on a bus.
 *
 * Several may share an address and wait for different values or widths; two that
 * one write could match are refused. A doorbell holds its eventfd, not the file:
 * the eventfd may be closed, and is signalled all the same.
 *
 * Memory is charged to the process that asks; the number of a bus's devices is limited.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include "io/bus.h"
#include "compat.h"
#include "io/ioeventfd.h"
#include "vm/vm.h"

/* Of a bus that this architecture does not have, VIRTIO_CCW_NOTIFY is not among them. */
#define VALID_FLAGS	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | \
			 KVM_IOEVENTFD_FLAG_DEASSIGN)

struct doorbell {
	struct bellows_bus_device device;
	struct list_head link;			/* under buses.lock */
	struct eventfd_ctx *eventfd;		/* counted */
	enum bellows_bus_kind kind;
	u64 address;
	u32 length;				/* 0: any */
	bool any_value;
	u64 value;
};

static u64 ioeventfd_value(const void *data, unsigned int len)
{
	u64 value = 0;

	memcpy(&value, data, min_t(unsigned int, len, sizeof(value)));
	return value;
}

static int ioeventfd_ring(struct bellows_bus_device *device, u64 address, unsigned int len,
			  const void *data)
{
	struct doorbell *bell = container_of(device, struct doorbell, device);

	if (address != bell->address)
		return -EOPNOTSUPP;
	if (bell->length && len != bell->length)
		return -EOPNOTSUPP;
	if (!bell->any_value && ioeventfd_value(data, len) != bell->value)
		return -EOPNOTSUPP;
	bellows_eventfd_signal(bell->eventfd);
	return 0;
}

static const struct bellows_bus_ops ioeventfd_ops = { .write = ioeventfd_ring };

/* Could one write ring both? */
static bool ioeventfd_collide(const struct doorbell *a, const struct doorbell *b)
{
	if (a->kind != b->kind || a->address != b->address)
		return false;
	if (!a->length || !b->length)
		return true;
	return a->length == b->length && (a->any_value || b->any_value || a->value == b->value);
}

static bool ioeventfd_same(const struct doorbell *a, const struct doorbell *b)
{
	return a->kind == b->kind && a->address == b->address && a->length == b->length &&
	       a->eventfd == b->eventfd && a->any_value == b->any_value &&
	       (a->any_value || a->value == b->value);
}

static int ioeventfd_check(const struct kvm_ioeventfd *args)
{
	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~VALID_FLAGS)
		return -EINVAL;
	/* There is no value of any length. */
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

static void ioeventfd_describe(struct doorbell *bell, const struct kvm_ioeventfd *args,
			       struct eventfd_ctx *eventfd)
{
	*bell = (struct doorbell) {
		.device.ops = &ioeventfd_ops,
		.eventfd = eventfd,
		.kind = args->flags & KVM_IOEVENTFD_FLAG_PIO ? BELLOWS_BUS_PIO : BELLOWS_BUS_MMIO,
		.address = args->addr,
		.length = args->len,
		.any_value = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
		.value = args->datamatch,
	};
}

static int ioeventfd_install(struct bellows_vm *vm, struct doorbell *bell)
{
	struct doorbell *other;
	int err;

	guard(mutex)(&vm->buses.lock);
	list_for_each_entry(other, &vm->ioeventfds, link) {
		if (ioeventfd_collide(bell, other))
			return -EEXIST;
	}
	err = bellows_bus_add(&vm->buses, bell->kind, bell->address, bell->length, &bell->device);
	if (!err)
		list_add_tail(&bell->link, &vm->ioeventfds);
	return err;
}

static int ioeventfd_assign(struct bellows_vm *vm, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *eventfd;
	struct doorbell *bell;
	int err = ioeventfd_check(args);

	if (err)
		return err;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	err = -ENOMEM;
	bell = kzalloc(sizeof(*bell), GFP_KERNEL_ACCOUNT);
	if (!bell)
		goto put;
	ioeventfd_describe(bell, args, eventfd);
	err = ioeventfd_install(vm, bell);
	if (!err)
		return 0;
	kfree(bell);
put:
	eventfd_ctx_put(eventfd);
	return err;
}

static void ioeventfd_remove(struct bellows_vm *vm, struct doorbell *bell)
{
	lockdep_assert_held(&vm->buses.lock);
	bellows_bus_remove(&vm->buses, bell->kind, &bell->device);
	list_del(&bell->link);
	eventfd_ctx_put(bell->eventfd);
	kfree(bell);
}

static int ioeventfd_deassign(struct bellows_vm *vm, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct doorbell wanted, *bell, *next;
	int err = -ENOENT;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	ioeventfd_describe(&wanted, args, eventfd);
	mutex_lock(&vm->buses.lock);
	list_for_each_entry_safe(bell, next, &vm->ioeventfds, link) {
		if (ioeventfd_same(bell, &wanted)) {
			ioeventfd_remove(vm, bell);
			err = 0;
			break;
		}
	}
	mutex_unlock(&vm->buses.lock);
	eventfd_ctx_put(eventfd);
	return err;
}

int bellows_ioeventfd(struct bellows_vm *vm, const struct kvm_ioeventfd *args)
{
	return args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN ? ioeventfd_deassign(vm, args) :
							   ioeventfd_assign(vm, args);
}

void bellows_ioeventfd_release(struct bellows_vm *vm)
{
	struct doorbell *bell, *next;

	list_for_each_entry_safe(bell, next, &vm->ioeventfds, link) {
		eventfd_ctx_put(bell->eventfd);
		kfree(bell);
	}
}
