/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arithmetic as x86 does it: a result and status flags, for operands of 1, 2, 4
 * and 8 bytes. Nothing but arithmetic: no machine state comes in except flags.
 * Operands may carry garbage above their size; results never do.
 *
 * Flags that the manuals call undefined get some value, the same each time.
 */
#ifndef BELLOWS_EMULATE_ALU_H
#define BELLOWS_EMULATE_ALU_H

#include "pure.h"
#include "emulate/insn.h"

u64 alu_add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags);
u64 alu_sub(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags);

/* Flags of AND, OR, XOR and TEST for a result. */
u64 alu_logic(u64 result, unsigned int size, u64 *flags);

/* SF, ZF and PF for a result; the others stay. */
void alu_set_szp(u64 result, unsigned int size, u64 *flags);

/* ROL, ROR, RCL, RCR, SHL, SHR, SAR. */
u64 alu_shift(u8 op, u64 a, unsigned int count, unsigned int size, u64 *flags);

/* Shift @a left (or right) and fill with bits of @b. */
u64 alu_shld(u64 a, u64 b, unsigned int count, unsigned int size, u64 *flags);
u64 alu_shrd(u64 a, u64 b, unsigned int count, unsigned int size, u64 *flags);

/* Products: low half returned, upper half in *high. */
u64 alu_mul(u64 a, u64 b, unsigned int size, u64 *high, u64 *flags);
u64 alu_imul(u64 a, u64 b, unsigned int size, u64 *high, u64 *flags);

/* Quotient and remainder of high:low by divisor; false: #DE. */
bool alu_div(u64 high, u64 low, u64 divisor, unsigned int size,
	     u64 *quotient, u64 *remainder);
bool alu_idiv(u64 high, u64 low, u64 divisor, unsigned int size,
	      u64 *quotient, u64 *remainder);

u64 alu_pdep(u64 value, u64 mask);
u64 alu_pext(u64 value, u64 mask);
u32 alu_crc32(u32 crc, u64 value, unsigned int size);

#endif /* BELLOWS_EMULATE_ALU_H */
