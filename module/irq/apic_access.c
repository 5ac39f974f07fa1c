// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to a local APIC's registers: the page of xAPIC mode, the MSRs of
 * x2APIC mode, IA32_APIC_BASE, CR8, and userspace's save and restore.
 *
 * A guest's access finds the registers up to date: what is posted is taken in
 * before they are read where it shows (IRR, ISR, the count). CR8 and TPR are one
 * register that is kept twice, because the backends load CR8.
 *
 * The page answers only in xAPIC mode. Where it would be in the other modes reads
 * give all ones and writes are lost, as with KVM; there is no memory behind it.
 */
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include "irq/apic.h"
#include "irq/apic_access.h"
#include "irq/apic_timer.h"
#include "irq/ioapic.h"
#include "irq/pv_eoi.h"
#include "vm/features.h"
#include "vm/request.h"
#include "vm/result.h"
#include "vm/vm.h"

#define X2APIC_MSR_BASE	0x800
#define LAPIC_PAGE_SIZE	0x1000

/* After a write, what the registers by themselves cannot do. */
static void lapic_end_of_interrupt(struct bellows_apic *apic)
{
	bool level = false;
	int vector;

	lockdep_assert_held(&apic->vcpu->mutex);
	bellows_apic_withdraw_eoi(apic->vcpu);
	vector = lapic_regs_end(&apic->regs, &level);

	if (vector >= 0 && ioapic_handles(apic->vcpu->vm, vector))
		ioapic_eoi(apic->vcpu->vm, vector, level);
}

/* What it sends to itself does not come from outside: nothing is posted. */
static void lapic_send_to_self(struct bellows_apic *apic, u8 vector)
{
	if (!lapic_regs_sw_enabled(&apic->regs))
		return;
	lapic_regs_accept(&apic->regs, vector, false);
	bellows_request(apic->vcpu, VCPU_REQ_EVENT);
}

static void lapic_send_icr(struct bellows_apic *apic)
{
	struct irq_message msg;

	lapic_regs_icr_message(&apic->regs, &msg);
	if (msg.shorthand == MESSAGE_TO_SELF && msg.delivery_mode == MESSAGE_FIXED && !msg.level)
		lapic_send_to_self(apic, msg.vector);
	else
		lapic_deliver(apic->vcpu->vm, apic->vcpu, &msg);
}

static void lapic_error_interrupt(struct bellows_apic *apic)
{
	u32 lvt = apic->regs.reg[LAPIC_LVT_ERROR].v;

	if (lvt & 0xf0)
		lapic_regs_accept(&apic->regs, lvt, false);
	bellows_request(apic->vcpu, VCPU_REQ_EVENT);
}

static void lapic_look_for_events(struct bellows_vcpu *vcpu)
{
	vcpu->cr8 = (vcpu->apic->regs.reg[LAPIC_TPR].v >> 4) & 0xf;
	/* What is offered may have to be withdrawn. */
	if (vcpu->offered_irq >= 0 || vcpu->apic->regs.by_hardware ||
	    bellows_apic_has_interrupt(vcpu))
		bellows_request(vcpu, VCPU_REQ_EVENT);
}

static void lapic_timer_written(struct bellows_apic *apic, unsigned int todo, u32 count)
{
	if (todo & LAPIC_DO_TIMER_MODE)
		lapic_timer_mode_changed(apic);
	if (todo & LAPIC_DO_TIMER_START)
		lapic_timer_start(apic, false);
	if (todo & LAPIC_DO_TIMER_DIVIDE)
		lapic_timer_divide(apic, count);
}

static int lapic_write_register(struct bellows_apic *apic, unsigned int nr, u32 value)
{
	u32 count = nr == LAPIC_TDCR ? lapic_timer_current(apic) : 0;
	unsigned int todo;

	lockdep_assert_held(&apic->vcpu->mutex);
	nr = array_index_nospec(nr, LAPIC_NR_REGS);
	todo = lapic_regs_write(&apic->regs, nr, value);
	if (todo & LAPIC_FAULT)
		return MSR_RESULT_GP;
	if (todo & LAPIC_DO_ADDRESS)
		lapic_publish(apic);
	if (todo & LAPIC_DO_EOI)
		lapic_end_of_interrupt(apic);
	if (todo & LAPIC_DO_ICR)
		lapic_send_icr(apic);
	if (todo & LAPIC_DO_SELF_IPI)
		lapic_send_to_self(apic, value);
	if (todo & LAPIC_DO_ERROR)
		lapic_error_interrupt(apic);
	/* Hardware that watches over TPR must know, whether or not anything becomes deliverable. */
	if (nr == LAPIC_TPR)
		bellows_request(apic->vcpu, VCPU_REQ_EVENT);
	if (nr == LAPIC_LVT_TIMER && apic->rests)
		lapic_timer_next_period(apic);
	lapic_timer_written(apic, todo, count);
	if (todo & LAPIC_DO_EVENTS)
		lapic_look_for_events(apic->vcpu);
	return MSR_RESULT_OK;
}

