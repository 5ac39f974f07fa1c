/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H
/* A disk. */
struct vm;

/*
 * PATH[,format=raw|qcow2][,readonly][,serial=TEXT]; a comma of the path is doubled.
 * The disk belongs to the VM from then on. 0, or -errno after a message: -EINVAL if
 * spec is wrong, otherwise about this machine.
 */
int virtio_blk_create(struct vm *vm, const char *spec);

#endif
