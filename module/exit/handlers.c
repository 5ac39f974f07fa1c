// SPDX-License-Identifier: GPL-2.0
/*
 * The exit handlers: one per neutral reason, in a table. A handler finishes
 * what the guest wanted and says RUN_ENTER, or describes in vcpu->run what
 * userspace must do and says RUN_TO_USER.
 *
 * Some have a second form that is called between two entries with interrupts
 * off, while the guest's XCR0, PKRU and debug registers are loaded: it neither
 * sleeps nor changes those. What it would have to sleep for it leaves to the first form.
 */
#include <linux/kvm_para.h>
#include <linux/percpu.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "exit/emulation.h"
#include "exit/finish.h"
#include "exit/handlers.h"
#include "exit/mmio.h"
#include "exit/pio.h"
#include "exit/task.h"
#include "guest/control.h"
#include "guest/cpuid.h"
#include "guest/debug.h"
#include "guest/inject.h"
#include "guest/msr.h"
#include "guest/msr_filter.h"
#include "irq/apic_access.h"
#include "trace.h"
#include "vm/event.h"
#include "vm/request.h"
#include "vm/result.h"
#include "vm/tsc.h"

typedef int (*exit_handler)(struct bellows_vcpu *vcpu);

static int handle_none(struct bellows_vcpu *vcpu)
{
	vcpu->stats.host_irq++;
	return RUN_ENTER;
}

static int handle_cpuid(struct bellows_vcpu *vcpu)
{
	bellows_cpuid(vcpu);
	return exit_skip_insn(vcpu);
}

static int handle_hlt(struct bellows_vcpu *vcpu)
{
	int r = exit_skip_insn(vcpu);

	if (r != RUN_ENTER)
		return r;
	if (vcpu->apic) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return RUN_ENTER;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return RUN_TO_USER;
}

static int complete_rdmsr(struct bellows_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	lockdep_assert_loaded(vcpu);
	if (!bellows_is_expected(vcpu))
		return RUN_ENTER;
	if (READ_ONCE(run->msr.error)) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	bellows_reg_write(vcpu, GPR_RAX, (u32)run->msr.data);
	bellows_reg_write(vcpu, GPR_RDX, run->msr.data >> 32);
	return exit_skip_insn(vcpu);
}

static int complete_wrmsr(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	if (!bellows_is_expected(vcpu))
		return RUN_ENTER;
	if (READ_ONCE(vcpu->run->msr.error)) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	return exit_skip_insn(vcpu);
}

/* An MSR access that failed: userspace's, if it asked for this kind, or #GP. */
static int exit_msr_failed(struct bellows_vcpu *vcpu, u32 index, u64 data, bool write, u32 why)
{
	struct kvm_run *run = vcpu->run;

	lockdep_assert_held(&vcpu->mutex);
	if (!(READ_ONCE(vcpu->vm->user_msr_mask) & why)) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = why;
	run->msr.index = index;
	run->msr.data = data;
	bellows_expect(vcpu, write ? complete_wrmsr : complete_rdmsr);
	return RUN_TO_USER;
}

static u32 exit_msr_reason(int r)
{
	return r == MSR_RESULT_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}

/* Most VMs have no filter. */
static inline bool exit_msr_allowed(struct bellows_vcpu *vcpu, u32 index, bool write)
{
	return likely(!rcu_access_pointer(vcpu->vm->msr_filter)) ||
	       bellows_msr_allowed(vcpu, index, write);
}

static int exit_read_msr(struct bellows_vcpu *vcpu, enum bellows_msr_by by)
{
	u32 index = bellows_reg_read(vcpu, GPR_RCX);
	u64 value;
	int r;

	if (unlikely(!exit_msr_allowed(vcpu, index, false)))
		return exit_msr_failed(vcpu, index, 0, false, KVM_MSR_EXIT_REASON_FILTER);
	r = bellows_msr_read(vcpu, index, &value, by);
	if (unlikely(r == MSR_RESULT_LATER))
		return RUN_LATER;
	if (unlikely(r != MSR_RESULT_OK))
		return exit_msr_failed(vcpu, index, 0, false, exit_msr_reason(r));
	bellows_reg_write(vcpu, GPR_RAX, (u32)value);
	bellows_reg_write(vcpu, GPR_RDX, value >> 32);
	return exit_skip_insn(vcpu);
}

