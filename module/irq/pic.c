// SPDX-License-Identifier: GPL-2.0
/*
 * The 8259 pair of a VM: ports, lock, and the pin that goes to the CPUs.
 *
 * The lock is held while the CPUs are told that the output changed, so that they
 * hear of changes in the order in which they happened. The
 * timer and irqfds hear of ends when the lock is free again.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include "io/bus.h"
#include "irq/apic.h"
#include "irq/chip.h"
#include "irq/pic.h"
#include "vm/vm.h"

#define MASTER_PORT	0x20
#define SLAVE_PORT	0xa0
#define ELCR_PORT	0x4d0

static_assert(sizeof(struct kvm_pic_state) == sizeof(struct i8259));
static_assert(offsetof(struct kvm_pic_state, elcr) == offsetof(struct i8259, elcr));
static_assert(offsetof(struct kvm_pic_state, isr) == offsetof(struct i8259, isr));

static void pic_tell_output(struct bellows_irqchip *chip, bool again)
{
	struct pic *pic = &chip->pic;
	bool output = pic->pair.output;

	lockdep_assert_held(&pic->lock);
	if (output == pic->output && !(output && again))
		return;
	WRITE_ONCE(pic->output, output);
	lapic_pic_output(chip->vm, output);
}

/* What others wait for, and hear when the lock is free. */
struct pic_news {
	unsigned long ended, unmasked;
};

static struct pic_news pic_take_news(struct pic *pic)
{
	struct pic_news news = { .ended = pic->pair.ended, .unmasked = pic->pair.unmasked };

	lockdep_assert_held(&pic->lock);
	pic->pair.ended = 0;
	pic->pair.unmasked = 0;
	return news;
}

static unsigned int pic_chip_of(unsigned int pin)
{
	return pin < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
}

static void pic_tell_news(struct bellows_irqchip *chip, const struct pic_news *news)
{
	unsigned int pin;

	for_each_set_bit(pin, &news->ended, I8259_PINS)
		irqchip_ended(chip, pic_chip_of(pin), pin & 7);
	for_each_set_bit(pin, &news->unmasked, I8259_PINS)
		irqchip_unmasked(chip, pic_chip_of(pin), pin & 7);
}

int pic_set(struct bellows_irqchip *chip, enum bellows_irq_source source, unsigned int pin,
	    bool high)
{
	struct pic *pic = &chip->pic;
	int r;

	guard(spinlock_irqsave)(&pic->lock);
	if (high)
		pic->sources[pin] |= BIT(source);
	else
		pic->sources[pin] &= ~BIT(source);
	r = i8259_set_pin(&pic->pair, pin, pic->sources[pin]);
	pic_tell_output(chip, false);
	return r;
}

bool pic_pending(struct bellows_vm *vm)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(vm);

	return chip && READ_ONCE(chip->pic.output);
}

int pic_acknowledge(struct bellows_vm *vm)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(vm);
	unsigned long flags;
	struct pic_news news;
	int vector;

	if (!chip)
		return -1;
	spin_lock_irqsave(&chip->pic.lock, flags);
	vector = i8259_acknowledge(&chip->pic.pair);
	/* There may be another one for the same CPU, which has yet to look. */
	pic_tell_output(chip, true);
	news = pic_take_news(&chip->pic);
	spin_unlock_irqrestore(&chip->pic.lock, flags);
	pic_tell_news(chip, &news);
	return vector;
}

static void pic_port(struct bellows_irqchip *chip, u64 address, unsigned int len, void *data,
		     bool write)
{
	struct pic *pic = &chip->pic;
	unsigned long flags;
	struct pic_news news;
	u8 *value = data;

	/* The chips have eight data lines: there is no answer to anything wider. */
	if (len != 1) {
		if (!write)
			memset(data, 0, len);
		return;
	}
	spin_lock_irqsave(&pic->lock, flags);
	if (write)
		i8259_write(&pic->pair, address, *value);
	else
		*value = i8259_read(&pic->pair, address);
	pic_tell_output(chip, false);
	news = pic_take_news(pic);
	spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell_news(chip, &news);
}

#define PIC_PORT_FUNCTIONS(member)							\
static int pic_##member##_read(struct bellows_bus_device *device, u64 address,		\
			       unsigned int len, void *data)				\
{											\
	pic_port(container_of(device, struct bellows_irqchip, pic.member), address, len,\
		 data, false);								\
	return 0;									\
}											\
											\
static int pic_##member##_write(struct bellows_bus_device *device, u64 address,		\
				unsigned int len, const void *data)			\
{											\
	pic_port(container_of(device, struct bellows_irqchip, pic.member), address, len,\
		 (void *)data, true);							\
	return 0;									\
}											\
											\
static const struct bellows_bus_ops pic_##member##_ops = {				\
	.read = pic_##member##_read,							\
	.write = pic_##member##_write,							\
}

PIC_PORT_FUNCTIONS(master);
PIC_PORT_FUNCTIONS(slave);
PIC_PORT_FUNCTIONS(elcr);

static unsigned int pic_chip_index(unsigned int which)
{
	return which == KVM_IRQCHIP_PIC_SLAVE;
}

void bellows_pic_get_state(struct bellows_irqchip *chip, unsigned int which,
			   struct kvm_pic_state *state)
{
	guard(spinlock_irqsave)(&chip->pic.lock);
	memcpy(state, &chip->pic.pair.chip[pic_chip_index(which)], sizeof(*state));
}

void bellows_pic_set_state(struct bellows_irqchip *chip, unsigned int which,
			   const struct kvm_pic_state *state)
{
	guard(spinlock_irqsave)(&chip->pic.lock);
	memcpy(&chip->pic.pair.chip[pic_chip_index(which)], state, sizeof(*state));
	i8259_update(&chip->pic.pair);
	pic_tell_output(chip, true);
}

int pic_init(struct bellows_irqchip *chip)
{
	struct bellows_buses *buses = &chip->vm->buses;
	struct pic *pic = &chip->pic;
	int err;

	spin_lock_init(&pic->lock);
	i8259_init(&pic->pair);
	pic->master.ops = &pic_master_ops;
	pic->slave.ops = &pic_slave_ops;
	pic->elcr.ops = &pic_elcr_ops;
	mutex_lock(&buses->lock);
	err = bellows_bus_add(buses, BELLOWS_BUS_PIO, MASTER_PORT, 2, &pic->master);
	if (!err)
		err = bellows_bus_add(buses, BELLOWS_BUS_PIO, SLAVE_PORT, 2, &pic->slave);
	if (!err)
		err = bellows_bus_add(buses, BELLOWS_BUS_PIO, ELCR_PORT, 2, &pic->elcr);
	mutex_unlock(&buses->lock);
	if (err)
		pic_destroy(chip);
	return err;
}

void pic_destroy(struct bellows_irqchip *chip)
{
	struct bellows_buses *buses = &chip->vm->buses;

	guard(mutex)(&buses->lock);
	bellows_bus_remove(buses, BELLOWS_BUS_PIO, &chip->pic.master);
	bellows_bus_remove(buses, BELLOWS_BUS_PIO, &chip->pic.slave);
	bellows_bus_remove(buses, BELLOWS_BUS_PIO, &chip->pic.elcr);
}
