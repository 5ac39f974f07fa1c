/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_VCPU_H
#define BELLOWS_IOCTL_VCPU_H
#include <linux/fs.h>
#include "vm/vcpu.h"

/* The mapping of a vCPU's descriptor: struct kvm_run, then the data of port I/O. */
#define VCPU_RUN_PAGES	2

/* A new vCPU's descriptor, or -errno. */
int ioctl_create_vcpu(struct bellows_vm *vm, u32 id);

#endif