static int handle_rdmsr(struct bellows_vcpu *vcpu)
{
	return exit_read_msr(vcpu, MSR_BY_GUEST);
}

static int quick_rdmsr(struct bellows_vcpu *vcpu)
{
	return exit_read_msr(vcpu, MSR_QUICKLY);
}

static int exit_write_msr(struct bellows_vcpu *vcpu, enum bellows_msr_by by)
{
	u32 index = bellows_reg_read(vcpu, GPR_RCX);
	u64 value = (u32)bellows_reg_read(vcpu, GPR_RAX) |
		    bellows_reg_read(vcpu, GPR_RDX) << 32;
	int r;

	if (vcpu->apic && bellows_apic_wrmsr_fast(vcpu, index, value))
		return exit_skip_insn(vcpu);
	if (unlikely(!exit_msr_allowed(vcpu, index, true)))
		return exit_msr_failed(vcpu, index, value, true, KVM_MSR_EXIT_REASON_FILTER);
	r = bellows_msr_write(vcpu, index, value, by);
	if (unlikely(r == MSR_RESULT_LATER))
		return RUN_LATER;
	if (unlikely(r != MSR_RESULT_OK))
		return exit_msr_failed(vcpu, index, value, true, exit_msr_reason(r));
	return exit_skip_insn(vcpu);
}

static int handle_wrmsr(struct bellows_vcpu *vcpu)
{
	return exit_write_msr(vcpu, MSR_BY_GUEST);
}

static int quick_wrmsr(struct bellows_vcpu *vcpu)
{
	return exit_write_msr(vcpu, MSR_QUICKLY);
}

static u64 exit_gpr_read(struct bellows_vcpu *vcpu, u8 gpr)
{
	u64 value = bellows_reg_read(vcpu, gpr);

	return bellows_backend(in_64bit_code)(vcpu) ? value : (u32)value;
}

static int exit_finish_or_gp(struct bellows_vcpu *vcpu, enum guest_write result)
{
	if (result == GUEST_WRITE_GP) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	return exit_skip_insn(vcpu);
}

static int exit_write_cr8(struct bellows_vcpu *vcpu, u64 value)
{
	u64 old = vcpu->cr8;
	int r;

	if (bellows_set_cr8(vcpu, value) == GUEST_WRITE_GP) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	r = exit_skip_insn(vcpu);
	/* A lower priority may let an interrupt through that userspace holds. */
	if (r != RUN_ENTER || value >= old || vcpu->apic)
		return r;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return RUN_TO_USER;
}

static int exit_write_cr(struct bellows_vcpu *vcpu, u8 nr, u64 value)
{
	switch (nr) {
	case 0:
		return exit_finish_or_gp(vcpu, bellows_set_cr0(vcpu, value));
	case 3:
		return exit_finish_or_gp(vcpu, bellows_set_cr3(vcpu, value));
	case 4:
		return exit_finish_or_gp(vcpu, bellows_set_cr4(vcpu, value));
	case 8:
		return exit_write_cr8(vcpu, value);
	default:
		vcpu->cr2 = value;
		return exit_skip_insn(vcpu);
	}
}

static u64 exit_read_cr(struct bellows_vcpu *vcpu, u8 nr)
{
	switch (nr) {
	case 0:
		return bellows_reg_read(vcpu, VCPU_CR0);
	case 3:
		return bellows_reg_read(vcpu, VCPU_CR3);
	case 4:
		return bellows_reg_read(vcpu, VCPU_CR4);
	case 8:
		return bellows_get_cr8(vcpu);
	default:
		return vcpu->cr2;
	}
}

