/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One instruction, run natively and emulated, and whether the two agree.
 *
 * What the manuals leave undefined of a result is masked by the comparison, and
 * what they leave to each CPU is put right before it, by native_left_open(). The
 * emulator has no notion of either. Everything else that differs is a failure.
 */
#ifndef BELLOWS_TESTS_HOST_NATIVE_COMPARE_H
#define BELLOWS_TESTS_HOST_NATIVE_COMPARE_H

#include "generate.h"
#include "native.h"

#define NATIVE_DB	1
#define NATIVE_BP	3
#define NATIVE_PF	14

/* Native and emulated results in the same words. */
struct native_outcome {
	bool fault;
	u8 vector;
	u32 error;
	u64 address;		/* of page faults */
};

/**
 * struct native_case - a case, from its beginning to the verdict
 * @g: the instruction
 * @before: the emulator as the case began
 * @m: the emulator as the case ended, with its memory
 * @memory: the CPU's memory, MODEL_SIZE bytes like the model's
 * @n: what the CPU made of it
 * @result: what the emulator returned
 * @native, @emulated: how it ended
 */
struct native_case {
	struct generated g;
	struct emulator before;
	struct model *m;
	u8 *memory;
	struct native_state n;
	int result;
	struct native_outcome native, emulated;
};

/* Emulate it on @m, which holds the state of @before. */
void native_emulate(struct native_case *c);

/* Fill in both outcomes. Turns what a signal says into what the CPU has done. */
void native_outcomes(struct native_case *c);

/* NULL, or the first thing that differs. */
const char *native_compare(const struct native_case *c);

bool native_same_outcome(const struct native_outcome *a, const struct native_outcome *b);

#endif /* BELLOWS_TESTS_HOST_NATIVE_COMPARE_H */
