/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_VM_H
#define BELLOWS_IOCTL_VM_H

/* A new VM's descriptor, or -errno. */
int ioctl_create_vm(void);

#endif
