// SPDX-License-Identifier: GPL-2.0
/*
 * Where the emulator's accesses to memory and ports end up.
 *
 * A linear address goes through the guest's own page tables and then to the
 * slots. What is not memory becomes an MMIO exit of at most eight bytes; the
 * emulator's log sees to it that an instruction may need several.
 */
#include <linux/string.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "exit/world.h"
#include "guest/fpu.h"
#include "io/bus.h"
#include "irq/apic_access.h"
#include "mmu/view.h"
#include "mmu/view_walk.h"

/* The vCPU whose instruction is emulated, on its own thread. */
static struct bellows_vcpu *world_vcpu(struct emulator *e)
{
	struct bellows_vcpu *vcpu = world_of(e)->vcpu;

	lockdep_assert_loaded(vcpu);
	return vcpu;
}

/*
 * Memory that could not be had (no frame, a fatal signal) is no fault of the
 * instruction: it stays as it is, log included, and KVM_RUN gives the errno. The
 * next one takes it up again, before the guest can do anything else.
 */
static int world_give_up(struct emulator *e, int error)
{
	/* No memory there, or none that can do this: that is about the instruction. */
	if (error == -EFAULT || error == -EINVAL || error == -EOPNOTSUPP)
		return EMU_UNHANDLEABLE;
	world_of(e)->error = error;
	return EMU_RETRY;
}

void bellows_guest_paging(struct bellows_vcpu *vcpu, struct bellows_guest_paging *paging)
{
	lockdep_assert_loaded(vcpu);
	*paging = (struct bellows_guest_paging) {
		.cr0 = bellows_reg_read(vcpu, VCPU_CR0),
		.cr3 = bellows_reg_read(vcpu, VCPU_CR3),
		.cr4 = bellows_reg_read(vcpu, VCPU_CR4),
		.efer = vcpu->msrs.efer,
		.rflags = bellows_reg_read(vcpu, VCPU_RFLAGS),
		.pkru = vcpu->pkru,
		.maxphyaddr = vcpu->maxphyaddr,
		.has_1g_pages = vcpu->has_1g_pages,
	};
}

/* What a walk that did not succeed means for the emulator. */
static int world_walk_failed(struct emulator *e, int r,
			     const struct bellows_guest_fault *fault)
{
	if (r == -EAGAIN)
		return EMU_RETRY;
	if (r < 0)
		return world_give_up(e, r);
	e->fault = (struct emu_fault) {
		.vector = X86_TRAP_PF,
		.has_error = true,
		.error = fault->error,
		.address = fault->address,
	};
	return EMU_FAULT;
}

/* Linear to guest-physical, with the fault for the emulator where there is one. */
static int world_translate(struct emulator *e, u64 linear, u32 access, gpa_t *gpa)
{
	struct bellows_guest_paging paging;
	struct bellows_guest_fault fault;
	int r;

	bellows_guest_paging(world_vcpu(e), &paging);
	r = bellows_view_walk(&world_of(e)->view, &paging, linear, access, gpa, &fault);
	return r ? world_walk_failed(e, r, &fault) : EMU_CONTINUE;
}

static u32 world_walk_access(unsigned int flags, u32 access)
{
	if (flags & EMU_FOR_WRITE)
		access = ACCESS_WRITE;
	if (flags & EMU_USER)
		access |= ACCESS_USER;
	if (flags & EMU_IMPLICIT)
		access |= ACCESS_IMPLICIT;
	return access;
}

static int world_fetch(struct emulator *e, u64 linear, void *buf, unsigned int len)
{
	u32 access = ACCESS_EXEC | (e->cpl == 3 ? ACCESS_USER : 0);
	struct bellows_guest_paging paging;
	struct bellows_guest_fault fault;
	int r;

	bellows_guest_paging(world_vcpu(e), &paging);
	r = bellows_view_fetch(&world_of(e)->view, &paging, linear, access, buf, len, &fault);
	return r ? world_walk_failed(e, r, &fault) : EMU_CONTINUE;
}

