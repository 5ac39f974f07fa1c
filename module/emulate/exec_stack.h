/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stack, as instructions and task switches use it.
 */
#ifndef BELLOWS_EMULATE_EXEC_STACK_H
#define BELLOWS_EMULATE_EXEC_STACK_H

#include "emulate/emu.h"

unsigned int emu_stack_size(const struct emulator *e);
int emu_push(struct emulator *e, u64 value, unsigned int size);
int emu_pop(struct emulator *e, u64 *value, unsigned int size);

#endif /* BELLOWS_EMULATE_EXEC_STACK_H */
