// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit means: from the VMCS's words into struct bellows_exit.
 *
 * One table, indexed by the basic exit reason, says the neutral reason, whether
 * the field with the instruction's length is meaningful, and which function
 * fills in the details. Reasons that the table does not have come from controls
 * that are never turned on, or from CPUs of the future: INTERNAL.
 */
#include <asm/msr-index.h>
#include <asm/trapnr.h>
#include "vm/request.h"
#include "vmx/vmx.h"

/* Instructions of trust domains: they exit whether or not a host has those. */
#define EXIT_REASON_SEAMCALL	76
#define EXIT_REASON_TDCALL	77

#define INSN	BIT(0)		/* an instruction caused it: its length is known */
#define QUIET	BIT(1)		/* serving it, if not by emulation, brings no secret into the L1 cache */
#define QUICK	BIT(2)		/* an instruction, and there is no more to it than decode() */
#define HUSHED	BIT(3)		/* quiet, if it is served between two entries */

struct decoder {
	u8 reason;		/* enum bellows_exit_reason */
	u8 flags;
	bool known;
	void (*decode)(struct vmx_vcpu *vmx, struct bellows_exit *exit);
};

/* CR numbers, DR numbers and register numbers of exit qualifications are as encoded. */
static void vmx_decode_cr(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);

	exit->cr.nr = qualification & 15;
	exit->cr.gpr = (qualification >> 8) & 15;
	exit->cr.lmsw = qualification >> 16;
	switch ((qualification >> 4) & 3) {
	case 0:
		exit->cr.type = BELLOWS_CR_WRITE;
		break;
	case 1:
		exit->cr.type = BELLOWS_CR_READ;
		break;
	case 2:
		exit->cr.type = BELLOWS_CR_CLTS;
		break;
	default:
		exit->cr.type = BELLOWS_CR_LMSW;
	}
}

static void vmx_decode_dr(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);

	exit->dr.nr = qualification & 7;
	exit->dr.gpr = (qualification >> 8) & 15;
	exit->dr.read = qualification & BIT(4);
}

static void vmx_decode_io(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u32 qualification = vmcs_read(EXIT_QUALIFICATION);

	exit->io.size = (qualification & 7) + 1;
	exit->io.in = qualification & BIT(3);
	exit->io.string = false;
	exit->io.rep = false;
	exit->io.port = qualification >> 16;
	if (unlikely(qualification & (BIT(4) | BIT(5)))) {
		exit->io.string = qualification & BIT(4);
		exit->io.rep = qualification & BIT(5);
	}
}

static void vmx_decode_task_switch(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);

	exit->task.selector = qualification;
	exit->task.source = (qualification >> 30) & 3;
	/* Through a task gate in the IDT: the error code of the event goes to the new task. */
	exit->task.has_error = exit->vectoring.valid && exit->vectoring.has_error;
	exit->task.error = exit->vectoring.error;
}

/* IRET unblocks NMIs and then faults: it will be executed again, so they are still blocked. */
static void vmx_restore_nmi_blocking(struct vmx_vcpu *vmx, bool unblocked,
				     const struct bellows_exit *exit)
{
	if (unblocked && !exit->vectoring.valid)
		vmx_set_nmi_mask(&vmx->vcpu, true);
}

/* A #DB is reported behind what caused it, but for INT1: there the exit comes before. */
static void vmx_step_over_int1(struct bellows_vcpu *vcpu)
{
	u64 rip = bellows_reg_read(vcpu, VCPU_RIP) + vmcs_read(VM_EXIT_INSTRUCTION_LEN);

	bellows_reg_write(vcpu, VCPU_RIP, vmx_in_64bit_code(vcpu) ? rip : (u32)rip);
	vmx_set_interrupt_shadow(vcpu, 0);
}

static void vmx_decode_exception(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u32 info = vmx->exit_intr_info, type = info & INTR_INFO_INTR_TYPE_MASK;
	u8 vector = info & INTR_INFO_VECTOR_MASK;

	if (type == INTR_TYPE_NMI_INTR || vector == X86_TRAP_MC) {
		exit->reason = EXIT_NONE;
		return;
	}
	if (vector != X86_TRAP_DF)
		vmx_restore_nmi_blocking(vmx, info & INTR_INFO_UNBLOCK_NMI, exit);
	exit->exception.vector = vector;
	exit->exception.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	if (exit->exception.has_error)
		exit->exception.error = vmcs_read(VM_EXIT_INTR_ERROR_CODE);
	/* The faulting address, or the bits for DR6. */
	if (vector == X86_TRAP_PF || vector == X86_TRAP_DB)
		exit->exception.payload = vmcs_read(EXIT_QUALIFICATION);
	if (type == INTR_TYPE_SOFT_EXCEPTION)
		exit->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	if (type == INTR_TYPE_PRIV_SW_EXCEPTION)
		vmx_step_over_int1(&vmx->vcpu);
	/* A step that ended in a shadow left nothing pending: the trap is the exit. */
	if (vector == X86_TRAP_DB)
		vmx->check_shadow = true;
}