static bool lapic_read_register(struct bellows_apic *apic, unsigned int nr, u32 *value)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	nr = array_index_nospec(nr, LAPIC_NR_REGS);
	if (nr >= LAPIC_ISR && nr < LAPIC_ICR)
		bellows_apic_take_posted(apic->vcpu);
	if (!lapic_regs_read(&apic->regs, nr, value))
		return false;
	if (nr == LAPIC_TMCCT)
		*value = lapic_timer_current(apic);
	return true;
}

static bool lapic_in_page(const struct bellows_vcpu *vcpu, gpa_t gpa, unsigned int *offset)
{
	u64 base = vcpu->msrs.apic_base & MSR_IA32_APICBASE_BASE;

	if (!vcpu->apic || gpa < base || gpa >= base + LAPIC_PAGE_SIZE)
		return false;
	*offset = gpa - base;
	return true;
}

static bool lapic_page_answers(const struct bellows_apic *apic)
{
	return apic->regs.enabled && !apic->regs.x2apic;
}

/* Beyond the registers, and between them. */
static void lapic_no_register(struct bellows_apic *apic)
{
	if (lapic_regs_error(&apic->regs, LAPIC_ESR_REGISTER))
		lapic_error_interrupt(apic);
}

bool bellows_apic_mmio_read(struct bellows_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len)
{
	unsigned int offset;
	u32 value = 0;

	if (!lapic_in_page(vcpu, gpa, &offset))
		return false;
	memset(data, lapic_page_answers(vcpu->apic) ? 0 : 0xff, len);
	if (!lapic_page_answers(vcpu->apic) || (offset & 15) + len > sizeof(value))
		return true;
	if (offset / 16 >= LAPIC_NR_REGS || !lapic_read_register(vcpu->apic, offset / 16, &value))
		lapic_no_register(vcpu->apic);
	memcpy(data, (u8 *)&value + (offset & 15), len);
	return true;
}

bool bellows_apic_mmio_write(struct bellows_vcpu *vcpu, gpa_t gpa, const void *data,
			     unsigned int len)
{
	unsigned int offset;
	u32 value;

	if (!lapic_in_page(vcpu, gpa, &offset))
		return false;
	/* Registers are written whole, or not at all. */
	if (!lapic_page_answers(vcpu->apic) || len != sizeof(value) || offset & 15)
		return true;
	memcpy(&value, data, sizeof(value));
	if (offset / 16 >= LAPIC_NR_REGS ||
	    lapic_write_register(vcpu->apic, offset / 16, value) != MSR_RESULT_OK)
		lapic_no_register(vcpu->apic);
	return true;
}

static bool lapic_in_x2apic_mode(const struct bellows_vcpu *vcpu)
{
	return vcpu->apic && vcpu->apic->regs.x2apic;
}

int bellows_apic_x2apic_get(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	u32 nr = index - X2APIC_MSR_BASE, word;

	if (!lapic_in_x2apic_mode(vcpu) || nr >= LAPIC_NR_REGS ||
	    !lapic_read_register(vcpu->apic, nr, &word))
		return MSR_RESULT_GP;
	*value = word;
	if (nr == LAPIC_ICR)
		*value |= (u64)vcpu->apic->regs.reg[LAPIC_ICR2].v << 32;
	return MSR_RESULT_OK;
}

int bellows_apic_x2apic_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u32 nr = index - X2APIC_MSR_BASE;

	if (!lapic_in_x2apic_mode(vcpu) || nr >= LAPIC_NR_REGS)
		return MSR_RESULT_GP;
	if (nr == LAPIC_ICR)
		vcpu->apic->regs.reg[LAPIC_ICR2].v = value >> 32;
	else if (value >> 32)
		return MSR_RESULT_GP;
	return lapic_write_register(vcpu->apic, nr, value);
}

/* Those that a guest writes all the time. An offer of an EOI is guest memory. */
bool bellows_apic_wrmsr_fast(struct bellows_vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case X2APIC_MSR_BASE + LAPIC_EOI:
		if (vcpu->apic->eoi_offered)
			return false;
		fallthrough;
	case X2APIC_MSR_BASE + LAPIC_ICR:
		return bellows_apic_x2apic_set(vcpu, index, value, false) == MSR_RESULT_OK;
	case MSR_IA32_TSC_DEADLINE:
		if (rcu_access_pointer(vcpu->vm->msr_filter))
			return false;
		return bellows_apic_deadline_set(vcpu, index, value, false) == MSR_RESULT_OK;
	default:
		return false;
	}
}

