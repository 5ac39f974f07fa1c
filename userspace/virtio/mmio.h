/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_MMIO_H
#define VIRTIO_MMIO_H
/* The registers through which a guest finds and drives a virtio device. */
#include "bus.h"

#define VIRTIO_MMIO_NOTIFY	0x50	/* the register that ioeventfds answer for */
#define VIRTIO_MMIO_SIZE	0x200

extern const struct bus_ops virtio_mmio_ops;	/* opaque: struct virtio */

#endif
