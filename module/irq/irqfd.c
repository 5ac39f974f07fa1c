// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds that raise lines.
 *
 * An irqfd sits in its eventfd's wait queue. A signal, from a thread or an
 * interrupt, calls it with the queue's lock held and interrupts off; everything
 * from there to the guest's local APIC can be done so, and is done at once.
 *
 * Without resampling a signal is a pulse. With it the line goes up and stays up
 * until the guest ends the interrupt; then it goes down, and the second eventfd
 * tells its owner to look, and to signal again if the device still wants service.
 * Several may share a line: it goes down once for all of them.
 *
 * The end of an irqfd. It is active while it is on the list. The one that takes it off
 * the list, under list_lock, sees to the rest: KVM_IRQFD and the VM's end do it
 * themselves, the eventfd's own end (its last file was closed) comes with the
 * queue's lock held and leaves it to a work. The rest is: leave the wait queue,
 * which waits for a call that is under way, by taking the queue's lock; leave
 * the list of those that are resampled, and wait for its readers; if it was the
 * line's last one, lower the line. A work holds no reference to the VM: the
 * VM's end waits for all works.
 *
 * Between joining the queue and joining the list it cannot end: the lock of struct
 * irqfds is held, and a reference to the file keeps that open.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "compat.h"
#include "io/bus.h"
#include "irq/chip.h"
#include "irq/irqfd.h"
#include "irq/route.h"
#include "vm/vm.h"

struct irqfd {
	struct bellows_irqchip *chip;
	u32 gsi;
	struct eventfd_ctx *eventfd;		/* counted */
	struct eventfd_ctx *resample;		/* counted; NULL: pulses */
	wait_queue_entry_t wait;
	poll_table table;
	struct list_head link;			/* under list_lock; empty: it is being ended */
	struct list_head resample_link;		/* changed under list_lock */
	struct work_struct end;
};

static struct workqueue_struct *irqfd_ends;

static void irqfd_inject(struct irqfd *irqfd)
{
	if (irqfd->resample) {
		bellows_line_set(irqfd->chip, BELLOWS_SOURCE_RESAMPLE, irqfd->gsi, true);
	} else {
		bellows_line_set(irqfd->chip, BELLOWS_SOURCE_PULSE, irqfd->gsi, true);
		bellows_line_set(irqfd->chip, BELLOWS_SOURCE_PULSE, irqfd->gsi, false);
	}
}

static struct irqfd *irqfd_find_resampled(struct irqfds *irqfds, u32 gsi)
{
	struct irqfd *irqfd;

	lockdep_assert_held(&irqfds->list_lock);
	list_for_each_entry(irqfd, &irqfds->resampled, resample_link) {
		if (irqfd->gsi == gsi)
			return irqfd;
	}
	return NULL;
}

bool irqfds_resampled(struct bellows_irqchip *chip, u32 gsi)
{
	guard(spinlock_irqsave)(&chip->irqfds.list_lock);
	return irqfd_find_resampled(&chip->irqfds, gsi);
}

static void irqfd_leave_resampled(struct irqfd *irqfd)
{
	struct irqfds *irqfds = &irqfd->chip->irqfds;

	scoped_guard(spinlock_irqsave, &irqfds->list_lock)
		list_del_rcu(&irqfd->resample_link);
	synchronize_srcu_expedited(&bellows_irq_srcu);
	routes_update_listened(irqfd->chip);
	/* An irqfd that joins from now on raises the line after this, not before. */
	guard(spinlock_irqsave)(&irqfds->list_lock);
	if (!irqfd_find_resampled(irqfds, irqfd->gsi))
		bellows_line_set(irqfd->chip, BELLOWS_SOURCE_RESAMPLE, irqfd->gsi, false);
}

static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* The caller has taken it off the list. */
static void irqfd_end(struct irqfd *irqfd)
{
	struct irqfds *irqfds = &irqfd->chip->irqfds;
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	if (irqfd->resample)
		irqfd_leave_resampled(irqfd);
	scoped_guard(spinlock_irqsave, &irqfds->list_lock)
		irqfds->n--;
	irqfd_free(irqfd);
}

static void irqfd_end_later(struct work_struct *work)
{
	irqfd_end(container_of(work, struct irqfd, end));
}

/* The queue's lock is held as well. */
static int irqfd_woken(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct irqfds *irqfds = &irqfd->chip->irqfds;
	__poll_t events = key_to_poll(key);
	int taken = 0;

	if (events & EPOLLIN) {
		u64 count;

		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_inject(irqfd);
		taken = 1;
	}
	if (events & EPOLLHUP) {
		guard(spinlock)(&irqfds->list_lock);
		if (!list_empty(&irqfd->link)) {
			list_del_init(&irqfd->link);
			queue_work(irqfd_ends, &irqfd->end);
		}
	}
	return taken;
}

static void irqfd_join_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	lockdep_assert_held(&irqfd->chip->irqfds.lock);
	add_wait_queue_priority(queue, &irqfd->wait);
}

/* One eventfd raises one line of a VM. */
static int irqfd_reserve(struct irqfds *irqfds, const struct irqfd *wanted)
{
	struct irqfd *irqfd;

	lockdep_assert_held(&irqfds->lock);
	guard(spinlock_irqsave)(&irqfds->list_lock);
	list_for_each_entry(irqfd, &irqfds->list, link) {
		if (irqfd->eventfd == wanted->eventfd)
			return -EBUSY;
	}
	if (irqfds->n >= IRQFD_MAX)
		return -ENOSPC;
	irqfds->n++;
	return 0;
}

