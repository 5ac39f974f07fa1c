/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_ROUTE_H
#define BELLOWS_IRQ_ROUTE_H
/*
 * Where a line (GSI) leads: to pins of the chips, or to a message of its own.
 *
 * A line is up while any of its sources holds it up, so that a device of userspace
 * and one of the kernel can share it. Each chip remembers the sources per pin.
 */
#include "types.h"
#include "irq/message.h"

#define BELLOWS_MAX_ROUTES	4096	/* and lines, KVM's limit */

struct bellows_irqchip;
struct bellows_vm;
struct kvm_irq_routing_entry;

enum bellows_irq_source {
	BELLOWS_SOURCE_USER,		/* KVM_IRQ_LINE */
	BELLOWS_SOURCE_PULSE,		/* irqfds without resampling */
	BELLOWS_SOURCE_RESAMPLE,	/* all irqfds with resampling of a line */
	BELLOWS_SOURCE_PIT,
};

/* A PC's: lines 0 to 15 to both kinds of chip, the others to the IOAPIC. */
int routes_init(struct bellows_irqchip *chip);
void routes_destroy(struct bellows_irqchip *chip);
/* Replaces all. No source follows an old one any more when it returns. */
int bellows_routes_set(struct bellows_irqchip *chip, const struct kvm_irq_routing_entry *entries,
		       u32 n);

/* Other pins than before have an end that is waited for. */
void routes_update_listened(struct bellows_irqchip *chip);

/*
 * A source raises or lowers a line. Any context. The number of vCPUs that took
 * it, or enum irq_answer.
 */
int bellows_line_set(struct bellows_irqchip *chip, enum bellows_irq_source source, u32 gsi,
		     bool high);
/* The line that leads to a pin of a chip in KVM's numbers, or -1. */
int route_gsi(struct bellows_irqchip *chip, unsigned int which, unsigned int pin);
/* As bellows_line_set(). */
int bellows_msi_send(struct bellows_vm *vm, u64 address, u32 data);
/* With 32-bit APIC IDs the upper half of an address has no room for anything else. */
bool bellows_msi_valid(const struct bellows_vm *vm, u64 address);

#endif
