/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_RUN_VM_LIFE_H
#define BELLOWS_RUN_VM_LIFE_H
#include "vm/vm.h"

/* The calling process's VM, with one reference; an ERR_PTR. */
struct bellows_vm *bellows_vm_create(void);
void bellows_vm_get(struct bellows_vm *vm);
void bellows_vm_put(struct bellows_vm *vm);

int bellows_vms_init(void);		/* module load: reboot notifier */
void bellows_vms_exit(void);

extern struct mutex bellows_vms_lock;
extern struct list_head bellows_vms;

#endif
