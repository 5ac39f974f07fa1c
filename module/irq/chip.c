// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupt controllers that a VM has once: their common life. There are
 * none yet: the chip is empty, no pin is ever up.
 */
#include <linux/lockdep.h>
#include <linux/slab.h>
#include "irq.h"
#include "vm.h"

struct bellows_irqchip {
	struct bellows_vm *vm;
};

int bellows_irqchip_create(struct bellows_vm *vm)
{
	struct bellows_irqchip *chip;

	lockdep_assert_held(&vm->lock);
	chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	/* Pairs with bellows_irqchip_in_kernel(). */
	smp_store_release(&vm->irqchip, chip);
	return 0;
}

void bellows_irqchip_destroy(struct bellows_vm *vm)
{
	kfree(vm->irqchip);
	vm->irqchip = NULL;
}

bool bellows_pic_pending(struct bellows_vm *vm)
{
	return false;
}

int bellows_pic_acknowledge(struct bellows_vm *vm)
{
	return -1;
}

void bellows_ioapic_eoi(struct bellows_vm *vm, u8 vector)
{
}

bool bellows_ioapic_handles(struct bellows_vm *vm, u8 vector)
{
	return false;
}
