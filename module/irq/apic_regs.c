// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a local APIC: which there are, which bits of them can be
 * written, and the arithmetic of priorities and addresses (SDM volume 3,
 * chapter 11). One array holds them, a word each, in the order of the register
 * page; x2APIC mode shows the same words, with exceptions that are here.
 *
 * Everything in the array may have come from userspace (KVM_SET_LAPIC), so
 * nothing here relies on a value that a guest could not have written.
 *
 * PPR is not kept but computed: the higher of TPR and the class of the highest
 * vector in service. An interrupt is deliverable when its class, the upper four
 * bits of the vector, is above that of PPR.
 */
#include "irq/apic_regs.h"

#define ICR_BUSY	BIT(12)
#define DFR_FIXED	0x0fffffffu
#define LVT_VECTOR	0xffu
#define LVT_MODE	0x700u
#define LVT_PIN		(BIT(13) | BIT(15))	/* polarity, trigger mode */
#define SVR_WRITABLE	0x3ffu			/* no suppression of EOI broadcasts */
#define TDCR_WRITABLE	0xbu
#define VERSION		0x00050014u		/* six LVT entries */

/* The lowest 16 vectors are the CPU's own. */
#define FIRST_VECTOR	16

static const struct {
	u8 nr;
	u32 writable;
} lapic_lvts[] = {
	{ LAPIC_LVT_TIMER,	LVT_VECTOR | BIT(16) | BIT(17) },
	{ LAPIC_LVT_THERMAL,	LVT_VECTOR | LVT_MODE | BIT(16) },
	{ LAPIC_LVT_PERF,	LVT_VECTOR | LVT_MODE | BIT(16) },
	{ LAPIC_LVT_LINT0,	LVT_VECTOR | LVT_MODE | LVT_PIN | BIT(16) },
	{ LAPIC_LVT_LINT1,	LVT_VECTOR | LVT_MODE | LVT_PIN | BIT(16) },
	{ LAPIC_LVT_ERROR,	LVT_VECTOR | BIT(16) },
};

static void lapic_regs_set_id(struct lapic_regs *r)
{
	if (r->x2apic) {
		r->reg[LAPIC_ID].v = r->id;
		r->reg[LAPIC_LDR].v = lapic_x2_ldr(r->id);
	} else {
		r->reg[LAPIC_ID].v = r->id << 24;
	}
}

void lapic_regs_reset(struct lapic_regs *r, bool lint0_extint)
{
	size_t i;

	memset(r->reg, 0, LAPIC_NR_REGS * sizeof(*r->reg));
	r->isr_words = 0;
	r->irr_words = 0;
	r->errors = 0;
	r->reg[LAPIC_VERSION].v = VERSION;
	r->reg[LAPIC_DFR].v = LAPIC_DFR_FLAT;
	r->reg[LAPIC_SVR].v = 0xff;
	for (i = 0; i < ARRAY_SIZE(lapic_lvts); i++)
		r->reg[lapic_lvts[i].nr].v = LAPIC_LVT_MASKED;
	if (lint0_extint)
		r->reg[LAPIC_LVT_LINT0].v = MESSAGE_EXTINT << 8;
	lapic_regs_set_id(r);
}

void lapic_regs_set_mode(struct lapic_regs *r, bool enabled, bool x2apic)
{
	bool was_enabled = r->enabled, was_x2apic = r->x2apic;

	r->enabled = enabled;
	r->x2apic = enabled && x2apic;
	if (!enabled) {
		/* Turned off, it forgets everything. */
		if (was_enabled)
			lapic_regs_reset(r, false);
		return;
	}
	if (!was_enabled || was_x2apic != r->x2apic) {
		r->reg[LAPIC_LDR].v = 0;
		/* Of the two halves that x2APIC mode makes one register the upper one is stale. */
		r->reg[LAPIC_ICR2].v = 0;
		lapic_regs_set_id(r);
	}
}

/* Bits: which words of a bank are not zero. */
static unsigned int lapic_regs_words(const struct lapic_regs *r, unsigned int bank)
{
	unsigned int i, words = 0;

	for (i = 0; i < 8; i++)
		words |= r->reg[bank + i].v ? BIT(i) : 0;
	return words;
}

