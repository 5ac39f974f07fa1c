// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a VM's fd that are about interrupts: lines, routes, the chips'
 * state, eventfds that raise interrupts and doorbells that signal eventfds. What
 * needs chips says, where the VM has none, what KVM says.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "io/ioeventfd.h"
#include "ioctl/ioctl.h"
#include "ioctl/irq.h"
#include "irq/chip.h"
#include "irq/ioapic.h"
#include "irq/irqfd.h"
#include "irq/pic.h"
#include "irq/pit.h"
#include "irq/route.h"
#include "vm/vm.h"

static long irq_call_ioeventfd(void *object, unsigned long arg)
{
	struct kvm_ioeventfd args;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	return bellows_ioeventfd(object, &args);
}

/* Without chips there is nothing to take away, but the descriptor is still looked at. */
static long irq_call_no_irqfd(const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd;

	if (!(args->flags & KVM_IRQFD_FLAG_DEASSIGN))
		return -EINVAL;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	eventfd_ctx_put(eventfd);
	return 0;
}

static long irq_call_irqfd(void *object, unsigned long arg)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_irqfd args;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return chip ? bellows_irqfd(chip, &args) : irq_call_no_irqfd(&args);
}

static long irq_call_set_line(void *object, unsigned long arg, bool want_status)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_irq_level level;

	if (copy_from_user(&level, (void __user *)arg, sizeof(level)))
		return -EFAULT;
	if (!chip)
		return -ENXIO;
	level.status = bellows_line_set(chip, BELLOWS_SOURCE_USER, level.irq, level.level);
	if (want_status && copy_to_user((void __user *)arg, &level, sizeof(level)))
		return -EFAULT;
	return 0;
}

static long irq_call_line(void *object, unsigned long arg)
{
	return irq_call_set_line(object, arg, false);
}

static long irq_call_line_status(void *object, unsigned long arg)
{
	return irq_call_set_line(object, arg, true);
}

