/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_APIC_REGS_H
#define BELLOWS_IRQ_APIC_REGS_H
/*
 * The registers of a local APIC, and what reading and writing them means: pure
 * arithmetic on a structure, without time, locks or other vCPUs.
 */
#include "pure.h"
#include "irq/message.h"

/* Numbers of registers: offset in the page / 16, MSR - 0x800. */
enum {
	BELLOWS_APIC_ID = 0x02,
	BELLOWS_APIC_VERSION = 0x03,
	BELLOWS_APIC_TPR = 0x08,
	BELLOWS_APIC_APR = 0x09,
	BELLOWS_APIC_PPR = 0x0a,
	BELLOWS_APIC_EOI = 0x0b,
	BELLOWS_APIC_LDR = 0x0d,
	BELLOWS_APIC_DFR = 0x0e,
	BELLOWS_APIC_SVR = 0x0f,
	BELLOWS_APIC_ISR = 0x10,	/* eight registers each */
	BELLOWS_APIC_TMR = 0x18,
	BELLOWS_APIC_IRR = 0x20,
	BELLOWS_APIC_ESR = 0x28,
	BELLOWS_APIC_ICR = 0x30,
	BELLOWS_APIC_ICR2 = 0x31,
	BELLOWS_APIC_LVT_TIMER = 0x32,
	BELLOWS_APIC_LVT_THERMAL = 0x33,
	BELLOWS_APIC_LVT_PERF = 0x34,
	BELLOWS_APIC_LVT_LINT0 = 0x35,
	BELLOWS_APIC_LVT_LINT1 = 0x36,
	BELLOWS_APIC_LVT_ERROR = 0x37,
	BELLOWS_APIC_TMICT = 0x38,
	BELLOWS_APIC_TMCCT = 0x39,
	BELLOWS_APIC_TDCR = 0x3e,
	BELLOWS_APIC_SELF_IPI = 0x3f,
	BELLOWS_APIC_NR_REGS = 0x40
};

#define BELLOWS_APIC_SVR_ENABLE		BIT(8)
#define BELLOWS_APIC_LVT_MASKED		BIT(16)
#define BELLOWS_APIC_DFR_FLAT		0xffffffffu

enum bellows_apic_timer_mode {		/* of the timer's LVT entry, bits 18:17 */
	BELLOWS_APIC_ONE_SHOT,
	BELLOWS_APIC_PERIODIC,
	BELLOWS_APIC_DEADLINE,
};

/* Error status */
#define BELLOWS_APIC_ESR_SEND_VECTOR	BIT(5)
#define BELLOWS_APIC_ESR_RECEIVE_VECTOR	BIT(6)
#define BELLOWS_APIC_ESR_REGISTER	BIT(7)

/* As the page has them: one every 16 bytes. */
struct bellows_apic_reg {
	u32 v;
	u32 unused[3];
};

struct bellows_apic_regs {
	struct bellows_apic_reg *reg;	/* BELLOWS_APIC_NR_REGS of them, the caller's memory */
	u8 isr_words, irr_words;	/* which words of ISR and IRR are not zero: bits */
	bool by_hardware;		/* which changes ISR and TPR while the guest runs */
	u32 errors;			/* since the guest last wrote ESR */
	u32 id;				/* the vCPU's, which x2APIC mode shows and xAPIC mode starts with */
	bool enabled;			/* by IA32_APIC_BASE */
	bool x2apic;
	bool has_deadline;		/* the guest's CPUID has the timer's third mode */
};

/* What a write asks for beyond the register itself: bits. */
enum {
	BELLOWS_APIC_DO_ADDRESS = BIT(0),	/* others must see what the APIC answers to */
	BELLOWS_APIC_DO_EVENTS = BIT(1),	/* an interrupt may have become deliverable */
	BELLOWS_APIC_DO_EOI = BIT(2),
	BELLOWS_APIC_DO_ICR = BIT(3),
	BELLOWS_APIC_DO_SELF_IPI = BIT(4),
	BELLOWS_APIC_DO_TIMER_MODE = BIT(5),
	BELLOWS_APIC_DO_TIMER_START = BIT(6),
	BELLOWS_APIC_DO_TIMER_DIVIDE = BIT(7),
	BELLOWS_APIC_DO_ERROR = BIT(8),		/* the error LVT entry is due */
	BELLOWS_APIC_FAULT = BIT(9),		/* no such write: #GP in x2APIC mode */
};

