/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the architecture leaves open: where CPUs differ from each other, and from the
 * emulator, and all are right. Each kind is recognized by what made it possible and by
 * what came of it, and a byte, a flag or a fault beyond that is not covered by it.
 *
 * X(name, what it is)
 */
#ifndef BELLOWS_TESTS_HOST_NATIVE_OPEN_H
#define BELLOWS_TESTS_HOST_NATIVE_OPEN_H

#include "native_compare.h"

/* In the order in which they are looked for. */
enum native_open_kind {
	NATIVE_OPEN_CALL_WRITES,
	NATIVE_OPEN_CMPS_ORDER,
	NATIVE_OPEN_PAST_4G,
	NATIVE_OPEN_REP_FLAGS,
	NATIVE_OPEN_REP_COUNTERS,
	NATIVE_OPEN_BOUND_ORDER,
	NATIVE_OPEN_NR,
};

extern const char *const native_open_names[NATIVE_OPEN_NR];

/* Instructions whose very meaning is open: nothing to compare. */
bool native_open_insn(const struct emu_insn *insn);

/* The same of what a prefix makes invalid. @opcode: the bytes behind the prefixes. */
bool native_open_invalid(const u8 opcode[3]);

/*
 * Where the CPU's result differs from the emulator's in a way that is left open, make it
 * the emulator's, so that what differs afterwards is wrong. Between native_outcomes() and
 * native_compare(). Returns BIT(kind) of each that was met.
 */
unsigned int native_left_open(struct native_case *c);

/* Before the emulator runs: forget what native_left_open() knows of its accesses. */
void native_open_begin(void);

/* The emulator's calls of emu_linear() come here first (ld --wrap). */
int __wrap_emu_linear(struct emulator *e, u8 seg, u64 offset,
			      unsigned int size, bool write, u64 *linear);
int __real_emu_linear(struct emulator *e, u8 seg, u64 offset,
			      unsigned int size, bool write, u64 *linear);

#endif /* BELLOWS_TESTS_HOST_NATIVE_OPEN_H */
