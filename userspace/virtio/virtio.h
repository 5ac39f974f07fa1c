/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_H
#define VIRTIO_H
/*
 * What all virtio devices have in common: features, status, queues, and the
 * interrupt. A device embeds struct virtio, fills in struct virtio_ops, and is
 * called with its lock held; a transport shows it to the guest.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "loop.h"
#include "virtio/ring.h"
#include "vm.h"

#define VIRTIO_QUEUES	2

enum {
	VIRTIO_TYPE_NET = 1,
	VIRTIO_TYPE_BLOCK = 2,
	VIRTIO_TYPE_CONSOLE = 3,
	VIRTIO_TYPE_RNG = 4,
};

enum {
	VIRTIO_STATUS_ACKNOWLEDGE = 1,
	VIRTIO_STATUS_DRIVER = 2,
	VIRTIO_STATUS_DRIVER_OK = 4,
	VIRTIO_STATUS_FEATURES_OK = 8,
	VIRTIO_STATUS_NEEDS_RESET = 64,
	VIRTIO_STATUS_FAILED = 128,
};

#define VIRTIO_FEATURE(bit)	(1ull << (bit))
#define VIRTIO_F_INDIRECT	VIRTIO_FEATURE(28)
#define VIRTIO_F_EVENT_INDEX	VIRTIO_FEATURE(29)
#define VIRTIO_F_VERSION_1	VIRTIO_FEATURE(32)

#define VIRTIO_ISR_QUEUE	1
#define VIRTIO_ISR_CONFIG	2

struct virtio;

/* All but type, n_queues, queue_size and free may be missing. Called with the lock held, but for stop and free. */
struct virtio_ops {
	uint32_t type;
	unsigned int n_queues;
	uint16_t queue_size;
	/* Queue q has something new. In the loop's thread, or the device's own. */
	void (*kick)(struct virtio *v, unsigned int q);
	/* The driver has finished its setup: features are agreed. */
	void (*activate)(struct virtio *v);
	/* Stop using the guest's memory; what is in flight is waited for afterwards. */
	void (*quiesce)(struct virtio *v);
	int (*start)(struct virtio *v);
	void (*stop)(struct virtio *v);
	void (*free)(struct virtio *v);
	/* The device's own thread waits for kicks: virtio_kick_fd(), virtio_kicked() */
	bool own_thread;
};

struct virtio_queue {
	struct vring ring;
	struct loop_source kick;	/* an eventfd */
	struct virtio *v;
	unsigned int index;
};

/* Members marked l: lock. */
struct virtio {
	struct device device;
	struct vm *vm;
	const struct virtio_ops *ops;
	struct vring_memory memory;
	const void *config;
	size_t config_size;
	unsigned int gsi;
	uint64_t base;
	uint64_t offered;

	pthread_mutex_t lock;
	pthread_cond_t idle;		/* nothing is in flight while resetting */
	bool resetting;			/* l */
	bool stopping;			/* l: for good */
	uint64_t accepted;		/* l: features */
	uint8_t status;			/* l */
	uint8_t isr;			/* l */
	bool line;			/* l: level of the interrupt line */
	struct virtio_queue queues[VIRTIO_QUEUES];	/* l */

	/* Of the transport */
	uint32_t offered_select, accepted_select, queue_select;	/* l */
};

/* --- For devices ------------------------------------------------------------------ */

/*
 * Adds a device to the VM, which frees it from then on; config must stay. On
 * failure a message was printed, and the device is still the caller's. 0 or -errno.
 */
int virtio_init(struct virtio *v, struct vm *vm, const char *name, const struct virtio_ops *ops,
		uint64_t features, const void *config, size_t config_size);
/* Whether the driver has set the device up, and it works. */
bool virtio_live(const struct virtio *v);
bool virtio_has(const struct virtio *v, uint64_t feature);
/* Calls one() for what is in a queue; comes back by itself if that is very much. */
void virtio_drain(struct virtio *v, unsigned int q,
		  void (*one)(struct virtio *v, struct vring_chain *chain));
/*
 * The next chain of a queue that holds buffers for what is to come. False if there
 * is none; then kick() is called when there is.
 */
bool virtio_take(struct virtio *v, unsigned int q, struct vring_chain *chain);
void virtio_give(struct virtio *v, unsigned int q, uint16_t head, uint32_t len);
/* Interrupt for what was given, if the driver wants it. Done after kick() by itself. */
void virtio_settle(struct virtio *v);
/* The driver did something impossible: the device does nothing more until it is reset. */
void virtio_fail(struct virtio *v, const char *why);

/* For devices with a thread of their own: when the descriptor of a queue is readable. Takes the lock. */
int virtio_kick_fd(const struct virtio *v, unsigned int q);
void virtio_kicked(struct virtio *v, unsigned int q);

/* --- For transports; with the lock held --------------------------------------------- */

void virtio_set_status(struct virtio *v, uint8_t status);
void virtio_set_ready(struct virtio *v, unsigned int q, bool ready);
void virtio_ack(struct virtio *v, uint8_t isr);
/* Without the lock. */
void virtio_notify(struct virtio *v, unsigned int q);

#endif
