// SPDX-License-Identifier: GPL-2.0
/* A guest's TSC: the host's, as if that had never begun again, and an offset. */
#include "backend.h"
#include "host/state.h"
#include "vm/tsc.h"

u64 bellows_guest_tsc(struct bellows_vcpu *vcpu)
{
	return bellows_host_tsc() + vcpu->msrs.tsc_offset;
}

void bellows_vcpu_set_tsc(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	bellows_backend(set_tsc_offset)(vcpu, vcpu->msrs.tsc_offset + bellows_host_sleep.tsc_lost);
}
