/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_IRQFD_H
#define BELLOWS_IRQ_IRQFD_H
/* An eventfd whose signal raises a line. */
#include <linux/types.h>

#define IRQFD_MAX	4096

struct bellows_irqchip;
struct irqfds;
struct kvm_irqfd;

int bellows_irqfd_init(void);		/* module load */
void bellows_irqfd_exit(void);

void irqfds_init(struct irqfds *irqfds);
/* KVM_IRQFD: assigns or takes away. 0 or -errno. */
int bellows_irqfd(struct bellows_irqchip *chip, const struct kvm_irqfd *args);
/* The VM goes: none is left, and none is coming, when it returns. */
void irqfds_release(struct bellows_irqchip *chip);
/* Does one with resampling raise the line? */
bool irqfds_resampled(struct bellows_irqchip *chip, u32 gsi);
/* The guest is done with the line's interrupt. No spinlock held. */
void irqfds_ended(struct bellows_irqchip *chip, u32 gsi);

#endif
