/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instruction emulator: executes one guest instruction, or some iterations
 * of a repeated one, on state that its owner (the vCPU) has put into a struct.
 *
 * Everything outside that struct is reached through callbacks which the owner
 * supplies. The emulator does not know about page tables, guest physical
 * addresses, locks or userspace.
 *
 * The owner's side, in order:
 *
 *  1. Fill in regs, rip, rflags, cr0, cr4, efer, cpl, seg[], seg_missing, features, ops, once
 *     per call. The remaining members belong to the emulator.
 *  2. Call emulate_one().
 *  3. Whatever it returns, write regs, rip and rflags back to the guest: they
 *     are a valid state between two instructions or two REP iterations. An
 *     instruction without REP changes them only with CONTINUE.
 *  4. Act on the result:
 *     CONTINUE      Done. Look at @events. RIP may still be at the instruction
 *                   when REP has iterations left: just enter the guest again.
 *     FAULT         Inject @fault.
 *     EXIT          A callback needs userspace; see below.
 *     RETRY         Nothing happened, enter the guest again.
 *     UNHANDLEABLE  Not an instruction for this emulator, or a callback gave up.
 *                   @insn tells what it is when insn.length is not zero.
 *
 * Restart protocol. An access that only userspace can answer can't be waited
 * for: the thread leaves the kernel in the middle of an instruction. So the
 * callback starts the exit (it fills in struct kvm_run) and returns EXIT, and
 * emulate_one() returns it too, with @pending describing the access. When the
 * vCPU runs again, its owner calls emu_complete() with the data, and then
 * emulate_one() again, on the same guest state. The instruction starts afresh,
 * but what it has already done is answered from @log, in order: reads get the
 * same data (of memory too, so that nothing can change between two runs),
 * writes are not repeated. Thus an instruction may take any number of exits:
 * MOVS from MMIO to MMIO, XCHG with MMIO, SSE moves of 16 bytes, accesses that
 * cross a page. When the state is replaced in between (KVM_SET_REGS, reset),
 * call emu_reset(); a call with another RIP than that of the waiting
 * instruction does so by itself.
 */
#ifndef BELLOWS_EMULATE_EMULATE_H
#define BELLOWS_EMULATE_EMULATE_H

#include "emulate/insn.h"

enum emu_result {
	EMU_CONTINUE,
	EMU_FAULT,
	EMU_EXIT,
	EMU_RETRY,
	EMU_UNHANDLEABLE,
};

/*
 * A segment register. @limit is in bytes, granularity applied. @attr has the
 * layout of the second half of a descriptor, shifted right by 8, which is also
 * that of the VMCS access rights.
 */
struct emu_segment {
	u64 base;
	u32 limit;
	u32 attr;
	u16 selector;
};

#define SEG_ATTR_TYPE		0x0000f
#define SEG_ATTR_ACCESSED	0x00001
#define SEG_ATTR_WRITABLE	0x00002	/* data; readable for code */
#define SEG_ATTR_DOWN		0x00004	/* data: expands down */
#define SEG_ATTR_CODE		0x00008
#define SEG_ATTR_S		0x00010	/* code or data, not system */
#define SEG_ATTR_DPL		0x00060
#define SEG_ATTR_P		0x00080
#define SEG_ATTR_AVL		0x01000
#define SEG_ATTR_L		0x02000
#define SEG_ATTR_DB		0x04000
#define SEG_ATTR_G		0x08000
#define SEG_ATTR_UNUSABLE	0x10000

struct emu_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 address;		/* CR2 of a page fault */
};

/* Kinds of accesses, in struct emu_access. */
enum emu_kind {
	EMU_READ,
	EMU_WRITE,
	EMU_IN,
	EMU_OUT,
};

/**
 * struct emu_access - one access, done or pending
 * @address: linear address, or port
 * @kind: enum emu_kind
 * @size: bytes of memory; for ports, of one element
 * @count: elements, 1 but for string I/O
 * @data: of reads and single IN that were done
 */
struct emu_access {
	u64 address;
	u8 kind;
	u8 size;
	u16 count;
	u8 data[16];
};

#define EMU_LOG		8

/* Flags of memory accesses. */
#define EMU_USER	0x1	/* checked as a user access: CPL 3 */
#define EMU_FOR_WRITE	0x2	/* the page must be writable: always so
				 * for writes, and for reads whose
				 * result will be written back
				 */
#define EMU_IMPLICIT	0x4	/* of a system table, by the CPU itself */
#define EMU_LOCKED	0x8	/* part of a locked read-modify-write */

