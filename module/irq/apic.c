// SPDX-License-Identifier: GPL-2.0
/*
 * The local APICs of a VM. There are none yet: nobody can be addressed.
 */
#include "irq.h"

int bellows_apic_deliver(struct bellows_vm *vm, struct bellows_vcpu *source,
			 const struct bellows_irq_message *msg)
{
	return -1;
}

void bellows_apic_pic_output(struct bellows_vm *vm, bool high)
{
}
