// SPDX-License-Identifier: GPL-2.0
/*
 * Three threads meet in a device: a vCPU's, which writes registers; the event
 * loop's, which is told of notifications and of finished I/O; and perhaps one of
 * the device's own. One lock per device covers all of it. It is never held across
 * I/O, so that a vCPU waits for it only as long as the rings are looked at.
 *
 * A notification is an eventfd per queue, which the kernel signals without
 * leaving to this process where it can (ioeventfd). Otherwise the register's
 * write does it, and the rest is the same.
 *
 * The interrupt is a level: the line is up while the interrupt status is not
 * zero, and follows it under the lock, so that no order of a new event and an
 * acknowledgement loses one.
 *
 * A reset waits for what is in flight, since the driver may use the memory for
 * something else as soon as the device says that it is reset. The loop finishes
 * the I/O meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "message.h"
#include "virtio/mmio.h"
#include "virtio/virtio.h"

bool virtio_live(const struct virtio *v)
{
	return v->status & VIRTIO_STATUS_DRIVER_OK && !(v->status & VIRTIO_STATUS_NEEDS_RESET) &&
	       !v->resetting && !v->stopping;
}

bool virtio_has(const struct virtio *v, uint64_t feature)
{
	return v->accepted & feature;
}

/* --- Interrupt -------------------------------------------------------------------- */

static void update_line(struct virtio *v)
{
	bool level = v->isr;

	if (level == v->line)
		return;
	v->line = level;
	vm_irq(v->vm, v->gsi, level);
}

static void raise_isr(struct virtio *v, uint8_t isr)
{
	v->isr |= isr;
	update_line(v);
}

void virtio_ack(struct virtio *v, uint8_t isr)
{
	v->isr &= ~isr;
	update_line(v);
}

void virtio_fail(struct virtio *v, const char *why)
{
	if (v->status & VIRTIO_STATUS_NEEDS_RESET)
		return;
	vm_warn(v->vm, "%s: the guest's driver is wrong: %s; the device stops until it is reset",
		v->device.name, why);
	v->status |= VIRTIO_STATUS_NEEDS_RESET;
	if (v->status & VIRTIO_STATUS_DRIVER_OK)
		raise_isr(v, VIRTIO_ISR_CONFIG);
}

void virtio_settle(struct virtio *v)
{
	struct vring *ring;
	unsigned int q;

	for (q = 0; q < v->ops->n_queues; q++) {
		ring = &v->queues[q].ring;
		if (vring_wants_signal(ring))
			raise_isr(v, VIRTIO_ISR_QUEUE);
		if (ring->broken)
			virtio_fail(v, ring->broken);
	}
}

/* --- Queues ------------------------------------------------------------------------- */

void virtio_notify(struct virtio *v, unsigned int q)
{
	if (q < v->ops->n_queues)
		eventfd_write(v->queues[q].kick.fd, 1);
}

static void notify_all(struct virtio *v)
{
	unsigned int q;

	for (q = 0; q < v->ops->n_queues; q++)
		virtio_notify(v, q);
}

void virtio_drain(struct virtio *v, unsigned int q,
		  void (*one)(struct virtio *v, struct vring_chain *chain))
{
	struct vring *ring = &v->queues[q].ring;
	unsigned int budget = VRING_SIZE_MAX;
	struct vring_chain chain;

	vring_mute(ring);
	do {
		while (vring_take(ring, &chain)) {
			if (!budget--) {
				/* Others have their turn first. */
				vring_untake(ring, &chain);
				virtio_notify(v, q);
				return;
			}
			one(v, &chain);
		}
	} while (vring_unmute(ring));
}

bool virtio_take(struct virtio *v, unsigned int q, struct vring_chain *chain)
{
	struct vring *ring = &v->queues[q].ring;

	if (!virtio_live(v))
		return false;
	if (vring_take(ring, chain)) {
		vring_mute(ring);
		return true;
	}
	return vring_unmute(ring) && vring_take(ring, chain);
}

