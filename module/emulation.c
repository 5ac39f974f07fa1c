// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's world: where its accesses to memory and ports end up, and how
 * an instruction that needs userspace is taken up again.
 *
 * A linear address goes through the guest's own page tables and then to the
 * slots. What is not memory becomes an MMIO exit of at most eight bytes; the
 * emulator's log sees to it that an instruction may need several. The state is
 * copied in before each run and out after it, so that whatever userspace did to
 * the registers in between is respected; if it moved RIP, the instruction is
 * forgotten.
 */
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "debug.h"
#include "emulation.h"
#include "event.h"
#include "fpu.h"
#include "irq/apic.h"
#include "mmu/view.h"

struct emulation {
	struct bellows_emulator e;
	struct bellows_vcpu *vcpu;
	int error;		/* what a callback came back with, for KVM_RUN */
	struct bellows_view view;
};

static struct emulation *emulation_of(struct bellows_emulator *e)
{
	return container_of(e, struct emulation, e);
}

static struct bellows_vcpu *vcpu_of(struct bellows_emulator *e)
{
	return emulation_of(e)->vcpu;
}

/*
 * Memory that could not be had (no frame, a fatal signal) is no fault of the
 * instruction: it stays as it is, log included, and KVM_RUN gives the errno. The
 * next one takes it up again, before the guest can do anything else.
 */
static int give_up(struct bellows_emulator *e, int error)
{
	/* No memory there, or none that can do this: that is about the instruction. */
	if (error == -EFAULT || error == -EINVAL || error == -EOPNOTSUPP)
		return BELLOWS_EMU_UNHANDLEABLE;
	emulation_of(e)->error = error;
	return BELLOWS_EMU_RETRY;
}

static int retry_result(struct bellows_emulator *e)
{
	int error = emulation_of(e)->error;

	emulation_of(e)->error = 0;
	return error;
}

void bellows_guest_paging(struct bellows_vcpu *vcpu, struct bellows_guest_paging *paging)
{
	*paging = (struct bellows_guest_paging) {
		.cr0 = bellows_reg_read(vcpu, BELLOWS_CR0),
		.cr3 = bellows_reg_read(vcpu, BELLOWS_CR3),
		.cr4 = bellows_reg_read(vcpu, BELLOWS_CR4),
		.efer = vcpu->msrs.efer,
		.rflags = bellows_reg_read(vcpu, BELLOWS_RFLAGS),
		.pkru = vcpu->pkru,
		.maxphyaddr = vcpu->maxphyaddr,
		.has_1g_pages = vcpu->has_1g_pages,
	};
}

/* What a walk that did not succeed means for the emulator. */
static int walk_failed(struct bellows_emulator *e, int r, const struct bellows_guest_fault *fault)
{
	if (r == -EAGAIN)
		return BELLOWS_EMU_RETRY;
	if (r < 0)
		return give_up(e, r);
	e->fault = (struct bellows_emu_fault) {
		.vector = X86_TRAP_PF,
		.has_error = true,
		.error = fault->error,
		.address = fault->address,
	};
	return BELLOWS_EMU_FAULT;
}

/* Linear to guest-physical, with the fault for the emulator where there is one. */
static int translate(struct bellows_emulator *e, u64 linear, u32 access, gpa_t *gpa)
{
	struct bellows_guest_paging paging;
	struct bellows_guest_fault fault;
	int r;

	bellows_guest_paging(vcpu_of(e), &paging);
	r = bellows_view_walk(&emulation_of(e)->view, &paging, linear, access, gpa, &fault);
	return r ? walk_failed(e, r, &fault) : BELLOWS_EMU_CONTINUE;
}

static u32 walk_access(unsigned int flags, u32 access)
{
	if (flags & BELLOWS_EMU_FOR_WRITE)
		access = BELLOWS_ACCESS_WRITE;
	if (flags & BELLOWS_EMU_USER)
		access |= BELLOWS_ACCESS_USER;
	if (flags & BELLOWS_EMU_IMPLICIT)
		access |= BELLOWS_ACCESS_IMPLICIT;
	return access;
}