static int handle_cr_access(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	u64 cr0;

	switch (exit->cr.type) {
	case BELLOWS_CR_WRITE:
		return exit_write_cr(vcpu, exit->cr.nr, exit_gpr_read(vcpu, exit->cr.gpr));
	case BELLOWS_CR_READ:
		bellows_reg_write(vcpu, exit->cr.gpr, exit_read_cr(vcpu, exit->cr.nr));
		return exit_skip_insn(vcpu);
	case BELLOWS_CR_CLTS:
		cr0 = bellows_reg_read(vcpu, VCPU_CR0);
		return exit_write_cr(vcpu, 0, cr0 & ~(u64)X86_CR0_TS);
	default:
		cr0 = bellows_reg_read(vcpu, VCPU_CR0);
		/* LMSW loads the low four bits, and cannot clear PE. */
		return exit_write_cr(vcpu, 0, (cr0 & ~0xeULL) | (exit->cr.lmsw & 0xf));
	}
}

/*
 * CR4 in long mode: elsewhere a write may have to look at the guest's tables, and
 * OSXSAVE and PKE say what is loaded during a stay.
 */
static int quick_cr_access(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	u64 changed;

	if (exit->cr.nr != 4 || exit->cr.type != BELLOWS_CR_WRITE || !bellows_is_long_mode(vcpu))
		return RUN_LATER;
	changed = vcpu->regs[VCPU_CR4] ^ bellows_reg_read(vcpu, exit->cr.gpr);
	if (changed & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		return RUN_LATER;
	return handle_cr_access(vcpu);
}

static int handle_dr_access(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	unsigned int nr = exit->dr.nr;

	if (bellows_backend(get_cpl)(vcpu)) {
		bellows_inject_gp(vcpu);
		return RUN_ENTER;
	}
	if ((nr == 4 || nr == 5) && (bellows_reg_read(vcpu, VCPU_CR4) & X86_CR4_DE)) {
		bellows_queue_exception(vcpu, X86_TRAP_UD);
		return RUN_ENTER;
	}
	if (vcpu->dr7 & DR7_GD)
		return bellows_handle_db(vcpu, DR6_BD);
	if (exit->dr.read) {
		bellows_reg_write(vcpu, exit->dr.gpr, bellows_get_dr(vcpu, nr));
		return exit_skip_insn(vcpu);
	}
	return exit_finish_or_gp(vcpu, bellows_set_dr(vcpu, nr, exit_gpr_read(vcpu, exit->dr.gpr)));
}

/* Apart, so that the way without it saves no registers for it. */
static noinline int exit_trace_fault(struct bellows_vcpu *vcpu, int result)
{
	trace_bellows_page_fault(vcpu->exit.fault.gpa, vcpu->exit.fault.access, result);
	return result;
}

static int handle_nested_fault(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	int r = bellows_mmu_fault(&vcpu->vm->mmu, exit->fault.gpa, exit->fault.access);

	if (trace_bellows_page_fault_enabled())
		r = exit_trace_fault(vcpu, r);
	if (likely(r == BELLOWS_FAULT_DONE))
		return RUN_ENTER;
	if (r < 0)
		return r;
	/* An event cannot be delivered through a device: there is no instruction to emulate. */
	if (exit->vectoring.valid)
		return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
					   exit->hardware_reason);
	return mmio_handle(vcpu);
}

/*
 * #AC has two causes. A misaligned access by a program that asked to be told: the
 * guest's own. A locked access across two cache lines, where the host wants to know
 * of those: the guest has no idea of that, and must not get it. The kernel then
 * warns and lets this thread run without the check (or slows it down), or says
 * that it shall not go on: it has sent a signal, and userspace is told why.
 */
static int handle_alignment(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;

	if (!boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) ||
	    (bellows_backend(get_cpl)(vcpu) == 3 &&
	     (bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_AM) &&
	     (bellows_reg_read(vcpu, VCPU_RFLAGS) & X86_EFLAGS_AC))) {
		bellows_queue_exception_error(vcpu, X86_TRAP_AC, exit->exception.error);
		return RUN_ENTER;
	}
	if (handle_guest_split_lock(bellows_reg_read(vcpu, VCPU_RIP)))
		return RUN_ENTER;
	vcpu->run->exit_reason = KVM_EXIT_EXCEPTION;
	vcpu->run->ex.exception = X86_TRAP_AC;
	vcpu->run->ex.error_code = exit->exception.error;
	return RUN_TO_USER;
}

