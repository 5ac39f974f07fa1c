// SPDX-License-Identifier: GPL-2.0
/*
 * The cache of a vCPU's registers: what hardware holds is fetched when it is asked
 * for, and stays until the next entry.
 */
#include "backend.h"
#include "vm/vcpu.h"

u64 vcpu_reg_fetch(struct bellows_vcpu *vcpu, unsigned int reg)
{
	lockdep_assert_loaded(vcpu);
	bellows_backend(cache_reg)(vcpu, reg);
	vcpu->cached |= BIT(reg);
	return vcpu->regs[reg];
}
