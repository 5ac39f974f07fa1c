// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupt controllers that a VM has once: their common life, and what one
 * has to tell the others.
 *
 * The end of an interrupt matters to whoever waits for it: the timer, which has
 * ticks to catch up with, and eventfds whose owner then looks whether the
 * device still wants service. They are told with no spinlock held, since what
 * they do comes back to the chips.
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

static int init(struct bellows_irqchip *chip)
{
	int err;

	bellows_irqfds_init(&chip->irqfds);
	mutex_init(&chip->routes_lock);
	err = bellows_routes_init(chip);
	if (err)
		return err;
	err = bellows_pic_init(chip);
	if (err)
		goto free_routes;
	err = bellows_ioapic_init(chip);
	if (err)
		goto destroy_pic;
	return 0;

destroy_pic:
	bellows_pic_destroy(chip);
free_routes:
	bellows_routes_destroy(chip);
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
	err = init(chip);
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
	bellows_irqfds_release(chip);
	bellows_pit_destroy(chip);
	bellows_ioapic_destroy(chip);
	bellows_pic_destroy(chip);
	bellows_routes_destroy(chip);
	mutex_destroy(&chip->routes_lock);
	vm->irqchip = NULL;
	kfree(chip);
}

void bellows_irq_ended(struct bellows_irqchip *chip, unsigned int which, unsigned int pin)
{
	int gsi = bellows_route_gsi(chip, which, pin);

	if (gsi < 0)
		return;
	if (!gsi)
		bellows_pit_ended(chip);
	bellows_irqfds_ended(chip, gsi);
}

void bellows_irq_unmasked(struct bellows_irqchip *chip, unsigned int which, unsigned int pin)
{
	if (!bellows_route_gsi(chip, which, pin))
		bellows_pit_unmasked(chip);
}