static int handle_exception(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;

	switch (exit->exception.vector) {
	case X86_TRAP_DB:
		return bellows_handle_db(vcpu, exit->exception.payload);
	case X86_TRAP_BP:
		return bellows_handle_bp(vcpu);
	case X86_TRAP_PF:
		bellows_queue_page_fault(vcpu, exit->exception.payload, exit->exception.error);
		return RUN_ENTER;
	case X86_TRAP_AC:
		return handle_alignment(vcpu);
	case X86_TRAP_MC:
		/* The host's handler has had it, in exit_irqoff. */
		return RUN_ENTER;
	}
	if (exit->exception.has_error)
		bellows_queue_exception_error(vcpu, exit->exception.vector, exit->exception.error);
	else
		bellows_queue_exception(vcpu, exit->exception.vector);
	return RUN_ENTER;
}

/* The guest can take an interrupt now. If userspace wanted to know, the loop tells it. */
static int handle_window(struct bellows_vcpu *vcpu)
{
	bellows_request(vcpu, VCPU_REQ_EVENT);
	return RUN_ENTER;
}

static int handle_triple_fault(struct bellows_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return RUN_TO_USER;
}

static int handle_hypercall(struct bellows_vcpu *vcpu)
{
	bool in_64bit_code = bellows_backend(in_64bit_code)(vcpu);
	u64 nr = bellows_reg_read(vcpu, GPR_RAX);
	s64 r = -KVM_ENOSYS;

	if (bellows_backend(get_cpl)(vcpu))
		r = -KVM_EPERM;
	else if ((in_64bit_code ? nr : (u32)nr) == KVM_HC_VAPIC_POLL_IRQ)
		r = 0;
	bellows_reg_write(vcpu, GPR_RAX, in_64bit_code ? r : (u32)r);
	return exit_skip_insn(vcpu);
}

/* Instructions that need do nothing here: caches are coherent, waiting is optional. */
static int handle_nop(struct bellows_vcpu *vcpu)
{
	return exit_skip_insn(vcpu);
}

/* Backends that intercept these have no finer flush to offer. */
static int handle_invalidate(struct bellows_vcpu *vcpu)
{
	bellows_request(vcpu, VCPU_REQ_TLB_FLUSH_GUEST);
	return exit_skip_insn(vcpu);
}

static int handle_xsetbv(struct bellows_vcpu *vcpu)
{
	u64 value = (u32)bellows_reg_read(vcpu, GPR_RAX) |
		    bellows_reg_read(vcpu, GPR_RDX) << 32;

	if (bellows_backend(get_cpl)(vcpu))
		return exit_finish_or_gp(vcpu, GUEST_WRITE_GP);
	return exit_finish_or_gp(vcpu, bellows_set_xcr(vcpu, bellows_reg_read(vcpu, GPR_RCX), value));
}

static int handle_rdtsc(struct bellows_vcpu *vcpu)
{
	u64 tsc = bellows_guest_tsc(vcpu);

	bellows_reg_write(vcpu, GPR_RAX, (u32)tsc);
	bellows_reg_write(vcpu, GPR_RDX, tsc >> 32);
	return exit_skip_insn(vcpu);
}

/* There are no performance counters. */
static int handle_rdpmc(struct bellows_vcpu *vcpu)
{
	bellows_inject_gp(vcpu);
	return RUN_ENTER;
}

static int handle_undefined(struct bellows_vcpu *vcpu)
{
	bellows_queue_exception(vcpu, X86_TRAP_UD);
	return RUN_ENTER;
}

static int handle_eoi(struct bellows_vcpu *vcpu)
{
	bellows_apic_ended(vcpu, vcpu->exit.ended_vector);
	return RUN_ENTER;
}

