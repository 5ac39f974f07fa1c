/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_CONSOLE_H
#define VIRTIO_CONSOLE_H
/* A console with one port. */
struct vm;

/*
 * Characters come from in and go to out, which stay the caller's; either may be -1. The
 * console belongs to the VM from then on. 0, or -errno after a message.
 */
int virtio_console_create(struct vm *vm, int in, int out);

#endif
