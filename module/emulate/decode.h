/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decoder: bytes in, a decoded instruction out.
 */
#ifndef BELLOWS_EMULATE_DECODE_H
#define BELLOWS_EMULATE_DECODE_H

#include "emulate/insn.h"

enum decode_error {
	DECODE_MORE = 0,	/* longer than what was given */
	DECODE_INVALID = -1,	/* the CPU raises #UD */
	DECODE_TOO_LONG = -2,	/* more than 15 bytes: #GP(0) */
};

/**
 * decode_insn() - decode one instruction
 * @insn: the result; meaningful only when a length is returned
 * @bytes: its bytes
 * @avail: how many there are; more than 15 are not looked at
 * @mode: size of the code
 *
 * Return: the length (1 to 15), or one of enum decode_error. MORE is
 * never returned when 15 bytes are given.
 */
int decode_insn(struct emu_insn *insn, const u8 *bytes,
		unsigned int avail, enum emu_insn_mode mode);

/* The name of an operation, for messages and tests. */
const char *emu_op_name(enum emu_op op);

#endif /* BELLOWS_EMULATE_DECODE_H */
