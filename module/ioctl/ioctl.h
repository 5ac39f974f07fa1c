/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_H
#define BELLOWS_IOCTL_H
/*
 * The ioctl layer: the only code that touches user pointers. An fd's ioctls
 * are a table; a handler gets what the fd stands for and the argument, as a
 * value or as the pointer it is.
 */
#include <linux/types.h>

struct bellows_ioctl {
	unsigned int cmd;
	long (*handle)(void *object, unsigned long arg);
};

/* Calls the handler of cmd; unknown if there is none. */
long bellows_ioctl_dispatch(const struct bellows_ioctl *table, size_t n, void *object,
			    unsigned int cmd, unsigned long arg, long unknown);

/* KVM_CHECK_EXTENSION: the same answers on /dev/bellows and on a VM. */
long bellows_check_extension(unsigned long cap);

#endif
