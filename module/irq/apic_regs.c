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
} lvts[] = {
	{ BELLOWS_APIC_LVT_TIMER,	LVT_VECTOR | BIT(16) | BIT(17) },
	{ BELLOWS_APIC_LVT_THERMAL,	LVT_VECTOR | LVT_MODE | BIT(16) },
	{ BELLOWS_APIC_LVT_PERF,	LVT_VECTOR | LVT_MODE | BIT(16) },
	{ BELLOWS_APIC_LVT_LINT0,	LVT_VECTOR | LVT_MODE | LVT_PIN | BIT(16) },
	{ BELLOWS_APIC_LVT_LINT1,	LVT_VECTOR | LVT_MODE | LVT_PIN | BIT(16) },
	{ BELLOWS_APIC_LVT_ERROR,	LVT_VECTOR | BIT(16) },
};

static void set_id(struct bellows_apic_regs *r)
{
	if (r->x2apic) {
		r->reg[BELLOWS_APIC_ID].v = r->id;
		r->reg[BELLOWS_APIC_LDR].v = bellows_apic_x2_ldr(r->id);
	} else {
		r->reg[BELLOWS_APIC_ID].v = r->id << 24;
	}
}

void bellows_apic_regs_reset(struct bellows_apic_regs *r, bool lint0_extint)
{
	size_t i;

	memset(r->reg, 0, BELLOWS_APIC_NR_REGS * sizeof(*r->reg));
	r->isr_words = 0;
	r->irr_words = 0;
	r->errors = 0;
	r->reg[BELLOWS_APIC_VERSION].v = VERSION;
	r->reg[BELLOWS_APIC_DFR].v = BELLOWS_APIC_DFR_FLAT;
	r->reg[BELLOWS_APIC_SVR].v = 0xff;
	for (i = 0; i < ARRAY_SIZE(lvts); i++)
		r->reg[lvts[i].nr].v = BELLOWS_APIC_LVT_MASKED;
	if (lint0_extint)
		r->reg[BELLOWS_APIC_LVT_LINT0].v = BELLOWS_IRQ_EXTINT << 8;
	set_id(r);
}

void bellows_apic_regs_set_mode(struct bellows_apic_regs *r, bool enabled, bool x2apic)
{
	bool was_enabled = r->enabled, was_x2apic = r->x2apic;

	r->enabled = enabled;
	r->x2apic = enabled && x2apic;
	if (!enabled) {
		/* Turned off, it forgets everything. */
		if (was_enabled)
			bellows_apic_regs_reset(r, false);
		return;
	}
	if (!was_enabled || was_x2apic != r->x2apic) {
		r->reg[BELLOWS_APIC_LDR].v = 0;
		/* Of the two halves that x2APIC mode makes one register the upper one is stale. */
		r->reg[BELLOWS_APIC_ICR2].v = 0;
		set_id(r);
	}
}

/* Bits: which words of a bank are not zero. */
static unsigned int words_of(const struct bellows_apic_regs *r, unsigned int bank)
{
	unsigned int i, words = 0;

	for (i = 0; i < 8; i++)
		words |= r->reg[bank + i].v ? BIT(i) : 0;
	return words;
}

void bellows_apic_regs_loaded(struct bellows_apic_regs *r)
{
	r->isr_words = words_of(r, BELLOWS_APIC_ISR);
	r->irr_words = words_of(r, BELLOWS_APIC_IRR);
}

int bellows_apic_highest(const struct bellows_apic_regs *r, unsigned int bank)
{
	unsigned int words = bank == BELLOWS_APIC_ISR ? r->isr_words : r->irr_words, i;

	if (r->by_hardware && bank == BELLOWS_APIC_ISR)
		words = words_of(r, bank);
	if (!words)
		return -1;
	i = 31 - __builtin_clz(words);
	return i * 32 + 31 - __builtin_clz(r->reg[bank + i].v);
}

u8 bellows_apic_ppr(const struct bellows_apic_regs *r)
{
	u8 tpr = r->reg[BELLOWS_APIC_TPR].v;
	int isr = bellows_apic_highest(r, BELLOWS_APIC_ISR);
	u8 class = isr < 0 ? 0 : isr & 0xf0;

	return (tpr & 0xf0) >= class ? tpr : class;
}

