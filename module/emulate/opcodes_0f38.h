/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opcodes behind 0F 38 and 0F 3A, and those of vectors.
 */
#ifndef BELLOWS_EMULATE_OPCODES_0F38_H
#define BELLOWS_EMULATE_OPCODES_0F38_H

#include "emulate/opcode.h"

extern const struct emu_opcode opcodes_0f38[256];
extern const struct emu_opcode opcodes_0f3a[256];

/* The entry for a VEX, EVEX or XOP opcode. NULL: #UD. */
const struct emu_opcode *opcode_vex(u8 encoding, u8 map, u8 opcode);

#endif /* BELLOWS_EMULATE_OPCODES_0F38_H */
