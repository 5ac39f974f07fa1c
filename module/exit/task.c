// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware task switches, the vCPU's side. The emulator's part saves the old task
 * and takes the new one's registers; then CR3 changes here, and the segments are
 * loaded from tables that are the new task's.
 *
 * What goes wrong before the new registers are taken leaves the guest where it
 * was: the event that caused the switch stays in flight, the instruction is
 * executed again. After that the guest is in the new task. Should memory for its
 * segments not be had just then, it stays with their selectors, and the next
 * KVM_RUN loads them.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "emulate/task.h"
#include "exit/emulation.h"
#include "exit/finish.h"
#include "exit/task.h"
#include "exit/world.h"
#include "guest/control.h"
#include "guest/debug.h"
#include "vm/event.h"
#include "vm/result.h"

/* For a signal that can wait. */
#define MAX_TRIES	1000

static bool task_switch_is_soft(const struct bellows_vectoring *v)
{
	return v->type == BELLOWS_EVENT_SOFT_INTERRUPT || v->type == BELLOWS_EVENT_SOFT_EXCEPTION;
}

/* An event that no instruction of the guest asked for. */
static bool task_switch_is_external(const struct bellows_exit *exit)
{
	return exit->task.source == TSS_GATE && exit->vectoring.valid &&
	       !task_switch_is_soft(&exit->vectoring);
}

static void task_switch_describe(struct bellows_vcpu *vcpu, struct tss_switch *task)
{
	const struct bellows_exit *exit = &vcpu->exit;
	struct kvm_dtable gdt;

	emulation_state_in(vcpu);
	bellows_backend(get_gdt)(vcpu, &gdt);
	*task = (struct tss_switch) {
		.e = vcpu->emu,
		.gdt_base = gdt.base,
		.gdt_limit = gdt.limit,
		.selector = exit->task.selector,
		.source = exit->task.source,
		.external = task_switch_is_external(exit),
		.has_error = exit->task.has_error,
		.error = exit->task.error,
	};
	world_get_segment(vcpu, SEG_LDTR, &task->ldtr);
}

/* Where the old task will go on: INSN_KNOWN, or as emulation_decode(). */
static int task_switch_return_address(struct bellows_vcpu *vcpu, u32 *rip)
{
	const struct bellows_exit *exit = &vcpu->exit;
	unsigned int len = 0;
	int r;

	*rip = bellows_reg_read(vcpu, VCPU_RIP);
	if (task_switch_is_external(exit))
		return INSN_KNOWN;
	if (exit->vectoring.valid && task_switch_is_soft(&exit->vectoring))
		len = exit->vectoring.insn_len;
	if (!len)
		len = exit->insn_len;
	if (!len) {
		r = emulation_decode(vcpu);
		if (r != INSN_KNOWN)
			return r;
		len = vcpu->emu->insn.length;
	}
	*rip += len;
	return INSN_KNOWN;
}

static u64 task_switch_old_flags(struct bellows_vcpu *vcpu)
{
	u64 rflags = bellows_get_rflags(vcpu);

	if (!task_switch_is_external(&vcpu->exit))
		return rflags & ~(u64)X86_EFLAGS_RF;
	return rflags | (vcpu->exit.task.resume ? X86_EFLAGS_RF : 0);
}

static void task_switch_state_out(struct bellows_vcpu *vcpu, const struct tss_switch *task)
{
	const struct emulator *e = vcpu->emu;
	unsigned int i;

	emulation_state_out(vcpu);
	bellows_set_rflags(vcpu, e->rflags);
	for (i = 0; i <= SEG_TR; i++)
		world_set_segment(vcpu, i, &e->seg[i]);
	world_set_segment(vcpu, SEG_LDTR, &task->ldtr);
}

/* The event has become a task. */
static void task_switch_event_arrived(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;

	if (exit->task.source == TSS_IRET)
		bellows_backend(set_nmi_mask)(vcpu, false);
	/* An exception is not over before the new task has its segments: a fault until then makes two. */
	if (exit->task.source == TSS_GATE) {
		vcpu->events.interrupt.injected = false;
		vcpu->events.nmi.injected = false;
		if (exit->vectoring.valid && exit->vectoring.type == BELLOWS_EVENT_NMI)
			bellows_backend(set_nmi_mask)(vcpu, true);
	}
	bellows_backend(set_interrupt_shadow)(vcpu, 0);
}