int bellows_apic_deliverable(const struct bellows_apic_regs *r)
{
	int irr;

	irr = bellows_apic_highest(r, BELLOWS_APIC_IRR);
	/* A disabled APIC keeps what it has, to itself. */
	if (irr < FIRST_VECTOR || !bellows_apic_sw_enabled(r))
		return -1;
	return (irr & 0xf0) > (bellows_apic_ppr(r) & 0xf0) ? irr : -1;
}

static void note_word(u8 *words, unsigned int i, u32 word)
{
	*words = word ? *words | BIT(i) : *words & ~BIT(i);
}

static void set_vector(struct bellows_apic_regs *r, unsigned int bank, u8 vector, bool on)
{
	u32 *word = &r->reg[bank + vector / 32].v;

	/* Senders have a look at IRR. */
	WRITE_ONCE(*word, on ? *word | BIT(vector % 32) : *word & ~BIT(vector % 32));
	if (bank == BELLOWS_APIC_ISR)
		note_word(&r->isr_words, vector / 32, *word);
	else if (bank == BELLOWS_APIC_IRR)
		note_word(&r->irr_words, vector / 32, *word);
}

void bellows_apic_accept(struct bellows_apic_regs *r, u8 vector, bool level)
{
	set_vector(r, BELLOWS_APIC_TMR, vector, level);
	set_vector(r, BELLOWS_APIC_IRR, vector, true);
}

void bellows_apic_in_service(struct bellows_apic_regs *r, u8 vector)
{
	set_vector(r, BELLOWS_APIC_IRR, vector, false);
	set_vector(r, BELLOWS_APIC_ISR, vector, true);
}

int bellows_apic_end(struct bellows_apic_regs *r, bool *level)
{
	int vector = bellows_apic_highest(r, BELLOWS_APIC_ISR);

	if (vector < 0)
		return -1;
	set_vector(r, BELLOWS_APIC_ISR, vector, false);
	*level = bellows_apic_test(r, BELLOWS_APIC_TMR, vector);
	return vector;
}

bool bellows_apic_regs_error(struct bellows_apic_regs *r, u32 error)
{
	bool news = !(r->errors & error);

	r->errors |= error;
	return news && !(r->reg[BELLOWS_APIC_LVT_ERROR].v & BELLOWS_APIC_LVT_MASKED);
}

static bool readable(const struct bellows_apic_regs *r, unsigned int nr)
{
	switch (nr) {
	case BELLOWS_APIC_ID:
	case BELLOWS_APIC_VERSION:
	case BELLOWS_APIC_TPR:
	case BELLOWS_APIC_PPR:
	case BELLOWS_APIC_LDR:
	case BELLOWS_APIC_SVR:
	case BELLOWS_APIC_ISR ... BELLOWS_APIC_ESR:
	case BELLOWS_APIC_ICR:
	case BELLOWS_APIC_LVT_TIMER ... BELLOWS_APIC_TMCCT:
	case BELLOWS_APIC_TDCR:
		return true;
	case BELLOWS_APIC_APR:
	case BELLOWS_APIC_DFR:
	case BELLOWS_APIC_ICR2:
	case BELLOWS_APIC_EOI:
		return !r->x2apic;
	default:
		return false;
	}
}

bool bellows_apic_regs_read(struct bellows_apic_regs *r, unsigned int nr, u32 *value)
{
	*value = 0;
	if (!readable(r, nr))
		return false;
	switch (nr) {
	case BELLOWS_APIC_PPR:
		*value = bellows_apic_ppr(r);
		break;
	case BELLOWS_APIC_EOI:
		break;
	default:
		*value = r->reg[nr].v;
	}
	return true;
}