static int world_probe(struct emulator *e, u64 linear, unsigned int len, unsigned int flags)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	u32 access = world_walk_access(flags, ACCESS_READ);
	gpa_t gpa;
	int r = world_translate(e, linear, access, &gpa);

	if (r != EMU_CONTINUE)
		return r;
	r = bellows_gpa_probe(&vcpu->vm->mmu, gpa, access);
	return r == BELLOWS_FAULT_DONE ? EMU_CONTINUE : EMU_EXIT;
}

static int world_mmio_to_user(struct emulator *e, gpa_t gpa, const void *data,
			      unsigned int len, bool write)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	struct kvm_run *run = vcpu->run;

	len = bellows_mmio_piece(gpa, len);
	e->pending.size = len;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (write)
		memcpy(run->mmio.data, data, len);
	bellows_expect(vcpu, world_of(e)->complete);
	return EMU_EXIT;
}

/*
 * Neither memory nor, perhaps, all in one place: what the kernel answered of an
 * access that userspace has the rest of is noted as done, and the instruction
 * runs again to find the rest.
 */
static int world_mmio(struct emulator *e, gpa_t gpa, void *data, unsigned int len,
		      bool write)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	unsigned int done;

	/* Each vCPU has its own at the same address: it is not on the bus. */
	if (write ? bellows_apic_mmio_write(vcpu, gpa, data, len) :
		    bellows_apic_mmio_read(vcpu, gpa, data, len))
		return EMU_CONTINUE;
	done = bellows_bus_mmio(&vcpu->vm->buses, gpa, data, len, write);
	if (done == len)
		return EMU_CONTINUE;
	if (!done)
		return world_mmio_to_user(e, gpa, data, len, write);
	if (done > sizeof(e->pending.data) || e->log_used >= EMU_LOG)
		return EMU_UNHANDLEABLE;
	e->pending.size = done;
	emu_complete(e, data);
	return EMU_RETRY;
}

static int world_read(struct emulator *e, u64 linear, void *buf, unsigned int len,
		      unsigned int flags)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	gpa_t gpa;
	int r = world_translate(e, linear, world_walk_access(flags, ACCESS_READ), &gpa);

	if (r != EMU_CONTINUE)
		return r;
	r = bellows_gpa_read(&vcpu->vm->mmu, gpa, buf, len);
	if (!r)
		return EMU_CONTINUE;
	return r == -EFAULT ? world_mmio(e, gpa, buf, len, false) : world_give_up(e, r);
}

static int world_write(struct emulator *e, u64 linear, const void *buf, unsigned int len,
		       unsigned int flags)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	gpa_t gpa;
	int r = world_translate(e, linear, world_walk_access(flags, ACCESS_WRITE), &gpa);

	if (r != EMU_CONTINUE)
		return r;
	r = bellows_gpa_write(&vcpu->vm->mmu, gpa, buf, len);
	if (!r)
		return EMU_CONTINUE;
	return r == -EFAULT ? world_mmio(e, gpa, (void *)buf, len, true) : world_give_up(e, r);
}

static int world_exchange(struct emulator *e, u64 linear, const void *old, const void *new,
		       unsigned int len, unsigned int flags)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	u8 expected[16];
	gpa_t gpa;
	int r = world_translate(e, linear, world_walk_access(flags, ACCESS_WRITE), &gpa);

	if (r != EMU_CONTINUE)
		return r;
	/*
	 * A device has no locks. An operand in memory that is not aligned is
	 * written without one: other vCPUs may see the instruction in the middle.
	 */
	if ((gpa & (len - 1)) ||
	    bellows_gpa_probe(&vcpu->vm->mmu, gpa, ACCESS_WRITE) != BELLOWS_FAULT_DONE)
		return world_write(e, linear, new, len, flags);
	memcpy(expected, old, len);
	r = bellows_gpa_cmpxchg(&vcpu->vm->mmu, gpa, expected, new, len);
	if (r < 0)
		return world_give_up(e, r);
	return r ? EMU_RETRY : EMU_CONTINUE;
}

