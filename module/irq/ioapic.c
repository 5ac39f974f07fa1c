// SPDX-License-Identifier: GPL-2.0
/*
 * The IOAPIC of a VM: its address, its lock, its messages.
 *
 * Messages are delivered under the lock, because whether a CPU accepted one
 * decides the entry's Remote IRR. Local APICs never call back while they hold a
 * lock of theirs: an EOI comes from the CPU's thread with nothing held.
 */
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/string.h>
#include "io/bus.h"
#include "irq/apic.h"
#include "irq/chip.h"
#include "irq/ioapic.h"
#include "vm/vm.h"

static_assert(I82093_PINS == KVM_IOAPIC_NUM_PINS);

/* How long a pin rests that fires again after each EOI. */
#define REST	(HZ / 100)

static int ioapic_send(struct i82093 *regs, u64 entry)
{
	struct bellows_irqchip *chip = container_of(regs, struct bellows_irqchip, ioapic.regs);
	struct irq_message msg = {
		.dest = entry >> I82093_DEST_SHIFT,
		.vector = entry & I82093_VECTOR,
		.delivery_mode = (entry & I82093_MODE) >> 8,
		.logical = entry & I82093_LOGICAL,
		.level = entry & I82093_LEVEL,
		.assert = true,
	};

	lockdep_assert_held(&chip->ioapic.lock);
	return lapic_deliver(chip->vm, NULL, &msg);
}

/* Levels, whose EOI lets the next one through, and edges whose end is waited for. */
static void ioapic_update_handled(struct bellows_irqchip *chip)
{
	struct ioapic *ioapic = &chip->ioapic;
	u64 handled[4] = { };
	unsigned int pin, i;

	lockdep_assert_held(&ioapic->lock);
	for (pin = 0; pin < I82093_PINS; pin++) {
		u64 entry = ioapic->regs.entry[pin];
		u8 vector = entry & I82093_VECTOR;

		if ((entry & I82093_LEVEL) || (ioapic->listened & BIT(pin)))
			handled[vector / 64] |= BIT_ULL(vector % 64);
	}
	if (!memcmp(handled, ioapic->handled, sizeof(handled)))
		return;
	for (i = 0; i < ARRAY_SIZE(handled); i++)
		WRITE_ONCE(ioapic->handled[i], handled[i]);
	lapic_ends_changed(chip->vm);
}

void ioapic_set_listened(struct bellows_irqchip *chip, u32 pins)
{
	lockdep_assert_held(&chip->routes_lock);
	guard(spinlock_irqsave)(&chip->ioapic.lock);
	chip->ioapic.listened = pins;
	ioapic_update_handled(chip);
}

u64 ioapic_handled(struct bellows_vm *vm, unsigned int word)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(vm);

	return chip ? READ_ONCE(chip->ioapic.handled[word]) : 0;
}

bool ioapic_handles(struct bellows_vm *vm, u8 vector)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(vm);

	return chip && (READ_ONCE(chip->ioapic.handled[vector / 64]) & BIT_ULL(vector % 64));
}

int ioapic_set(struct bellows_irqchip *chip, enum bellows_irq_source source,
	       unsigned int pin, bool high)
{
	struct ioapic *ioapic = &chip->ioapic;

	guard(spinlock_irqsave)(&ioapic->lock);
	if (high)
		ioapic->sources[pin] |= BIT(source);
	else
		ioapic->sources[pin] &= ~BIT(source);
	return i82093_set_pin(&ioapic->regs, pin, ioapic->sources[pin]);
}

static unsigned long ioapic_pins_of(struct bellows_irqchip *chip, u8 vector)
{
	guard(spinlock_irqsave)(&chip->ioapic.lock);
	return i82093_pins(&chip->ioapic.regs, vector);
}

/* The timer and irqfds come first: if they lower the pin, it does not fire again. */
void ioapic_eoi(struct bellows_vm *vm, u8 vector, bool level)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(vm);
	unsigned long flags, pins;
	unsigned int pin;
	bool storm = false;

	if (!chip)
		return;
	pins = ioapic_pins_of(chip, vector);
	if (!pins)
		return;
	for_each_set_bit(pin, &pins, I82093_PINS)
		irqchip_ended(chip, KVM_IRQCHIP_IOAPIC, pin);
	/* What came as an edge, an IPI perhaps, ends no level of the same vector. */
	if (!level)
		return;
	spin_lock_irqsave(&chip->ioapic.lock, flags);
	pins &= i82093_pins(&chip->ioapic.regs, vector);
	for_each_set_bit(pin, &pins, I82093_PINS)
		storm |= i82093_eoi(&chip->ioapic.regs, pin);
	spin_unlock_irqrestore(&chip->ioapic.lock, flags);
	if (storm)
		schedule_delayed_work(&chip->ioapic.resume, REST);
}

