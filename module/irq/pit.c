// SPDX-License-Identifier: GPL-2.0
/*
 * The interval timer of a VM. The counters follow from the time; only channel
 * 0's interrupt needs a timer of the host.
 *
 * A guest that counts ticks must get them all, also those that came while its
 * vCPU did not run. So ticks that it has not yet dealt with are counted, and the
 * end of one brings the next (reinjection, which can be turned off). When the guest
 * programs the timer or unmasks its line, what it owes is forgotten.
 *
 * The host's timer runs in hard interrupts, and may fire while a thread that
 * holds the lock stops it or sets it anew. The thread does not wait for it: the
 * timer takes the lock, and does nothing unless a tick is due. A host that was late gives all
 * missed ticks at once, as a number.
 *
 * The lock is held while the line is pulsed: the chips' locks are inside it, and
 * they tell of an interrupt's end only when they hold none.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include "io/bus.h"
#include "irq/chip.h"
#include "irq/i8254.h"
#include "irq/pit.h"
#include "irq/route.h"
#include "vm/vm.h"

#define PIT_PORT	0x40
#define SPEAKER_PORT	0x61

#define SPEAKER_GATE	BIT(0)
#define SPEAKER_DATA	BIT(1)
#define SPEAKER_REFRESH	BIT(4)
#define SPEAKER_OUT	BIT(5)
/* The refresh bit toggles every 15 us or so: a bit of the time in nanoseconds. */
#define REFRESH_SHIFT	14

/* A guest may not have the host's timer fire without end. */
#define MIN_PERIOD	(200 * NSEC_PER_USEC)
/* Ticks that the guest is owed at most. */
#define MAX_OWED	(1 << 20)

struct pit {
	struct bellows_irqchip *chip;		/* [c] */
	bool speaker;				/* [c] port 0x61 is ours */
	struct bellows_bus_device ports, speaker_port;
	spinlock_t lock;			/* irqs off; of what follows */
	struct i8254 regs;
	u32 flags;				/* KVM_PIT_FLAGS_* */
	struct hrtimer timer;
	bool armed;
	u64 due;				/* when the timer shall fire, if armed */
	u64 period;				/* of ticks, 0: one tick only */
	bool reinject;
	bool ended;				/* the guest is done with the last tick */
	u32 owed;				/* ticks, the one under way included */
};

static_assert(sizeof(struct kvm_pit_channel_state) == sizeof(struct i8254_channel));
static_assert(offsetof(struct kvm_pit_channel_state, gate) ==
	      offsetof(struct i8254_channel, gate));
static_assert(offsetof(struct kvm_pit_channel_state, count_load_time) ==
	      offsetof(struct i8254_channel, loaded));

static struct pit *pit_of(struct bellows_irqchip *chip)
{
	/* Pairs with the release in bellows_pit_create(). */
	return smp_load_acquire(&chip->pit);
}

static void pit_pulse(struct pit *pit)
{
	lockdep_assert_held(&pit->lock);
	pit->ended = false;
	bellows_line_set(pit->chip, BELLOWS_SOURCE_PIT, 0, true);
	bellows_line_set(pit->chip, BELLOWS_SOURCE_PIT, 0, false);
}

static void pit_forget_owed(struct pit *pit)
{
	lockdep_assert_held(&pit->lock);
	pit->owed = 0;
	pit->ended = true;
}

static void pit_tick(struct pit *pit, u64 n)
{
	lockdep_assert_held(&pit->lock);
	if (!pit->reinject) {
		pit_pulse(pit);
		return;
	}
	pit->owed = min_t(u64, pit->owed + n, MAX_OWED);
	if (pit->ended)
		pit_pulse(pit);
}

static enum hrtimer_restart pit_fired(struct hrtimer *timer)
{
	struct pit *pit = container_of(timer, struct pit, timer);
	u64 now = ktime_get_ns(), n = 1;

	guard(spinlock_irqsave)(&pit->lock);
	if (!pit->armed || now < pit->due)
		return HRTIMER_NORESTART;
	if (pit->period) {
		n += div64_u64(now - pit->due, pit->period);
		pit->due += n * pit->period;
		/* Not by the return value: the timer may have been started meanwhile. */
		hrtimer_start(&pit->timer, ns_to_ktime(pit->due), HRTIMER_MODE_ABS);
	} else {
		pit->armed = false;
	}
	pit_tick(pit, n);
	return HRTIMER_NORESTART;
}

