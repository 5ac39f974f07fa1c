/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operands by what the tables say: registers, addresses, loads and stores.
 */
#ifndef BELLOWS_EMULATE_OPERAND_H
#define BELLOWS_EMULATE_OPERAND_H

#include "emulate/emu.h"

/* Offset of the memory operand in its segment. */
u64 emu_offset(const struct emu_step *s);
u64 emu_load_reg(struct emu_step *s, u8 reg, unsigned int size);
void emu_store_reg(struct emu_step *s, u8 reg, u64 value, unsigned int size);
int emu_load(struct emu_step *s, u8 operand, u64 *value, unsigned int flags);
int emu_store(struct emu_step *s);
int emu_check_alignment(struct emulator *e, u64 linear, unsigned int size);

#endif /* BELLOWS_EMULATE_OPERAND_H */
