/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Conditions, as Jcc, SETcc and CMOVcc encode them.
 */
#ifndef BELLOWS_EMULATE_EXEC_MOVE_H
#define BELLOWS_EMULATE_EXEC_MOVE_H

#include "emulate/emu.h"

bool emu_condition(u64 rflags, u8 code);

#endif /* BELLOWS_EMULATE_EXEC_MOVE_H */