static unsigned int write_lvt(struct bellows_apic_regs *r, unsigned int nr, u32 value)
{
	u32 writable = lvts[array_index_nospec(nr - BELLOWS_APIC_LVT_TIMER, ARRAY_SIZE(lvts))].writable;
	unsigned int mode = bellows_apic_timer_mode(r);

	if (nr == BELLOWS_APIC_LVT_TIMER && r->has_deadline)
		writable |= BIT(18);
	value &= writable;
	if (!bellows_apic_sw_enabled(r))
		value |= BELLOWS_APIC_LVT_MASKED;
	r->reg[nr].v = value;
	if (nr == BELLOWS_APIC_LVT_TIMER && bellows_apic_timer_mode(r) != mode)
		return BELLOWS_APIC_DO_TIMER_MODE;
	if (nr == BELLOWS_APIC_LVT_LINT0)
		return BELLOWS_APIC_DO_ADDRESS | BELLOWS_APIC_DO_EVENTS;
	return 0;
}

static unsigned int write_svr(struct bellows_apic_regs *r, u32 value)
{
	size_t i;

	r->reg[BELLOWS_APIC_SVR].v = value & SVR_WRITABLE;
	if (!(value & BELLOWS_APIC_SVR_ENABLE))
		for (i = 0; i < ARRAY_SIZE(lvts); i++)
			r->reg[lvts[i].nr].v |= BELLOWS_APIC_LVT_MASKED;
	return BELLOWS_APIC_DO_ADDRESS | BELLOWS_APIC_DO_EVENTS;
}

/* A vector of the CPU's own can't be sent; the attempt is an error, and is sent to nobody. */
static unsigned int check_send(struct bellows_apic_regs *r, u32 mode, u8 vector, unsigned int what)
{
	if (mode != BELLOWS_IRQ_FIXED && mode != BELLOWS_IRQ_LOWEST)
		return what;
	if (vector >= FIRST_VECTOR)
		return what;
	return bellows_apic_regs_error(r, BELLOWS_APIC_ESR_SEND_VECTOR) ? BELLOWS_APIC_DO_ERROR : 0;
}

static unsigned int write_icr(struct bellows_apic_regs *r, u32 value)
{
	r->reg[BELLOWS_APIC_ICR].v = value & ~ICR_BUSY;
	return check_send(r, value >> 8 & 7, value, BELLOWS_APIC_DO_ICR);
}

/* Registers that x2APIC mode fixes or does not have. */
static unsigned int write_xapic_only(struct bellows_apic_regs *r, unsigned int nr, u32 value)
{
	if (r->x2apic)
		return BELLOWS_APIC_FAULT;
	r->reg[nr].v = value;
	return nr == BELLOWS_APIC_ICR2 ? 0 : BELLOWS_APIC_DO_ADDRESS;
}

static unsigned int write_esr(struct bellows_apic_regs *r, u32 value)
{
	if (r->x2apic && value)
		return BELLOWS_APIC_FAULT;
	r->reg[BELLOWS_APIC_ESR].v = r->errors;
	r->errors = 0;
	return 0;
}

static unsigned int write_self_ipi(struct bellows_apic_regs *r, u32 value)
{
	if (!r->x2apic || value > 0xff)
		return BELLOWS_APIC_FAULT;
	return check_send(r, BELLOWS_IRQ_FIXED, value, BELLOWS_APIC_DO_SELF_IPI);
}

unsigned int bellows_apic_regs_write(struct bellows_apic_regs *r, unsigned int nr, u32 value)
{
	switch (nr) {
	case BELLOWS_APIC_ID:
		return write_xapic_only(r, nr, value & 0xff000000);
	case BELLOWS_APIC_LDR:
		return write_xapic_only(r, nr, value & 0xff000000);
	case BELLOWS_APIC_DFR:
		return write_xapic_only(r, nr, value | DFR_FIXED);
	case BELLOWS_APIC_ICR2:
		return write_xapic_only(r, nr, value & 0xff000000);
	case BELLOWS_APIC_TPR:
		if (r->x2apic && value > 0xff)
			return BELLOWS_APIC_FAULT;
		r->reg[nr].v = value & 0xff;
		return BELLOWS_APIC_DO_EVENTS;
	case BELLOWS_APIC_EOI:
		return r->x2apic && value ? BELLOWS_APIC_FAULT : BELLOWS_APIC_DO_EOI | BELLOWS_APIC_DO_EVENTS;
	case BELLOWS_APIC_SVR:
		return write_svr(r, value);
	case BELLOWS_APIC_ESR:
		return write_esr(r, value);
	case BELLOWS_APIC_ICR:
		return write_icr(r, value);
	case BELLOWS_APIC_LVT_TIMER ... BELLOWS_APIC_LVT_ERROR:
		return write_lvt(r, nr, value);
	case BELLOWS_APIC_TMICT:
		/* In deadline mode the counter does not exist. */
		if (bellows_apic_timer_mode(r) == BELLOWS_APIC_DEADLINE)
			return 0;
		r->reg[nr].v = value;
		return BELLOWS_APIC_DO_TIMER_START;
	case BELLOWS_APIC_TDCR:
		r->reg[nr].v = value & TDCR_WRITABLE;
		return BELLOWS_APIC_DO_TIMER_DIVIDE;
	case BELLOWS_APIC_SELF_IPI:
		return write_self_ipi(r, value);
	default:
		return BELLOWS_APIC_FAULT;
	}
}