/* As after power-on, or INIT: an APIC that userspace has enabled, and the guest has not. */
void bellows_apic_regs_reset(struct bellows_apic_regs *r, bool lint0_extint);
/* IA32_APIC_BASE changed. */
void bellows_apic_regs_set_mode(struct bellows_apic_regs *r, bool enabled, bool x2apic);

/* False: there is no such register to read. TMCCT is the caller's to fill in. */
bool bellows_apic_regs_read(struct bellows_apic_regs *r, unsigned int nr, u32 *value);
/* Bits of what is to be done. ICR in x2APIC mode: the upper half goes into ICR2 by the caller before. */
unsigned int bellows_apic_regs_write(struct bellows_apic_regs *r, unsigned int nr, u32 value);
/* An error was found: notes it. True: the error LVT entry is due. */
bool bellows_apic_regs_error(struct bellows_apic_regs *r, u32 error);

/* .reg was filled from outside. */
void bellows_apic_regs_loaded(struct bellows_apic_regs *r);

/* Vectors. -1: none. bank: ISR or IRR. */
int bellows_apic_highest(const struct bellows_apic_regs *r, unsigned int bank);
u8 bellows_apic_ppr(const struct bellows_apic_regs *r);
/* The vector that would go to the CPU now. */
int bellows_apic_deliverable(const struct bellows_apic_regs *r);
void bellows_apic_accept(struct bellows_apic_regs *r, u8 vector, bool level);
/* The CPU has taken it: from IRR to ISR. */
void bellows_apic_in_service(struct bellows_apic_regs *r, u8 vector);
/* The vector whose service ended; level: of the pin it came from. */
int bellows_apic_end(struct bellows_apic_regs *r, bool *level);

static inline bool bellows_apic_test(const struct bellows_apic_regs *r, unsigned int bank, u8 vector)
{
	return READ_ONCE(r->reg[bank + vector / 32].v) & BIT(vector % 32);
}

static inline bool bellows_apic_sw_enabled(const struct bellows_apic_regs *r)
{
	return r->enabled && (r->reg[BELLOWS_APIC_SVR].v & BELLOWS_APIC_SVR_ENABLE);
}

/*
 * Addressing. What an APIC answers to, in one word, which its vCPU publishes
 * and senders read:  63:32 ID, 31:16 flags, 15:0 LDR of xAPIC mode.
 */
#define BELLOWS_APIC_ADDR_ENABLED	BIT(16)
#define BELLOWS_APIC_ADDR_SW_ENABLED	BIT(17)
#define BELLOWS_APIC_ADDR_X2APIC	BIT(18)
#define BELLOWS_APIC_ADDR_CLUSTER	BIT(19)
#define BELLOWS_APIC_ADDR_EXTINT	BIT(20)	/* LINT0 takes the 8259's interrupts */

u64 bellows_apic_address(const struct bellows_apic_regs *r);
/* Is the message for this APIC? dest, logical of it; shorthands are the caller's. */
bool bellows_apic_addressed(u64 address, u32 dest, bool logical);

static inline u32 bellows_apic_x2_ldr(u32 id)
{
	return (id >> 4) << 16 | (u32)BIT(id & 15);
}

/* The interrupt that ICR says. */
void bellows_apic_icr_message(const struct bellows_apic_regs *r, struct bellows_irq_message *msg);

/* The timer */
static inline enum bellows_apic_timer_mode bellows_apic_timer_mode(const struct bellows_apic_regs *r)
{
	unsigned int mode = r->reg[BELLOWS_APIC_LVT_TIMER].v >> 17 & 3;

	return mode > BELLOWS_APIC_DEADLINE ? BELLOWS_APIC_ONE_SHOT : mode;
}

/* The bus clock has 1 GHz; the divider's logarithm, 0 to 7. */
unsigned int bellows_apic_timer_shift(const struct bellows_apic_regs *r);
/* Nanoseconds from the start to the end; at most 2^39. */
u64 bellows_apic_timer_period(const struct bellows_apic_regs *r);
/* The current count, so many nanoseconds before the end. */
u32 bellows_apic_timer_count(const struct bellows_apic_regs *r, u64 left);

#endif