static int emu_fetch(struct bellows_emulator *e, u64 linear, void *buf, unsigned int len)
{
	u32 access = BELLOWS_ACCESS_EXEC | (e->cpl == 3 ? BELLOWS_ACCESS_USER : 0);
	struct bellows_guest_paging paging;
	struct bellows_guest_fault fault;
	int r;

	bellows_guest_paging(vcpu_of(e), &paging);
	r = bellows_view_fetch(&emulation_of(e)->view, &paging, linear, access, buf, len, &fault);
	return r ? walk_failed(e, r, &fault) : BELLOWS_EMU_CONTINUE;
}

static int emu_probe(struct bellows_emulator *e, u64 linear, unsigned int len, unsigned int flags)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	u32 access = walk_access(flags, BELLOWS_ACCESS_READ);
	gpa_t gpa;
	int r = translate(e, linear, access, &gpa);

	if (r != BELLOWS_EMU_CONTINUE)
		return r;
	r = bellows_gpa_probe(&vcpu->vm->mmu, gpa, access);
	return r == BELLOWS_FAULT_DONE ? BELLOWS_EMU_CONTINUE : BELLOWS_EMU_EXIT;
}

static int complete_emulation(struct bellows_vcpu *vcpu);

static int exit_mmio(struct bellows_emulator *e, gpa_t gpa, const void *data, unsigned int len, bool write)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
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
	bellows_expect(vcpu, complete_emulation);
	return BELLOWS_EMU_EXIT;
}

/*
 * Neither memory nor, perhaps, all in one place: what the kernel answered of an
 * access that userspace has the rest of is noted as done, and the instruction
 * runs again to find the rest.
 */
static int do_mmio(struct bellows_emulator *e, gpa_t gpa, void *data, unsigned int len, bool write)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	unsigned int done;

	/* Each vCPU has its own at the same address: it is not on the bus. */
	if (write ? bellows_apic_mmio_write(vcpu, gpa, data, len) :
		    bellows_apic_mmio_read(vcpu, gpa, data, len))
		return BELLOWS_EMU_CONTINUE;
	done = bellows_bus_mmio(&vcpu->vm->buses, gpa, data, len, write);
	if (done == len)
		return BELLOWS_EMU_CONTINUE;
	if (!done)
		return exit_mmio(e, gpa, data, len, write);
	if (done > sizeof(e->pending.data) || e->log_used >= BELLOWS_EMU_LOG)
		return BELLOWS_EMU_UNHANDLEABLE;
	e->pending.size = done;
	bellows_emulator_complete(e, data);
	return BELLOWS_EMU_RETRY;
}

static int emu_read(struct bellows_emulator *e, u64 linear, void *buf, unsigned int len, unsigned int flags)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	gpa_t gpa;
	int r = translate(e, linear, walk_access(flags, BELLOWS_ACCESS_READ), &gpa);

	if (r != BELLOWS_EMU_CONTINUE)
		return r;
	r = bellows_gpa_read(&vcpu->vm->mmu, gpa, buf, len);
	if (!r)
		return BELLOWS_EMU_CONTINUE;
	return r == -EFAULT ? do_mmio(e, gpa, buf, len, false) : give_up(e, r);
}

static int emu_write(struct bellows_emulator *e, u64 linear, const void *buf, unsigned int len,
		     unsigned int flags)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	gpa_t gpa;
	int r = translate(e, linear, walk_access(flags, BELLOWS_ACCESS_WRITE), &gpa);

	if (r != BELLOWS_EMU_CONTINUE)
		return r;
	r = bellows_gpa_write(&vcpu->vm->mmu, gpa, buf, len);
	if (!r)
		return BELLOWS_EMU_CONTINUE;
	return r == -EFAULT ? do_mmio(e, gpa, (void *)buf, len, true) : give_up(e, r);
}

static int emu_exchange(struct bellows_emulator *e, u64 linear, const void *old, const void *new,
		       unsigned int len, unsigned int flags)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	u8 expected[16];
	gpa_t gpa;
	int r = translate(e, linear, walk_access(flags, BELLOWS_ACCESS_WRITE), &gpa);

	if (r != BELLOWS_EMU_CONTINUE)
		return r;
	/*
	 * A device has no locks. An operand in memory that is not aligned is
	 * written without one: other vCPUs may see the instruction in the middle.
	 */
	if ((gpa & (len - 1)) ||
	    bellows_gpa_probe(&vcpu->vm->mmu, gpa, BELLOWS_ACCESS_WRITE) != BELLOWS_FAULT_DONE)
		return emu_write(e, linear, new, len, flags);
	memcpy(expected, old, len);
	r = bellows_gpa_cmpxchg(&vcpu->vm->mmu, gpa, expected, new, len);
	if (r < 0)
		return give_up(e, r);
	return r ? BELLOWS_EMU_RETRY : BELLOWS_EMU_CONTINUE;
}

