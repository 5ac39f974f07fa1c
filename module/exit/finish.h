/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EXIT_FINISH_H
#define BELLOWS_EXIT_FINISH_H
#include "vm/vcpu.h"

/* Steps RIP over the instruction that exited; ends the shadow of STI and MOV SS. As bellows_handle_exit(). */
int exit_skip_insn(struct bellows_vcpu *vcpu);
/* KVM_EXIT_INTERNAL_ERROR: RUN_TO_USER. */
int exit_internal_error(struct bellows_vcpu *vcpu, u32 suberror, u64 data);

#endif
