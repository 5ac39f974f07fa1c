/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_RNG_H
#define VIRTIO_RNG_H
/* A source of random numbers. */
struct vm;

/* It belongs to the VM from then on. 0, or -errno after a message. */
int virtio_rng_create(struct vm *vm);

#endif
