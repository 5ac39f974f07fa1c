/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MACHINE_CPUID_H
#define MACHINE_CPUID_H
/* The features and the topology that a guest sees. */
#include "machine.h"

/* 0 or -errno. */
int cpu_set_cpuid(struct cpu *cpu);

#endif