static bool in_flight(const struct virtio *v)
{
	unsigned int q;

	for (q = 0; q < v->ops->n_queues; q++) {
		if (v->queues[q].ring.in_flight)
			return true;
	}
	return false;
}

void virtio_give(struct virtio *v, unsigned int q, uint16_t head, uint32_t len)
{
	vring_give(&v->queues[q].ring, head, len);
	if (v->resetting && !in_flight(v))
		pthread_cond_broadcast(&v->idle);
}

void virtio_kicked(struct virtio *v, unsigned int q)
{
	eventfd_t count;

	eventfd_read(v->queues[q].kick.fd, &count);
	pthread_mutex_lock(&v->lock);
	if (virtio_live(v) && v->queues[q].ring.desc_host && v->ops->kick) {
		v->ops->kick(v, q);
		virtio_settle(v);
	}
	pthread_mutex_unlock(&v->lock);
}

int virtio_kick_fd(const struct virtio *v, unsigned int q)
{
	return v->queues[q].kick.fd;
}

static void on_kick(struct loop_source *source, uint32_t events)
{
	struct virtio_queue *queue = container_of(source, struct virtio_queue, kick);

	virtio_kicked(queue->v, queue->index);
}

/* --- Status ------------------------------------------------------------------------- */

/* Until no request uses guest memory any more; new ones do not begin. */
static void drain_in_flight(struct virtio *v)
{
	v->resetting = true;
	if (v->ops->quiesce)
		v->ops->quiesce(v);
	while (in_flight(v))
		pthread_cond_wait(&v->idle, &v->lock);
	v->resetting = false;
}

static void reset(struct virtio *v)
{
	unsigned int q;

	/* Another vCPU does it already: a driver that does this gets what it deserves. */
	if (v->resetting)
		return;
	drain_in_flight(v);
	for (q = 0; q < v->ops->n_queues; q++)
		vring_reset(&v->queues[q].ring);
	v->status = 0;
	v->accepted = 0;
	v->offered_select = v->accepted_select = v->queue_select = 0;
	virtio_ack(v, ~0);
}

void virtio_set_ready(struct virtio *v, unsigned int q, bool ready)
{
	struct vring *ring = &v->queues[q].ring;

	if (ready == !!ring->desc_host || v->resetting)
		return;
	if (!ready) {
		drain_in_flight(v);
		vring_reset(ring);
		/* Notifications of the other queues were dropped meanwhile. */
		notify_all(v);
		return;
	}
	ring->event_index = virtio_has(v, VIRTIO_F_EVENT_INDEX);
	ring->indirect = virtio_has(v, VIRTIO_F_INDIRECT);
	if (!vring_start(ring, &v->memory)) {
		virtio_fail(v, ring->broken);
		vring_reset(ring);
	}
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
	uint8_t news = status & ~v->status;

	if (!status) {
		reset(v);
		return;
	}
	v->status |= news & (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);
	/* A driver reads the bit back to learn whether its choice is accepted. */
	if (news & VIRTIO_STATUS_FEATURES_OK && !(v->accepted & ~v->offered) &&
	    virtio_has(v, VIRTIO_F_VERSION_1))
		v->status |= VIRTIO_STATUS_FEATURES_OK;
	if (!(news & VIRTIO_STATUS_DRIVER_OK))
		return;
	if (!(v->status & VIRTIO_STATUS_FEATURES_OK)) {
		virtio_fail(v, "it starts without having agreed on features");
		return;
	}
	v->status |= VIRTIO_STATUS_DRIVER_OK;
	if (v->ops->activate)
		v->ops->activate(v);
	/* What is in the queues already may have been notified too early. */
	notify_all(v);
}

/* --- Life --------------------------------------------------------------------------- */

static void set_ioeventfds(struct virtio *v, bool assign)
{
	unsigned int q;

	for (q = 0; q < v->ops->n_queues; q++) {
		struct vm_ioeventfd e = {
			.space = BUS_MMIO, .addr = v->base + VIRTIO_MMIO_NOTIFY, .size = 4,
			.match = true, .value = q, .fd = v->queues[q].kick.fd,
		};

		/* Without it the register does the same, at the price of an exit. */
		vm_ioeventfd(v->vm, &e, assign);
	}
}