static long irq_call_set_gsi_routing(void *object, unsigned long arg)
{
	struct kvm_irq_routing __user *user = (void __user *)arg;
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing head;
	long r;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!chip || head.nr > BELLOWS_MAX_ROUTES || head.flags)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(user->entries, array_size(sizeof(*entries), head.nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	r = bellows_routes_set(chip, entries, head.nr);
	kvfree(entries);
	return r;
}

static long irq_call_signal_msi(void *object, unsigned long arg)
{
	struct kvm_msi msi;
	u64 address;

	if (copy_from_user(&msi, (void __user *)arg, sizeof(msi)))
		return -EFAULT;
	address = msi.address_lo | (u64)msi.address_hi << 32;
	if (!bellows_irqchip_of(object) || (msi.flags & ~KVM_MSI_VALID_DEVID) ||
	    !bellows_msi_valid(object, address))
		return -EINVAL;
	/* That no APIC is meant is no error, and -1 would look like one. */
	return max(bellows_msi_send(object, address, msi.data), 0);
}

static int irq_get_chip(struct bellows_irqchip *chip, struct kvm_irqchip *state)
{
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		bellows_pic_get_state(chip, state->chip_id, &state->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		bellows_ioapic_get_state(chip, &state->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

static int irq_set_chip(struct bellows_irqchip *chip, const struct kvm_irqchip *state)
{
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		bellows_pic_set_state(chip, state->chip_id, &state->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		bellows_ioapic_set_state(chip, &state->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

static long irq_call_get_irqchip(void *object, unsigned long arg)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_irqchip *state = memdup_user((void __user *)arg, sizeof(*state));
	long r;

	if (IS_ERR(state))
		return PTR_ERR(state);
	r = chip ? irq_get_chip(chip, state) : -ENXIO;
	if (!r && copy_to_user((void __user *)arg, state, sizeof(*state)))
		r = -EFAULT;
	kfree(state);
	return r;
}

static long irq_call_set_irqchip(void *object, unsigned long arg)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_irqchip *state = memdup_user((void __user *)arg, sizeof(*state));
	long r;

	if (IS_ERR(state))
		return PTR_ERR(state);
	r = chip ? irq_set_chip(chip, state) : -ENXIO;
	kfree(state);
	return r;
}

static long irq_call_make_pit(struct bellows_vm *vm, u32 flags)
{
	struct bellows_irqchip *chip;

	guard(mutex)(&vm->lock);
	chip = bellows_irqchip_of(vm);
	return chip ? bellows_pit_create(chip, flags) : -ENOENT;
}

static long irq_call_create_pit(void *object, unsigned long arg)
{
	return irq_call_make_pit(object, KVM_PIT_SPEAKER_DUMMY);
}

static long irq_call_create_pit2(void *object, unsigned long arg)
{
	struct kvm_pit_config config;

	if (copy_from_user(&config, (void __user *)arg, sizeof(config)))
		return -EFAULT;
	return irq_call_make_pit(object, config.flags);
}

/* The old pair of ioctls, which know no flags: size says which. */
static long irq_call_get_pit(void *object, unsigned long arg)
{
	struct kvm_pit_state2 state;
	long r = bellows_pit_get_state(bellows_irqchip_of(object), &state);

	static_assert(offsetof(struct kvm_pit_state2, channels) == 0);
	if (!r && copy_to_user((void __user *)arg, &state, sizeof(struct kvm_pit_state)))
		r = -EFAULT;
	return r;
}

static long irq_call_get_pit2(void *object, unsigned long arg)
{
	struct kvm_pit_state2 state;
	long r = bellows_pit_get_state(bellows_irqchip_of(object), &state);

	if (!r && copy_to_user((void __user *)arg, &state, sizeof(state)))
		r = -EFAULT;
	return r;
}

static long irq_call_set_pit(void *object, unsigned long arg)
{
	struct bellows_irqchip *chip = bellows_irqchip_of(object);
	struct kvm_pit_state2 state;
	struct kvm_pit_state old;
	long r;

	if (copy_from_user(&old, (void __user *)arg, sizeof(old)))
		return -EFAULT;
	/* The flags stay. */
	r = bellows_pit_get_state(chip, &state);
	if (r)
		return r;
	memcpy(state.channels, old.channels, sizeof(state.channels));
	return bellows_pit_set_state(chip, &state);
}

static long irq_call_set_pit2(void *object, unsigned long arg)
{
	struct kvm_pit_state2 state;

	if (copy_from_user(&state, (void __user *)arg, sizeof(state)))
		return -EFAULT;
	return bellows_pit_set_state(bellows_irqchip_of(object), &state);
}

static long irq_call_reinject_control(void *object, unsigned long arg)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, (void __user *)arg, sizeof(control)))
		return -EFAULT;
	return bellows_pit_set_reinject(bellows_irqchip_of(object), control.pit_reinject);
}

static const struct ioctl_call irq_ioctls[] = {
	{ KVM_IRQ_LINE, irq_call_line },
	{ KVM_IRQ_LINE_STATUS, irq_call_line_status },
	{ KVM_SIGNAL_MSI, irq_call_signal_msi },
	{ KVM_IRQFD, irq_call_irqfd },
	{ KVM_IOEVENTFD, irq_call_ioeventfd },
	{ KVM_SET_GSI_ROUTING, irq_call_set_gsi_routing },
	{ KVM_GET_IRQCHIP, irq_call_get_irqchip },
	{ KVM_SET_IRQCHIP, irq_call_set_irqchip },
	{ KVM_CREATE_PIT, irq_call_create_pit },
	{ KVM_CREATE_PIT2, irq_call_create_pit2 },
	{ KVM_GET_PIT, irq_call_get_pit },
	{ KVM_SET_PIT, irq_call_set_pit },
	{ KVM_GET_PIT2, irq_call_get_pit2 },
	{ KVM_SET_PIT2, irq_call_set_pit2 },
	{ KVM_REINJECT_CONTROL, irq_call_reinject_control },
};

long irq_ioctl(struct bellows_vm *vm, unsigned int cmd, unsigned long arg)
{
	return ioctl_dispatch(irq_ioctls, ARRAY_SIZE(irq_ioctls), vm, cmd, arg, -ENOTTY);
}