static int irqfd_start(struct irqfd *irqfd, struct file *file)
{
	struct irqfds *irqfds = &irqfd->chip->irqfds;
	int err;

	guard(mutex)(&irqfds->lock);
	err = irqfd_reserve(irqfds, irqfd);
	if (err)
		return err;
	/* Before the first signal can come: what raises the line is known to do so. */
	if (irqfd->resample) {
		scoped_guard(spinlock_irqsave, &irqfds->list_lock)
			list_add_rcu(&irqfd->resample_link, &irqfds->resampled);
		routes_update_listened(irqfd->chip);
	}
	init_waitqueue_func_entry(&irqfd->wait, irqfd_woken);
	init_poll_funcptr(&irqfd->table, irqfd_join_queue);
	/* What was signalled before is not lost. */
	if (vfs_poll(file, &irqfd->table) & EPOLLIN)
		irqfd_inject(irqfd);
	scoped_guard(spinlock_irqsave, &irqfds->list_lock)
		list_add_tail(&irqfd->link, &irqfds->list);
	return 0;
}

static int irqfd_take_eventfds(struct irqfd *irqfd, struct file *file, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	irqfd->eventfd = eventfd;
	if (!(args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return 0;
	eventfd = eventfd_ctx_fdget(args->resamplefd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	irqfd->resample = eventfd;
	return 0;
}

static int irqfd_assign(struct bellows_irqchip *chip, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int err;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->chip = chip;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->end, irqfd_end_later);
	file = fget(args->fd);
	if (!file) {
		kfree(irqfd);
		return -EBADF;
	}
	err = irqfd_take_eventfds(irqfd, file, args);
	if (!err)
		err = irqfd_start(irqfd, file);
	if (err)
		irqfd_free(irqfd);
	/* The last reference perhaps: then the eventfd ends here, and so does the irqfd. */
	fput(file);
	return err;
}

/* Those that match, off the list: ours to end. */
static void irqfd_collect(struct irqfds *irqfds, const struct eventfd_ctx *eventfd, u32 gsi,
			  struct list_head *mine)
{
	struct irqfd *irqfd, *next;

	guard(spinlock_irqsave)(&irqfds->list_lock);
	list_for_each_entry_safe(irqfd, next, &irqfds->list, link) {
		if (!eventfd || (irqfd->eventfd == eventfd && irqfd->gsi == gsi))
			list_move_tail(&irqfd->link, mine);
	}
}

static void irqfds_end(struct bellows_irqchip *chip, const struct eventfd_ctx *eventfd, u32 gsi)
{
	struct irqfds *irqfds = &chip->irqfds;
	struct irqfd *irqfd;
	LIST_HEAD(mine);

	irqfd_collect(irqfds, eventfd, gsi, &mine);
	for (;;) {
		scoped_guard(spinlock_irqsave, &irqfds->list_lock) {
			irqfd = list_first_entry_or_null(&mine, struct irqfd, link);
			if (irqfd)
				list_del_init(&irqfd->link);
		}
		if (!irqfd)
			break;
		irqfd_end(irqfd);
	}
	/* Also those whose eventfd ended by itself a moment ago. */
	flush_workqueue(irqfd_ends);
}

static int irqfd_deassign(struct bellows_irqchip *chip, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&chip->irqfds.lock);
	irqfds_end(chip, eventfd, args->gsi);
	mutex_unlock(&chip->irqfds.lock);
	eventfd_ctx_put(eventfd);
	return 0;
}

int bellows_irqfd(struct bellows_irqchip *chip, const struct kvm_irqfd *args)
{
	return args->flags & KVM_IRQFD_FLAG_DEASSIGN ? irqfd_deassign(chip, args) :
						       irqfd_assign(chip, args);
}

void irqfds_ended(struct bellows_irqchip *chip, u32 gsi)
{
	struct irqfds *irqfds = &chip->irqfds;
	struct irqfd *irqfd;
	bool lowered = false;
	int index;

	if (list_empty(&irqfds->resampled))
		return;
	index = srcu_read_lock(&bellows_irq_srcu);
	list_for_each_entry_srcu(irqfd, &irqfds->resampled, resample_link,
				 srcu_read_lock_held(&bellows_irq_srcu)) {
		if (irqfd->gsi != gsi)
			continue;
		/* Once, before the first is told: each may raise it again at once. */
		if (!lowered)
			bellows_line_set(chip, BELLOWS_SOURCE_RESAMPLE, gsi, false);
		lowered = true;
		bellows_eventfd_signal(irqfd->resample);
	}
	srcu_read_unlock(&bellows_irq_srcu, index);
}

void irqfds_init(struct irqfds *irqfds)
{
	mutex_init(&irqfds->lock);
	spin_lock_init(&irqfds->list_lock);
	INIT_LIST_HEAD(&irqfds->list);
	INIT_LIST_HEAD(&irqfds->resampled);
}

void irqfds_release(struct bellows_irqchip *chip)
{
	irqfds_end(chip, NULL, 0);
	mutex_destroy(&chip->irqfds.lock);
}

int bellows_irqfd_init(void)
{
	irqfd_ends = alloc_workqueue("bellows-irqfd", 0, 0);
	return irqfd_ends ? 0 : -ENOMEM;
}

void bellows_irqfd_exit(void)
{
	destroy_workqueue(irqfd_ends);
}
