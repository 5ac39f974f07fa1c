/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A few pages of memory with permissions, and the emulator's callbacks on them.
 *
 * The pages lie at fixed low addresses, so that code of 16, 32 and 64 bits
 * reaches them; the native harness maps the same pages at the same addresses.
 */
#ifndef BELLOWS_TESTS_HOST_MODEL_H
#define BELLOWS_TESTS_HOST_MODEL_H

#include "emulate/emulate.h"
#include "random.h"

#define MODEL_BASE	0x10000000ULL
#define MODEL_TSS	0xf0000000ULL
#define MODEL_PAGES	12
#define MODEL_PAGE	4096
#define MODEL_SIZE	(MODEL_PAGES * MODEL_PAGE)

enum model_page {
	MODEL_HOLE,		/* nothing there */
	MODEL_CODE,		/* read and execute */
	MODEL_DATA,		/* read and write */
	MODEL_CONST,		/* read */
	MODEL_MMIO,		/* answered by userspace; never in the native test */
};

/* What surrounds the code and the data, so that everything can be crossed into. */
extern const enum model_page model_layout[MODEL_PAGES];

struct model {
	struct emulator e;
	enum model_page kind[MODEL_PAGES];
	u8 memory[MODEL_SIZE];
	u8 xmm[16][16];
	u8 io_buf[MODEL_PAGE];
	u8 tss[104 + 8192 + 1];	/* the bitmap lies beyond its limit at first */

	/* Misbehaviour, for the fuzz test; zero: none. */
	struct random *failures;	/* callbacks fail at random */
	unsigned int fail_one_in;
	unsigned long fail_at;		/* the n-th callback fails */
	int fail_with;
	unsigned long calls;
	unsigned int device_width;	/* widest access it takes at once */
	unsigned long bytes_read;	/* of data pages and the device alike */
	unsigned long bytes_written;
	bool code_changed;		/* what is fetched is no longer what is read */
	bool ports_exit;		/* ports need userspace */
	u64 port_sum;
	unsigned long port_accesses;
};

void model_init(struct model *m);
void model_copy(struct model *to, const struct model *from);

/* Answer what the emulator waits for, as userspace would. */
void model_complete(struct model *m);

/* Run one instruction to its end: through exits, retries, REP iterations. */
int model_run(struct model *m, unsigned int limit);

#endif /* BELLOWS_TESTS_HOST_MODEL_H */
