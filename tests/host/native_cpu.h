/* SPDX-License-Identifier: GPL-2.0 */
/* The CPU that native tests run on: what the emulator must know of it, and its name. */
#ifndef BELLOWS_TESTS_HOST_NATIVE_CPU_H
#define BELLOWS_TESTS_HOST_NATIVE_CPU_H

#include "emulate/emulate.h"

/* EMU_* of this CPU, the vendor's ways included. */
u16 native_cpu_features(void);

/* EMU_AMD or nothing, for the vendor that leaf 0 of CPUID names in EBX, EDX, ECX. */
u16 native_cpu_ways(const char vendor[12]);

/*
 * Does CPUID offer this operation, or instruction? Where it does not, one can't tell: a
 * hypervisor may hide what the CPU nevertheless does.
 */
bool native_cpu_offers_op(unsigned int op);
bool native_cpu_offers(const struct emu_insn *insn);

/* Vendor, family, model, stepping and brand, and the hypervisor if there is one. */
const char *native_cpu_name(void);

#endif /* BELLOWS_TESTS_HOST_NATIVE_CPU_H */
