/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opcodes behind 0F.
 */
#ifndef BELLOWS_EMULATE_OPCODES_0F_H
#define BELLOWS_EMULATE_OPCODES_0F_H

#include "emulate/opcode.h"

extern const struct emu_opcode opcodes_0f[256];

#endif /* BELLOWS_EMULATE_OPCODES_0F_H */