static void vmx_decode_ept_violation(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);

	vmx_restore_nmi_blocking(vmx, qualification & INTR_INFO_UNBLOCK_NMI, exit);
	exit->fault.gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	if (qualification & EPT_VIOLATION_ACC_READ)
		exit->fault.access |= ACCESS_READ;
	if (qualification & EPT_VIOLATION_ACC_WRITE)
		exit->fault.access |= ACCESS_WRITE;
	if (qualification & EPT_VIOLATION_ACC_INSTR)
		exit->fault.access |= ACCESS_EXEC;
	/* A linear address was being translated, and the access is not the one that it was for. */
	exit->fault.in_tables = (qualification & EPT_VIOLATION_GVA_IS_VALID) &&
				!(qualification & EPT_VIOLATION_GVA_TRANSLATED);
}

static void vmx_decode_ept_misconfig(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	pr_err_ratelimited("bellows: malformed EPT entry for guest-physical address %llx\n",
			   vmcs_read(GUEST_PHYSICAL_ADDRESS));
	bellows_vm_bug(vmx->vcpu.vm, "malformed EPT entry");
}

static void vmx_decode_window(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	vmx_close_windows(vmx);
}

static void vmx_decode_eoi(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	exit->ended_vector = vmcs_read(EXIT_QUALIFICATION);
}

