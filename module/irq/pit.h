/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_PIT_H
#define BELLOWS_IRQ_PIT_H
/* The 8254 of a VM: ports, and channel 0's interrupt at line 0. */
#include "types.h"

struct bellows_irqchip;
struct kvm_pit_state2;

/* Under vm->lock. -EEXIST, -ENOMEM. */
int bellows_pit_create(struct bellows_irqchip *chip, u32 flags);
void pit_destroy(struct bellows_irqchip *chip);

/* -ENXIO: there is none. */
int bellows_pit_get_state(struct bellows_irqchip *chip, struct kvm_pit_state2 *state);
int bellows_pit_set_state(struct bellows_irqchip *chip, const struct kvm_pit_state2 *state);
int bellows_pit_set_reinject(struct bellows_irqchip *chip, bool on);

/* The guest is done with a tick; the guest lets line 0 through again. No spinlock held. */
void pit_ended(struct bellows_irqchip *chip);
void pit_unmasked(struct bellows_irqchip *chip);

#endif