static void fill_io(struct bellows_vcpu *vcpu, u16 port, unsigned int size, unsigned int count, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = PAGE_SIZE;
}

static int emu_in(struct bellows_emulator *e, u16 port, unsigned int size, unsigned int count, void *data)
{
	unsigned int done = bellows_bus_ports(&vcpu_of(e)->vm->buses, port, size, count, data, true);

	if (done) {
		/* A device that went away in the middle reads as nothing. */
		memset(data + done * size, 0, (count - done) * size);
		return BELLOWS_EMU_CONTINUE;
	}
	fill_io(vcpu_of(e), port, size, count, true);
	bellows_expect(vcpu_of(e), complete_emulation);
	return BELLOWS_EMU_EXIT;
}

static int emu_out(struct bellows_emulator *e, u16 port, unsigned int size, unsigned int count,
		   const void *data)
{
	struct bellows_vcpu *vcpu = vcpu_of(e);
	unsigned int done = bellows_bus_ports(&vcpu->vm->buses, port, size, count, (void *)data, false);

	if (done == count)
		return BELLOWS_EMU_CONTINUE;
	/* A doorbell may wait for the first values only: userspace has the rest. */
	memmove(vcpu->pio_data, data + done * size, (count - done) * size);
	fill_io(vcpu, port, size, count - done, false);
	bellows_expect(vcpu, complete_emulation);
	return BELLOWS_EMU_EXIT;
}

static int emu_get_xmm(struct bellows_emulator *e, unsigned int reg, void *buf)
{
	bellows_fpu_xmm(vcpu_of(e), reg, buf, false);
	return BELLOWS_EMU_CONTINUE;
}

static int emu_set_xmm(struct bellows_emulator *e, unsigned int reg, const void *buf)
{
	u8 copy[16];

	memcpy(copy, buf, sizeof(copy));
	bellows_fpu_xmm(vcpu_of(e), reg, copy, true);
	return BELLOWS_EMU_CONTINUE;
}

static void load_segment(struct bellows_emulator *e, unsigned int nr);

static const struct bellows_emulator_ops emulator_ops = {
	.fetch = emu_fetch,
	.probe = emu_probe,
	.read = emu_read,
	.write = emu_write,
	.exchange = emu_exchange,
	.in = emu_in,
	.out = emu_out,
	.get_xmm = emu_get_xmm,
	.set_xmm = emu_set_xmm,
	.segment = load_segment,
};

static const struct { u16 bit; unsigned int feature; } features[] = {
	{ BELLOWS_EMU_MOVBE,	X86_FEATURE_MOVBE },
	{ BELLOWS_EMU_POPCNT,	X86_FEATURE_POPCNT },
	{ BELLOWS_EMU_LZCNT,	X86_FEATURE_ABM },
	{ BELLOWS_EMU_BMI1,	X86_FEATURE_BMI1 },
	{ BELLOWS_EMU_BMI2,	X86_FEATURE_BMI2 },
	{ BELLOWS_EMU_CX16,	X86_FEATURE_CX16 },
	{ BELLOWS_EMU_LAHF64,	X86_FEATURE_LAHF_LM },
	{ BELLOWS_EMU_SSE42,	X86_FEATURE_XMM4_2 },
	{ BELLOWS_EMU_ADX,	X86_FEATURE_ADX },
	{ BELLOWS_EMU_MOVDIRI,	X86_FEATURE_MOVDIRI },
};

int bellows_emulation_create(struct bellows_vcpu *vcpu)
{
	struct emulation *emulation = kzalloc(sizeof(*emulation), GFP_KERNEL_ACCOUNT);
	size_t i;

	if (!emulation)
		return -ENOMEM;
	emulation->vcpu = vcpu;
	bellows_view_add(&emulation->view, &vcpu->vm->mmu);
	emulation->e.ops = &emulator_ops;
	emulation->e.io_buf = vcpu->pio_data;
	emulation->e.io_buf_size = PAGE_SIZE;
	/* What the real CPU would do with the bytes, not what the guest's CPUID says. */
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (boot_cpu_has(features[i].feature))
			emulation->e.features |= features[i].bit;
	vcpu->emu = &emulation->e;
	return 0;
}

