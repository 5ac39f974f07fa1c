/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_WORLD_H
#define BELLOWS_WORLD_H
/* Between the emulator's accesses and what runs it. */
#include "mmu/view.h"
#include "vm/vcpu.h"

struct world {
	struct emulator e;
	struct bellows_vcpu *vcpu;
	int error;		/* what a callback came back with, for KVM_RUN */
	/* Userspace's answer is there: what goes on with the instruction; enum run_result or -errno. */
	int (*complete)(struct bellows_vcpu *vcpu);
	struct bellows_view view;
};

static inline struct world *world_of(struct emulator *e)
{
	return container_of(e, struct world, e);
}

extern const struct emulator_ops world_ops;

/* The guest's paging mode, for walks. */
void bellows_guest_paging(struct bellows_vcpu *vcpu, struct bellows_guest_paging *paging);

/* A segment as the emulator has it: any, SEG_LDTR too. */
void world_get_segment(struct bellows_vcpu *vcpu, unsigned int nr,
		       struct emu_segment *seg);
void world_set_segment(struct bellows_vcpu *vcpu, unsigned int nr,
		       const struct emu_segment *seg);
/* Into e->seg[]. */
void world_load_segment(struct emulator *e, unsigned int nr);

static inline void world_fill_io(struct bellows_vcpu *vcpu, u16 port, unsigned int size,
				 unsigned int count, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = PAGE_SIZE;
}

#endif