#define EXIT(basic, neutral, flag_bits, function)			\
	[EXIT_REASON_##basic] = { EXIT_##neutral, flag_bits, true, function }

static const struct decoder decoders[] = {
	EXIT(EXCEPTION_NMI, EXCEPTION, 0, vmx_decode_exception),
	EXIT(EXTERNAL_INTERRUPT, NONE, QUIET, NULL),
	EXIT(TRIPLE_FAULT, TRIPLE_FAULT, 0, NULL),
	EXIT(INTERRUPT_WINDOW, IRQ_WINDOW, QUIET, vmx_decode_window),
	EXIT(NMI_WINDOW, NMI_WINDOW, QUIET, vmx_decode_window),
	EXIT(TASK_SWITCH, TASK_SWITCH, INSN, vmx_decode_task_switch),
	EXIT(CPUID, CPUID, INSN | QUIET | QUICK, NULL),
	EXIT(HLT, HLT, INSN | QUICK, NULL),
	EXIT(INVD, WBINVD, INSN | QUIET, NULL),
	EXIT(INVLPG, INVALIDATE, INSN, NULL),
	EXIT(RDPMC, RDPMC, INSN | QUIET, NULL),
	EXIT(RDTSC, RDTSC, INSN | QUIET | QUICK, NULL),
	EXIT(VMCALL, HYPERCALL, INSN | QUIET | QUICK, NULL),
	EXIT(VMCLEAR, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMLAUNCH, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMPTRLD, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMPTRST, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMREAD, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMRESUME, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMWRITE, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMOFF, UNDEFINED, INSN | QUIET, NULL),
	EXIT(VMON, UNDEFINED, INSN | QUIET, NULL),
	EXIT(CR_ACCESS, CR_ACCESS, INSN | QUICK | HUSHED, vmx_decode_cr),
	EXIT(DR_ACCESS, DR_ACCESS, INSN | QUIET, vmx_decode_dr),
	EXIT(IO_INSTRUCTION, IO, INSN | QUIET | QUICK, vmx_decode_io),
	EXIT(MSR_READ, RDMSR, INSN | QUIET | QUICK, NULL),
	EXIT(MSR_WRITE, WRMSR, INSN | QUIET | QUICK, NULL),
	EXIT(MWAIT_INSTRUCTION, MWAIT, INSN | QUIET, NULL),
	EXIT(MONITOR_INSTRUCTION, MONITOR, INSN | QUIET, NULL),
	EXIT(PAUSE_INSTRUCTION, PAUSE, INSN | QUIET, NULL),
	EXIT(EPT_VIOLATION, NESTED_FAULT, QUIET, vmx_decode_ept_violation),
	EXIT(EPT_MISCONFIG, INTERNAL, 0, vmx_decode_ept_misconfig),
	EXIT(TPR_BELOW_THRESHOLD, IRQ_WINDOW, QUIET, NULL),
	EXIT(EOI_INDUCED, EOI, 0, vmx_decode_eoi),
	EXIT(INVEPT, UNDEFINED, INSN | QUIET, NULL),
	EXIT(RDTSCP, RDTSC, INSN | QUIET | QUICK, NULL),
	EXIT(INVVPID, UNDEFINED, INSN | QUIET, NULL),
	EXIT(WBINVD, WBINVD, INSN | QUIET | QUICK, NULL),
	EXIT(XSETBV, XSETBV, INSN | QUIET, NULL),
	EXIT(INVPCID, INVALIDATE, INSN, NULL),
	EXIT(VMFUNC, UNDEFINED, INSN | QUIET, NULL),
	EXIT(ENCLS, UNDEFINED, INSN | QUIET, NULL),
	EXIT(SEAMCALL, UNDEFINED, INSN | QUIET, NULL),
	EXIT(TDCALL, UNDEFINED, INSN | QUIET, NULL),
};

/* The event that the CPU was delivering when it exited. */
static void vmx_decode_vectoring(struct bellows_vectoring *vectoring)
{
	static const u8 types[8] = {
		[INTR_TYPE_EXT_INTR >> 8] = BELLOWS_EVENT_INTERRUPT,
		[INTR_TYPE_NMI_INTR >> 8] = BELLOWS_EVENT_NMI,
		[INTR_TYPE_HARD_EXCEPTION >> 8] = BELLOWS_EVENT_EXCEPTION,
		[INTR_TYPE_SOFT_INTR >> 8] = BELLOWS_EVENT_SOFT_INTERRUPT,
		[INTR_TYPE_PRIV_SW_EXCEPTION >> 8] = BELLOWS_EVENT_SOFT_EXCEPTION,
		[INTR_TYPE_SOFT_EXCEPTION >> 8] = BELLOWS_EVENT_SOFT_EXCEPTION,
	};
	u32 info = vmcs_read(IDT_VECTORING_INFO_FIELD);

	memset(vectoring, 0, sizeof(*vectoring));
	if (!(info & VECTORING_INFO_VALID_MASK))
		return;
	vectoring->valid = true;
	vectoring->vector = info & VECTORING_INFO_VECTOR_MASK;
	vectoring->type = types[(info & VECTORING_INFO_TYPE_MASK) >> 8];
	vectoring->has_error = info & VECTORING_INFO_DELIVER_CODE_MASK;
	if (vectoring->has_error)
		vectoring->error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	if (vectoring->type == BELLOWS_EVENT_SOFT_INTERRUPT ||
	    vectoring->type == BELLOWS_EVENT_SOFT_EXCEPTION)
		vectoring->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
}

/* No exit happened: the entry instruction refused, or VMX was turned off under us. */
static void vmx_decode_no_entry(struct vmx_vcpu *vmx, struct bellows_exit *exit)
{
	if (vmx->entry_failed == VMX_RUN_FAULT) {
		exit->reason = EXIT_INTERNAL;
		bellows_vm_bug(vmx->vcpu.vm, "VMX operation ended");
		return;
	}
	exit->reason = EXIT_FAIL_ENTRY;
	exit->hardware_reason = vmx->instruction_error;
	exit->fail.reason = vmx->instruction_error;
}

/*
 * An instruction that exits was not part of an event's delivery, so IDT-vectoring
 * information need not be read. (After an entry that failed the reason is 0.)
 */
bool vmx_decode_quickly(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct bellows_exit *exit = &vcpu->exit;
	u32 reason = vmx->exit_reason;
	const struct decoder *decoder;

	if (reason >= ARRAY_SIZE(decoders) || !(decoders[reason].flags & QUICK))
		return false;
	decoder = &decoders[reason];
	exit->hardware_reason = reason;
	exit->reason = decoder->reason;
	exit->vectoring.valid = false;
	if (!(decoder->flags & (QUIET | HUSHED)))
		vmx->vcpu.l1d_unsafe = true;
	if (decoder->decode)
		decoder->decode(vmx, exit);
	exit->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	return true;
}

void vmx_decode_exit(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct bellows_exit *exit = &vcpu->exit;
	const struct decoder *decoder;
	u16 basic = vmx->exit_reason;

	memset(exit, 0, sizeof(*exit));
	if (unlikely(vmx->entry_failed)) {
		vmx_decode_no_entry(vmx, exit);
		return;
	}
	exit->hardware_reason = vmx->exit_reason;
	if (unlikely(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		exit->reason = EXIT_FAIL_ENTRY;
		exit->fail.reason = vmx->exit_reason;
		vmx->vcpu.l1d_unsafe = true;
		return;
	}
	vmx_decode_vectoring(&exit->vectoring);
	decoder = basic < ARRAY_SIZE(decoders) ? &decoders[basic] : NULL;
	if (!decoder || !decoder->known) {
		exit->reason = EXIT_INTERNAL;
		return;
	}
	exit->reason = decoder->reason;
	if (!(decoder->flags & QUIET))
		vmx->vcpu.l1d_unsafe = true;
	if (decoder->flags & INSN)
		exit->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	if (decoder->decode)
		decoder->decode(vmx, exit);
}