void bellows_emulation_destroy(struct bellows_vcpu *vcpu)
{
	if (!vcpu->emu)
		return;
	bellows_view_remove(&emulation_of(vcpu->emu)->view);
	kfree(emulation_of(vcpu->emu));
	vcpu->emu = NULL;
}

static u32 segment_attributes(const struct kvm_segment *s)
{
	return s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 | s->l << 13 |
	       s->db << 14 | s->g << 15 | (s->unusable ? BELLOWS_ATTR_UNUSABLE : 0);
}

static void load_segment(struct bellows_emulator *e, unsigned int nr)
{
	struct kvm_segment s;

	bellows_backend(get_segment)(vcpu_of(e), nr, &s);
	e->seg[nr] = (struct bellows_emu_segment) {
		.base = s.base,
		.limit = s.limit,
		.attr = segment_attributes(&s),
		.selector = s.selector,
	};
}

/*
 * Few instructions look at more of segments than 64-bit mode does, and reading
 * them is slow. There it is enough to know that this is 64-bit mode.
 */
static void segments_in(struct bellows_vcpu *vcpu)
{
	struct bellows_emulator *e = vcpu->emu;
	unsigned int i;

	e->seg_missing = GENMASK(BELLOWS_TR, 0);
	if (bellows_backend(in_64bit_code)(vcpu)) {
		e->seg[BELLOWS_CS].attr = BELLOWS_ATTR_L | BELLOWS_ATTR_P | BELLOWS_ATTR_S |
					  BELLOWS_ATTR_CODE;
		return;
	}
	for (i = 0; i < BELLOWS_TR; i++)
		load_segment(e, i);
	e->seg_missing = BIT(BELLOWS_TR);
}

/* What fetching and decoding look at. */
static void fetch_state_in(struct bellows_vcpu *vcpu)
{
	struct bellows_emulator *e = vcpu->emu;

	e->rip = bellows_reg_read(vcpu, BELLOWS_RIP);
	e->rflags = bellows_reg_read(vcpu, BELLOWS_RFLAGS);
	e->cr0 = bellows_reg_read(vcpu, BELLOWS_CR0);
	e->cr4 = bellows_reg_read(vcpu, BELLOWS_CR4);
	e->efer = vcpu->msrs.efer;
	e->cpl = bellows_backend(get_cpl)(vcpu);
	segments_in(vcpu);
}

static void registers_in(struct bellows_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < BELLOWS_NR_REGS; i++)
		vcpu->emu->regs[i] = bellows_reg_read(vcpu, i);
}

static void state_in(struct bellows_vcpu *vcpu)
{
	registers_in(vcpu);
	fetch_state_in(vcpu);
}

static void state_out(struct bellows_vcpu *vcpu)
{
	struct bellows_emulator *e = vcpu->emu;
	unsigned int i;

	for (i = 0; i < BELLOWS_NR_REGS; i++)
		if (e->regs[i] != bellows_reg_read(vcpu, i))
			bellows_reg_write(vcpu, i, e->regs[i]);
	if (e->rip != bellows_reg_read(vcpu, BELLOWS_RIP))
		bellows_reg_write(vcpu, BELLOWS_RIP, e->rip);
	if (e->rflags != bellows_reg_read(vcpu, BELLOWS_RFLAGS))
		bellows_reg_write(vcpu, BELLOWS_RFLAGS, e->rflags);
}

static void queue_fault(struct bellows_vcpu *vcpu, const struct bellows_emu_fault *fault)
{
	if (fault->vector == X86_TRAP_PF)
		bellows_queue_page_fault(vcpu, fault->address, fault->error);
	else if (fault->has_error)
		bellows_queue_exception_error(vcpu, fault->vector, fault->error);
	else
		bellows_queue_exception(vcpu, fault->vector);
}