static void pit_stop(struct pit *pit)
{
	lockdep_assert_held(&pit->lock);
	pit->armed = false;
	hrtimer_try_to_cancel(&pit->timer);
}

/* Channel 0 was loaded. */
static void pit_restart(struct pit *pit, u64 now)
{
	u64 interval = i8254_interval(&pit->regs);

	pit_stop(pit);
	pit_forget_owed(pit);
	/* With an HPET in its place channel 0 is cut off. */
	if (!interval || (pit->flags & KVM_PIT_FLAGS_HPET_LEGACY))
		return;
	pit->period = 0;
	if (i8254_periodic(&pit->regs))
		pit->period = max_t(u64, interval, MIN_PERIOD);
	pit->due = now + max(interval, pit->period);
	pit->armed = true;
	hrtimer_start(&pit->timer, ns_to_ktime(pit->due), HRTIMER_MODE_ABS);
}

/* Eight data lines: of wider accesses the rest is nothing. */
static int pit_read(struct bellows_bus_device *device, u64 address, unsigned int len, void *data)
{
	struct pit *pit = container_of(device, struct pit, ports);

	memset(data, 0, len);
	guard(spinlock_irqsave)(&pit->lock);
	*(u8 *)data = i8254_read(&pit->regs, address & 3, ktime_get_ns());
	return 0;
}

static int pit_write(struct bellows_bus_device *device, u64 address, unsigned int len,
		     const void *data)
{
	struct pit *pit = container_of(device, struct pit, ports);
	u64 now;

	guard(spinlock_irqsave)(&pit->lock);
	now = ktime_get_ns();
	if (i8254_write(&pit->regs, address & 3, *(const u8 *)data, now))
		pit_restart(pit, now);
	return 0;
}

static int pit_speaker_read(struct bellows_bus_device *device, u64 address, unsigned int len,
			    void *data)
{
	struct pit *pit = container_of(device, struct pit, speaker_port);
	u64 now;
	u8 value;

	if (address != SPEAKER_PORT)
		return -EOPNOTSUPP;
	memset(data, 0, len);
	guard(spinlock_irqsave)(&pit->lock);
	now = ktime_get_ns();
	value = pit->regs.channel[2].gate ? SPEAKER_GATE : 0;
	if (pit->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON)
		value |= SPEAKER_DATA;
	if (now >> REFRESH_SHIFT & 1)
		value |= SPEAKER_REFRESH;
	if (i8254_out(&pit->regs, 2, now))
		value |= SPEAKER_OUT;
	*(u8 *)data = value;
	return 0;
}

static int pit_speaker_write(struct bellows_bus_device *device, u64 address, unsigned int len,
			     const void *data)
{
	struct pit *pit = container_of(device, struct pit, speaker_port);
	u8 value = *(const u8 *)data;

	if (address != SPEAKER_PORT)
		return -EOPNOTSUPP;
	guard(spinlock_irqsave)(&pit->lock);
	if (value & SPEAKER_DATA)
		pit->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	else
		pit->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	i8254_set_gate(&pit->regs, 2, value & SPEAKER_GATE, ktime_get_ns());
	return 0;
}

static const struct bellows_bus_ops pit_port_ops = { .read = pit_read, .write = pit_write };
static const struct bellows_bus_ops pit_speaker_ops = {
	.read = pit_speaker_read,
	.write = pit_speaker_write,
};

void pit_ended(struct bellows_irqchip *chip)
{
	struct pit *pit = pit_of(chip);

	if (!pit)
		return;
	guard(spinlock_irqsave)(&pit->lock);
	if (!pit->reinject)
		return;
	pit->ended = true;
	if (pit->owed && --pit->owed)
		pit_pulse(pit);
}

void pit_unmasked(struct bellows_irqchip *chip)
{
	struct pit *pit = pit_of(chip);

	if (!pit)
		return;
	guard(spinlock_irqsave)(&pit->lock);
	pit_forget_owed(pit);
}