/* What the CPU offers; without a bit the instruction is #UD, or its ancestor. */
#define EMU_MOVBE	0x001
#define EMU_POPCNT	0x002
#define EMU_LZCNT	0x004	/* else BSR */
#define EMU_BMI1	0x008	/* TZCNT is BSF without it */
#define EMU_BMI2	0x010
#define EMU_CX16	0x020
#define EMU_LAHF64	0x040
#define EMU_SSE42	0x080	/* CRC32 */
#define EMU_ADX		0x100
#define EMU_MOVDIRI	0x200

/* Where manuals leave a choice, or vendors differ; without a bit as Intel has it. */
#define EMU_SSE_AC	0x400	/* SSE moves of 16 bytes that need not be
				 * aligned raise #AC as others do
				 */
#define EMU_MOVSXD_4	0x800	/* MOVSXD of 16 bits reads 4 bytes, not 2 */
#define EMU_AMD		(EMU_SSE_AC | EMU_MOVSXD_4)

/* Of the instruction that was executed, valid with CONTINUE. */
#define EMU_RETIRED	0x1	/* RIP moved on (REP: all done) */
#define EMU_STEP	0x2	/* TF was set: inject #DB with DR6.BS */
#define EMU_STI_SHADOW	0x4	/* interrupts wait one instruction */

struct emulator;

/**
 * struct emulator_ops - the world outside
 *
 * All return enum emu_result. None crosses a page boundary, unless
 * count says so (ports). FAULT means that @fault of the emulator was filled in.
 *
 * @fetch: read code bytes; len is what is left up to the page's end, at most 15
 * @probe: would this access succeed? FAULT like the access itself would give it,
 *	CONTINUE when it is ordinary memory, EXIT when it needs userspace. Nothing
 *	else may happen (accessed and dirty bits may be set).
 * @read, @write: up to 16 bytes, or up to a page for string I/O when probe said
 *	CONTINUE. An EXIT may be for a shorter piece than asked: the callback then
 *	lowers pending.size, and is called for the rest later.
 * @exchange: replace *old by *new atomically, 1 to 16 bytes, naturally aligned or
 *	at least inside a page; RETRY when memory does not hold *old. On memory
 *	that is not RAM, write *new like @write does.
 * @in, @out: port I/O, count elements of size 1, 2 or 4 at data. An EXIT of @in
 *	with count above 1 leaves its data in @io_buf; @data points there for such.
 * @get_xmm, @set_xmm: 16 bytes; set must leave the upper halves alone
 * @segment: fill in seg[nr], which the owner has listed in seg_missing
 */
struct emulator_ops {
	int (*fetch)(struct emulator *e, u64 linear, void *buf,
		     unsigned int len);
	int (*probe)(struct emulator *e, u64 linear, unsigned int len,
		     unsigned int flags);
	int (*read)(struct emulator *e, u64 linear, void *buf,
		    unsigned int len, unsigned int flags);
	int (*write)(struct emulator *e, u64 linear, const void *buf,
		     unsigned int len, unsigned int flags);
	int (*exchange)(struct emulator *e, u64 linear, const void *old,
			const void *new, unsigned int len, unsigned int flags);
	int (*in)(struct emulator *e, u16 port, unsigned int size,
		  unsigned int count, void *data);
	int (*out)(struct emulator *e, u16 port, unsigned int size,
		   unsigned int count, const void *data);
	int (*get_xmm)(struct emulator *e, unsigned int reg, void *buf);
	int (*set_xmm)(struct emulator *e, unsigned int reg,
		       const void *buf);
	void (*segment)(struct emulator *e, unsigned int nr);
};

/**
 * struct emulator - state of one vCPU as the emulator sees it
 *
 * Owner's, in:
 * @ops: callbacks
 * @features: EMU_MOVBE and so on, of the CPU that runs the guest;
 *	EMU_AMD, of the CPU that the guest is told it has
 * @io_buf, @io_buf_size: where string I/O collects data, at least 16 bytes;
 *	typically the page that struct kvm_run shows to userspace
 * @cpl: current privilege level
 * @regs: general registers in the order of their numbers
 * @rip, @rflags, @cr0, @cr4, @efer: as named
 * @seg: ES, CS, SS, DS, FS, GS, TR
 * @seg_missing: BIT(nr) of those that are not filled in, for an owner that pays for
 *	each. In 64-bit mode all may be missing, if attr of CS is there
 *	nevertheless; in other modes none but TR
 * @bytes, @nr_bytes: code bytes at RIP that are already known (decode assists),
 *	or nr_bytes zero. Consumed by each call that returns anything but EXIT.
 *
 * Emulator's, out:
 * @insn: the instruction; insn.length is 0 when it could not be decoded
 * @fault: with FAULT
 * @events: with CONTINUE
 * @pending: with EXIT
 *
 * Private: the log of the restart protocol. It is forgotten when the next
 *	instruction is elsewhere. When something else may run in between (an
 *	event is delivered) and come by the same place, the owner resets.
 */
