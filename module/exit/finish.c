// SPDX-License-Identifier: GPL-2.0
/* How an exit's service ends: RIP behind the instruction, or an error that userspace is told. */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include "backend.h"
#include "exit/emulation.h"
#include "exit/finish.h"
#include "guest/debug.h"
#include "vm/result.h"

/* Outside 64-bit mode RIP has 32 bits; asking for the mode is worth it only where that shows. */
static u64 exit_next_rip(struct bellows_vcpu *vcpu, u64 from, u64 to)
{
	if (likely(!((from ^ to) >> 32)))
		return to;
	return bellows_backend(in_64bit_code)(vcpu) ? to : (u32)to;
}

/* The instruction's end, found by the CPU or by decoding. */
int exit_skip_insn(struct bellows_vcpu *vcpu)
{
	u64 rflags = bellows_reg_read(vcpu, VCPU_RFLAGS);
	u64 rip = bellows_reg_read(vcpu, VCPU_RIP);
	unsigned int len = vcpu->exit.insn_len;
	int r;

	lockdep_assert_loaded(vcpu);
	if (!len) {
		r = emulation_decode(vcpu);
		/* Another vCPU changed the code or its mapping just now: the instruction runs again, or faults. */
		if (r == -EAGAIN)
			return RUN_ENTER;
		if (r != INSN_KNOWN)
			return r;
		len = vcpu->emu->insn.length;
	}
	bellows_reg_write(vcpu, VCPU_RIP, exit_next_rip(vcpu, rip, rip + len));
	if (unlikely(rflags & X86_EFLAGS_RF))
		bellows_reg_write(vcpu, VCPU_RFLAGS, rflags & ~(u64)X86_EFLAGS_RF);
	bellows_backend(set_interrupt_shadow)(vcpu, 0);
	return bellows_after_insn(vcpu, rflags);
}

int exit_internal_error(struct bellows_vcpu *vcpu, u32 suberror, u64 data)
{
	struct kvm_run *run = vcpu->run;

	lockdep_assert_held(&vcpu->mutex);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 2;
	run->internal.data[0] = data;
	run->internal.data[1] = vcpu->cpu;
	return RUN_TO_USER;
}
