// SPDX-License-Identifier: GPL-2.0
/*
 * The local APICs of a VM: how messages find them, and how they take them in.
 *
 * Goal: any thread may send, from any context, to a vCPU that is in the guest,
 * halted, in userspace, or not started, without locks; and the registers of an
 * APIC are changed by its vCPU's thread only, so that their arithmetic needs no
 * care. So there are two halves. A sender looks at each APIC's published address,
 * sets bits in what is posted there, and then requests and kicks. The thread
 * serves the request by moving what is posted into the registers:
 *
 *	sender				vCPU's thread
 *	------				-------------
 *	set posted bit			clear the request
 *	set the request			full barrier
 *	kick				take what is posted
 *
 * A bit that the thread misses was set after it had cleared the request, so that
 * the request will be set again. That the request itself is not missed, by a vCPU
 * that enters or one that falls asleep, is shown where those are.
 *
 * The address is one word: a sender sees an old one or a new one, as on a bus.
 *
 * A vector that is posted while it is pending coalesces with what is there; the
 * answer to the sender is exact but for one that the thread takes in at the same
 * moment.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include "backend.h"
#include "irq/apic.h"
#include "irq/apic_timer.h"
#include "irq/ioapic.h"
#include "irq/pic.h"
#include "vm/event.h"
#include "vm/request.h"
#include "vm/vm.h"

int bellows_apic_create(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);

	if (!apic)
		return -ENOMEM;
	/* A page of its own, because hardware may use it. */
	apic->regs.reg = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!apic->regs.reg) {
		kfree(apic);
		return -ENOMEM;
	}
	apic->vcpu = vcpu;
	apic->regs.id = vcpu->id;
	lapic_timer_init(apic);
	vcpu->apic = apic;
	return 0;
}

void bellows_apic_destroy(struct bellows_vcpu *vcpu)
{
	if (!vcpu->apic)
		return;
	lapic_timer_destroy(vcpu->apic);
	free_page((unsigned long)vcpu->apic->regs.reg);
	kfree(vcpu->apic);
	vcpu->apic = NULL;
}

void lapic_publish(struct bellows_apic *apic)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	WRITE_ONCE(apic->address, lapic_regs_address(&apic->regs));
}

/* Power-on and INIT. What was posted before is of the time before. */
void bellows_apic_reset(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;
	bool bsp = vcpu->msrs.apic_base & MSR_IA32_APICBASE_BSP;

	lockdep_assert_loaded(vcpu);
	lapic_timer_cancel(apic);
	apic->extint = false;
	apic->eoi_offered = false;
	vcpu->offered_irq = -1;
	vcpu->msrs.pv_eoi = 0;
	lapic_regs_set_mode(&apic->regs, vcpu->msrs.apic_base & MSR_IA32_APICBASE_ENABLE,
			    vcpu->msrs.apic_base & X2APIC_ENABLE);
	/*
	 * Where there is no firmware none connects the 8259; userspace with firmware turns
	 * the quirk off.
	 */
	lapic_regs_reset(&apic->regs, bsp &&
			 !(READ_ONCE(vcpu->vm->disabled_quirks) & KVM_X86_QUIRK_LINT0_REENABLED));
	vcpu->cr8 = 0;
	lapic_publish(apic);
}

static void lapic_wake(struct bellows_vcpu *vcpu)
{
	bellows_request(vcpu, VCPU_REQ_APIC);
	bellows_vcpu_kick(vcpu);
}

void bellows_apic_signal(struct bellows_apic *apic, enum bellows_apic_signal signal)
{
	set_bit(signal, &apic->signals);
	lapic_wake(apic->vcpu);
}

static int lapic_post_vector(struct bellows_apic *apic, u8 vector, bool level)
{
	bool pending = lapic_regs_test(&apic->regs, LAPIC_IRR, vector);

	if (level)
		set_bit(vector, apic->posted_level);
	else if (test_bit(vector, apic->posted_level))
		clear_bit(vector, apic->posted_level);
	/* A full barrier: the trigger mode is there with the vector. */
	if (test_and_set_bit(vector, apic->posted))
		return IRQ_COALESCED;
	lapic_wake(apic->vcpu);
	return pending ? IRQ_COALESCED : IRQ_ACCEPTED;
}

