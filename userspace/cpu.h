/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CPU_H
#define CPU_H
/* The threads that run vCPUs. */
#include "machine.h"

/* At rest until the machine goes. 0 or -errno. */
int cpu_start(struct cpu *cpu);

#endif