static int world_in(struct emulator *e, u16 port, unsigned int size, unsigned int count,
		    void *data)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	unsigned int done = bellows_bus_ports(&vcpu->vm->buses, port, size, count, data, true);

	if (done) {
		/* A device that went away in the middle reads as nothing. */
		memset(data + done * size, 0, (count - done) * size);
		return EMU_CONTINUE;
	}
	world_fill_io(vcpu, port, size, count, true);
	bellows_expect(vcpu, world_of(e)->complete);
	return EMU_EXIT;
}

static int world_out(struct emulator *e, u16 port, unsigned int size, unsigned int count,
		     const void *data)
{
	struct bellows_vcpu *vcpu = world_vcpu(e);
	unsigned int done = bellows_bus_ports(&vcpu->vm->buses, port, size, count, (void *)data, false);

	if (done == count)
		return EMU_CONTINUE;
	/* A doorbell may wait for the first values only: userspace has the rest. */
	memmove(vcpu->pio_data, data + done * size, (count - done) * size);
	world_fill_io(vcpu, port, size, count - done, false);
	bellows_expect(vcpu, world_of(e)->complete);
	return EMU_EXIT;
}

static int world_get_xmm(struct emulator *e, unsigned int reg, void *buf)
{
	bellows_fpu_xmm(world_vcpu(e), reg, buf, false);
	return EMU_CONTINUE;
}

static int world_set_xmm(struct emulator *e, unsigned int reg, const void *buf)
{
	u8 copy[16];

	memcpy(copy, buf, sizeof(copy));
	bellows_fpu_xmm(world_vcpu(e), reg, copy, true);
	return EMU_CONTINUE;
}

static u32 world_segment_attributes(const struct kvm_segment *s)
{
	return s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 | s->l << 13 |
	       s->db << 14 | s->g << 15 | (s->unusable ? SEG_ATTR_UNUSABLE : 0);
}

void world_get_segment(struct bellows_vcpu *vcpu, unsigned int nr,
		       struct emu_segment *seg)
{
	struct kvm_segment s;

	bellows_backend(get_segment)(vcpu, nr, &s);
	*seg = (struct emu_segment) {
		.base = s.base,
		.limit = s.limit,
		.attr = world_segment_attributes(&s),
		.selector = s.selector,
	};
}

void world_set_segment(struct bellows_vcpu *vcpu, unsigned int nr,
		       const struct emu_segment *seg)
{
	u32 attr = seg->attr;
	struct kvm_segment s = {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.type = attr & SEG_ATTR_TYPE,
		.s = !!(attr & SEG_ATTR_S),
		.dpl = (attr & SEG_ATTR_DPL) >> 5,
		.present = !!(attr & SEG_ATTR_P),
		.avl = !!(attr & SEG_ATTR_AVL),
		.l = !!(attr & SEG_ATTR_L),
		.db = !!(attr & SEG_ATTR_DB),
		.g = !!(attr & SEG_ATTR_G),
		.unusable = !!(attr & SEG_ATTR_UNUSABLE),
	};

	bellows_backend(set_segment)(vcpu, nr, &s);
}

void world_load_segment(struct emulator *e, unsigned int nr)
{
	world_get_segment(world_vcpu(e), nr, &e->seg[nr]);
}

const struct emulator_ops world_ops = {
	.fetch = world_fetch,
	.probe = world_probe,
	.read = world_read,
	.write = world_write,
	.exchange = world_exchange,
	.in = world_in,
	.out = world_out,
	.get_xmm = world_get_xmm,
	.set_xmm = world_set_xmm,
	.segment = world_load_segment,
};
