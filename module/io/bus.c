// SPDX-License-Identifier: GPL-2.0
/*
 * Ports and addresses that the kernel answers.
 *
 * Every access that leaves a guest asks here first, so a look-up must cost next
 * to nothing where nothing is registered, and little otherwise: a bus is an array
 * sorted by start address, searched by halving. Ranges may overlap (several
 * eventfds wait for different values at one address, say), which halving cannot
 * see; but none is longer than bus->longest, so that all that can contain an
 * address start in a window of that length before it.
 *
 * Changes are rare, and replace the array: readers are inside
 * bellows_irq_srcu and never sleep there. Removing needs no memory and
 * therefore cannot fail: the entry is emptied in place, and the next addition
 * leaves it out.
 */
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include "io/bus.h"

struct bus_range {
	u64 start;
	u32 length;				/* 0: any access to start */
	struct bellows_bus_device __rcu *device;	/* NULL: removed */
};

struct bellows_bus {
	unsigned int n;
	u32 longest;				/* at least 1 */
	struct bus_range range[];
};

DEFINE_SRCU(bellows_irq_srcu);

void bellows_buses_init(struct bellows_buses *buses)
{
	mutex_init(&buses->lock);
}

void bellows_buses_destroy(struct bellows_buses *buses)
{
	unsigned int i;

	for (i = 0; i < BELLOWS_NR_BUSES; i++)
		kvfree(rcu_dereference_protected(buses->bus[i], true));
	mutex_destroy(&buses->lock);
}

static struct bellows_bus *bus_current(struct bellows_buses *buses, enum bellows_bus_kind kind)
{
	return rcu_dereference_protected(buses->bus[kind], lockdep_is_held(&buses->lock));
}

static struct bellows_bus_device *bus_device_of(struct bellows_buses *buses,
						const struct bus_range *range)
{
	return rcu_dereference_protected(range->device, lockdep_is_held(&buses->lock));
}

static void bus_append(struct bellows_bus *bus, const struct bus_range *range)
{
	bus->longest = max(bus->longest, range->length);
	bus->range[bus->n++] = *range;
}

/* The old array's living entries and the new one, which goes behind its equals. */
static void bus_merge(struct bellows_buses *buses, struct bellows_bus *to,
		      const struct bellows_bus *old, const struct bus_range *new)
{
	unsigned int i;
	bool placed = false;

	for (i = 0; old && i < old->n; i++) {
		if (!bus_device_of(buses, &old->range[i]))
			continue;
		if (!placed && old->range[i].start > new->start) {
			bus_append(to, new);
			placed = true;
		}
		bus_append(to, &old->range[i]);
	}
	if (!placed)
		bus_append(to, new);
}

static unsigned int bus_living(struct bellows_buses *buses, const struct bellows_bus *bus)
{
	unsigned int i, n = 0;

	for (i = 0; bus && i < bus->n; i++)
		n += !!bus_device_of(buses, &bus->range[i]);
	return n;
}

static void bus_replace(struct bellows_buses *buses, enum bellows_bus_kind kind,
			struct bellows_bus *new)
{
	struct bellows_bus *old = bus_current(buses, kind);

	lockdep_assert_held(&buses->lock);
	rcu_assign_pointer(buses->bus[kind], new);
	synchronize_srcu_expedited(&bellows_irq_srcu);
	kvfree(old);
}

int bellows_bus_add(struct bellows_buses *buses, enum bellows_bus_kind kind, u64 start, u32 length,
		    struct bellows_bus_device *device)
{
	struct bus_range range = { .start = start, .length = length };
	struct bellows_bus *old, *new;
	unsigned int n;

	lockdep_assert_held(&buses->lock);
	old = bus_current(buses, kind);
	n = bus_living(buses, old);
	if (n >= BUS_MAX_DEVICES)
		return -ENOSPC;
	new = kvzalloc(struct_size(new, range, n + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->longest = 1;
	RCU_INIT_POINTER(range.device, device);
	bus_merge(buses, new, old, &range);
	bus_replace(buses, kind, new);
	return 0;
}

void bellows_bus_remove(struct bellows_buses *buses, enum bellows_bus_kind kind,
			struct bellows_bus_device *device)
{
	struct bellows_bus *bus;
	unsigned int i;

	lockdep_assert_held(&buses->lock);
	bus = bus_current(buses, kind);
	for (i = 0; bus && i < bus->n; i++) {
		if (bus_device_of(buses, &bus->range[i]) == device)
			RCU_INIT_POINTER(bus->range[i].device, NULL);
	}
	if (bus && !bus_living(buses, bus))
		bus_replace(buses, kind, NULL);
	else
		synchronize_srcu_expedited(&bellows_irq_srcu);
}

static bool bus_range_contains(const struct bus_range *range, u64 address, unsigned int len)
{
	if (!range->length)
		return range->start == address;
	return len <= range->length && address - range->start <= range->length - len;
}

/* The first entry that does not start before the address. */
static unsigned int bus_lower_bound(const struct bellows_bus *bus, u64 address)
{
	unsigned int low = 0, high = bus->n;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (bus->range[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int bus_ask(struct bellows_bus_device *device, u64 address, unsigned int len, void *data,
		   bool write)
{
	if (write)
		return device->ops->write ? device->ops->write(device, address, len, data) :
					    -EOPNOTSUPP;
	return device->ops->read ? device->ops->read(device, address, len, data) : -EOPNOTSUPP;
}

static int bus_ask_all(const struct bellows_bus *bus, u64 address, unsigned int len, void *data,
		       bool write)
{
	unsigned int i = bus_lower_bound(bus, address - min_t(u64, address, bus->longest - 1));
	int r = -EOPNOTSUPP;

	lockdep_assert(srcu_read_lock_held(&bellows_irq_srcu));
	for (; r == -EOPNOTSUPP && i < bus->n && bus->range[i].start <= address; i++) {
		const struct bus_range *range = &bus->range[i];
		struct bellows_bus_device *device;

		if (!bus_range_contains(range, address, len))
			continue;
		device = srcu_dereference(range->device, &bellows_irq_srcu);
		if (device)
			r = bus_ask(device, address, len, data, write);
	}
	return r;
}

static int bus_access(struct bellows_buses *buses, enum bellows_bus_kind kind, u64 address,
		      unsigned int len, void *data, bool write)
{
	const struct bellows_bus *bus;
	int index, r = -EOPNOTSUPP;

	if (!bellows_bus_used(buses, kind))
		return r;
	index = srcu_read_lock(&bellows_irq_srcu);
	bus = srcu_dereference(buses->bus[kind], &bellows_irq_srcu);
	if (bus)
		r = bus_ask_all(bus, address, len, data, write);
	srcu_read_unlock(&bellows_irq_srcu, index);
	return r;
}

unsigned int bellows_bus_mmio(struct bellows_buses *buses, gpa_t gpa, void *data, unsigned int len,
			      bool write)
{
	unsigned int done = 0;

	while (done < len) {
		unsigned int piece = bellows_mmio_piece(gpa + done, len - done);

		if (bus_access(buses, BELLOWS_BUS_MMIO, gpa + done, piece, data + done, write))
			break;
		done += piece;
	}
	return done;
}

unsigned int bellows_bus_ports(struct bellows_buses *buses, u16 port, unsigned int size,
			       unsigned int count, void *data, bool in)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (bus_access(buses, BELLOWS_BUS_PIO, port, size, data + i * size, !in))
			break;
	}
	return i;
}
