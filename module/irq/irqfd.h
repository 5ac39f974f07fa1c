/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_IRQFD_H
#define BELLOWS_IRQ_IRQFD_H
/* Eventfds whose signal raises a line. */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#define IRQFD_MAX	4096

struct bellows_irqchip;
struct kvm_irqfd;

struct irqfds {
	struct mutex lock;		/* one assigns or takes away */
	spinlock_t list_lock;		/* irqs off; inside an eventfd's wait queue's lock */
	struct list_head list;		/* under list_lock: those that are active */
	struct list_head resampled;	/* read under bellows_irq_srcu, changed under list_lock */
	unsigned int n;			/* under list_lock: those that exist */
};

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