void bellows_apic_ended(struct bellows_vcpu *vcpu, u8 vector)
{
	lockdep_assert_held(&vcpu->mutex);
	if (ioapic_handles(vcpu->vm, vector))
		ioapic_eoi(vcpu->vm, vector,
			   lapic_regs_test(&vcpu->apic->regs, LAPIC_TMR, vector));
	/* Another one may have waited for that. */
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

u8 bellows_apic_tpr(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	return vcpu->apic->regs.reg[LAPIC_TPR].v;
}

/* EXTD without EN is no mode; a guest leaves x2APIC mode only by turning the APIC off. */
static bool lapic_mode_valid(u64 old, u64 new, bool host)
{
	const u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

	if ((new & mode) == X2APIC_ENABLE)
		return false;
	if (host)
		return true;
	if ((old & mode) == mode && (new & mode) == MSR_IA32_APICBASE_ENABLE)
		return false;
	return (old & mode) || (new & mode) != mode;
}

int bellows_apic_set_base(struct bellows_vcpu *vcpu, u64 value, bool host)
{
	struct bellows_apic *apic = vcpu->apic;
	u64 known = MSR_IA32_APICBASE_BASE | MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE |
		    GENMASK_ULL(vcpu->maxphyaddr - 1, 32);

	lockdep_assert_held(&vcpu->mutex);
	if (bellows_guest_has(vcpu, X86_FEATURE_X2APIC))
		known |= X2APIC_ENABLE;
	if ((value & ~known) || !lapic_mode_valid(vcpu->msrs.apic_base, value, host))
		return MSR_RESULT_GP;
	vcpu->msrs.apic_base = value;
	if (!(value & MSR_IA32_APICBASE_ENABLE))
		lapic_timer_cancel(apic);
	lapic_regs_set_mode(&apic->regs, value & MSR_IA32_APICBASE_ENABLE, value & X2APIC_ENABLE);
	lapic_publish(apic);
	bellows_apic_view_changed(vcpu);
	lapic_look_for_events(vcpu);
	return MSR_RESULT_OK;
}

void bellows_apic_set_tpr(struct bellows_vcpu *vcpu, u8 tpr)
{
	lockdep_assert_held(&vcpu->mutex);
	vcpu->apic->regs.reg[LAPIC_TPR].v = tpr;
	lapic_look_for_events(vcpu);
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

void bellows_apic_cpuid_changed(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	if (vcpu->apic)
		vcpu->apic->regs.has_deadline =
			bellows_guest_has(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
}

/*
 * Userspace's form is the page, a register every 16 bytes. In x2APIC mode the ID
 * is in the upper byte unless userspace asked for all 32 bits.
 */
static u32 *lapic_state_word(struct kvm_lapic_state *state, unsigned int nr)
{
	return (u32 *)(state->regs + nr * 16);
}

void bellows_apic_get_state(struct bellows_vcpu *vcpu, struct kvm_lapic_state *state)
{
	struct bellows_apic *apic = vcpu->apic;
	unsigned int nr;

	lockdep_assert_held(&vcpu->mutex);
	bellows_apic_take_posted(vcpu);
	memset(state, 0, sizeof(*state));
	for (nr = 0; nr < LAPIC_NR_REGS; nr++)
		*lapic_state_word(state, nr) = apic->regs.reg[nr].v;
	*lapic_state_word(state, LAPIC_PPR) = lapic_regs_ppr(&apic->regs);
	*lapic_state_word(state, LAPIC_TMCCT) = lapic_timer_current(apic);
	if (apic->regs.x2apic && !READ_ONCE(vcpu->vm->x2apic_32bit_ids))
		*lapic_state_word(state, LAPIC_ID) <<= 24;
}

static int lapic_fix_up_x2apic(struct bellows_vcpu *vcpu, struct kvm_lapic_state *state)
{
	u32 *id = lapic_state_word(state, LAPIC_ID);

	if (READ_ONCE(vcpu->vm->x2apic_32bit_ids)) {
		if (*id != vcpu->id)
			return -EINVAL;
	} else {
		*id = vcpu->id;
	}
	*lapic_state_word(state, LAPIC_LDR) = lapic_x2_ldr(vcpu->id);
	return 0;
}

int bellows_apic_set_state(struct bellows_vcpu *vcpu, const struct kvm_lapic_state *user)
{
	struct bellows_apic *apic = vcpu->apic;
	struct kvm_lapic_state state = *user;
	unsigned int nr;

	lockdep_assert_held(&vcpu->mutex);
	if (apic->regs.x2apic && lapic_fix_up_x2apic(vcpu, &state))
		return -EINVAL;
	bellows_apic_withdraw_eoi(vcpu);
	lapic_timer_cancel(apic);
	for (nr = 0; nr < LAPIC_NR_REGS; nr++)
		WRITE_ONCE(apic->regs.reg[nr].v, *lapic_state_word(&state, nr));
	lapic_regs_loaded(&apic->regs);
	apic->regs.reg[LAPIC_TPR].v &= 0xff;
	apic->regs.errors = 0;
	lapic_timer_start(apic, true);
	lapic_publish(apic);
	lapic_look_for_events(vcpu);
	bellows_apic_view_changed(vcpu);
	return 0;
}
