/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TASKS_H
#define SELFTESTS_TASKS_H
/* What the guest of the task switch tests is to do: its argument. */
enum {
	TASKS_CALL,
	TASKS_JUMP,
	TASKS_GATE,
	TASKS_SOFT,
	TASKS_ERROR,
	TASKS_DOUBLE_FAULT,
	TASKS_TWO_FAULTS,
	TASKS_16,
	TASKS_BAD_SEGMENTS,
	TASKS_REFUSED,
	TASKS_V86,
	TASKS_USER,
	TASKS_CR3,
	TASKS_BAD_PDPT,
	TASKS_LDT,
	TASKS_PAGE_FAULT,
	TASKS_TRAP,
	TASKS_DR7,
	TASKS_IRQ,
	TASKS_NMI,
	TASKS_NMI_FAULT,
};

/* QEMU switches tasks itself, and in a few points not as the manuals say. */
#define TASKS_ON_QEMU	0x100

#define TASKS_VECTOR	0x60	/* that the host injects */
#endif
