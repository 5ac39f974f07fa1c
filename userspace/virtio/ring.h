/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_RING_H
#define VIRTIO_RING_H
/*
 * A split virtqueue, seen from the device: chains of buffers come out of it,
 * and go back with the number of bytes written. Nothing here makes a system call
 * or knows a device, so that tests can feed it anything.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VRING_SIZE_MAX	256	/* entries */
/* Of a chain, wherever its descriptors are. */
#define VRING_CHAIN_MAX	256

#define VRING_ALIGN_DESC	16
#define VRING_ALIGN_DRIVER	2
#define VRING_ALIGN_DEVICE	4

/* Where guest memory is in this process; NULL unless all of [gpa, gpa + len) is. */
struct vring_memory {
	void *(*translate)(const void *opaque, uint64_t gpa, uint64_t len);
	const void *opaque;
};

/* Half a descriptor. Volatile: to be read once. Indirect tables may be anywhere. */
typedef const volatile uint64_t vring_word __attribute__((aligned(1)));

struct vring {
	/* Set before vring_start() */
	uint16_t size;
	bool event_index, indirect;		/* as negotiated */
	uint64_t desc, driver, device;		/* guest-physical */

	/* Of a started ring */
	const struct vring_memory *memory;
	vring_word *desc_host;
	const uint16_t *driver_host;
	uint16_t *device_host;
	uint16_t next_avail;			/* entries taken */
	uint16_t next_used;			/* entries given back */
	uint16_t last_signal;			/* next_used when it was last asked for */
	unsigned int in_flight;			/* taken, not given back */
	uint64_t taken[VRING_SIZE_MAX / 64];	/* the same, by head */
	const char *broken;			/* what the driver did wrong; then nothing more is taken */
};

struct vring_chain {
	uint16_t head;
	/* The first n_out are for the device to read, n_in more for it to write. */
	unsigned int n_out, n_in;
	uint32_t out_size, in_size;
	struct iovec iov[VRING_CHAIN_MAX];
};

/* False, with ring->broken set, if the addresses or the size cannot be. */
bool vring_start(struct vring *ring, const struct vring_memory *memory);
/* Back to the state before anything was set. */
void vring_reset(struct vring *ring);
/* The next chain; false if there is none, or the ring is broken. */
bool vring_take(struct vring *ring, struct vring_chain *chain);
/* Undoes the last vring_take(). */
void vring_untake(struct vring *ring, const struct vring_chain *chain);
/* Gives a chain back, of which the first len bytes for writing were written. */
void vring_give(struct vring *ring, uint16_t head, uint32_t len);
/* Whether the driver wants to hear of what was given since the last call. */
bool vring_wants_signal(struct vring *ring);
/* While the device looks at the ring anyway, the driver need not tell it. */
void vring_mute(struct vring *ring);
/* From now on it must; true if something arrived just before. */
bool vring_unmute(struct vring *ring);

/* --- Parts of a chain ------------------------------------------------------------ */

struct vring_span {
	struct iovec *iov;
	unsigned int n;
	uint32_t size;
};

struct vring_span vring_out(struct vring_chain *chain);
struct vring_span vring_in(struct vring_chain *chain);
/* Move data and take it off the front; the number of bytes, less than len only at the end. */
uint32_t vring_pull(struct vring_span *from, void *data, uint32_t len);
uint32_t vring_push(struct vring_span *to, const void *data, uint32_t len);
/* Takes off the last byte, and says where it is; NULL if there is none. */
uint8_t *vring_cut_last(struct vring_span *span);

#endif
