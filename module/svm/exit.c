// SPDX-License-Identifier: GPL-2.0
/*
 * Why the guest stopped, from the VMCB's words into the neutral ones.
 *
 * A table by exit code names the reason; where there is more to say, a function
 * says it. Processors differ in how much they report: the length of the
 * instruction needs NRIP save, the operand of a MOV to or from a control or
 * debug register needs decode assists. What is missing is read from the
 * guest's code. That may fail, if another vCPU changes the code or its mapping
 * in that moment: the guest is then entered again, and the instruction exits
 * again or doesn't.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "emulate/task.h"
#include "exit/emulation.h"
#include "svm/svm.h"
#include "vm/event.h"
#include "vm/request.h"

struct report {
	bool known;
	u8 reason;
	bool insn;		/* an instruction exited: NRIP save gives its end */
	bool quick;		/* decoded without the guest's memory, and no more to it */
	void (*decode)(struct svm_vcpu *svm);
};

/* Exceptions that have an error code, where the mode gives them one. */
#define HAS_ERROR	(BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | \
			 BIT(X86_TRAP_AC))

static struct bellows_exit *svm_exit_of(struct svm_vcpu *svm)
{
	return &svm->vcpu.exit;
}

/* The next RIP, if it is one: a stale or foreign value must not become a length. */
static u8 svm_length_to(struct svm_vcpu *svm, u64 next)
{
	u64 length = next - svm->vcpu.regs[VCPU_RIP];

	return length <= EMU_INSN_MAX ? length : 0;
}

/* NULL: nothing was fetched, and the exit is already described. */
static const struct emu_insn *svm_fetch_insn(struct svm_vcpu *svm)
{
	const struct emu_insn *insn = &svm->vcpu.emu->insn;
	int r;

	lockdep_assert_loaded(&svm->vcpu);
	lockdep_assert_irqs_enabled();
	r = bellows_fetch_insn(&svm->vcpu);
	if (r == INSN_KNOWN) {
		svm_exit_of(svm)->insn_len = insn->length;
		return insn;
	}
	if (r == -EAGAIN) {
		svm_exit_of(svm)->reason = EXIT_NONE;
	} else if (r < 0) {
		svm_exit_of(svm)->reason = EXIT_ERROR;
		svm_exit_of(svm)->error = r;
	} else {
		svm_exit_of(svm)->reason = EXIT_INTERNAL;
	}
	return NULL;
}

/* The guest's code is not what exited a moment ago: look at it again. */
static void svm_retry_insn(struct svm_vcpu *svm)
{
	svm_exit_of(svm)->reason = EXIT_NONE;
}

static void svm_decode_io(struct svm_vcpu *svm)
{
	struct bellows_exit *exit = svm_exit_of(svm);
	u32 info = svm->vmcb->control.exit_info1;

	exit->io.port = info >> 16;
	exit->io.size = (info >> VMCB_IO_SIZE_SHIFT) & 7;
	exit->io.in = info & VMCB_IO_IN;
	exit->io.string = info & VMCB_IO_STRING;
	exit->io.rep = info & VMCB_IO_REP;
	/* Processors without NRIP save report it for I/O, and only for that. */
	exit->insn_len = svm_length_to(svm, svm->vmcb->control.exit_info2);
}

static void svm_decode_msr(struct svm_vcpu *svm)
{
	if (svm->vmcb->control.exit_info1 & 1)
		svm_exit_of(svm)->reason = EXIT_WRMSR;
}

/* A byte of the operand of the instruction just fetched, if it is in memory. */
static bool svm_read_operand(struct svm_vcpu *svm, unsigned int offset, u8 *byte)
{
	struct emulator *e = svm->vcpu.emu;
	u64 address = emu_address(e) + offset;
	int r = e->ops->probe(e, address, 1, 0);

	if (r == EMU_CONTINUE)
		r = e->ops->read(e, address, byte, 1, 0);
	if (r == EMU_CONTINUE)
		return true;
	svm_exit_of(svm)->reason = r == EMU_FAULT ? EXIT_NONE : EXIT_INTERNAL;
	if (r == EMU_FAULT)
		bellows_queue_page_fault(&svm->vcpu, e->fault.address, e->fault.error);
	return false;
}