u64 bellows_apic_address(const struct bellows_apic_regs *r)
{
	u32 id = r->x2apic ? r->id : r->reg[BELLOWS_APIC_ID].v >> 24;
	u32 flags = r->reg[BELLOWS_APIC_LDR].v >> 24;
	u32 lint0 = r->reg[BELLOWS_APIC_LVT_LINT0].v;

	if (r->enabled)
		flags |= BELLOWS_APIC_ADDR_ENABLED;
	if (bellows_apic_sw_enabled(r))
		flags |= BELLOWS_APIC_ADDR_SW_ENABLED;
	if (r->x2apic)
		flags |= BELLOWS_APIC_ADDR_X2APIC;
	if (r->reg[BELLOWS_APIC_DFR].v >> 28 != 0xf)
		flags |= BELLOWS_APIC_ADDR_CLUSTER;
	/* Without an APIC the CPU's pin is connected directly. */
	if (!r->enabled || (lint0 & (BELLOWS_APIC_LVT_MASKED | LVT_MODE)) == BELLOWS_IRQ_EXTINT << 8)
		flags |= BELLOWS_APIC_ADDR_EXTINT;
	return (u64)id << 32 | flags;
}

bool bellows_apic_addressed(u64 address, u32 dest, bool logical)
{
	bool x2apic = address & BELLOWS_APIC_ADDR_X2APIC;
	u32 id = address >> 32, ldr = address & 0xff;

	if (!(address & BELLOWS_APIC_ADDR_ENABLED))
		return false;
	if (dest == (x2apic ? U32_MAX : 0xff))
		return true;
	if (!logical)
		return dest == id;
	if (x2apic) {
		ldr = bellows_apic_x2_ldr(id);
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	}
	if (dest > 0xff)
		return false;
	if (address & BELLOWS_APIC_ADDR_CLUSTER)
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	return ldr & dest;
}

void bellows_apic_icr_message(const struct bellows_apic_regs *r, struct bellows_irq_message *msg)
{
	u32 icr = r->reg[BELLOWS_APIC_ICR].v, high = r->reg[BELLOWS_APIC_ICR2].v;

	*msg = (struct bellows_irq_message) {
		.dest = r->x2apic ? high : high >> 24,
		.vector = icr,
		.delivery_mode = icr >> 8 & 7,
		.logical = icr & BIT(11),
		.assert = icr & BIT(14),
		.level = icr & BIT(15),
		.shorthand = icr >> 18 & 3,
	};
}

unsigned int bellows_apic_timer_shift(const struct bellows_apic_regs *r)
{
	u32 tdcr = r->reg[BELLOWS_APIC_TDCR].v;

	/* 0: by 2, ... 6: by 128, 7: by 1. */
	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

u64 bellows_apic_timer_period(const struct bellows_apic_regs *r)
{
	return (u64)r->reg[BELLOWS_APIC_TMICT].v << bellows_apic_timer_shift(r);
}

u32 bellows_apic_timer_count(const struct bellows_apic_regs *r, u64 left)
{
	unsigned int shift = bellows_apic_timer_shift(r);
	u64 count = (left >> shift) + !!(left & (BIT(shift) - 1));

	return min_t(u64, count, r->reg[BELLOWS_APIC_TMICT].v);
}
