/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EMULATE_TASK_H
#define BELLOWS_EMULATE_TASK_H
/*
 * Hardware task switches, for CPUs that leave them to the hypervisor: all with
 * VMX, and with SVM where they are intercepted.
 *
 * A switch has two halves, and the vCPU's owner changes CR3 between them. The
 * first may fault as an instruction does: nothing has happened. A fault of the
 * second is one of the new task, whose registers then are in place, and segments
 * as far as they could be loaded. Either may return RETRY, and be called again on
 * the same state.
 */
#include "emulate/emulate.h"

enum tss_source {	/* as VMX numbers them */
	TSS_CALL,
	TSS_IRET,
	TSS_JMP,
	TSS_GATE,		/* in the IDT */
};

/**
 * struct tss_switch - a switch
 * @e: the vCPU: all registers and segments, TR too; RIP is that to come back to
 * @ldtr: LDTR, old and then new
 * @gdt_base, @gdt_limit: GDTR
 * @selector: of the new TSS
 * @source: enum tss_source
 * @external: by an event from outside the program: error codes say so (EXT)
 * @has_error, @error: what the new task finds on its stack
 *
 * Out, from tss_leave():
 * @has_cr3, @cr3: of the new task
 * @trap: it wants #DB (DR6.BT) before its first instruction
 */
struct tss_switch {
	struct emulator *e;
	struct emu_segment ldtr;
	u64 gdt_base;
	u32 gdt_limit;
	u16 selector;
	u8 source;
	bool external;
	bool has_error;
	u32 error;

	bool has_cr3;
	bool trap;
	u32 cr3;
};

/*
 * Checks, saves the old task in its TSS, and takes the new one's registers,
 * selectors and TR. Return: CONTINUE, FAULT, RETRY, or UNHANDLEABLE (a TSS or the
 * GDT is not in memory).
 */
int tss_leave(struct tss_switch *task);

/* Loads LDTR and segments by their selectors, and pushes the error code. Return: as above. */
int tss_enter(struct tss_switch *task);

#endif /* BELLOWS_EMULATE_TASK_H */