static void ioapic_resume(struct work_struct *work)
{
	struct bellows_irqchip *chip = container_of(work, struct bellows_irqchip,
						    ioapic.resume.work);

	guard(spinlock_irqsave)(&chip->ioapic.lock);
	i82093_resume(&chip->ioapic.regs);
}

static int ioapic_write(struct bellows_bus_device *device, u64 address, unsigned int len,
			const void *data)
{
	struct bellows_irqchip *chip = container_of(device, struct bellows_irqchip, ioapic.device);
	struct ioapic *ioapic = &chip->ioapic;
	unsigned long flags;
	u32 value = 0;
	int unmasked;

	memcpy(&value, data, min_t(unsigned int, len, sizeof(value)));
	spin_lock_irqsave(&ioapic->lock, flags);
	if (address - ioapic->regs.base >= I82093_SIZE) {
		spin_unlock_irqrestore(&ioapic->lock, flags);
		return -EOPNOTSUPP;
	}
	unmasked = i82093_write(&ioapic->regs, address & 0xff, value);
	/* Selecting a register changes no entry. */
	if (address & 0xff)
		ioapic_update_handled(chip);
	spin_unlock_irqrestore(&ioapic->lock, flags);
	if (unmasked >= 0)
		irqchip_unmasked(chip, KVM_IRQCHIP_IOAPIC, unmasked);
	return 0;
}

static int ioapic_read(struct bellows_bus_device *device, u64 address, unsigned int len, void *data)
{
	struct bellows_irqchip *chip = container_of(device, struct bellows_irqchip, ioapic.device);
	struct ioapic *ioapic = &chip->ioapic;
	u64 value;

	guard(spinlock_irqsave)(&ioapic->lock);
	if (address - ioapic->regs.base >= I82093_SIZE)
		return -EOPNOTSUPP;
	value = i82093_read(&ioapic->regs, address & 0xff);
	memcpy(data, &value, min_t(unsigned int, len, sizeof(value)));
	return 0;
}

static const struct bellows_bus_ops ioapic_ops = { .read = ioapic_read, .write = ioapic_write };

void bellows_ioapic_get_state(struct bellows_irqchip *chip, struct kvm_ioapic_state *state)
{
	const struct i82093 *regs = &chip->ioapic.regs;
	unsigned int pin;

	guard(spinlock_irqsave)(&chip->ioapic.lock);
	state->base_address = regs->base;
	state->ioregsel = regs->select;
	state->id = regs->id;
	/* An edge that was sent is no longer pending. */
	state->irr = regs->irr & ~regs->delivered;
	state->pad = 0;
	for (pin = 0; pin < I82093_PINS; pin++)
		state->redirtbl[pin].bits = regs->entry[pin];
}

void bellows_ioapic_set_state(struct bellows_irqchip *chip, const struct kvm_ioapic_state *state)
{
	struct i82093 *regs = &chip->ioapic.regs;
	unsigned int pin;

	guard(spinlock_irqsave)(&chip->ioapic.lock);
	regs->base = state->base_address;
	regs->select = state->ioregsel;
	regs->id = state->id;
	for (pin = 0; pin < I82093_PINS; pin++)
		regs->entry[pin] = state->redirtbl[pin].bits;
	ioapic_update_handled(chip);
	i82093_restore(regs, state->irr);
}

int ioapic_init(struct bellows_irqchip *chip)
{
	struct bellows_buses *buses = &chip->vm->buses;
	struct ioapic *ioapic = &chip->ioapic;

	spin_lock_init(&ioapic->lock);
	INIT_DELAYED_WORK(&ioapic->resume, ioapic_resume);
	i82093_init(&ioapic->regs, ioapic_send);
	ioapic->device.ops = &ioapic_ops;
	guard(mutex)(&buses->lock);
	return bellows_bus_add(buses, BELLOWS_BUS_MMIO, I82093_BASE, I82093_SIZE,
			       &ioapic->device);
}

void ioapic_destroy(struct bellows_irqchip *chip)
{
	struct bellows_buses *buses = &chip->vm->buses;

	mutex_lock(&buses->lock);
	bellows_bus_remove(buses, BELLOWS_BUS_MMIO, &chip->ioapic.device);
	mutex_unlock(&buses->lock);
	cancel_delayed_work_sync(&chip->ioapic.resume);
}