void lapic_regs_loaded(struct lapic_regs *r)
{
	r->isr_words = lapic_regs_words(r, LAPIC_ISR);
	r->irr_words = lapic_regs_words(r, LAPIC_IRR);
}

int lapic_regs_highest(const struct lapic_regs *r, unsigned int bank)
{
	unsigned int words = bank == LAPIC_ISR ? r->isr_words : r->irr_words, i;

	if (r->by_hardware && bank == LAPIC_ISR)
		words = lapic_regs_words(r, bank);
	if (!words)
		return -1;
	i = 31 - __builtin_clz(words);
	return i * 32 + 31 - __builtin_clz(r->reg[bank + i].v);
}

u8 lapic_regs_ppr(const struct lapic_regs *r)
{
	u8 tpr = r->reg[LAPIC_TPR].v;
	int isr = lapic_regs_highest(r, LAPIC_ISR);
	u8 class = isr < 0 ? 0 : isr & 0xf0;

	return (tpr & 0xf0) >= class ? tpr : class;
}

int lapic_regs_deliverable(const struct lapic_regs *r)
{
	int irr;

	irr = lapic_regs_highest(r, LAPIC_IRR);
	/* A disabled APIC keeps what it has, to itself. */
	if (irr < FIRST_VECTOR || !lapic_regs_sw_enabled(r))
		return -1;
	return (irr & 0xf0) > (lapic_regs_ppr(r) & 0xf0) ? irr : -1;
}

static void lapic_regs_note_word(u8 *words, unsigned int i, u32 word)
{
	*words = word ? *words | BIT(i) : *words & ~BIT(i);
}

static void lapic_regs_set_vector(struct lapic_regs *r, unsigned int bank, u8 vector, bool on)
{
	u32 *word = &r->reg[bank + vector / 32].v;

	/* Senders have a look at IRR. */
	WRITE_ONCE(*word, on ? *word | BIT(vector % 32) : *word & ~BIT(vector % 32));
	if (bank == LAPIC_ISR)
		lapic_regs_note_word(&r->isr_words, vector / 32, *word);
	else if (bank == LAPIC_IRR)
		lapic_regs_note_word(&r->irr_words, vector / 32, *word);
}

void lapic_regs_accept(struct lapic_regs *r, u8 vector, bool level)
{
	lapic_regs_set_vector(r, LAPIC_TMR, vector, level);
	lapic_regs_set_vector(r, LAPIC_IRR, vector, true);
}

void lapic_regs_in_service(struct lapic_regs *r, u8 vector)
{
	lapic_regs_set_vector(r, LAPIC_IRR, vector, false);
	lapic_regs_set_vector(r, LAPIC_ISR, vector, true);
}

int lapic_regs_end(struct lapic_regs *r, bool *level)
{
	int vector = lapic_regs_highest(r, LAPIC_ISR);

	if (vector < 0)
		return -1;
	lapic_regs_set_vector(r, LAPIC_ISR, vector, false);
	*level = lapic_regs_test(r, LAPIC_TMR, vector);
	return vector;
}

bool lapic_regs_error(struct lapic_regs *r, u32 error)
{
	bool news = !(r->errors & error);

	r->errors |= error;
	return news && !(r->reg[LAPIC_LVT_ERROR].v & LAPIC_LVT_MASKED);
}

static bool lapic_regs_readable(const struct lapic_regs *r, unsigned int nr)
{
	switch (nr) {
	case LAPIC_ID:
	case LAPIC_VERSION:
	case LAPIC_TPR:
	case LAPIC_PPR:
	case LAPIC_LDR:
	case LAPIC_SVR:
	case LAPIC_ISR ... LAPIC_ESR:
	case LAPIC_ICR:
	case LAPIC_LVT_TIMER ... LAPIC_TMCCT:
	case LAPIC_TDCR:
		return true;
	case LAPIC_APR:
	case LAPIC_DFR:
	case LAPIC_ICR2:
	case LAPIC_EOI:
		return !r->x2apic;
	default:
		return false;
	}
}