/* Tells userspace which bytes we could not deal with. */
static int cannot_emulate(struct bellows_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	const struct bellows_insn *insn = &vcpu->emu->insn;

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
	bellows_emulator_reset(vcpu->emu);
	return 0;
}

static int emulated(struct bellows_vcpu *vcpu)
{
	u32 events = vcpu->emu->events;

	vcpu->stats.emulated++;
	if (events & BELLOWS_EMU_RETIRED) {
		u32 shadow = events & BELLOWS_EMU_STI_SHADOW ? KVM_X86_SHADOW_INT_STI : 0;

		if (shadow != bellows_backend(get_interrupt_shadow)(vcpu))
			bellows_backend(set_interrupt_shadow)(vcpu, shadow);
	}
	if (events & BELLOWS_EMU_STEP)
		return bellows_handle_db(vcpu, BIT(14));
	return 1;
}

static int resume_emulation(struct bellows_vcpu *vcpu);

static int emulate(struct bellows_vcpu *vcpu)
{
	int r;

	vcpu->l1d_unsafe = true;
	state_in(vcpu);
	r = bellows_emulate_one(vcpu->emu);
	state_out(vcpu);
	switch (r) {
	case BELLOWS_EMU_CONTINUE:
		return emulated(vcpu);
	case BELLOWS_EMU_FAULT:
		queue_fault(vcpu, &vcpu->emu->fault);
		return 1;
	case BELLOWS_EMU_RETRY:
		r = retry_result(vcpu->emu);
		if (!r)
			return 1;
		bellows_expect(vcpu, resume_emulation);
		return r;
	case BELLOWS_EMU_EXIT:
		return 0;
	default:
		return cannot_emulate(vcpu);
	}
}

static int resume_emulation(struct bellows_vcpu *vcpu)
{
	if (bellows_is_expected(vcpu))
		return emulate(vcpu);
	bellows_emulator_reset(vcpu->emu);
	return 1;
}

static int complete_emulation(struct bellows_vcpu *vcpu)
{
	struct bellows_emulator *e = vcpu->emu;

	if (!bellows_is_expected(vcpu) || !bellows_emulator_busy(e)) {
		bellows_emulator_reset(e);
		return 1;
	}
	if (e->pending.kind == BELLOWS_EMU_IN || e->pending.kind == BELLOWS_EMU_OUT)
		bellows_emulator_complete(e, vcpu->pio_data);
	else
		bellows_emulator_complete(e, vcpu->run->mmio.data);
	return emulate(vcpu);
}

/* The code bytes that the CPU has reported, if it did. */
static void bytes_in(struct bellows_vcpu *vcpu)
{
	struct bellows_emulator *e = vcpu->emu;

	e->nr_bytes = 0;
	if (vcpu->exit.reason == BELLOWS_EXIT_NESTED_FAULT && vcpu->exit.fault.insn_bytes) {
		e->nr_bytes = min_t(u8, vcpu->exit.fault.insn_bytes, sizeof(e->bytes));
		memcpy(e->bytes, vcpu->exit.fault.insn, e->nr_bytes);
	}
}

int bellows_emulate_insn(struct bellows_vcpu *vcpu)
{
	/* No reset: what a device answered before a retry is not asked of it again. */
	bytes_in(vcpu);
	return emulate(vcpu);
}

bool bellows_peek_insn(struct bellows_vcpu *vcpu)
{
	bytes_in(vcpu);
	fetch_state_in(vcpu);
	return bellows_emulator_peek(vcpu->emu) == BELLOWS_EMU_CONTINUE;
}

int bellows_decode_current(struct bellows_vcpu *vcpu)
{
	int r;

	vcpu->emu->nr_bytes = 0;
	fetch_state_in(vcpu);
	r = bellows_emulator_decode(vcpu->emu);
	switch (r) {
	case BELLOWS_EMU_CONTINUE:
		return 1;
	case BELLOWS_EMU_FAULT:
		queue_fault(vcpu, &vcpu->emu->fault);
		return -EAGAIN;
	case BELLOWS_EMU_RETRY:
		return retry_result(vcpu->emu) ?: -EAGAIN;
	default:
		return cannot_emulate(vcpu);
	}
}

int bellows_fetch_insn(struct bellows_vcpu *vcpu)
{
	int r = bellows_decode_current(vcpu);

	/* Its address may be asked for. */
	if (r == 1 && vcpu->emu->insn.memory)
		registers_in(vcpu);
	return r;
}

