/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_H
#define BELLOWS_IOCTL_H
/*
 * The ioctl layer: the only code that touches user pointers. An fd's ioctls
 * are a table; a handler gets what the fd stands for and the argument, as a
 * value or as the pointer it is.
 */
#include <linux/types.h>

struct ioctl_call {
	unsigned int cmd;
	long (*handle)(void *object, unsigned long arg);
};

/* Calls the handler of cmd; unknown if there is none. */
long ioctl_dispatch(const struct ioctl_call *table, size_t n, void *object,
		    unsigned int cmd, unsigned long arg, long unknown);

/* KVM_CHECK_EXTENSION: the same answers on /dev/bellows and on a VM. */
long ioctl_check_extension(unsigned long cap);

#endif