bool lapic_regs_read(struct lapic_regs *r, unsigned int nr, u32 *value)
{
	*value = 0;
	if (!lapic_regs_readable(r, nr))
		return false;
	switch (nr) {
	case LAPIC_PPR:
		*value = lapic_regs_ppr(r);
		break;
	case LAPIC_EOI:
		break;
	default:
		*value = r->reg[nr].v;
	}
	return true;
}

static unsigned int lapic_regs_write_lvt(struct lapic_regs *r, unsigned int nr, u32 value)
{
	unsigned int lvt = array_index_nospec(nr - LAPIC_LVT_TIMER, ARRAY_SIZE(lapic_lvts));
	u32 writable = lapic_lvts[lvt].writable;
	unsigned int mode = lapic_regs_timer_mode(r);

	if (nr == LAPIC_LVT_TIMER && r->has_deadline)
		writable |= BIT(18);
	value &= writable;
	if (!lapic_regs_sw_enabled(r))
		value |= LAPIC_LVT_MASKED;
	r->reg[nr].v = value;
	if (nr == LAPIC_LVT_TIMER && lapic_regs_timer_mode(r) != mode)
		return LAPIC_DO_TIMER_MODE;
	if (nr == LAPIC_LVT_LINT0)
		return LAPIC_DO_ADDRESS | LAPIC_DO_EVENTS;
	return 0;
}

static unsigned int lapic_regs_write_svr(struct lapic_regs *r, u32 value)
{
	size_t i;

	r->reg[LAPIC_SVR].v = value & SVR_WRITABLE;
	if (!(value & LAPIC_SVR_ENABLE))
		for (i = 0; i < ARRAY_SIZE(lapic_lvts); i++)
			r->reg[lapic_lvts[i].nr].v |= LAPIC_LVT_MASKED;
	return LAPIC_DO_ADDRESS | LAPIC_DO_EVENTS;
}

/* A vector of the CPU's own can't be sent; the attempt is an error, and goes nowhere. */
static unsigned int lapic_regs_check_send(struct lapic_regs *r, u32 mode, u8 vector,
					  unsigned int what)
{
	if (mode != MESSAGE_FIXED && mode != MESSAGE_LOWEST)
		return what;
	if (vector >= FIRST_VECTOR)
		return what;
	return lapic_regs_error(r, LAPIC_ESR_SEND_VECTOR) ? LAPIC_DO_ERROR : 0;
}

static unsigned int lapic_regs_write_icr(struct lapic_regs *r, u32 value)
{
	r->reg[LAPIC_ICR].v = value & ~ICR_BUSY;
	return lapic_regs_check_send(r, value >> 8 & 7, value, LAPIC_DO_ICR);
}

/* Registers that x2APIC mode fixes or does not have. */
static unsigned int lapic_regs_write_xapic_only(struct lapic_regs *r, unsigned int nr, u32 value)
{
	if (r->x2apic)
		return LAPIC_FAULT;
	r->reg[nr].v = value;
	return nr == LAPIC_ICR2 ? 0 : LAPIC_DO_ADDRESS;
}

static unsigned int lapic_regs_write_esr(struct lapic_regs *r, u32 value)
{
	if (r->x2apic && value)
		return LAPIC_FAULT;
	r->reg[LAPIC_ESR].v = r->errors;
	r->errors = 0;
	return 0;
}

static unsigned int lapic_regs_write_self_ipi(struct lapic_regs *r, u32 value)
{
	if (!r->x2apic || value > 0xff)
		return LAPIC_FAULT;
	return lapic_regs_check_send(r, MESSAGE_FIXED, value, LAPIC_DO_SELF_IPI);
}

