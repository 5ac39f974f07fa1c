// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator for a vCPU: its state in and out, what its results mean, and how
 * an instruction that needs userspace is taken up again.
 *
 * The state is copied in before each run and out after it, so that whatever
 * userspace did to the registers in between is respected; if it moved RIP, the
 * instruction is forgotten.
 */
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "exit/emulation.h"
#include "exit/world.h"
#include "guest/debug.h"
#include "mmu/view_walk.h"
#include "vm/event.h"
#include "vm/features.h"
#include "vm/result.h"

int emulation_error(struct bellows_vcpu *vcpu)
{
	struct world *world = world_of(vcpu->emu);
	int error = world->error;

	world->error = 0;
	return error;
}

/*
 * Few instructions look at more of segments than 64-bit mode does, and reading
 * them is slow. There it is enough to know that this is 64-bit mode.
 */
static void emulation_segments_in(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;
	unsigned int i;

	e->seg_missing = GENMASK(SEG_TR, 0);
	if (bellows_backend(in_64bit_code)(vcpu)) {
		e->seg[SEG_CS].attr = SEG_ATTR_L | SEG_ATTR_P | SEG_ATTR_S |
					  SEG_ATTR_CODE;
		return;
	}
	for (i = 0; i < SEG_TR; i++)
		world_load_segment(e, i);
	e->seg_missing = BIT(SEG_TR);
}

/* What fetching and decoding look at. */
static void emulation_fetch_state_in(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;

	e->rip = bellows_reg_read(vcpu, VCPU_RIP);
	e->rflags = bellows_reg_read(vcpu, VCPU_RFLAGS);
	e->cr0 = bellows_reg_read(vcpu, VCPU_CR0);
	e->cr4 = bellows_reg_read(vcpu, VCPU_CR4);
	e->efer = vcpu->msrs.efer;
	e->cpl = bellows_backend(get_cpl)(vcpu);
	emulation_segments_in(vcpu);
}

static void emulation_registers_in(struct bellows_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		vcpu->emu->regs[i] = bellows_reg_read(vcpu, i);
}

static void emulation_insn_state_in(struct bellows_vcpu *vcpu)
{
	emulation_registers_in(vcpu);
	emulation_fetch_state_in(vcpu);
}

void emulation_state_in(struct bellows_vcpu *vcpu)
{
	unsigned int i;

	lockdep_assert_loaded(vcpu);
	emu_reset(vcpu->emu);
	emulation_insn_state_in(vcpu);
	for (i = 0; i <= SEG_TR; i++)
		if (vcpu->emu->seg_missing & BIT(i))
			world_load_segment(vcpu->emu, i);
	vcpu->emu->seg_missing = 0;
}

void emulation_state_out(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;
	unsigned int i;

	lockdep_assert_loaded(vcpu);
	for (i = 0; i < NR_GPRS; i++)
		if (e->regs[i] != bellows_reg_read(vcpu, i))
			bellows_reg_write(vcpu, i, e->regs[i]);
	if (e->rip != bellows_reg_read(vcpu, VCPU_RIP))
		bellows_reg_write(vcpu, VCPU_RIP, e->rip);
	if (e->rflags != bellows_reg_read(vcpu, VCPU_RFLAGS))
		bellows_reg_write(vcpu, VCPU_RFLAGS, e->rflags);
}

void emulation_queue_fault(struct bellows_vcpu *vcpu)
{
	const struct emu_fault *fault = &vcpu->emu->fault;

	if (fault->vector == X86_TRAP_PF)
		bellows_queue_page_fault(vcpu, fault->address, fault->error);
	else if (fault->has_error)
		bellows_queue_exception_error(vcpu, fault->vector, fault->error);
	else
		bellows_queue_exception(vcpu, fault->vector);
}

