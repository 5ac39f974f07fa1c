/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PC_H
#define PC_H
/*
 * The devices of a PC that a guest finds at fixed places. Each belongs to the VM
 * once it was created. 0 or -errno.
 */
#include <stdbool.h>
#include <stdint.h>

struct vm;
struct terminal;

int serial_create(struct vm *vm, struct terminal *terminal);	/* 0x3f8, GSI 4 */
int debug_port_create(struct vm *vm, struct terminal *terminal);	/* 0xe9 */
int cmos_create(struct vm *vm, uint64_t memory);		/* 0x70, 0x71: clock, size of memory */
int reset_create(struct vm *vm);				/* 0x60, 0x64 (i8042), 0xcf9 */
int exit_port_create(struct vm *vm);				/* 0xf4 */
int acpi_pm_create(struct vm *vm);				/* 0x600: power management */
/* Presses the power button; only after acpi_pm_create(). */
void acpi_pm_press(struct vm *vm);

#endif
