/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_HOST_HOST_H
#define BELLOWS_HOST_HOST_H
/* Virtualization of the host's CPUs. */
#include <linux/compiler.h>
#include <linux/types.h>

/* Read through bellows_host_lost(); set once, never cleared. */
extern bool bellows_lost;

/* Virtualization on, on every CPU, from the first VM to the last: 0, -EOPNOTSUPP, -EBUSY, -EIO (lost). */
int bellows_host_get(void);
void bellows_host_put(void);
int bellows_host_init(void);		/* module load: backend's setup; hotplug, suspend, emergency hooks */
void bellows_host_exit(void);
/* Reboot: off on every CPU, for good. The caller has stopped the VMs. */
void bellows_host_shutdown(void);
/* Virtualization is gone while VMs may exist (reboot, failed resume): nothing may load or enter a vCPU. */
static inline bool bellows_host_lost(void)
{
	return READ_ONCE(bellows_lost);
}

#endif