unsigned int lapic_regs_write(struct lapic_regs *r, unsigned int nr, u32 value)
{
	switch (nr) {
	case LAPIC_ID:
		return lapic_regs_write_xapic_only(r, nr, value & 0xff000000);
	case LAPIC_LDR:
		return lapic_regs_write_xapic_only(r, nr, value & 0xff000000);
	case LAPIC_DFR:
		return lapic_regs_write_xapic_only(r, nr, value | DFR_FIXED);
	case LAPIC_ICR2:
		return lapic_regs_write_xapic_only(r, nr, value & 0xff000000);
	case LAPIC_TPR:
		if (r->x2apic && value > 0xff)
			return LAPIC_FAULT;
		r->reg[nr].v = value & 0xff;
		return LAPIC_DO_EVENTS;
	case LAPIC_EOI:
		return r->x2apic && value ? LAPIC_FAULT : LAPIC_DO_EOI | LAPIC_DO_EVENTS;
	case LAPIC_SVR:
		return lapic_regs_write_svr(r, value);
	case LAPIC_ESR:
		return lapic_regs_write_esr(r, value);
	case LAPIC_ICR:
		return lapic_regs_write_icr(r, value);
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
		return lapic_regs_write_lvt(r, nr, value);
	case LAPIC_TMICT:
		/* In deadline mode the counter does not exist. */
		if (lapic_regs_timer_mode(r) == LAPIC_TIMER_DEADLINE)
			return 0;
		r->reg[nr].v = value;
		return LAPIC_DO_TIMER_START;
	case LAPIC_TDCR:
		r->reg[nr].v = value & TDCR_WRITABLE;
		return LAPIC_DO_TIMER_DIVIDE;
	case LAPIC_SELF_IPI:
		return lapic_regs_write_self_ipi(r, value);
	default:
		return LAPIC_FAULT;
	}
}

u64 lapic_regs_address(const struct lapic_regs *r)
{
	u32 id = r->x2apic ? r->id : r->reg[LAPIC_ID].v >> 24;
	u32 flags = r->reg[LAPIC_LDR].v >> 24;
	u32 lint0 = r->reg[LAPIC_LVT_LINT0].v;

	if (r->enabled)
		flags |= LAPIC_ADDR_ENABLED;
	if (lapic_regs_sw_enabled(r))
		flags |= LAPIC_ADDR_SW_ENABLED;
	if (r->x2apic)
		flags |= LAPIC_ADDR_X2APIC;
	if (r->reg[LAPIC_DFR].v >> 28 != 0xf)
		flags |= LAPIC_ADDR_CLUSTER;
	/* Without an APIC the CPU's pin is connected directly. */
	if (!r->enabled || (lint0 & (LAPIC_LVT_MASKED | LVT_MODE)) == MESSAGE_EXTINT << 8)
		flags |= LAPIC_ADDR_EXTINT;
	return (u64)id << 32 | flags;
}

bool lapic_addressed(u64 address, u32 dest, bool logical)
{
	bool x2apic = address & LAPIC_ADDR_X2APIC;
	u32 id = address >> 32, ldr = address & 0xff;

	if (!(address & LAPIC_ADDR_ENABLED))
		return false;
	if (dest == (x2apic ? U32_MAX : 0xff))
		return true;
	if (!logical)
		return dest == id;
	if (x2apic) {
		ldr = lapic_x2_ldr(id);
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	}
	if (dest > 0xff)
		return false;
	if (address & LAPIC_ADDR_CLUSTER)
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	return ldr & dest;
}

void lapic_regs_icr_message(const struct lapic_regs *r, struct irq_message *msg)
{
	u32 icr = r->reg[LAPIC_ICR].v, high = r->reg[LAPIC_ICR2].v;

	*msg = (struct irq_message) {
		.dest = r->x2apic ? high : high >> 24,
		.vector = icr,
		.delivery_mode = icr >> 8 & 7,
		.logical = icr & BIT(11),
		.assert = icr & BIT(14),
		.level = icr & BIT(15),
		.shorthand = icr >> 18 & 3,
	};
}

unsigned int lapic_regs_timer_shift(const struct lapic_regs *r)
{
	u32 tdcr = r->reg[LAPIC_TDCR].v;

	/* 0: by 2, ... 6: by 128, 7: by 1. */
	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

u64 lapic_regs_timer_period(const struct lapic_regs *r)
{
	return (u64)r->reg[LAPIC_TMICT].v << lapic_regs_timer_shift(r);
}

u32 lapic_regs_timer_count(const struct lapic_regs *r, u64 left)
{
	unsigned int shift = lapic_regs_timer_shift(r);
	u64 count = (left >> shift) + !!(left & (BIT(shift) - 1));

	return min_t(u64, count, r->reg[LAPIC_TMICT].v);
}
