// SPDX-License-Identifier: GPL-2.0
/*
 * Lines and where they lead.
 *
 * A table is made once and never changed: routes sorted by line, where each
 * line's begin, and for each pin of a chip the line that leads there, which the
 * end of an interrupt asks for. Replacing it waits for readers of the old one,
 * in bellows_irq_srcu: afterwards userspace may reuse what it led to.
 *
 * A line leads to at most one pin of each chip, or to one message.
 */
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include "io/bus.h"
#include "irq/apic.h"
#include "irq/chip.h"
#include "irq/irqfd.h"
#include "irq/route.h"
#include "vm/vm.h"

#define CHIPS		3		/* KVM_IRQCHIP_*, from 0 */
#define PINS		I82093_PINS		/* of the one that has most */

/* The message's bits, in an address and its data. */
#define MSI_DEST_SHIFT	12
#define MSI_REDIRECT	BIT(3)
#define MSI_LOGICAL	BIT(2)
#define MSI_LEVEL	BIT(15)

struct route {
	bool msi;
	u8 chip, pin;
	u64 address;
	u32 data;
};

struct routes {
	u32 nr_gsis;
	s16 gsi_of[CHIPS][PINS];	/* -1: none */
	u16 *first;			/* nr_gsis + 1: where a line's routes begin in route[] */
	struct route route[];
};

static_assert(KVM_IRQCHIP_PIC_MASTER == 0 && KVM_IRQCHIP_PIC_SLAVE == 1 && KVM_IRQCHIP_IOAPIC == 2);
static_assert(BELLOWS_MAX_ROUTES <= S16_MAX);

bool bellows_msi_valid(const struct bellows_vm *vm, u64 address)
{
	return !READ_ONCE(vm->x2apic_32bit_ids) || !(address >> 32 & 0xff);
}

int bellows_msi_send(struct bellows_vm *vm, u64 address, u32 data)
{
	struct irq_message msg = {
		.dest = address >> MSI_DEST_SHIFT & 0xff,
		.vector = data & 0xff,
		.delivery_mode = data >> 8 & 7,
		.logical = address & MSI_LOGICAL,
		.level = data & MSI_LEVEL,
		.assert = true,
		.redirection_hint = address & MSI_REDIRECT,
	};

	/* Bits 8 to 31 of the destination are at the same place in the upper half. */
	if (READ_ONCE(vm->x2apic_32bit_ids))
		msg.dest |= address >> 32 & ~0xffU;
	return lapic_deliver(vm, NULL, &msg);
}

static int route_follow(struct bellows_irqchip *chip, const struct route *route,
			enum bellows_irq_source source, bool high)
{
	lockdep_assert(srcu_read_lock_held(&bellows_irq_srcu));
	if (route->msi)
		return high ? bellows_msi_send(chip->vm, route->address, route->data) :
			      IRQ_IGNORED;
	if (route->chip == KVM_IRQCHIP_IOAPIC)
		return ioapic_set(chip, source, route->pin, high);
	return pic_set(chip, source, route->pin + 8 * route->chip, high);
}

int bellows_line_set(struct bellows_irqchip *chip, enum bellows_irq_source source, u32 gsi,
		     bool high)
{
	int index = srcu_read_lock(&bellows_irq_srcu);
	const struct routes *routes = srcu_dereference(chip->routes, &bellows_irq_srcu);
	int sum = IRQ_IGNORED, r;
	u32 i;

	if (gsi < routes->nr_gsis) {
		gsi = array_index_nospec(gsi, routes->nr_gsis);
		for (i = routes->first[gsi]; i < routes->first[gsi + 1]; i++) {
			r = route_follow(chip, &routes->route[i], source, high);
			if (r != IRQ_IGNORED)
				sum = r + max(sum, 0);
		}
	}
	srcu_read_unlock(&bellows_irq_srcu, index);
	return sum;
}

int route_gsi(struct bellows_irqchip *chip, unsigned int which, unsigned int pin)
{
	int index = srcu_read_lock(&bellows_irq_srcu);
	int gsi = srcu_dereference(chip->routes, &bellows_irq_srcu)->gsi_of[which][pin];

	srcu_read_unlock(&bellows_irq_srcu, index);
	return gsi;
}

