// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to devices in memory that are nothing but a move, which is what
 * drivers do.
 *
 * The fault that brought us here has told the guest-physical address. For one
 * access that the CPU has translated to the end there is no reason to walk the
 * guest's tables again, nor to set up the emulator, which is made for
 * instructions that do anything in any order. The instruction is fetched and
 * decoded, to learn the register, and the answer of a device goes there.
 *
 * What is fetched need not be what faulted: another vCPU may change code, or
 * its mapping, at any time. So the instruction must be one that can have made
 * this access: reading or writing as the fault says, at this offset in a page. If
 * it was not the one, a guest that changes code while it runs gets what it asked
 * for, and nothing that it may not do: the CPU has checked this access to this
 * page. Everything else goes to the emulator.
 */
#include <asm/processor-flags.h>
#include "backend.h"
#include "exit/emulation.h"
#include "exit/finish.h"
#include "exit/mmio.h"
#include "io/bus.h"
#include "irq/apic.h"
#include "irq/apic_access.h"
#include "vm/result.h"

/* Linear, and the registers that the instruction names are read. 64-bit mode. */
static u64 mmio_operand_address(struct bellows_vcpu *vcpu, const struct emu_insn *insn,
				const struct emu_move *move)
{
	u64 base = 0;

	if (insn->base != NO_GPR)
		bellows_reg_read(vcpu, insn->base);
	if (insn->index != NO_GPR)
		bellows_reg_read(vcpu, insn->index);
	if (move->reg != NO_GPR)
		bellows_reg_read(vcpu, move->reg);
	if (insn->segment == SEG_FS || insn->segment == SEG_GS)
		base = bellows_backend(get_segment_base)(vcpu, insn->segment);
	return base + emu_insn_offset(insn, vcpu->regs, bellows_reg_read(vcpu, VCPU_RIP));
}

/* Is the instruction a move that can have made this access? */
static bool mmio_explains_fault(struct bellows_vcpu *vcpu, struct emu_move *move)
{
	const struct emu_insn *insn = &vcpu->emu->insn;
	const struct bellows_exit *exit = &vcpu->exit;

	if (insn->mode != MODE_64 || !emu_insn_is_move(insn, move))
		return false;
	if (exit->fault.access != (move->write ? ACCESS_WRITE : ACCESS_READ))
		return false;
	/* Aligned: it lies in one page, goes to a device in one piece, and raises no #AC. */
	if (exit->fault.gpa & (move->size - 1))
		return false;
	return offset_in_page(mmio_operand_address(vcpu, insn, move)) ==
	       offset_in_page(exit->fault.gpa);
}

static void mmio_finish_read(struct bellows_vcpu *vcpu, const struct emu_move *move, u64 value)
{
	u64 old = bellows_reg_read(vcpu, move->reg);

	bellows_reg_write(vcpu, move->reg, emu_move_result(move, old, value));
}

static int mmio_complete(struct bellows_vcpu *vcpu)
{
	struct emu_move move;
	u64 value = 0;

	lockdep_assert_loaded(vcpu);
	if (!bellows_is_expected(vcpu))
		return RUN_ENTER;
	if (!emu_insn_is_move(&vcpu->emu->insn, &move))
		return RUN_ENTER;
	if (!move.write) {
		memcpy(&value, vcpu->run->mmio.data, move.size);
		mmio_finish_read(vcpu, &move, value);
	}
	return exit_skip_insn(vcpu);
}

static int mmio_to_user(struct bellows_vcpu *vcpu, const struct emu_move *move, u64 value)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = vcpu->exit.fault.gpa;
	run->mmio.len = move->size;
	run->mmio.is_write = move->write;
	memcpy(run->mmio.data, &value, sizeof(value));
	bellows_expect(vcpu, mmio_complete);
	return RUN_TO_USER;
}

/* Does something in the kernel answer? */
static bool mmio_answered(struct bellows_vcpu *vcpu, const struct emu_move *move, u64 *value)
{
	gpa_t gpa = vcpu->exit.fault.gpa;

	if (move->write ? bellows_apic_mmio_write(vcpu, gpa, value, move->size) :
			  bellows_apic_mmio_read(vcpu, gpa, value, move->size))
		return true;
	return bellows_bus_mmio(&vcpu->vm->buses, gpa, value, move->size, move->write) == move->size;
}

int mmio_handle(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;
	struct emu_move move;
	u64 value = 0;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	vcpu->l1d_unsafe = true;
	/* One that is half done goes on where it was. */
	if (vcpu->exit.fault.in_tables || emu_busy(e))
		return emulation_insn(vcpu);
	if (!bellows_is_same_insn(vcpu) && !emulation_peek(vcpu))
		return emulation_insn(vcpu);
	if (!mmio_explains_fault(vcpu, &move))
		return emulation_insn(vcpu);
	vcpu->stats.emulated++;
	vcpu->exit.insn_len = e->insn.length;
	if (move.write)
		value = emu_move_value(&e->insn, &move, vcpu->regs);
	if (!mmio_answered(vcpu, &move, &value))
		return mmio_to_user(vcpu, &move, value);
	if (!move.write)
		mmio_finish_read(vcpu, &move, value);
	return exit_skip_insn(vcpu);
}