/* INIT ends the wait for an earlier SIPI, and starts one for the next. */
static void lapic_post_init(struct bellows_apic *apic)
{
	clear_bit(BELLOWS_APIC_SIGNAL_SIPI, &apic->signals);
	bellows_apic_signal(apic, BELLOWS_APIC_SIGNAL_INIT);
}

static int lapic_post(struct bellows_apic *apic, u64 address, const struct irq_message *msg)
{
	switch (msg->delivery_mode) {
	case MESSAGE_FIXED:
	case MESSAGE_LOWEST:
		if (!(address & LAPIC_ADDR_SW_ENABLED) || (msg->level && !msg->assert))
			return IRQ_COALESCED;
		if (msg->vector >= 16)
			return lapic_post_vector(apic, msg->vector, msg->level);
		atomic_or(LAPIC_ESR_RECEIVE_VECTOR, &apic->errors);
		lapic_wake(apic->vcpu);
		return IRQ_COALESCED;
	case MESSAGE_NMI:
		/* One in service, one waiting: more are not remembered. */
		atomic_add_unless(&apic->nmis, 1, 2);
		lapic_wake(apic->vcpu);
		return IRQ_ACCEPTED;
	case MESSAGE_INIT:
		if (msg->level && !msg->assert)
			return IRQ_COALESCED;
		lapic_post_init(apic);
		return IRQ_ACCEPTED;
	case MESSAGE_SIPI:
		WRITE_ONCE(apic->sipi_vector, msg->vector);
		/* Pairs with the barrier between reading the signal and the vector. */
		smp_wmb();
		bellows_apic_signal(apic, BELLOWS_APIC_SIGNAL_SIPI);
		return IRQ_ACCEPTED;
	case MESSAGE_EXTINT:
		bellows_apic_signal(apic, BELLOWS_APIC_SIGNAL_EXTINT);
		return IRQ_ACCEPTED;
	default:
		/* System-management mode is not offered. */
		return IRQ_COALESCED;
	}
}

/* Controllers outside of the CPUs have no 32-bit destinations: for them 0xff is everybody. */
static u32 lapic_dest_for(const struct bellows_vm *vm, const struct bellows_vcpu *source,
			  u64 address, u32 dest)
{
	if (source || dest != 0xff || !(address & LAPIC_ADDR_X2APIC) ||
	    READ_ONCE(vm->x2apic_no_broadcast_quirk))
		return dest;
	return U32_MAX;
}

static bool lapic_is_for(const struct bellows_vcpu *vcpu, u64 address,
			 const struct bellows_vcpu *source, const struct irq_message *msg)
{
	if (!(address & LAPIC_ADDR_ENABLED))
		return false;
	switch (msg->shorthand) {
	case MESSAGE_TO_SELF:
		return vcpu == source;
	case MESSAGE_TO_ALL:
		return true;
	case MESSAGE_TO_OTHERS:
		return vcpu != source;
	default:
		return lapic_addressed(address,
				       lapic_dest_for(vcpu->vm, source, address, msg->dest),
				       msg->logical);
	}
}

static int lapic_add_accepted(int sum, int more)
{
	return (sum == IRQ_IGNORED ? 0 : sum) + more;
}