/* LMSW takes a register or 16 bits of memory. */
static void svm_decode_lmsw(struct svm_vcpu *svm, const struct emu_insn *insn)
{
	struct bellows_exit *exit = svm_exit_of(svm);
	u8 low, high;

	exit->cr.type = BELLOWS_CR_LMSW;
	if (!insn->memory)
		exit->cr.lmsw = bellows_reg_read(&svm->vcpu, insn->rm);
	else if (svm_read_operand(svm, 0, &low) && svm_read_operand(svm, 1, &high))
		exit->cr.lmsw = low | high << 8;
}

/*
 * A guest that changes the code while it is looked at must not turn SMSW, which
 * its programs may use, into what they may not.
 */
static bool svm_exits_so(const struct emu_insn *insn, u32 code)
{
	bool write = insn->op == OP_MOV_TO_CR || insn->op == OP_CLTS ||
		     insn->op == OP_LMSW;
	bool any = insn->op == OP_MOV_TO_CR || insn->op == OP_MOV_FROM_CR;

	if (code == VMCB_EXIT_CR0_SELECTIVE)
		code = VMCB_EXIT_CR_WRITE;
	return code - (write ? VMCB_EXIT_CR_WRITE : VMCB_EXIT_CR_READ) == (any ? insn->reg : 0);
}

static void svm_decode_cr_insn(struct svm_vcpu *svm)
{
	const struct emu_insn *insn = svm_fetch_insn(svm);
	struct bellows_exit *exit = svm_exit_of(svm);

	if (!insn)
		return;
	if (!svm_exits_so(insn, exit->hardware_reason)) {
		svm_retry_insn(svm);
		return;
	}
	exit->cr.nr = 0;
	switch (insn->op) {
	case OP_MOV_TO_CR:
		exit->cr.type = BELLOWS_CR_WRITE;
		exit->cr.nr = insn->reg;
		exit->cr.gpr = insn->rm;
		break;
	case OP_MOV_FROM_CR:
		exit->cr.type = BELLOWS_CR_READ;
		exit->cr.nr = insn->reg;
		exit->cr.gpr = insn->rm;
		break;
	case OP_CLTS:
		exit->cr.type = BELLOWS_CR_CLTS;
		break;
	case OP_LMSW:
		svm_decode_lmsw(svm, insn);
		break;
	case OP_SMSW:
		exit->reason = EXIT_EMULATE;
		break;
	default:
		svm_retry_insn(svm);
	}
}

static void svm_decode_cr(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = svm_exit_of(svm);
	u32 code = control->exit_code;

	if (code == VMCB_EXIT_CR_WRITE + 8 && svm->tpr)
		svm->uses_cr8 = true;
	if (!svm_features.decode || !(control->exit_info1 & VMCB_CR_MOV)) {
		svm_decode_cr_insn(svm);
		return;
	}
	exit->cr.nr = code & 0xf;
	exit->cr.gpr = control->exit_info1 & VMCB_CR_GPR;
	exit->cr.type = code >= VMCB_EXIT_CR_WRITE ? BELLOWS_CR_WRITE : BELLOWS_CR_READ;
	if (code == VMCB_EXIT_CR0_SELECTIVE)
		exit->cr.nr = 0;
}

/*
 * Between two entries nothing can be fetched, but the instruction is often the one
 * that was fetched last. Without an operand there is no length either.
 */
static void svm_decode_cr_quickly(struct svm_vcpu *svm)
{
	const struct emu_insn *insn = &svm->vcpu.emu->insn;
	struct bellows_exit *exit = svm_exit_of(svm);

	if (svm_features.decode) {
		if (svm->vmcb->control.exit_info1 & VMCB_CR_MOV)
			svm_decode_cr(svm);
		else
			exit->insn_len = 0;
		return;
	}
	exit->insn_len = 0;
	if (insn->op != OP_MOV_TO_CR || !bellows_is_same_insn(&svm->vcpu))
		return;
	exit->insn_len = insn->length;
	exit->cr.type = BELLOWS_CR_WRITE;
	exit->cr.nr = insn->reg;
	exit->cr.gpr = insn->rm;
}

/* How long it is, where the CPU does not say. 0: not to be found out between two entries. */
static u8 svm_length_again(struct svm_vcpu *svm)
{
	return bellows_is_same_insn(&svm->vcpu) ? svm->vcpu.emu->insn.length : 0;
}

