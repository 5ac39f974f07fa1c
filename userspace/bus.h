/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BUS_H
#define BUS_H
/*
 * The bus: which device answers at a port or at a guest-physical address.
 *
 * Devices claim ranges while the machine is being built. From the first entry
 * into the guest on the table does not change, so that lookups take no lock. A
 * device is called by any vCPU's thread, several at a time: it does its own
 * locking, and must not wait for anything slow.
 */
#include <stdbool.h>
#include <stdint.h>

enum bus_space { BUS_PIO, BUS_MMIO, BUS_SPACES };

/*
 * Both may be NULL: reads then give ones, writes are ignored. Offsets count from
 * the start of the range. Sizes are 1, 2, 4, and for MMIO also 8; an access never
 * reaches past the range, but it need not be aligned. Values are in the low bytes.
 */
struct bus_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, unsigned int size, uint64_t value);
};

struct bus_range {
	uint64_t base, size;
	const char *name;
	const struct bus_ops *ops;
	void *opaque;
};

struct bus {
	struct bus_space_table {
		struct bus_range *ranges;	/* ascending, disjoint */
		unsigned int count;
	} spaces[BUS_SPACES];
	/* Told of accesses where nothing is; may be NULL. */
	void (*unclaimed)(struct bus *bus, enum bus_space space, bool write, uint64_t addr,
			  unsigned int size);
};

/* -EEXIST: another device is there; -EINVAL: an empty range or one that wraps. Keeps name and ops. */
int bus_add(struct bus *bus, enum bus_space space, uint64_t base, uint64_t size, const char *name,
	    const struct bus_ops *ops, void *opaque);
/* One access; data is size bytes, and becomes all ones where no device answers a read. */
void bus_access(struct bus *bus, enum bus_space space, bool write, uint64_t addr, unsigned int size,
		void *data);
void bus_free(struct bus *bus);

#endif
