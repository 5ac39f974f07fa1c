/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shorthand for the opcode tables: OPn names an operation with n operands, SEL
 * sends the decoder to another table, GROUP does so by the reg field and hands
 * operands on. Included by the tables alone.
 */
#ifndef BELLOWS_EMULATE_OPCODE_MACROS_H
#define BELLOWS_EMULATE_OPCODE_MACROS_H

#include "emulate/opcode.h"

#define OP3(name, d, s, s2, f)						\
	{ .op = OP_##name, .dst = OPD_##d, .src = OPD_##s,		\
	  .src2 = OPD_##s2, .flags = (f) }
#define OP2(name, d, s, f)	OP3(name, d, s, NONE, f)
#define OP1(name, d, f)		OP3(name, d, NONE, NONE, f)
#define OP0(name, f)		OP3(name, NONE, NONE, NONE, f)

#define SEL(table, f)		{ .flags = (f), .next = (table) }
#define GROUP(table, d, s, f)						\
	{ .dst = OPD_##d, .src = OPD_##s, .next = (table),		\
	  .flags = (f) | SEL_REG | F_MODRM }

/* Valid, of known length, and no more. */
#define LEN(f)			OP0(LENGTH_ONLY, f)

#endif /* BELLOWS_EMULATE_OPCODE_MACROS_H */