static void svm_decode_dr(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = svm_exit_of(svm);
	u32 code = control->exit_code;
	const struct emu_insn *insn;

	exit->dr.nr = code & 0xf;
	exit->dr.read = code < VMCB_EXIT_DR_WRITE;
	if (svm_features.decode) {
		exit->dr.gpr = control->exit_info1 & VMCB_CR_GPR;
		return;
	}
	insn = svm_fetch_insn(svm);
	if (!insn)
		return;
	if (insn->op != OP_MOV_TO_DR && insn->op != OP_MOV_FROM_DR)
		svm_retry_insn(svm);
	exit->dr.gpr = insn->rm;
}

static void svm_decode_npf(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = svm_exit_of(svm);

	exit->fault.gpa = control->exit_info2;
	exit->fault.access = ACCESS_READ;
	if (control->exit_info1 & VMCB_NPF_WRITE)
		exit->fault.access = ACCESS_WRITE;
	else if (control->exit_info1 & VMCB_NPF_EXEC)
		exit->fault.access = ACCESS_EXEC;
	exit->fault.in_tables = control->exit_info1 & VMCB_NPF_TABLES;
	exit->fault.insn_bytes = 0;
	if (svm_features.decode) {
		exit->fault.insn_bytes = min_t(u8, control->insn_bytes, sizeof(exit->fault.insn));
		memcpy(exit->fault.insn, control->insn, sizeof(exit->fault.insn));
	}
}

static void svm_decode_vintr(struct svm_vcpu *svm)
{
	svm_request_irq_window(&svm->vcpu, false);
}

/* What was about to run uses the stack: it is in order, and an NMI may have it. */
static void svm_give_up_shadow(struct svm_vcpu *svm)
{
	lockdep_assert_loaded(&svm->vcpu);
	svm_exit_of(svm)->reason = EXIT_NONE;
	svm_set_interrupt_shadow(&svm->vcpu, 0);
	/* There was an IRET here a moment ago: wait for the next one. */
	if (svm->nmi.iret)
		svm_set_nmi_mask(&svm->vcpu, true);
	bellows_request(&svm->vcpu, VCPU_REQ_EVENT);
}

static void svm_decode_iret(struct svm_vcpu *svm)
{
	if (!svm->nmi.masked) {
		svm_give_up_shadow(svm);
		return;
	}
	svm->nmi.iret = true;
	svm->nmi.iret_rip = svm->vcpu.regs[VCPU_RIP];
	svm_set_intercept(svm, VMCB_INTERCEPT_IRET, false);
	bellows_request(&svm->vcpu, VCPU_REQ_EVENT);
}

/* INT1 is always intercepted: its #DB is delivered as a soft exception. */
static void svm_decode_icebp(struct svm_vcpu *svm)
{
	struct bellows_vectoring *v = &svm_exit_of(svm)->vectoring;

	*v = (struct bellows_vectoring) {
		.valid = true,
		.type = BELLOWS_EVENT_SOFT_EXCEPTION,
		.vector = X86_TRAP_DB,
		.insn_len = svm_exit_of(svm)->insn_len,
	};
}

/* An x87 error of a guest without CR0.NE. It waits for IRQ 13, which is never raised: it gets #MF. */
static void svm_decode_ferr(struct svm_vcpu *svm)
{
	svm_exit_of(svm)->exception.vector = X86_TRAP_MF;
	svm_exit_of(svm)->exception.has_error = false;
}

static void svm_decode_task(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = svm_exit_of(svm);
	u64 info = control->exit_info2;

	exit->task.selector = control->exit_info1;
	exit->task.has_error = info & VMCB_TASK_HAS_ERROR;
	exit->task.error = info;
	exit->task.resume = info & VMCB_TASK_RESUME;
	if (info & VMCB_TASK_IRET)
		exit->task.source = TSS_IRET;
	else if (info & VMCB_TASK_JMP)
		exit->task.source = TSS_JMP;
	else
		exit->task.source = exit->vectoring.valid ? TSS_GATE : TSS_CALL;
}

