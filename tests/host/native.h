/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Run one instruction on the CPU under this program, with chosen registers, flags,
 * segments and memory, and see what became of them.
 *
 * The memory of a struct model is mapped at its address. An instruction starts
 * by returning from a signal handler whose saved context was replaced, and ends
 * with the next signal: a breakpoint behind it, a single-step trap, or a fault.
 * Segments other than flat come from a local descriptor table.
 */
#ifndef BELLOWS_TESTS_HOST_NATIVE_H
#define BELLOWS_TESTS_HOST_NATIVE_H

#include <signal.h>
#include <ucontext.h>

#include "model.h"

struct native_state {
	u64 regs[NR_GPRS];
	u64 rip;
	u64 rflags;
	u64 fs_base, gs_base;		/* 64-bit mode */
	u16 seg[NR_SEGS];	/* selectors */
	u8 xmm[16][16];

	/* After a run. */
	u8 vector;
	u32 error;
	u64 cr2;
};

/* A segment that the local descriptor table offers. */
struct native_segment {
	const char *name;
	u32 base;
	u32 limit;		/* in bytes, or in pages */
	u8 contents;		/* 0 data, 1 expand-down, 2 code */
	bool is_32bit;
	bool read_only;		/* or execute-only */
	bool in_pages;
};

enum native_code {
	NATIVE_CODE_64,		/* the kernel's own segments */
	NATIVE_CODE_32,
};

/* NULL if it works, else what is missing. */
const char *native_init(void);

/* Set up the local descriptor table. NULL, or what went wrong. */
const char *native_segments(const struct native_segment *segments, unsigned int n);

/* What the emulator is told about a selector. */
void native_describe(u16 selector, const struct native_segment *segments,
		     struct emu_segment *out);

u16 native_selector(unsigned int index);

/* Write access to the mapped pages, for tests; the same memory. */
u8 *native_memory(void);

void native_run(struct native_state *state);

/* The signal handler: a stub around the C part. */
void native_stub(void);
int native_handler(int signo, siginfo_t *info, ucontext_t *uc);

#endif /* BELLOWS_TESTS_HOST_NATIVE_H */
