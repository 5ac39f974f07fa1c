// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers of a guest, and debugging a guest from userspace.
 *
 * The guest's debug registers are software: every access is intercepted and
 * every #DB too, so hardware holds them only while breakpoints are armed, and
 * only from just before an entry to just after the exit. A debugger in
 * userspace (KVM_SET_GUEST_DEBUG) puts its own in their place, and borrows the
 * guest's trap flag to step; what the guest sees of its flags hides that.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "guest/debug.h"
#include "vm/event.h"

#define DR7_VOLATILE	0xffff23ffull
#define DR7_FIXED	0x400ull

static const u64 *debug_armed(struct bellows_vcpu *vcpu)
{
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP)
		return vcpu->guest_debug_dr7 & DR7_ARMED ? vcpu->guest_debug_db : NULL;
	return vcpu->dr7 & DR7_ARMED ? vcpu->db : NULL;
}

void debug_switch_in(struct bellows_vcpu *vcpu)
{
	const u64 *db = debug_armed(vcpu);

	lockdep_assert_loaded(vcpu);
	lockdep_assert_irqs_disabled();
	/* The host's own breakpoints must not fire on the guest's addresses. */
	set_debugreg(0, 7);
	if (!db)
		return;
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

void debug_switch_out(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_irqs_disabled();
	/* A breakpoint that hit left its mark in DR6, which the host's own #DB would misread. */
	if (unlikely(debug_armed(vcpu)))
		set_debugreg(DR6_RESERVED, 6);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

u64 bellows_linear_rip(struct bellows_vcpu *vcpu)
{
	u64 rip = bellows_reg_read(vcpu, VCPU_RIP);

	if (bellows_backend(in_64bit_code)(vcpu))
		return rip;
	return (u32)(rip + bellows_backend(get_segment_base)(vcpu, SEG_CS));
}

u64 bellows_get_rflags(struct bellows_vcpu *vcpu)
{
	u64 rflags = bellows_reg_read(vcpu, VCPU_RFLAGS);

	lockdep_assert_loaded(vcpu);
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		rflags &= ~(u64)X86_EFLAGS_TF;
	return rflags;
}

void bellows_set_rflags(struct bellows_vcpu *vcpu, u64 rflags)
{
	lockdep_assert_loaded(vcpu);
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		rflags |= X86_EFLAGS_TF;
	bellows_reg_write(vcpu, VCPU_RFLAGS, rflags | X86_EFLAGS_FIXED);
}

static int debug_to_user(struct bellows_vcpu *vcpu, u8 vector, u64 dr6)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = vector;
	run->debug.arch.pc = bellows_linear_rip(vcpu);
	run->debug.arch.dr6 = dr6;
	run->debug.arch.dr7 = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP ?
			      vcpu->guest_debug_dr7 : vcpu->dr7;
	return RUN_TO_USER;
}

int bellows_handle_db(struct bellows_vcpu *vcpu, u64 payload)
{
	bool step = (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP) && (payload & DR_STEP);
	bool hit = (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) && (payload & DR_TRAP_BITS);

	lockdep_assert_loaded(vcpu);
	if (step || hit)
		return debug_to_user(vcpu, X86_TRAP_DB, payload | DR6_RESERVED);
	bellows_queue_debug(vcpu, payload);
	return RUN_ENTER;
}

int bellows_handle_bp(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
		return debug_to_user(vcpu, X86_TRAP_BP, 0);
	bellows_queue_soft_exception(vcpu, X86_TRAP_BP, vcpu->exit.insn_len);
	return RUN_ENTER;
}

int bellows_set_guest_debug(struct bellows_vcpu *vcpu, const struct kvm_guest_debug *dbg)
{
	const u32 known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
			  KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;
	u64 rflags = bellows_get_rflags(vcpu);

	lockdep_assert_loaded(vcpu);
	if (dbg->control & ~known)
		return -EINVAL;
	if (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (vcpu->events.exception.pending || vcpu->events.exception.injected)
			return -EBUSY;
		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
			bellows_queue_debug(vcpu, 0);
		else
			bellows_queue_exception(vcpu, X86_TRAP_BP);
	}
	vcpu->guest_debug = dbg->control & KVM_GUESTDBG_ENABLE ? dbg->control : 0;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(vcpu->guest_debug_db, dbg->arch.debugreg, sizeof(vcpu->guest_debug_db));
		vcpu->guest_debug_dr7 = dbg->arch.debugreg[7];
	}
	bellows_set_rflags(vcpu, rflags);
	bellows_update_dr7(vcpu);
	bellows_backend(update_exception_intercepts)(vcpu);
	return 0;
}

/* The debugger's breakpoints replace the guest's while they are set. */
void bellows_update_dr7(struct bellows_vcpu *vcpu)
{
	u64 dr7 = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP ? vcpu->guest_debug_dr7 : vcpu->dr7;

	/* General detect needs no hardware: accesses are intercepted. */
	bellows_backend(set_dr7)(vcpu, (dr7 & ~(u64)DR7_GD) | DR7_FIXED);
}

/* Debug registers 4 and 5 are other names of 6 and 7 while CR4.DE is clear; the caller has dealt with DE. */
enum guest_write bellows_set_dr(struct bellows_vcpu *vcpu, unsigned int nr, u64 value)
{
	lockdep_assert_loaded(vcpu);
	switch (nr) {
	case 0 ... 3:
		vcpu->db[array_index_nospec(nr, ARRAY_SIZE(vcpu->db))] = value;
		return GUEST_WRITE_OK;
	case 4:
	case 6:
		if (value >> 32)
			return GUEST_WRITE_GP;
		/* B0-3, BD, BS, BT can be written; the rest reads as ones, bit 12 as zero. */
		vcpu->dr6 = (value & (DR_TRAP_BITS | DR_STEP | DR_SWITCH | DR6_BD)) | DR6_RESERVED;
		return GUEST_WRITE_OK;
	default:
		if (value >> 32)
			return GUEST_WRITE_GP;
		vcpu->dr7 = (value & DR7_VOLATILE) | DR7_FIXED;
		bellows_update_dr7(vcpu);
		return GUEST_WRITE_OK;
	}
}

u64 bellows_get_dr(struct bellows_vcpu *vcpu, unsigned int nr)
{
	lockdep_assert_held(&vcpu->mutex);
	switch (nr) {
	case 0 ... 3:
		return vcpu->db[array_index_nospec(nr, ARRAY_SIZE(vcpu->db))];
	case 4:
	case 6:
		return vcpu->dr6;
	default:
		return vcpu->dr7;
	}
}
