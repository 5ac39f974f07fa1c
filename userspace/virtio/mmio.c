// SPDX-License-Identifier: GPL-2.0
/*
 * The second layout of virtio's memory-mapped registers. Debian's kernel finds the
 * device through ACPI (_HID LNRO0005), so that nothing is needed on its command line.
 *
 * Registers are 32 bits wide and are accessed so; other accesses below the
 * configuration space are ignored, as the standard allows. A queue's setup can
 * be changed only while the queue is not in use, features only before they are agreed.
 */
#include <string.h>
#include "virtio/mmio.h"
#include "virtio/virtio.h"

enum {
	MAGIC = 0x00,
	VERSION = 0x04,
	DEVICE_ID = 0x08,
	VENDOR_ID = 0x0c,
	DEVICE_FEATURES = 0x10,
	DEVICE_FEATURES_SELECT = 0x14,
	DRIVER_FEATURES = 0x20,
	DRIVER_FEATURES_SELECT = 0x24,
	QUEUE_SELECT = 0x30,
	QUEUE_SIZE_MAX = 0x34,
	QUEUE_SIZE = 0x38,
	QUEUE_READY = 0x44,
	QUEUE_NOTIFY = VIRTIO_MMIO_NOTIFY,
	INTERRUPT_STATUS = 0x60,
	INTERRUPT_ACK = 0x64,
	STATUS = 0x70,
	QUEUE_DESC = 0x80,
	QUEUE_DESC_HIGH = 0x84,
	QUEUE_DRIVER = 0x90,
	QUEUE_DRIVER_HIGH = 0x94,
	QUEUE_DEVICE = 0xa0,
	QUEUE_DEVICE_HIGH = 0xa4,
	SHARED_MEMORY_SIZE = 0xb0,
	SHARED_MEMORY_SIZE_HIGH = 0xb4,
	SHARED_MEMORY_BASE = 0xb8,
	SHARED_MEMORY_BASE_HIGH = 0xbc,
	CONFIG_GENERATION = 0xfc,
	CONFIG = 0x100,
};

static struct virtio_queue *selected(struct virtio *v)
{
	return v->queue_select < v->ops->n_queues ? &v->queues[v->queue_select] : NULL;
}

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : value >> 32 * select;
}

static void set_half(uint64_t *value, bool high, uint32_t part)
{
	*value = high ? (uint64_t)part << 32 | (uint32_t)*value : (*value >> 32 << 32 | part);
}

static uint32_t read_register(struct virtio *v, uint64_t offset)
{
	const struct virtio_queue *queue = selected(v);

	switch (offset) {
	case MAGIC:
		return 0x74726976;	/* "virt" */
	case VERSION:
		return 2;
	case DEVICE_ID:
		return v->ops->type;
	case VENDOR_ID:
		return 0x574c4c42;	/* "BLLW" */
	case DEVICE_FEATURES:
		return half(v->offered, v->offered_select);
	case QUEUE_SIZE_MAX:
		return queue ? v->ops->queue_size : 0;
	case QUEUE_READY:
		return queue && queue->ring.desc_host;
	case INTERRUPT_STATUS:
		return v->isr;
	case STATUS:
		return v->status;
	case SHARED_MEMORY_SIZE:
	case SHARED_MEMORY_SIZE_HIGH:
	case SHARED_MEMORY_BASE:
	case SHARED_MEMORY_BASE_HIGH:
		return ~0;		/* there is none */
	default:
		return 0;
	}
}

/* The address of a queue's area, by the offset of the register's low half. */
static uint64_t *area_of(struct vring *ring, uint64_t offset)
{
	switch (offset & ~4ull) {
	case QUEUE_DESC:
		return &ring->desc;
	case QUEUE_DRIVER:
		return &ring->driver;
	case QUEUE_DEVICE:
		return &ring->device;
	default:
		return NULL;
	}
}

static void write_queue(struct virtio *v, uint64_t offset, uint32_t value)
{
	struct virtio_queue *queue = selected(v);
	uint64_t *area;

	if (!queue)
		return;
	if (offset == QUEUE_READY) {
		virtio_set_ready(v, v->queue_select, value & 1);
		return;
	}
	if (queue->ring.desc_host)
		return;
	area = area_of(&queue->ring, offset);
	if (area)
		set_half(area, offset & 4, value);
	else if (offset == QUEUE_SIZE)
		/* No size that fits must come out of one that does not. */
		queue->ring.size = value > v->ops->queue_size ? 0 : value;
}

static void write_register(struct virtio *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case DEVICE_FEATURES_SELECT:
		v->offered_select = value;
		break;
	case DRIVER_FEATURES_SELECT:
		v->accepted_select = value;
		break;
	case DRIVER_FEATURES:
		if (!(v->status & VIRTIO_STATUS_FEATURES_OK) && v->accepted_select <= 1)
			set_half(&v->accepted, v->accepted_select, value);
		break;
	case QUEUE_SELECT:
		v->queue_select = value;
		break;
	case INTERRUPT_ACK:
		virtio_ack(v, value);
		break;
	case STATUS:
		virtio_set_status(v, value);
		break;
	default:
		write_queue(v, offset, value);
	}
}

static uint64_t read_config(const struct virtio *v, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (offset < v->config_size) {
		memcpy(&value, (const uint8_t *)v->config + offset,
		       size < v->config_size - offset ? size : v->config_size - offset);
	}
	return value;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct virtio *v = opaque;
	uint64_t value;

	if (offset >= CONFIG)
		return read_config(v, offset - CONFIG, size);
	if (size != 4 || offset % 4)
		return ~0ull;
	pthread_mutex_lock(&v->lock);
	value = read_register(v, offset);
	pthread_mutex_unlock(&v->lock);
	return value;
}

static void mmio_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio *v = opaque;

	/* No device here has configuration that can be written. */
	if (offset >= CONFIG || size != 4 || offset % 4)
		return;
	if (offset == QUEUE_NOTIFY) {
		virtio_notify(v, value);
		return;
	}
	pthread_mutex_lock(&v->lock);
	/* While one vCPU resets the device, another has no business with it. */
	if (!v->resetting)
		write_register(v, offset, value);
	pthread_mutex_unlock(&v->lock);
}

const struct bus_ops virtio_mmio_ops = { mmio_read, mmio_write };