static int route_fill(const struct bellows_vm *vm, struct route *route,
		      const struct kvm_irq_routing_entry *entry)
{
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (entry->flags || entry->u.irqchip.irqchip >= CHIPS)
			return -EINVAL;
		if (entry->u.irqchip.pin >=
		    (entry->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC ? I82093_PINS : 8))
			return -EINVAL;
		route->chip = entry->u.irqchip.irqchip;
		route->pin = entry->u.irqchip.pin;
		return 0;
	case KVM_IRQ_ROUTING_MSI:
		/* The device's number is for other architectures. */
		if (entry->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		route->msi = true;
		route->address = entry->u.msi.address_lo | (u64)entry->u.msi.address_hi << 32;
		route->data = entry->u.msi.data;
		return bellows_msi_valid(vm, route->address) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* Among the routes of one line so far. */
static bool route_fits(const struct route *route, const struct route *others, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (route->msi || others[i].msi || route->chip == others[i].chip)
			return false;
	}
	return true;
}

static struct routes *routes_current(struct bellows_irqchip *chip)
{
	return rcu_dereference_protected(chip->routes, lockdep_is_held(&chip->routes_lock));
}

static struct routes *routes_alloc(const struct kvm_irq_routing_entry *entries, u32 n)
{
	struct routes *routes;
	u32 i, nr_gsis = 1;
	size_t size;

	for (i = 0; i < n; i++) {
		if (entries[i].gsi >= BELLOWS_MAX_ROUTES)
			return ERR_PTR(-EINVAL);
		nr_gsis = max(nr_gsis, entries[i].gsi + 1);
	}
	size = struct_size(routes, route, n);
	routes = kvzalloc(size + (nr_gsis + 1) * sizeof(*routes->first), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	routes->nr_gsis = nr_gsis;
	routes->first = (void *)routes + size;
	memset(routes->gsi_of, 0xff, sizeof(routes->gsi_of));
	return routes;
}

/* first[gsi + 1] is where a line's next route goes; at the end, where the next line begins. */
static void routes_count(struct routes *routes,
			 const struct kvm_irq_routing_entry *entries, u32 n)
{
	u32 i, gsi, sum = 0;

	for (i = 0; i < n; i++)
		routes->first[entries[i].gsi + 1]++;
	for (gsi = 0; gsi < routes->nr_gsis; gsi++) {
		u32 count = routes->first[gsi + 1];

		routes->first[gsi + 1] = sum;
		sum += count;
	}
}

static int routes_add(const struct bellows_vm *vm, struct routes *routes,
		      const struct kvm_irq_routing_entry *entry)
{
	/* Those of the line before end where this line's begin: it has all of its by count. */
	u16 *next = &routes->first[entry->gsi + 1];
	struct route route = { };
	u32 begin = *next;
	int err;

	err = route_fill(vm, &route, entry);
	if (err)
		return err;
	routes->route[begin] = route;
	(*next)++;
	if (!route.msi)
		routes->gsi_of[route.chip][route.pin] = entry->gsi;
	return 0;
}

static bool routes_valid(const struct routes *routes)
{
	u32 gsi, i;

	for (gsi = 0; gsi < routes->nr_gsis; gsi++) {
		u32 begin = routes->first[gsi], end = routes->first[gsi + 1];

		/* Three chips: more routes than that cannot all be different. */
		if (end - begin > CHIPS)
			return false;
		for (i = begin + 1; i < end; i++) {
			if (!route_fits(&routes->route[i], &routes->route[begin], i - begin))
				return false;
		}
	}
	return true;
}

static struct routes *routes_make(const struct bellows_vm *vm,
				  const struct kvm_irq_routing_entry *entries, u32 n)
{
	struct routes *routes = routes_alloc(entries, n);
	u32 i;
	int err = 0;

	if (IS_ERR(routes))
		return routes;
	routes_count(routes, entries, n);
	for (i = 0; !err && i < n; i++)
		err = routes_add(vm, routes, &entries[i]);
	if (!err && !routes_valid(routes))
		err = -EINVAL;
	if (!err)
		return routes;
	kvfree(routes);
	return ERR_PTR(err);
}

/* The timer waits for the end of line 0's interrupts, irqfds for that of theirs. */
static u32 routes_listened(struct bellows_irqchip *chip, const struct routes *routes)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < I82093_PINS; pin++) {
		int gsi = routes->gsi_of[KVM_IRQCHIP_IOAPIC][pin];

		if (!gsi || (gsi > 0 && irqfds_resampled(chip, gsi)))
			pins |= BIT(pin);
	}
	return pins;
}

void routes_update_listened(struct bellows_irqchip *chip)
{
	guard(mutex)(&chip->routes_lock);
	ioapic_set_listened(chip, routes_listened(chip, routes_current(chip)));
}

int bellows_routes_set(struct bellows_irqchip *chip, const struct kvm_irq_routing_entry *entries,
		       u32 n)
{
	struct routes *new = routes_make(chip->vm, entries, n), *old;

	if (IS_ERR(new))
		return PTR_ERR(new);
	guard(mutex)(&chip->routes_lock);
	old = routes_current(chip);
	rcu_assign_pointer(chip->routes, new);
	ioapic_set_listened(chip, routes_listened(chip, new));
	synchronize_srcu_expedited(&bellows_irq_srcu);
	kvfree(old);
	return 0;
}

static void route_set_default(struct kvm_irq_routing_entry *entry, u32 gsi, u32 which, u32 pin)
{
	*entry = (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = which, .pin = pin },
	};
}

int routes_init(struct bellows_irqchip *chip)
{
	const u32 n = I8259_PINS + I82093_PINS;
	struct kvm_irq_routing_entry *entries;
	struct routes *routes;
	u32 i, k = 0;

	entries = kcalloc(n, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	for (i = 0; i < I8259_PINS; i++)
		route_set_default(&entries[k++], i,
				  i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, i % 8);
	for (i = 0; i < I82093_PINS; i++)
		route_set_default(&entries[k++], i, KVM_IRQCHIP_IOAPIC, i);
	routes = routes_make(chip->vm, entries, n);
	kfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	RCU_INIT_POINTER(chip->routes, routes);
	chip->ioapic.listened = routes_listened(chip, routes);
	return 0;
}

void routes_destroy(struct bellows_irqchip *chip)
{
	kvfree(rcu_dereference_protected(chip->routes, true));
}
