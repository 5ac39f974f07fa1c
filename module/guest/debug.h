/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_DEBUG_H
#define BELLOWS_DEBUG_H
/* Debug registers around an entry, KVM_SET_GUEST_DEBUG, single-stepping. */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include "vm/result.h"
#include "vm/vcpu.h"

#define DR7_ARMED	0xffull
/* DR7.GD: an access to a debug register raises #DB. */
#define DR7_GD		BIT(13)
/* DR6.BD: that access happened. */
#define DR6_BD		BIT(13)

/* Around a stay in the guest, interrupts off. Mostly there is no breakpoint. */
void debug_switch_in(struct bellows_vcpu *vcpu);
void debug_switch_out(struct bellows_vcpu *vcpu);

static inline bool debug_idle(const struct bellows_vcpu *vcpu)
{
	return !(vcpu->guest_debug | (vcpu->dr7 & DR7_ARMED)) && !hw_breakpoint_active();
}

static inline void bellows_debug_enter(struct bellows_vcpu *vcpu)
{
	if (unlikely(!debug_idle(vcpu)))
		debug_switch_in(vcpu);
}

static inline void bellows_debug_exit(struct bellows_vcpu *vcpu)
{
	if (unlikely(!debug_idle(vcpu)))
		debug_switch_out(vcpu);
}

/* The debugger's or the guest's DR7 to the backend; loaded. */
void bellows_update_dr7(struct bellows_vcpu *vcpu);
/* Moves to and from debug registers. */
enum guest_write bellows_set_dr(struct bellows_vcpu *vcpu, unsigned int nr, u64 value);
u64 bellows_get_dr(struct bellows_vcpu *vcpu, unsigned int nr);

int bellows_set_guest_debug(struct bellows_vcpu *vcpu, const struct kvm_guest_debug *dbg);

/* RFLAGS as the guest knows them: without the debugger's trap flag. */
u64 bellows_get_rflags(struct bellows_vcpu *vcpu);
void bellows_set_rflags(struct bellows_vcpu *vcpu, u64 rflags);

/* #DB and #BP exits, and the end of an instruction we executed. As bellows_handle_exit(). */
int bellows_handle_db(struct bellows_vcpu *vcpu, u64 payload);
int bellows_handle_bp(struct bellows_vcpu *vcpu);
static inline int bellows_after_insn(struct bellows_vcpu *vcpu, u64 old_rflags)
{
	/* An instruction that we executed in the guest's place still ends in a single-step trap. */
	return likely(!(old_rflags & X86_EFLAGS_TF)) ? RUN_ENTER : bellows_handle_db(vcpu, DR_STEP);
}

/* RIP as a linear address. */
u64 bellows_linear_rip(struct bellows_vcpu *vcpu);

#endif
