// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupt controllers that a VM has once: their common life, and what one
 * has to tell the others.
 *
 * Two wait for the end of an interrupt: the timer, which has ticks to catch up
 * with, and eventfds, whose owner then looks whether the device still wants
 * service. They are told with no spinlock held, since what they do comes back to
 * the chips.
 */
#include <linux/lockdep.h>
#include <linux/slab.h>
#include "irq/chip.h"
#include "irq/irqfd.h"
#include "irq/pit.h"
#include "irq/route.h"
#include "vm/vm.h"

struct bellows_irqchip *bellows_irqchip_of(struct bellows_vm *vm)
{
	/* Pairs with the release in bellows_irqchip_create(). */
	return smp_load_acquire(&vm->irqchip);
}

static int irqchip_fill(struct bellows_irqchip *chip)
{
	int err;

	lockdep_assert_held(&chip->vm->lock);
	irqfds_init(&chip->irqfds);
	mutex_init(&chip->routes_lock);
	err = routes_init(chip);
	if (err)
		return err;
	err = pic_init(chip);
	if (err)
		goto free_routes;
	err = ioapic_init(chip);
	if (err)
		goto destroy_pic;
	return 0;

destroy_pic:
	pic_destroy(chip);
free_routes:
	routes_destroy(chip);
	return err;
}

int bellows_irqchip_create(struct bellows_vm *vm)
{
	struct bellows_irqchip *chip;
	int err;

	lockdep_assert_held(&vm->lock);
	chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	err = irqchip_fill(chip);
	if (err) {
		kfree(chip);
		return err;
	}
	/* Pairs with bellows_irqchip_in_kernel(). */
	smp_store_release(&vm->irqchip, chip);
	return 0;
}

/* Sources first: eventfds and the timer stop, then what they feed goes. */
void bellows_irqchip_destroy(struct bellows_vm *vm)
{
	struct bellows_irqchip *chip = vm->irqchip;

	if (!chip)
		return;
	irqfds_release(chip);
	pit_destroy(chip);
	ioapic_destroy(chip);
	pic_destroy(chip);
	routes_destroy(chip);
	mutex_destroy(&chip->routes_lock);
	vm->irqchip = NULL;
	kfree(chip);
}

void irqchip_ended(struct bellows_irqchip *chip, unsigned int which, unsigned int pin)
{
	int gsi = route_gsi(chip, which, pin);

	lockdep_assert_not_held(&chip->pic.lock);
	lockdep_assert_not_held(&chip->ioapic.lock);
	if (gsi < 0)
		return;
	if (!gsi)
		pit_ended(chip);
	irqfds_ended(chip, gsi);
}

void irqchip_unmasked(struct bellows_irqchip *chip, unsigned int which, unsigned int pin)
{
	if (!route_gsi(chip, which, pin))
		pit_unmasked(chip);
}