static void svm_decode_db(struct svm_vcpu *svm)
{
	struct bellows_exit *exit = svm_exit_of(svm);
	bool tf = svm->nmi.stepping || (svm->vcpu.regs[VCPU_RFLAGS] & X86_EFLAGS_TF);
	u64 bits = svm->debug_bits;

	/* One emulator exits before it has written DR6; without a cause it can only be a step. */
	if (!bits && tf)
		bits = DR_STEP;
	if (svm->nmi.stepping && !svm->nmi.guest_tf)
		bits &= ~(u64)DR_STEP;
	exit->exception.payload = bits;
	if (svm->nmi.stepping && !bits)
		exit->reason = EXIT_NMI_WINDOW;
}

static void svm_decode_exception(struct svm_vcpu *svm)
{
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = svm_exit_of(svm);
	u8 vector = control->exit_code - VMCB_EXIT_EXCEPTION;

	exit->exception.vector = vector;
	exit->exception.has_error = HAS_ERROR & BIT(vector);
	exit->exception.error = control->exit_info1;
	exit->exception.payload = control->exit_info2;
	if (vector == X86_TRAP_DB)
		svm_decode_db(svm);
	else if ((vector == X86_TRAP_BP || vector == X86_TRAP_OF) &&
		 !vmcb_intercepted(svm->intercept, VMCB_INTERCEPT_EXCEPTION + vector))
		svm_give_up_shadow(svm);
}

static const struct report reports[VMCB_EXIT_NR] = {
	/* Otherwise with the fifteen that are like it, below. */
	[VMCB_EXIT_CR_WRITE + 4]	= { true, EXIT_CR_ACCESS, true, true, svm_decode_cr_quickly },
	[VMCB_EXIT_INTR]		= { true, EXIT_NONE },
	[VMCB_EXIT_NMI]			= { true, EXIT_NONE },
	[VMCB_EXIT_SMI]			= { true, EXIT_NONE },
	[VMCB_EXIT_INIT]		= { true, EXIT_NONE },
	[VMCB_EXIT_VINTR]		= { true, EXIT_IRQ_WINDOW, false, .decode = svm_decode_vintr },
	[VMCB_EXIT_CR0_SELECTIVE]	= { true, EXIT_CR_ACCESS, true, .decode = svm_decode_cr },
	[VMCB_EXIT_RDPMC]		= { true, EXIT_RDPMC, true },
	[VMCB_EXIT_PUSHF]		= { true, EXIT_NONE, false, .decode = svm_give_up_shadow },
	[VMCB_EXIT_POPF]		= { true, EXIT_NONE, false, .decode = svm_give_up_shadow },
	[VMCB_EXIT_CPUID]		= { true, EXIT_CPUID, true, true },
	[VMCB_EXIT_RSM]			= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_IRET]		= { true, EXIT_NONE, false, .decode = svm_decode_iret },
	[VMCB_EXIT_INT_N]		= { true, EXIT_NONE, false, .decode = svm_give_up_shadow },
	[VMCB_EXIT_INVD]		= { true, EXIT_WBINVD, true },
	[VMCB_EXIT_PAUSE]		= { true, EXIT_PAUSE, true },
	[VMCB_EXIT_HLT]			= { true, EXIT_HLT, true, true },
	[VMCB_EXIT_INVLPG]		= { true, EXIT_INVALIDATE, true },
	[VMCB_EXIT_INVLPGA]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_IO]			= { true, EXIT_IO, false, true, svm_decode_io },
	[VMCB_EXIT_MSR]			= { true, EXIT_RDMSR, true, true, svm_decode_msr },
	[VMCB_EXIT_TASK_SWITCH]		= { true, EXIT_TASK_SWITCH, false, .decode = svm_decode_task },
	[VMCB_EXIT_FERR_FREEZE]		= { true, EXIT_EXCEPTION, false, .decode = svm_decode_ferr },
	[VMCB_EXIT_SHUTDOWN]		= { true, EXIT_TRIPLE_FAULT },
	[VMCB_EXIT_VMRUN]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_VMMCALL]		= { true, EXIT_HYPERCALL, true, true },
	[VMCB_EXIT_VMLOAD]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_VMSAVE]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_STGI]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_CLGI]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_SKINIT]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_RDTSCP]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_ICEBP]		= { true, EXIT_NONE, true, .decode = svm_decode_icebp },
	[VMCB_EXIT_WBINVD]		= { true, EXIT_WBINVD, true, true },
	[VMCB_EXIT_MONITOR]		= { true, EXIT_MONITOR, true },
	[VMCB_EXIT_MWAIT]		= { true, EXIT_MWAIT, true },
	[VMCB_EXIT_MWAIT_ARMED]		= { true, EXIT_MWAIT, true },
	[VMCB_EXIT_XSETBV]		= { true, EXIT_XSETBV, true },
	[VMCB_EXIT_RDPRU]		= { true, EXIT_UNDEFINED, true },
	[VMCB_EXIT_INVPCID]		= { true, EXIT_UNDEFINED, true },
};