int bellows_pit_get_state(struct bellows_irqchip *chip, struct kvm_pit_state2 *state)
{
	struct pit *pit = chip ? pit_of(chip) : NULL;

	if (!pit)
		return -ENXIO;
	memset(state, 0, sizeof(*state));
	guard(spinlock_irqsave)(&pit->lock);
	memcpy(state->channels, pit->regs.channel, sizeof(state->channels));
	state->flags = pit->flags;
	return 0;
}

/* Counting begins anew, now: the times in the state are of another clock. */
int bellows_pit_set_state(struct bellows_irqchip *chip, const struct kvm_pit_state2 *state)
{
	struct pit *pit = chip ? pit_of(chip) : NULL;
	unsigned int i;
	u64 now;

	if (!pit)
		return -ENXIO;
	guard(spinlock_irqsave)(&pit->lock);
	now = ktime_get_ns();
	memcpy(pit->regs.channel, state->channels, sizeof(pit->regs.channel));
	pit->flags = state->flags;
	for (i = 0; i < I8254_CHANNELS; i++)
		i8254_load(&pit->regs, i, pit->regs.channel[i].count, now);
	pit_restart(pit, now);
	return 0;
}

int bellows_pit_set_reinject(struct bellows_irqchip *chip, bool on)
{
	struct pit *pit = chip ? pit_of(chip) : NULL;

	if (!pit)
		return -ENXIO;
	guard(spinlock_irqsave)(&pit->lock);
	if (on && !pit->reinject)
		pit_forget_owed(pit);
	pit->reinject = on;
	return 0;
}

static int pit_add_ports(struct pit *pit)
{
	struct bellows_buses *buses = &pit->chip->vm->buses;
	int err;

	lockdep_assert_held(&pit->chip->vm->lock);
	guard(mutex)(&buses->lock);
	err = bellows_bus_add(buses, BELLOWS_BUS_PIO, PIT_PORT, 4, &pit->ports);
	if (err || !pit->speaker)
		return err;
	err = bellows_bus_add(buses, BELLOWS_BUS_PIO, SPEAKER_PORT, 4, &pit->speaker_port);
	if (err)
		bellows_bus_remove(buses, BELLOWS_BUS_PIO, &pit->ports);
	return err;
}

int bellows_pit_create(struct bellows_irqchip *chip, u32 flags)
{
	struct pit *pit;
	int err;

	lockdep_assert_held(&chip->vm->lock);
	if (chip->pit)
		return -EEXIST;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	pit->chip = chip;
	pit->speaker = flags & KVM_PIT_SPEAKER_DUMMY;
	pit->ports.ops = &pit_port_ops;
	pit->speaker_port.ops = &pit_speaker_ops;
	spin_lock_init(&pit->lock);
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pit->timer.function = pit_fired;
	i8254_init(&pit->regs, ktime_get_ns());
	pit->reinject = true;
	pit->ended = true;
	err = pit_add_ports(pit);
	if (err) {
		/* A vCPU may have found the first port and started the timer. */
		scoped_guard(spinlock_irqsave, &pit->lock)
			pit_stop(pit);
		hrtimer_cancel(&pit->timer);
		kfree(pit);
		return err;
	}
	/* Pairs with pit_of(). */
	smp_store_release(&chip->pit, pit);
	/* A vCPU may have found the ports and had a tick: its end was told to no timer. */
	scoped_guard(spinlock_irqsave, &pit->lock)
		pit_forget_owed(pit);
	return 0;
}

void pit_destroy(struct bellows_irqchip *chip)
{
	struct bellows_buses *buses = &chip->vm->buses;
	struct pit *pit = chip->pit;

	if (!pit)
		return;
	mutex_lock(&buses->lock);
	bellows_bus_remove(buses, BELLOWS_BUS_PIO, &pit->ports);
	bellows_bus_remove(buses, BELLOWS_BUS_PIO, &pit->speaker_port);
	mutex_unlock(&buses->lock);
	scoped_guard(spinlock_irqsave, &pit->lock)
		pit_stop(pit);
	hrtimer_cancel(&pit->timer);
	chip->pit = NULL;
	kfree(pit);
}