struct emulator {
	const struct emulator_ops *ops;
	void *io_buf;
	u16 io_buf_size;
	u16 features;
	u8 cpl;
	u8 nr_bytes;
	u8 bytes[EMU_INSN_MAX];
	u64 regs[NR_GPRS];
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr4;
	u64 efer;
	struct emu_segment seg[NR_SEGS + 1];
	u8 seg_missing;

	struct emu_insn insn;
	struct emu_fault fault;
	u32 events;
	struct emu_access pending;

	struct emu_access log[EMU_LOG];
	u64 log_rip, log_cs;	/* whose log it is: RIP, and the base of CS */
	u8 log_used;		/* entries in the log */
	u8 log_next;		/* next to be replayed */
	bool log_overflow;	/* something done is not in the log */
};

/* The mode of the code segment. */
enum emu_insn_mode emu_mode(const struct emulator *e);

/**
 * emu_decode() - fetch and decode the instruction at RIP
 *
 * For exit handlers that need its length or its operands (CPUs without NRIP
 * save or decode assists). Return: CONTINUE, with @insn set; FAULT when the CPU
 * would fault (#UD, #GP, or what the fetch callback reports); RETRY, or
 * UNHANDLEABLE from the callback.
 */
int emu_decode(struct emulator *e);

/*
 * The same, and the bytes stay known: emulate_one() may follow, on the
 * same state.
 */
int emu_peek(struct emulator *e);

/**
 * struct emu_move - an instruction that moves 1 to 8 bytes to or from memory
 * @write: to memory
 * @signs: what is read is sign-extended, else zero-extended
 * @high: of the register, bits 8 to 15 are meant
 * @size: of the access
 * @reg_size: how much of the register is replaced; 4 clears the rest
 * @reg: NO_GPR: an immediate is written
 */
struct emu_move {
	bool write;
	bool signs;
	bool high;
	u8 size;
	u8 reg_size;
	u8 reg;
};

/* Is it a move, and of what kind? */
bool emu_insn_is_move(const struct emu_insn *insn, struct emu_move *move);
/* What a writing move writes. @regs: at least the registers that the instruction names. */
u64 emu_move_value(const struct emu_insn *insn, const struct emu_move *move,
		   const u64 *regs);
/* What becomes of the register when a reading move has read @value. */
u64 emu_move_result(const struct emu_move *move, u64 old, u64 value);
/* Offset of the memory operand in its segment (but for bit strings). */
u64 emu_insn_offset(const struct emu_insn *insn, const u64 *regs, u64 rip);

/* Let RIP move past @insn, and clear RF, as if it had been executed. */
void emu_skip(struct emulator *e);

/*
 * Linear address of @insn's memory operand (INVLPG, for one), without any check
 * of limits. Meaningful if insn.memory.
 */
u64 emu_address(struct emulator *e);

/**
 * emulate_one() - execute the instruction at RIP
 *
 * Return: enum emu_result, see the top of this file.
 */
int emulate_one(struct emulator *e);

/**
 * emu_complete() - the pending access was carried out
 * @data: what was read, pending.size bytes (for IN pending.size * pending.count,
 *	and then @data may be io_buf itself); ignored for writes
 */
void emu_complete(struct emulator *e, const void *data);

/* True if emulate_one() knows how to execute it. */
bool emu_op_emulated(enum emu_op op);

/* Forget a half-executed instruction: the vCPU state was replaced. */
void emu_reset(struct emulator *e);

/* Be a CPU of AMD's where vendors differ, or one of Intel's. */
static inline void emu_set_amd(struct emulator *e, bool amd)
{
	e->features &= ~EMU_AMD;
	e->features |= amd ? EMU_AMD : 0;
}

/* True while an instruction waits for userspace. */
static inline bool emu_busy(const struct emulator *e)
{
	return e->pending.size != 0 || e->log_used != 0;
}

#endif /* BELLOWS_EMULATE_EMULATE_H */
