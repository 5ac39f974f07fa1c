/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CPU_STATE_H
#define CPU_STATE_H
/*
 * The state of vCPUs and interrupt controllers: where a kernel is entered, and what a
 * reset of the machine goes back to. All return 0 or -errno; the vCPUs rest.
 */
#include "machine.h"

struct boot_entry;

int cpu_set_entry(struct cpu *cpu, const struct boot_entry *entry);
int cpu_save(struct cpu *cpu);
int cpu_restore(struct cpu *cpu);
int controllers_save(struct machine *m);
int controllers_restore(struct machine *m);

#endif