static int handle_fail_entry(struct bellows_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = vcpu->exit.fail.reason;
	vcpu->run->fail_entry.cpu = vcpu->cpu;
	return RUN_TO_USER;
}

static int handle_internal(struct bellows_vcpu *vcpu)
{
	return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				   vcpu->exit.hardware_reason);
}

static int handle_error(struct bellows_vcpu *vcpu)
{
	return vcpu->exit.error;
}

/* String instructions are the emulator's, which reads the guest's memory. */
static int quick_io(struct bellows_vcpu *vcpu)
{
	return vcpu->exit.io.string ? RUN_LATER : pio_handle(vcpu);
}

static const struct {
	exit_handler handle;
	exit_handler quick;		/* with interrupts off; NULL: no */
} handlers[EXIT_NR] = {
	[EXIT_NONE]		= { handle_none },
	[EXIT_CPUID]		= { handle_cpuid, handle_cpuid },
	[EXIT_HLT]		= { handle_hlt, handle_hlt },
	[EXIT_IO]		= { pio_handle, quick_io },
	[EXIT_RDMSR]		= { handle_rdmsr, quick_rdmsr },
	[EXIT_WRMSR]		= { handle_wrmsr, quick_wrmsr },
	[EXIT_CR_ACCESS]	= { handle_cr_access, quick_cr_access },
	[EXIT_DR_ACCESS]	= { handle_dr_access },
	[EXIT_NESTED_FAULT]	= { handle_nested_fault },
	[EXIT_EXCEPTION]	= { handle_exception },
	[EXIT_IRQ_WINDOW]	= { handle_window },
	[EXIT_NMI_WINDOW]	= { handle_window },
	[EXIT_TRIPLE_FAULT]	= { handle_triple_fault },
	[EXIT_HYPERCALL]	= { handle_hypercall, handle_hypercall },
	[EXIT_INVALIDATE]	= { handle_invalidate },
	[EXIT_WBINVD]		= { handle_nop, handle_nop },
	[EXIT_XSETBV]		= { handle_xsetbv },
	[EXIT_RDTSC]		= { handle_rdtsc, handle_rdtsc },
	[EXIT_RDPMC]		= { handle_rdpmc },
	[EXIT_MONITOR]		= { handle_nop },
	[EXIT_EOI]		= { handle_eoi },
	[EXIT_MWAIT]		= { handle_nop },
	[EXIT_PAUSE]		= { handle_nop },
	[EXIT_TASK_SWITCH]	= { task_switch_handle },
	[EXIT_UNDEFINED]	= { handle_undefined },
	[EXIT_EMULATE]		= { emulation_insn },
	[EXIT_ERROR]		= { handle_error },
	[EXIT_FAIL_ENTRY]	= { handle_fail_entry },
	[EXIT_INTERNAL]		= { handle_internal },
};

int bellows_handle_exit(struct bellows_vcpu *vcpu)
{
	unsigned int reason = vcpu->exit.reason;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	if (unlikely(reason >= EXIT_NR))
		return handle_internal(vcpu);
	vcpu->stats.reason[reason]++;
	return handlers[reason].handle(vcpu);
}

static noinline void exit_sync_offer(struct bellows_vcpu *vcpu)
{
	bellows_events_sync_offer(vcpu);
	/* Still waiting: events are looked at again. */
	if (vcpu->offered_irq >= 0)
		bellows_request(vcpu, VCPU_REQ_EVENT);
}

int bellows_handle_quickly(struct bellows_vcpu *vcpu)
{
	unsigned int reason = vcpu->exit.reason;
	int r;

	lockdep_assert_irqs_disabled();
	/* Traced exits go the long way, where each is traced once, and its entry too. */
	if (unlikely(!handlers[reason].quick) || trace_bellows_exit_enabled())
		return RUN_LATER;
	bellows_events_arrived(vcpu);
	if (unlikely(vcpu->offered_irq >= 0))
		exit_sync_offer(vcpu);
	r = handlers[reason].quick(vcpu);
	if (unlikely(r == RUN_LATER))
		return r;
	vcpu->stats.reason[reason]++;
	return r;
}