/* Tells userspace which bytes we could not deal with. */
static int emulation_failed(struct bellows_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	const struct emu_insn *insn = &vcpu->emu->insn;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 0;
	run->emulation_failure.flags = 0;
	if (insn->length) {
		run->emulation_failure.ndata = 3;
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = insn->length;
		memset(run->emulation_failure.insn_bytes, 0x90, sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, insn->bytes, insn->length);
	}
	emu_reset(vcpu->emu);
	return RUN_TO_USER;
}

static int emulation_done(struct bellows_vcpu *vcpu)
{
	u32 events = vcpu->emu->events;

	vcpu->stats.emulated++;
	if (events & EMU_RETIRED) {
		u32 shadow = events & EMU_STI_SHADOW ? KVM_X86_SHADOW_INT_STI : 0;

		if (shadow != bellows_backend(get_interrupt_shadow)(vcpu))
			bellows_backend(set_interrupt_shadow)(vcpu, shadow);
	}
	if (events & EMU_STEP)
		return bellows_handle_db(vcpu, BIT(14));
	return RUN_ENTER;
}

static int emulation_resume(struct bellows_vcpu *vcpu);

static int emulation_run(struct bellows_vcpu *vcpu)
{
	int r;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	vcpu->l1d_unsafe = true;
	emulation_insn_state_in(vcpu);
	r = emulate_one(vcpu->emu);
	emulation_state_out(vcpu);
	switch (r) {
	case EMU_CONTINUE:
		return emulation_done(vcpu);
	case EMU_FAULT:
		emulation_queue_fault(vcpu);
		return RUN_ENTER;
	case EMU_RETRY:
		r = emulation_error(vcpu);
		if (!r)
			return RUN_ENTER;
		bellows_expect(vcpu, emulation_resume);
		return r;
	case EMU_EXIT:
		return RUN_TO_USER;
	default:
		return emulation_failed(vcpu);
	}
}

static int emulation_resume(struct bellows_vcpu *vcpu)
{
	if (bellows_is_expected(vcpu))
		return emulation_run(vcpu);
	emu_reset(vcpu->emu);
	return RUN_ENTER;
}

static int emulation_complete(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;

	if (!bellows_is_expected(vcpu) || !emu_busy(e)) {
		emu_reset(e);
		return RUN_ENTER;
	}
	if (e->pending.kind == EMU_IN || e->pending.kind == EMU_OUT)
		emu_complete(e, vcpu->pio_data);
	else
		emu_complete(e, vcpu->run->mmio.data);
	return emulation_run(vcpu);
}

static const struct { u16 bit; unsigned int feature; } features[] = {
	{ EMU_MOVBE,	X86_FEATURE_MOVBE },
	{ EMU_POPCNT,	X86_FEATURE_POPCNT },
	{ EMU_LZCNT,	X86_FEATURE_ABM },
	{ EMU_BMI1,	X86_FEATURE_BMI1 },
	{ EMU_BMI2,	X86_FEATURE_BMI2 },
	{ EMU_CX16,	X86_FEATURE_CX16 },
	{ EMU_LAHF64,	X86_FEATURE_LAHF_LM },
	{ EMU_SSE42,	X86_FEATURE_XMM4_2 },
	{ EMU_ADX,	X86_FEATURE_ADX },
	{ EMU_MOVDIRI,	X86_FEATURE_MOVDIRI },
};

int bellows_emulation_create(struct bellows_vcpu *vcpu)
{
	struct world *world = kzalloc(sizeof(*world), GFP_KERNEL_ACCOUNT);
	size_t i;

	lockdep_assert_held(&vcpu->vm->lock);
	if (!world)
		return -ENOMEM;
	world->vcpu = vcpu;
	world->complete = emulation_complete;
	bellows_view_add(&world->view, &vcpu->vm->mmu);
	world->e.ops = &world_ops;
	world->e.io_buf = vcpu->pio_data;
	world->e.io_buf_size = PAGE_SIZE;
	/* What the real CPU would do with the bytes, not what the guest's CPUID says. */
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (boot_cpu_has(features[i].feature))
			world->e.features |= features[i].bit;
	/* But where vendors differ, what the guest expects of the one that it sees. */
	emu_set_amd(&world->e, bellows_guest_is_amd(vcpu));
	vcpu->emu = &world->e;
	return 0;
}

