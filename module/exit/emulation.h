/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EMULATION_H
#define BELLOWS_EMULATION_H
/* The emulator for a vCPU. */
#include "vm/vcpu.h"

/* As bellows_handle_exit(). */
int emulation_insn(struct bellows_vcpu *vcpu);
/* For a look at it first. True: the instruction is in vcpu->emu->insn. */
bool emulation_peek(struct bellows_vcpu *vcpu);

enum { INSN_KNOWN = 1 };	/* vcpu->emu->insn is the instruction */

/*
 * Fetches and decodes the instruction at RIP into vcpu->emu->insn: INSN_KNOWN;
 * -EAGAIN: enter again (the fetch itself faulted, or lost a race); RUN_TO_USER or
 * another errno, as bellows_handle_exit().
 */
int emulation_decode(struct bellows_vcpu *vcpu);
/* The same, for backends whose CPU does not report operands: they may be looked at, in memory too. */
int bellows_fetch_insn(struct bellows_vcpu *vcpu);
/*
 * Is the instruction at RIP, in 64-bit mode, the one that is in vcpu->emu->insn
 * already? Any context, interrupts off too; where it would take long to say, it is not.
 */
bool bellows_is_same_insn(struct bellows_vcpu *vcpu);

/* The code segment changed, so that the same RIP is another place. */
void bellows_expect_nothing(struct bellows_vcpu *vcpu);

/*
 * For what is no instruction and uses the emulator's memory accesses: the vCPU's
 * state, with all segments, into vcpu->emu, and registers, RIP and RFLAGS out of it.
 */
void emulation_state_in(struct bellows_vcpu *vcpu);
void emulation_state_out(struct bellows_vcpu *vcpu);
void emulation_queue_fault(struct bellows_vcpu *vcpu);
/* After RETRY: why, for KVM_RUN; 0: a lost race. */
int emulation_error(struct bellows_vcpu *vcpu);

int bellows_emulation_create(struct bellows_vcpu *vcpu);
void bellows_emulation_destroy(struct bellows_vcpu *vcpu);

#endif
