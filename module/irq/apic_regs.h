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
	LAPIC_ID = 0x02,
	LAPIC_VERSION = 0x03,
	LAPIC_TPR = 0x08,
	LAPIC_APR = 0x09,
	LAPIC_PPR = 0x0a,
	LAPIC_EOI = 0x0b,
	LAPIC_LDR = 0x0d,
	LAPIC_DFR = 0x0e,
	LAPIC_SVR = 0x0f,
	LAPIC_ISR = 0x10,		/* eight registers each */
	LAPIC_TMR = 0x18,
	LAPIC_IRR = 0x20,
	LAPIC_ESR = 0x28,
	LAPIC_ICR = 0x30,
	LAPIC_ICR2 = 0x31,
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_THERMAL = 0x33,
	LAPIC_LVT_PERF = 0x34,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LINT1 = 0x36,
	LAPIC_LVT_ERROR = 0x37,
	LAPIC_TMICT = 0x38,
	LAPIC_TMCCT = 0x39,
	LAPIC_TDCR = 0x3e,
	LAPIC_SELF_IPI = 0x3f,
	LAPIC_NR_REGS = 0x40
};

#define LAPIC_SVR_ENABLE		BIT(8)
#define LAPIC_LVT_MASKED		BIT(16)
#define LAPIC_DFR_FLAT		0xffffffffu

enum lapic_regs_timer_mode {		/* of the timer's LVT entry, bits 18:17 */
	LAPIC_TIMER_ONE_SHOT,
	LAPIC_TIMER_PERIODIC,
	LAPIC_TIMER_DEADLINE,
};

/* Error status */
#define LAPIC_ESR_SEND_VECTOR	BIT(5)
#define LAPIC_ESR_RECEIVE_VECTOR	BIT(6)
#define LAPIC_ESR_REGISTER	BIT(7)

/* As the page has them: one every 16 bytes. */
struct lapic_reg {
	u32 v;
	u32 unused[3];
};

struct lapic_regs {
	struct lapic_reg *reg;		/* LAPIC_NR_REGS of them, the caller's memory */
	u8 isr_words, irr_words;	/* which words of ISR and IRR are not zero: bits */
	bool by_hardware;		/* which changes ISR and TPR while the guest runs */
	u32 errors;			/* since the guest last wrote ESR */
	u32 id;				/* the vCPU's, with which xAPIC mode only starts */
	bool enabled;			/* by IA32_APIC_BASE */
	bool x2apic;
	bool has_deadline;		/* the guest's CPUID has the timer's third mode */
};

/* What a write asks for beyond the register itself: bits. */
enum {
	LAPIC_DO_ADDRESS = BIT(0),		/* others must see what the APIC answers to */
	LAPIC_DO_EVENTS = BIT(1),		/* an interrupt may have become deliverable */
	LAPIC_DO_EOI = BIT(2),
	LAPIC_DO_ICR = BIT(3),
	LAPIC_DO_SELF_IPI = BIT(4),
	LAPIC_DO_TIMER_MODE = BIT(5),
	LAPIC_DO_TIMER_START = BIT(6),
	LAPIC_DO_TIMER_DIVIDE = BIT(7),
	LAPIC_DO_ERROR = BIT(8),		/* the error LVT entry is due */
	LAPIC_FAULT = BIT(9),			/* no such write: #GP in x2APIC mode */
};

/* As after power-on, or INIT: an APIC that userspace has enabled, and the guest has not. */
void lapic_regs_reset(struct lapic_regs *r, bool lint0_extint);
/* IA32_APIC_BASE changed. */
void lapic_regs_set_mode(struct lapic_regs *r, bool enabled, bool x2apic);

/* False: there is no such register to read. TMCCT is the caller's to fill in. */
bool lapic_regs_read(struct lapic_regs *r, unsigned int nr, u32 *value);
/* Bits of what is to be done. x2APIC mode: the caller puts ICR's upper half into ICR2 before. */
unsigned int lapic_regs_write(struct lapic_regs *r, unsigned int nr, u32 value);
/* An error was found: notes it. True: the error LVT entry is due. */
bool lapic_regs_error(struct lapic_regs *r, u32 error);

/* .reg was filled from outside. */
void lapic_regs_loaded(struct lapic_regs *r);

/* Vectors. -1: none. bank: ISR or IRR. */
int lapic_regs_highest(const struct lapic_regs *r, unsigned int bank);
u8 lapic_regs_ppr(const struct lapic_regs *r);
/* The vector that would go to the CPU now. */
int lapic_regs_deliverable(const struct lapic_regs *r);
void lapic_regs_accept(struct lapic_regs *r, u8 vector, bool level);
/* The CPU has taken it: from IRR to ISR. */
void lapic_regs_in_service(struct lapic_regs *r, u8 vector);
/* The vector whose service ended; level: of the pin it came from. */
int lapic_regs_end(struct lapic_regs *r, bool *level);

static inline bool lapic_regs_test(const struct lapic_regs *r, unsigned int bank, u8 vector)
{
	return READ_ONCE(r->reg[bank + vector / 32].v) & BIT(vector % 32);
}

static inline bool lapic_regs_sw_enabled(const struct lapic_regs *r)
{
	return r->enabled && (r->reg[LAPIC_SVR].v & LAPIC_SVR_ENABLE);
}

/*
 * Addressing. What an APIC answers to, in one word, which its vCPU publishes
 * and senders read:  63:32 ID, 31:16 flags, 15:0 LDR of xAPIC mode.
 */
#define LAPIC_ADDR_ENABLED	BIT(16)
#define LAPIC_ADDR_SW_ENABLED	BIT(17)
#define LAPIC_ADDR_X2APIC	BIT(18)
#define LAPIC_ADDR_CLUSTER	BIT(19)
#define LAPIC_ADDR_EXTINT	BIT(20)		/* LINT0 takes the 8259's interrupts */

u64 lapic_regs_address(const struct lapic_regs *r);
/* Is the message for this APIC? dest, logical of it; shorthands are the caller's. */
bool lapic_addressed(u64 address, u32 dest, bool logical);

static inline u32 lapic_x2_ldr(u32 id)
{
	return (id >> 4) << 16 | (u32)BIT(id & 15);
}

/* The interrupt that ICR says. */
void lapic_regs_icr_message(const struct lapic_regs *r, struct irq_message *msg);

/* The timer */
static inline enum lapic_regs_timer_mode lapic_regs_timer_mode(const struct lapic_regs *r)
{
	unsigned int mode = r->reg[LAPIC_LVT_TIMER].v >> 17 & 3;

	return mode > LAPIC_TIMER_DEADLINE ? LAPIC_TIMER_ONE_SHOT : mode;
}

/* The bus clock has 1 GHz; the divider's logarithm, 0 to 7. */
unsigned int lapic_regs_timer_shift(const struct lapic_regs *r);
/* Nanoseconds from the start to the end; at most 2^39. */
u64 lapic_regs_timer_period(const struct lapic_regs *r);
/* The current count, so many nanoseconds before the end. */
u32 lapic_regs_timer_count(const struct lapic_regs *r, u64 left);

#endif
