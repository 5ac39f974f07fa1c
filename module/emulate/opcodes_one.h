/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opcodes of one byte.
 */
#ifndef BELLOWS_EMULATE_OPCODES_ONE_H
#define BELLOWS_EMULATE_OPCODES_ONE_H

#include "emulate/opcode.h"

extern const struct emu_opcode opcodes_one[256];

#endif /* BELLOWS_EMULATE_OPCODES_ONE_H */