bool bellows_is_same_insn(struct bellows_vcpu *vcpu)
{
	const struct bellows_insn *insn = &vcpu->emu->insn;
	struct bellows_guest_paging paging;
	u32 access = BELLOWS_ACCESS_EXEC;

	if (!insn->length || insn->mode != BELLOWS_MODE_64 || bellows_emulator_busy(vcpu->emu) ||
	    !bellows_backend(in_64bit_code)(vcpu))
		return false;
	if (bellows_backend(get_cpl)(vcpu) == 3)
		access |= BELLOWS_ACCESS_USER;
	/*
	 * CR0 and CR4 as last heard of: the bits that a guest changes without an exit (WP,
	 * PSE) mean nothing to a fetch in this mode. If they differ, the way is not known.
	 */
	paging = (struct bellows_guest_paging) {
		.cr0 = vcpu->regs[BELLOWS_CR0],
		.cr3 = bellows_reg_read(vcpu, BELLOWS_CR3),
		.cr4 = vcpu->regs[BELLOWS_CR4],
		.efer = vcpu->msrs.efer,
		.rflags = bellows_reg_read(vcpu, BELLOWS_RFLAGS),
		.pkru = vcpu->pkru,
		.maxphyaddr = vcpu->maxphyaddr,
		.has_1g_pages = vcpu->has_1g_pages,
	};
	return bellows_view_holds(&emulation_of(vcpu->emu)->view, &paging,
				  bellows_reg_read(vcpu, BELLOWS_RIP), access, insn->bytes,
				  insn->length);
}

void bellows_expect_nothing(struct bellows_vcpu *vcpu)
{
	vcpu->complete = NULL;
	bellows_emulator_reset(vcpu->emu);
}

/* Of value as much counts as the access is wide. */
static int finish_in(struct bellows_vcpu *vcpu, u32 value)
{
	u64 rax = bellows_reg_read(vcpu, BELLOWS_RAX);
	unsigned int size = vcpu->exit.io.size;
	u64 mask = BIT_ULL(size * 8) - 1;

	/* A 32-bit result clears the upper half, shorter ones leave the rest alone. */
	bellows_reg_write(vcpu, BELLOWS_RAX, size < 4 ? (rax & ~mask) | (value & mask) : value);
	return bellows_skip_insn(vcpu);
}

static int complete_in(struct bellows_vcpu *vcpu)
{
	return bellows_is_expected(vcpu) ? finish_in(vcpu, READ_ONCE(*(u32 *)vcpu->pio_data)) : 1;
}

static int complete_out(struct bellows_vcpu *vcpu)
{
	return bellows_is_expected(vcpu) ? bellows_skip_insn(vcpu) : 1;
}

/* 2: nothing in the kernel answers; else as bellows_handle_exit(). */
static noinline int io_in_kernel(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	u32 data = 0;

	if (!exit->io.in)
		data = bellows_reg_read(vcpu, BELLOWS_RAX);
	if (!bellows_bus_ports(&vcpu->vm->buses, exit->io.port, exit->io.size, 1, &data, exit->io.in))
		return 2;
	return exit->io.in ? finish_in(vcpu, data) : bellows_skip_insn(vcpu);
}

static int io_to_user(struct bellows_vcpu *vcpu)
{
	const struct bellows_exit *exit = &vcpu->exit;
	bool in = exit->io.in;

	/* What is behind the element in the buffer nobody reads. */
	if (!in)
		*(u32 *)vcpu->pio_data = bellows_reg_read(vcpu, BELLOWS_RAX) &
					 GENMASK(exit->io.size * 8 - 1, 0);
	fill_io(vcpu, exit->io.port, exit->io.size, 1, in);
	bellows_expect(vcpu, in ? complete_in : complete_out);
	return 0;
}

int bellows_handle_io(struct bellows_vcpu *vcpu)
{
	int r = 2;

	if (vcpu->exit.io.string)
		return bellows_emulate_insn(vcpu);
	if (bellows_bus_used(&vcpu->vm->buses, BELLOWS_BUS_PIO))
		r = io_in_kernel(vcpu);
	return r == 2 ? io_to_user(vcpu) : r;
}
