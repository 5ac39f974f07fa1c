/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segments, instruction fetch, branches, and the faults of them.
 */
#ifndef BELLOWS_EMULATE_SEGMENT_H
#define BELLOWS_EMULATE_SEGMENT_H

#include "emulate/emu.h"

/* Both return EMU_FAULT. */
int emu_fault(struct emulator *e, u8 vector);
int emu_fault_code(struct emulator *e, u8 vector, u32 code);

bool emu_canonical(const struct emulator *e, u64 linear);
int emu_linear(struct emulator *e, u8 seg, u64 offset, unsigned int size, bool write, u64 *linear);
int emu_linear_flush(struct emulator *e, u8 seg, u64 offset, u64 *linear);
int emu_fetch_insn(struct emulator *e);
int emu_branch(struct emu_step *s, u64 target);

#endif /* BELLOWS_EMULATE_SEGMENT_H */
