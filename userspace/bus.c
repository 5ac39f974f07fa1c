// SPDX-License-Identifier: GPL-2.0
/*
 * A sorted array per space. It is short and hot, and a binary search in it touches
 * few cache lines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bus.h"

static const struct bus_ops nothing;

/* The first range that ends above addr. */
static unsigned int find(const struct bus_space_table *t, uint64_t addr)
{
	unsigned int low = 0, high = t->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (addr - t->ranges[middle].base < t->ranges[middle].size ||
		    addr < t->ranges[middle].base)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int bus_add(struct bus *bus, enum bus_space space, uint64_t base, uint64_t size, const char *name,
	    const struct bus_ops *ops, void *opaque)
{
	struct bus_space_table *t = &bus->spaces[space];
	struct bus_range *ranges;
	unsigned int at;

	if (!size || base + size - 1 < base)
		return -EINVAL;
	at = find(t, base);
	if (at < t->count && t->ranges[at].base <= base + size - 1)
		return -EEXIST;
	ranges = realloc(t->ranges, (t->count + 1) * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	t->ranges = ranges;
	memmove(ranges + at + 1, ranges + at, (t->count - at) * sizeof(*ranges));
	ranges[at] = (struct bus_range) { base, size, name, ops ? ops : &nothing, opaque };
	t->count++;
	return 0;
}

static const struct bus_range *lookup(const struct bus_space_table *t, uint64_t addr,
				      unsigned int size)
{
	unsigned int at = find(t, addr);
	const struct bus_range *r = t->ranges + at;

	if (at == t->count || addr < r->base || size > r->size - (addr - r->base))
		return NULL;
	return r;
}

void bus_access(struct bus *bus, enum bus_space space, bool write, uint64_t addr, unsigned int size,
		void *data)
{
	const struct bus_range *r = lookup(&bus->spaces[space], addr, size);
	uint64_t value = 0;

	if (size > sizeof(value))
		return;
	if (!r && bus->unclaimed)
		bus->unclaimed(bus, space, write, addr, size);
	if (write) {
		memcpy(&value, data, size);
		if (r && r->ops->write)
			r->ops->write(r->opaque, addr - r->base, size, value);
		return;
	}
	value = r && r->ops->read ? r->ops->read(r->opaque, addr - r->base, size) : ~0ull;
	memcpy(data, &value, size);
}

void bus_free(struct bus *bus)
{
	int i;

	for (i = 0; i < BUS_SPACES; i++) {
		free(bus->spaces[i].ranges);
		bus->spaces[i] = (struct bus_space_table) { };
	}
}