static int lapic_deliver_to_all(struct bellows_vm *vm, struct bellows_vcpu *source,
				const struct irq_message *msg)
{
	/* Pairs with the release in vCPU creation: what is counted is complete. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus);
	int accepted = IRQ_IGNORED;

	for (i = 0; i < n; i++) {
		struct bellows_apic *apic = vm->vcpus[i]->apic;
		u64 address = READ_ONCE(apic->address);

		if (lapic_is_for(vm->vcpus[i], address, source, msg))
			accepted = lapic_add_accepted(accepted, lapic_post(apic, address, msg));
	}
	return accepted;
}

/*
 * One of those addressed. The same vector goes to the same one as long as the
 * others stay as they are: its handler finds its data in that CPU's cache.
 */
static int lapic_deliver_to_one(struct bellows_vm *vm, struct bellows_vcpu *source,
				const struct irq_message *msg)
{
	DECLARE_BITMAP(candidates, BELLOWS_MAX_VCPUS) = { 0 };
	/* Pairs as above. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus), count, skip;
	struct bellows_apic *apic;
	u64 address;

	for (i = 0; i < n; i++) {
		address = READ_ONCE(vm->vcpus[i]->apic->address);
		if ((address & LAPIC_ADDR_SW_ENABLED) &&
		    lapic_is_for(vm->vcpus[i], address, source, msg))
			__set_bit(i, candidates);
	}
	count = bitmap_weight(candidates, n);
	if (!count)
		return IRQ_IGNORED;
	i = find_first_bit(candidates, n);
	for (skip = msg->vector % count; skip; skip--)
		i = find_next_bit(candidates, n, i + 1);
	apic = vm->vcpus[i]->apic;
	return lapic_post(apic, READ_ONCE(apic->address), msg);
}

/*
 * The APIC that has the address of one CPU in x2APIC mode, which can't be changed and
 * is mostly the number of the vCPU. NULL: look at them all.
 */
static struct bellows_apic *lapic_likely_target(struct bellows_vm *vm,
						const struct irq_message *msg)
{
	struct bellows_apic *apic;
	u64 address;

	/* Pairs as above. */
	if (msg->logical || msg->shorthand || msg->dest >= smp_load_acquire(&vm->nvcpus))
		return NULL;
	apic = vm->vcpus[array_index_nospec(msg->dest, BELLOWS_MAX_VCPUS)]->apic;
	address = READ_ONCE(apic->address);
	if (!(address & LAPIC_ADDR_X2APIC) || !(address & LAPIC_ADDR_ENABLED) ||
	    address >> 32 != msg->dest)
		return NULL;
	return apic;
}

int lapic_deliver(struct bellows_vm *vm, struct bellows_vcpu *source,
		  const struct irq_message *msg)
{
	struct bellows_apic *apic;

	if (!bellows_irqchip_in_kernel(vm))
		return IRQ_IGNORED;
	apic = msg->delivery_mode == MESSAGE_FIXED ? lapic_likely_target(vm, msg) : NULL;
	if (apic)
		return lapic_post(apic, READ_ONCE(apic->address), msg);
	if (msg->delivery_mode == MESSAGE_LOWEST || msg->redirection_hint)
		return lapic_deliver_to_one(vm, source, msg);
	return lapic_deliver_to_all(vm, source, msg);
}

/* A vCPU without such hardware learns of all ends; but hardware may begin to help at any time. */
void lapic_ends_changed(struct bellows_vm *vm)
{
	/* Pairs as above. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus);

	for (i = 0; i < n; i++) {
		bellows_request(vm->vcpus[i], VCPU_REQ_APIC_VIEW);
		bellows_vcpu_kick(vm->vcpus[i]);
	}
}

void lapic_pic_output(struct bellows_vm *vm, bool high)
{
	/* Pairs as above. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus);

	/* A vCPU that was asked to take an interrupt finds out by itself that it is gone. */
	if (!high)
		return;
	for (i = 0; i < n; i++)
		if (READ_ONCE(vm->vcpus[i]->apic->address) & LAPIC_ADDR_EXTINT)
			lapic_wake(vm->vcpus[i]);
}

static void lapic_accept(struct bellows_apic *apic, u8 vector, bool level)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	lapic_regs_accept(&apic->regs, vector, level);
	if (level && apic->regs.by_hardware && !(apic->told[vector / 64] & BIT_ULL(vector % 64)))
		bellows_request(apic->vcpu, VCPU_REQ_APIC_VIEW);
}

static void lapic_take_vectors(struct bellows_apic *apic)
{
	unsigned int word, bit;

	for (word = 0; word < BITS_TO_LONGS(256); word++) {
		unsigned long bits;

		if (!READ_ONCE(apic->posted[word]))
			continue;
		bits = xchg(&apic->posted[word], 0);
		for_each_set_bit(bit, &bits, BITS_PER_LONG) {
			u8 vector = word * BITS_PER_LONG + bit;

			lapic_accept(apic, vector, test_bit(vector, apic->posted_level));
		}
	}
}

static void lapic_take_errors(struct bellows_apic *apic)
{
	u32 errors = atomic_read(&apic->errors) ? atomic_xchg(&apic->errors, 0) : 0;
	u32 lvt = apic->regs.reg[LAPIC_LVT_ERROR].v;

	if (errors && lapic_regs_error(&apic->regs, errors) && (lvt & 0xf0))
		lapic_regs_accept(&apic->regs, lvt, false);
}

/* To take one costs more than to look; a signal after the look comes with another request. */
static bool lapic_take_signal(struct bellows_apic *apic, enum bellows_apic_signal signal)
{
	return test_bit(signal, &apic->signals) && test_and_clear_bit(signal, &apic->signals);
}

void bellows_apic_take_posted(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;
	int nmis;

	lockdep_assert_held(&vcpu->mutex);
	lapic_take_vectors(apic);
	lapic_take_errors(apic);
	for (nmis = atomic_read(&apic->nmis) ? atomic_xchg(&apic->nmis, 0) : 0; nmis; nmis--)
		bellows_queue_nmi(vcpu);
	if (lapic_take_signal(apic, BELLOWS_APIC_SIGNAL_TIMER))
		lapic_timer_expired(apic);
	if (lapic_take_signal(apic, BELLOWS_APIC_SIGNAL_EXTINT))
		apic->extint = true;
	/* The request may have been for the 8259's pin, which is looked at when injecting. */
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

static bool lapic_takes_extint(struct bellows_apic *apic)
{
	return (apic->extint || (apic->address & LAPIC_ADDR_EXTINT)) &&
	       pic_pending(apic->vcpu->vm);
}

bool bellows_apic_has_interrupt(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	return lapic_regs_deliverable(&vcpu->apic->regs) >= 0 || lapic_takes_extint(vcpu->apic);
}

int bellows_apic_next(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	return lapic_takes_extint(vcpu->apic) ? -1 : lapic_regs_deliverable(&vcpu->apic->regs);
}

/* An APIC that software has disabled keeps what it has, to itself. */
void bellows_apic_tell_vectors(struct bellows_vcpu *vcpu)
{
	const struct lapic_regs *regs = &vcpu->apic->regs;

	bellows_backend(apic_vectors)(vcpu, lapic_regs_highest(regs, LAPIC_ISR),
				      lapic_regs_sw_enabled(regs) ?
				      lapic_regs_highest(regs, LAPIC_IRR) : -1);
}

/*
 * Levels are told whatever the IOAPIC says of their vector now: one that was sent
 * while its entry was being written would otherwise end unheard.
 */
void bellows_apic_view_changed(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;
	struct bellows_apic_view view = {
		.page = apic->regs.reg,
		.x2apic = apic->regs.x2apic,
	};
	unsigned int i;

	lockdep_assert_loaded(vcpu);
	for (i = 0; i < ARRAY_SIZE(view.told); i++)
		view.told[i] = ioapic_handled(vcpu->vm, i) |
			       apic->regs.reg[LAPIC_TMR + 2 * i].v |
			       (u64)apic->regs.reg[LAPIC_TMR + 2 * i + 1].v << 32;
	memcpy(apic->told, view.told, sizeof(apic->told));
	apic->regs.by_hardware = bellows_backend(apic_changed)(vcpu, &view);
	if (!apic->regs.by_hardware)
		lapic_regs_loaded(&apic->regs);
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

static void lapic_in_service(struct bellows_apic *apic, u8 vector)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	lapic_regs_in_service(&apic->regs, vector);
	if (unlikely(apic->rests))
		lapic_timer_next_period(apic);
}

void bellows_apic_taken(struct bellows_vcpu *vcpu, u8 vector)
{
	lapic_in_service(vcpu->apic, vector);
}

int bellows_apic_acknowledge(struct bellows_vcpu *vcpu)
{
	struct bellows_apic *apic = vcpu->apic;
	int vector = -1;

	lockdep_assert_held(&vcpu->mutex);
	if (lapic_takes_extint(apic)) {
		apic->extint = false;
		vector = pic_acknowledge(vcpu->vm);
	}
	if (vector >= 0)
		return vector;
	vector = lapic_regs_deliverable(&apic->regs);
	if (vector >= 0)
		lapic_in_service(apic, vector);
	return vector;
}
