/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_DEVICES_H
#define VIRTIO_DEVICES_H
/*
 * The virtio devices that a VM can have. Each is created from what follows its
 * option on the command line, and belongs to the VM from then on. 0, or -errno
 * after a message: -EINVAL if the option is wrong, otherwise about this machine.
 */
struct vm;

/* PATH[,format=raw|qcow2][,readonly][,serial=TEXT]; a comma of the path is doubled */
int virtio_blk_create(struct vm *vm, const char *spec);
/* user[,hostfwd=tcp|udp:[ADDR:]PORT:GUESTPORT]... or tap=NAME; both: [,mac=XX:XX:XX:XX:XX:XX] */
int virtio_net_create(struct vm *vm, const char *spec);
int virtio_rng_create(struct vm *vm);
/* Characters from in and to out, which stay the caller's; either may be -1. */
int virtio_console_create(struct vm *vm, int in, int out);

#endif