static int task_switch_failed(struct bellows_vcpu *vcpu)
{
	return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, vcpu->exit.task.selector);
}

static int task_switch_done(struct bellows_vcpu *vcpu)
{
	vcpu->events.exception.injected = false;
	vcpu->stats.emulated++;
	if (vcpu->exit.task.trap)
		bellows_queue_debug(vcpu, DR_SWITCH);
	/* A debugger has stepped over an instruction. */
	if ((vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP) && !task_switch_is_external(&vcpu->exit))
		return bellows_handle_db(vcpu, DR_STEP);
	return RUN_ENTER;
}

static int task_switch_load_again(struct bellows_vcpu *vcpu);

/* A race lost to another CPU that writes to the tables is run again: userspace should not see half a task. */
static int task_switch_load_segments(struct bellows_vcpu *vcpu, struct tss_switch *task)
{
	unsigned int tries = 0;
	int r, error = 0;

	lockdep_assert_loaded(vcpu);
	for (;;) {
		r = tss_enter(task);
		if (r == EMU_RETRY)
			error = emulation_error(vcpu);
		if (r != EMU_RETRY || error)
			break;
		if (fatal_signal_pending(current) || (signal_pending(current) && ++tries > MAX_TRIES)) {
			error = -EINTR;
			break;
		}
		cond_resched();
	}
	task_switch_state_out(vcpu, task);
	emu_reset(vcpu->emu);
	switch (r) {
	case EMU_CONTINUE:
		return task_switch_done(vcpu);
	case EMU_FAULT:
		emulation_queue_fault(vcpu);
		return RUN_ENTER;
	case EMU_RETRY:
		bellows_expect(vcpu, task_switch_load_again);
		return error;
	default:
		vcpu->events.exception.injected = false;
		return task_switch_failed(vcpu);
	}
}

static int task_switch_load_again(struct bellows_vcpu *vcpu)
{
	struct tss_switch task;

	if (!bellows_is_expected(vcpu)) {
		vcpu->events.exception.injected = false;
		return RUN_ENTER;
	}
	task_switch_describe(vcpu, &task);
	vcpu->emu->rflags = bellows_get_rflags(vcpu);
	return task_switch_load_segments(vcpu, &task);
}

/* The new task's registers are in vcpu->emu, and nothing can be taken back. */
static int task_switch_begin_new(struct bellows_vcpu *vcpu, struct tss_switch *task)
{
	u64 cr0 = bellows_reg_read(vcpu, VCPU_CR0);

	task_switch_event_arrived(vcpu);
	vcpu->exit.task.trap = task->trap;
	vcpu->dr7 &= ~(u64)(DR_LOCAL_ENABLE_MASK | DR_LOCAL_SLOWDOWN);
	bellows_update_dr7(vcpu);
	bellows_set_cr0(vcpu, cr0 | X86_CR0_TS);
	bellows_set_rflags(vcpu, vcpu->emu->rflags);
	if (task->has_cr3 && (cr0 & X86_CR0_PG) && bellows_set_cr3(vcpu, task->cr3)) {
		task_switch_state_out(vcpu, task);
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	return task_switch_load_segments(vcpu, task);
}

int task_switch_handle(struct bellows_vcpu *vcpu)
{
	struct tss_switch task;
	u32 rip;
	int r;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	/* No CPU reports one there: tasks are not switched in long mode. */
	if (bellows_is_long_mode(vcpu))
		return task_switch_failed(vcpu);
	vcpu->l1d_unsafe = true;
	r = task_switch_return_address(vcpu, &rip);
	if (r != INSN_KNOWN)
		return r == -EAGAIN ? RUN_ENTER : r;
	task_switch_describe(vcpu, &task);
	vcpu->emu->rip = rip;
	vcpu->emu->rflags = task_switch_old_flags(vcpu);
	r = tss_leave(&task);
	emu_reset(vcpu->emu);
	switch (r) {
	case EMU_CONTINUE:
		return task_switch_begin_new(vcpu, &task);
	case EMU_FAULT:
		emulation_queue_fault(vcpu);
		return RUN_ENTER;
	case EMU_RETRY:
		return emulation_error(vcpu) ?: RUN_ENTER;
	default:
		return task_switch_failed(vcpu);
	}
}