static int device_start(struct device *device)
{
	struct virtio *v = container_of(device, struct virtio, device);
	unsigned int q;
	int err;

	set_ioeventfds(v, true);
	for (q = 0; q < v->ops->n_queues && !v->ops->own_thread; q++) {
		err = loop_add(v->vm->loop, &v->queues[q].kick, EPOLLIN);
		if (err) {
			complain("%s: cannot wait for its queues: %s", device->name, strerror(-err));
			return err;
		}
	}
	return v->ops->start ? v->ops->start(v) : 0;
}

static void device_reset(struct device *device)
{
	struct virtio *v = container_of(device, struct virtio, device);

	pthread_mutex_lock(&v->lock);
	reset(v);
	pthread_mutex_unlock(&v->lock);
}

static void device_stop(struct device *device)
{
	struct virtio *v = container_of(device, struct virtio, device);
	unsigned int q;

	pthread_mutex_lock(&v->lock);
	v->stopping = true;
	if (!v->resetting)
		drain_in_flight(v);
	pthread_mutex_unlock(&v->lock);
	for (q = 0; q < v->ops->n_queues && !v->ops->own_thread; q++)
		loop_remove(v->vm->loop, &v->queues[q].kick);
	set_ioeventfds(v, false);
	if (v->ops->stop)
		v->ops->stop(v);
}

static void close_queues(struct virtio *v)
{
	unsigned int q;

	for (q = 0; q < VIRTIO_QUEUES; q++) {
		if (v->queues[q].kick.fd >= 0)
			close(v->queues[q].kick.fd);
	}
	pthread_cond_destroy(&v->idle);
	pthread_mutex_destroy(&v->lock);
}

static void device_free(struct device *device)
{
	struct virtio *v = container_of(device, struct virtio, device);

	close_queues(v);
	v->ops->free(v);
}

static const struct device_ops device_ops = {
	.start = device_start,
	.reset = device_reset,
	.stop = device_stop,
	.free = device_free,
};

static void *translate(const void *opaque, uint64_t gpa, uint64_t len)
{
	return vm_memory(opaque, gpa, len);
}

static int open_queues(struct virtio *v)
{
	struct virtio_queue *queue;
	unsigned int q;

	for (q = 0; q < VIRTIO_QUEUES; q++) {
		queue = &v->queues[q];
		queue->v = v;
		queue->index = q;
		queue->kick.ready = on_kick;
		queue->kick.fd = q < v->ops->n_queues ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
		if (q < v->ops->n_queues && queue->kick.fd < 0)
			return -errno;
	}
	return 0;
}

int virtio_init(struct virtio *v, struct vm *vm, const char *name, const struct virtio_ops *ops,
		uint64_t features, const void *config, size_t config_size)
{
	unsigned int q;
	int err;

	for (q = 0; q < VIRTIO_QUEUES; q++)
		v->queues[q].kick.fd = -1;
	v->vm = vm;
	v->ops = ops;
	v->memory = (struct vring_memory) { translate, vm };
	v->config = config;
	v->config_size = config_size;
	v->offered = features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->idle, NULL);

	err = open_queues(v);
	if (!err)
		err = vm_virtio_place(vm, &v->base, &v->gsi);
	if (!err)
		err = bus_add(&vm->bus, BUS_MMIO, v->base, VIRTIO_MMIO_SIZE, name, &virtio_mmio_ops, v);
	if (err == -ENOSPC)
		complain("%s: a VM has at most %u virtio devices", name, VM_VIRTIO_DEVICES);
	else if (err)
		complain("%s: cannot be made: %s", name, strerror(-err));
	if (err) {
		close_queues(v);
		return err;
	}
	vm_add_device(vm, &v->device, name, &device_ops);
	return 0;
}