void bellows_emulation_destroy(struct bellows_vcpu *vcpu)
{
	if (!vcpu->emu)
		return;
	bellows_view_remove(&world_of(vcpu->emu)->view);
	kfree(world_of(vcpu->emu));
	vcpu->emu = NULL;
}

/* The code bytes that the CPU has reported, if it did. */
static void emulation_bytes_in(struct bellows_vcpu *vcpu)
{
	struct emulator *e = vcpu->emu;

	e->nr_bytes = 0;
	if (vcpu->exit.reason == EXIT_NESTED_FAULT && vcpu->exit.fault.insn_bytes) {
		e->nr_bytes = min_t(u8, vcpu->exit.fault.insn_bytes, sizeof(e->bytes));
		memcpy(e->bytes, vcpu->exit.fault.insn, e->nr_bytes);
	}
}

int emulation_insn(struct bellows_vcpu *vcpu)
{
	/* No reset: what a device answered before a retry is not asked of it again. */
	emulation_bytes_in(vcpu);
	return emulation_run(vcpu);
}

bool emulation_peek(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	emulation_bytes_in(vcpu);
	emulation_fetch_state_in(vcpu);
	return emu_peek(vcpu->emu) == EMU_CONTINUE;
}

int emulation_decode(struct bellows_vcpu *vcpu)
{
	int r;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	vcpu->emu->nr_bytes = 0;
	emulation_fetch_state_in(vcpu);
	r = emu_decode(vcpu->emu);
	switch (r) {
	case EMU_CONTINUE:
		return INSN_KNOWN;
	case EMU_FAULT:
		emulation_queue_fault(vcpu);
		return -EAGAIN;
	case EMU_RETRY:
		return emulation_error(vcpu) ?: -EAGAIN;
	default:
		return emulation_failed(vcpu);
	}
}

int bellows_fetch_insn(struct bellows_vcpu *vcpu)
{
	int r = emulation_decode(vcpu);

	/* Its address may be asked for. */
	if (r == INSN_KNOWN && vcpu->emu->insn.memory)
		emulation_registers_in(vcpu);
	return r;
}

bool bellows_is_same_insn(struct bellows_vcpu *vcpu)
{
	const struct emu_insn *insn = &vcpu->emu->insn;
	struct bellows_guest_paging paging;
	u32 access = ACCESS_EXEC;

	lockdep_assert_loaded(vcpu);
	if (!insn->length || insn->mode != MODE_64 || emu_busy(vcpu->emu) ||
	    !bellows_backend(in_64bit_code)(vcpu))
		return false;
	if (bellows_backend(get_cpl)(vcpu) == 3)
		access |= ACCESS_USER;
	/*
	 * CR0 and CR4 as last heard of: the bits that a guest changes without an exit (WP,
	 * PSE) mean nothing to a fetch in this mode. If they differ, the way is not known.
	 */
	paging = (struct bellows_guest_paging) {
		.cr0 = vcpu->regs[VCPU_CR0],
		.cr3 = bellows_reg_read(vcpu, VCPU_CR3),
		.cr4 = vcpu->regs[VCPU_CR4],
		.efer = vcpu->msrs.efer,
		.rflags = bellows_reg_read(vcpu, VCPU_RFLAGS),
		.pkru = vcpu->pkru,
		.maxphyaddr = vcpu->maxphyaddr,
		.has_1g_pages = vcpu->has_1g_pages,
	};
	return bellows_view_holds(&world_of(vcpu->emu)->view, &paging,
				  bellows_reg_read(vcpu, VCPU_RIP), access, insn->bytes,
				  insn->length);
}

void bellows_expect_nothing(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	vcpu->complete = NULL;
	emu_reset(vcpu->emu);
}
