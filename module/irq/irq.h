/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_IRQ_H
#define BELLOWS_IRQ_IRQ_H
/*
 * The interrupt controllers in the kernel, as their parts see each other and as
 * the rest of the module sees them: a local APIC per vCPU; one chip per VM (a
 * pair of 8259s, an IOAPIC, routes from lines to both). A VM has all of them or
 * none: without, userspace has the controllers, and nothing here is used.
 */
#include "types.h"
#include "irq/message.h"

struct bellows_vcpu;
struct bellows_vm;

/*
 * The local APICs' part.
 *
 * Delivers a message. Any context, hardirq included; source is the sending vCPU
 * or NULL. The number of vCPUs that accepted it; 0: it coalesced with one that
 * was pending; -1: nobody was addressed.
 */
int lapic_deliver(struct bellows_vm *vm, struct bellows_vcpu *source,
		  const struct irq_message *msg);
/*
 * The 8259s' INTR pin changed: vCPUs whose LINT0 takes ExtINT look again. Any
 * context. They then ask pic_pending(), so the change must be visible
 * before the call.
 */
void lapic_pic_output(struct bellows_vm *vm, bool high);

/*
 * The chip's part.
 *
 * Creation: under vm->lock, before the first vCPU; sets vm->irqchip, last, with
 * release. 0 or -errno. Destruction: with the VM's last reference gone, before
 * its vCPUs are destroyed, and also when there is no chip. No source may deliver
 * any more when it returns.
 */
int bellows_irqchip_create(struct bellows_vm *vm);
void bellows_irqchip_destroy(struct bellows_vm *vm);

/* The 8259 pair asks for an interrupt. Any context. */
bool pic_pending(struct bellows_vm *vm);
/* INTA: the vector, by the vCPU's thread at injection; -1 if the request is gone and spurious vectors are not wanted. */
int pic_acknowledge(struct bellows_vm *vm);

/*
 * A local APIC got an EOI of a vector that the IOAPIC cares for; level: it came
 * level-triggered. By the vCPU's thread, no spinlock held.
 */
void ioapic_eoi(struct bellows_vm *vm, u8 vector, bool level);
/* Does the IOAPIC care for EOIs of this vector? Any context. */
bool ioapic_handles(struct bellows_vm *vm, u8 vector);
/* The same for 64 of them: a bit each. */
u64 ioapic_handled(struct bellows_vm *vm, unsigned int word);
/* That changed: vCPUs whose hardware ends interrupts must know. Any context. */
void lapic_ends_changed(struct bellows_vm *vm);

#endif
