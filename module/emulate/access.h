/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory and ports, through the log.
 */
#ifndef BELLOWS_EMULATE_ACCESS_H
#define BELLOWS_EMULATE_ACCESS_H

#include "emulate/emu.h"

/*
 * Linear addresses; @size may cross a page. @flags: EMU_FOR_WRITE, EMU_LOCKED; the
 * privilege is added.
 */
int emu_mem_read(struct emulator *e, u64 linear, void *buf, unsigned int size, unsigned int flags);
int emu_mem_write(struct emulator *e, u64 linear, const void *buf, unsigned int size);
int emu_mem_probe(struct emulator *e, u64 linear, unsigned int size, unsigned int flags);
int emu_mem_cmpxchg(struct emulator *e, u64 linear, const void *old, const void *new,
		    unsigned int size);
int emu_read_seg(struct emulator *e, u8 seg, u64 offset, u64 *value, unsigned int size);
/* EMU_USER or nothing. */
unsigned int emu_access_flags(const struct emulator *e);

int emu_port(struct emulator *e, u8 kind, u16 port, unsigned int size, unsigned int count,
	     void *data);
const struct emu_access *emu_replay_port(const struct emulator *e, u8 kind, u16 port,
					 unsigned int size);

#endif /* BELLOWS_EMULATE_ACCESS_H */
