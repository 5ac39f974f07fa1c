/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_IRQ_H
#define BELLOWS_IOCTL_IRQ_H

struct bellows_vm;

/* A VM's ioctls that are about interrupts and doorbells. -ENOTTY: none of them. */
long irq_ioctl(struct bellows_vm *vm, unsigned int cmd, unsigned long arg);

#endif
