// SPDX-License-Identifier: GPL-2.0
/*
 * Port accesses of one element: a device on the VM's bus answers, or userspace.
 * String instructions are the emulator's.
 */
#include "exit/emulation.h"
#include "exit/finish.h"
#include "exit/pio.h"
#include "exit/world.h"
#include "io/bus.h"
#include "vm/result.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

/* Of value as much counts as the access is wide. */
static int pio_finish_in(struct bellows_vcpu *vcpu, u32 value)
{
	u64 rax = bellows_reg_read(vcpu, GPR_RAX);
	unsigned int size = vcpu->exit.io.size;
	u64 mask = BIT_ULL(size * 8) - 1;

	lockdep_assert_loaded(vcpu);
	/* A 32-bit result clears the upper half, shorter ones leave the rest alone. */
	bellows_reg_write(vcpu, GPR_RAX, size < 4 ? (rax & ~mask) | (value & mask) : value);
	return exit_skip_insn(vcpu);
}

static int pio_complete_in(struct bellows_vcpu *vcpu)
{
	if (!bellows_is_expected(vcpu))
		return RUN_ENTER;
	return pio_finish_in(vcpu, READ_ONCE(*(u32 *)vcpu->pio_data));
}

static int pio_complete_out(struct bellows_vcpu *vcpu)
{
	return bellows_is_expected(vcpu) ? exit_skip_insn(vcpu) : RUN_ENTER;
}

enum { PIO_UNANSWERED = RUN_LATER + 1 };	/* by anything in the kernel; nothing was done */

/* PIO_UNANSWERED, or as bellows_handle_exit(). */
static noinline int pio_in_kernel(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	u32 data = 0;

	if (!exit->io.in)
		data = bellows_reg_read(vcpu, GPR_RAX);
	if (!bellows_bus_ports(&vcpu->vm->buses, exit->io.port, exit->io.size, 1, &data, exit->io.in))
		return PIO_UNANSWERED;
	return exit->io.in ? pio_finish_in(vcpu, data) : exit_skip_insn(vcpu);
}

static int pio_to_user(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	bool in = exit->io.in;

	/* What is behind the element in the buffer is not read. */
	if (!in)
		*(u32 *)vcpu->pio_data = bellows_reg_read(vcpu, GPR_RAX) &
					 GENMASK(exit->io.size * 8 - 1, 0);
	world_fill_io(vcpu, exit->io.port, exit->io.size, 1, in);
	bellows_expect(vcpu, in ? pio_complete_in : pio_complete_out);
	return RUN_TO_USER;
}

int pio_handle(struct bellows_vcpu *vcpu)
{
	int r = PIO_UNANSWERED;

	lockdep_assert_loaded(vcpu);
	if (vcpu->exit.io.string)
		return emulation_insn(vcpu);
	if (bellows_bus_used(&vcpu->vm->buses, BELLOWS_BUS_PIO))
		r = pio_in_kernel(vcpu);
	return r == PIO_UNANSWERED ? pio_to_user(vcpu) : r;
}
