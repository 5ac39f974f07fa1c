/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ACPI_H
#define ACPI_H
/* The ACPI tables that describe a VM to its operating system. */
#include <stdint.h>
#include "vm.h"

/* Ports of the power management device. */
#define ACPI_PM		0x600
#define ACPI_PM_SIZE	12
#define ACPI_PM_STS	0
#define ACPI_PM_EN	2
#define ACPI_PM_CNT	4
#define ACPI_PM_TMR	8
#define ACPI_SCI	9		/* GSI */
#define ACPI_S1		1		/* as in the DSDT */
#define ACPI_S5		5
#define ACPI_RESET_PORT	0xcf9
#define ACPI_RESET	6

#define ACPI_LAPIC	0xfee00000
#define ACPI_IOAPIC	0xfec00000

/* Call it when all devices exist. *rsdp is where the tables begin. 0 or -errno. */
int acpi_write(struct vm *vm, unsigned int n_cpus, uint64_t *rsdp);

#endif
