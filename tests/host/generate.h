/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random instructions that do something: valid encodings of what the emulator
 * executes, with registers steered so that memory operands, stack and strings
 * mostly lie in, and at the edges of, the pages of a struct model and of segments.
 *
 * Half of the instructions come from purely random bytes. As these favour some
 * operations, the other half begins with the choice of an operation, and varies
 * an encoding of it that was met before.
 */
#ifndef BELLOWS_TESTS_HOST_GENERATE_H
#define BELLOWS_TESTS_HOST_GENERATE_H

#include "model.h"

struct generated {
	u8 bytes[16];			/* padded with INT3 */
	struct emu_insn insn;
	int length;			/* or the decoder's error */
};

/* True for what may be run. */
typedef bool (*generate_filter)(const struct generated *g);

/* An instruction for the mode that passes the filter. */
void generate_insn(struct random *r, enum emu_insn_mode mode, struct generated *g,
		   generate_filter filter);

/* Registers and flags of any kind. */
void generate_registers(struct random *r, struct emulator *e);

/*
 * Steer the registers, and the displacement where there is no register, of an
 * instruction about to be placed at e->rip. May change g->bytes.
 */
void generate_operands(struct random *r, struct emulator *e, struct generated *g);

/* A linear address in or near the pages. */
u64 generate_linear(struct random *r);

#endif /* BELLOWS_TESTS_HOST_GENERATE_H */