/* Codes that come sixteen or thirty-two at a time. */
static const struct report cr = { true, EXIT_CR_ACCESS, true, .decode = svm_decode_cr };
static const struct report dr = { true, EXIT_DR_ACCESS, true, .decode = svm_decode_dr };
static const struct report exception = { true, EXIT_EXCEPTION, false,
					 .decode = svm_decode_exception };
static const struct report npf = { true, EXIT_NESTED_FAULT, false, .decode = svm_decode_npf };
static const struct report unknown = { true, EXIT_INTERNAL };

static const struct report *svm_find_report(u32 code)
{
	if (code == VMCB_EXIT_NPF)
		return &npf;
	if (code < VMCB_EXIT_DR_READ)
		return &cr;
	if (code < VMCB_EXIT_EXCEPTION)
		return &dr;
	if (code < VMCB_EXIT_INTR)
		return &exception;
	if (code < ARRAY_SIZE(reports) && reports[code].known)
		return &reports[code];
	return &unknown;
}

/* The processor refused the guest's state, or there was none to enter. */
static void svm_fail_entry(struct svm_vcpu *svm)
{
	struct bellows_exit *exit = svm_exit_of(svm);

	exit->reason = EXIT_FAIL_ENTRY;
	exit->fail.reason = VMCB_EXIT_INVALID;
	exit->vectoring.valid = false;
}

/* Not while we wait for the end of an NMI or step, or have moved RIP for an event of ours. */
static bool svm_in_order(const struct svm_vcpu *svm)
{
	return !(svm->nmi.iret | svm->nmi.stepping | svm->soft_injected);
}

bool svm_decode_quickly(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = &vcpu->exit;
	u64 code = control->exit_code;
	const struct report *report;

	if (code >= ARRAY_SIZE(reports) || !reports[code].quick || unlikely(!svm_in_order(svm)) ||
	    unlikely(control->exit_int_info & VMCB_EVENT_VALID))
		return false;
	report = &reports[code];
	exit->hardware_reason = code;
	exit->reason = report->reason;
	exit->vectoring.valid = false;
	exit->insn_len = 0;
	if (report->insn)
		exit->insn_len = likely(svm_features.nrip) ?
				 svm_length_to(svm, control->next_rip) : svm_length_again(svm);
	if (report->decode)
		report->decode(svm);
	return exit->insn_len;
}

void svm_decode_exit(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_control *control = &svm->vmcb->control;
	struct bellows_exit *exit = &vcpu->exit;
	u32 code = svm->off ? VMCB_EXIT_INVALID : control->exit_code;
	const struct report *report;

	exit->insn_len = 0;
	exit->hardware_reason = code;
	svm_decode_vectoring(svm);
	/*
	 * An interrupt still waits. What runs next may be a halt that it would end; or
	 * it can go in now, which one emulator does not see by itself after VMRUN.
	 */
	if (unlikely(control->int_ctl & VMCB_V_IRQ) &&
	    ((control->int_state & VMCB_SHADOW) ||
	     (vcpu->regs[VCPU_RFLAGS] & X86_EFLAGS_IF)))
		bellows_request(vcpu, VCPU_REQ_EVENT);
	if (unlikely(code == VMCB_EXIT_INVALID)) {
		svm_fail_entry(svm);
		return;
	}
	report = svm_find_report(code);
	exit->reason = report->reason;
	if (report->insn && svm_features.nrip)
		exit->insn_len = svm_length_to(svm, control->next_rip);
	if (report->decode)
		report->decode(svm);
}
