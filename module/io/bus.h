/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IO_BUS_H
#define BELLOWS_IO_BUS_H
/*
 * A VM's buses: what in the kernel answers at which port or address. Asked
 * before userspace is.
 */
#include <linux/srcu.h>
#include "types.h"
#include "vm/vm.h"

struct bellows_bus_device;

#define BUS_MAX_DEVICES	4096

/*
 * 0, or -EOPNOTSUPP: not mine, ask the next. In a vCPU's thread, and atomic: must
 * not sleep. One to eight bytes, inside the device's range.
 */
struct bellows_bus_ops {
	int (*read)(struct bellows_bus_device *device, u64 address, unsigned int len, void *data);
	int (*write)(struct bellows_bus_device *device, u64 address, unsigned int len,
		     const void *data);
};

struct bellows_bus_device {
	const struct bellows_bus_ops *ops;	/* either function may be missing */
};

/*
 * Readers of buses and routes. They never sleep, so that waiting for them is
 * short; therefore all VMs share it.
 */
extern struct srcu_struct bellows_irq_srcu;

void bellows_buses_init(struct bellows_buses *buses);
void bellows_buses_destroy(struct bellows_buses *buses);	/* no reader is left */

/*
 * Under buses->lock. length 0: the address alone, accesses of any length. Ranges
 * may overlap: the device that came first is asked first. -ENOMEM, -ENOSPC.
 */
int bellows_bus_add(struct bellows_buses *buses, enum bellows_bus_kind kind, u64 start, u32 length,
		    struct bellows_bus_device *device);
/* Under buses->lock. No vCPU is in the device's functions any more when it returns. */
void bellows_bus_remove(struct bellows_buses *buses, enum bellows_bus_kind kind,
			struct bellows_bus_device *device);

/*
 * Userspace's buffer for an access to an address is eight bytes; aligned pieces
 * are what a bus would see.
 */
#define BELLOWS_MAX_MMIO	8u

static inline unsigned int bellows_mmio_piece(gpa_t gpa, unsigned int len)
{
	return min3(len, BELLOWS_MAX_MMIO,
		    (unsigned int)(BELLOWS_MAX_MMIO - (gpa & (BELLOWS_MAX_MMIO - 1))));
}

/* Is there anything at all? What appears at this moment may be missed. */
static inline bool bellows_bus_used(const struct bellows_buses *buses, enum bellows_bus_kind kind)
{
	return rcu_access_pointer(buses->bus[kind]);
}

/* An access piece by piece, up to the first that no device answers: the bytes done. */
unsigned int bellows_bus_mmio(struct bellows_buses *buses, gpa_t gpa, void *data, unsigned int len,
			      bool write);
/* The same for elements at a port: how many. */
unsigned int bellows_bus_ports(struct bellows_buses *buses, u16 port, unsigned int size,
			       unsigned int count, void *data, bool in);

#endif
