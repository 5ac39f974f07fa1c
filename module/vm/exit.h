/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_EXIT_H
#define BELLOWS_VM_EXIT_H
/*
 * Why a guest stopped, in words that are the same for VMX and SVM. A backend
 * decodes its hardware's report into this; the handlers know nothing else.
 */
#include "types.h"

/* X(NAME): the order is that of the handler table. */
#define EXIT_REASONS(X)						\
	X(NONE)			/* host interrupt or NMI, already served */	\
	X(CPUID)							\
	X(HLT)								\
	X(IO)								\
	X(RDMSR)							\
	X(WRMSR)							\
	X(CR_ACCESS)							\
	X(DR_ACCESS)							\
	X(NESTED_FAULT)		/* EPT violation, nested #PF */		\
	X(EXCEPTION)		/* one of the intercepted vectors */	\
	X(IRQ_WINDOW)							\
	X(NMI_WINDOW)		/* the guest can take an NMI now */	\
	X(TRIPLE_FAULT)							\
	X(HYPERCALL)		/* VMCALL, VMMCALL */			\
	X(INVALIDATE)		/* INVLPG, INVPCID where intercepted */	\
	X(WBINVD)		/* and INVD */				\
	X(XSETBV)							\
	X(RDTSC)		/* and RDTSCP, where intercepted */	\
	X(RDPMC)							\
	X(MONITOR)							\
	X(EOI)			/* an interrupt ended whose end must be told */	\
	X(MWAIT)							\
	X(PAUSE)							\
	X(TASK_SWITCH)							\
	X(UNDEFINED)		/* an instruction we do not offer: #UD */	\
	X(EMULATE)		/* run it through the emulator */	\
	X(ERROR)		/* found while decoding: .error for KVM_RUN */ \
	X(FAIL_ENTRY)		/* the CPU refused the guest's state */	\
	X(INTERNAL)		/* a report we cannot explain */

#define EXIT_ENUM(name) EXIT_##name,
enum bellows_exit_reason {
	EXIT_REASONS(EXIT_ENUM)
	EXIT_NR
};

enum bellows_event_type {
	BELLOWS_EVENT_INTERRUPT,	/* external */
	BELLOWS_EVENT_NMI,
	BELLOWS_EVENT_EXCEPTION,
	BELLOWS_EVENT_SOFT_INTERRUPT,	/* INT n */
	BELLOWS_EVENT_SOFT_EXCEPTION,	/* INT3, INTO, INT1 */
};

/* An event that the CPU was delivering when the exit came: it must be delivered again. */
struct bellows_vectoring {
	bool valid;
	u8 type;			/* bellows_event_type */
	u8 vector;
	bool has_error;
	u32 error;
	u8 insn_len;			/* soft events: of the INT instruction; 0 unknown */
};

struct bellows_exit {
	enum bellows_exit_reason reason;
	u8 insn_len;			/* of the instruction that exited; 0: the CPU does not say */
	u32 hardware_reason;		/* as the CPU reports it, for KVM_EXIT_UNKNOWN/FAIL_ENTRY and traces */
	struct bellows_vectoring vectoring;
	union {
		struct {
			u16 port;
			u8 size;		/* 1, 2, 4 */
			bool in;
			bool string;
			bool rep;
		} io;
		struct {
			u8 nr;			/* 0, 2, 3, 4, 8 */
			u8 gpr;			/* enum emu_reg number */
			enum { BELLOWS_CR_WRITE, BELLOWS_CR_READ, BELLOWS_CR_CLTS, BELLOWS_CR_LMSW } type;
			u16 lmsw;		/* source operand of LMSW */
		} cr;
		struct {
			u8 nr, gpr;
			bool read;
		} dr;
		struct {
			gpa_t gpa;
			u32 access;		/* ACCESS_READ, _WRITE, _EXEC */
			bool in_tables;		/* while the CPU walked the guest's own tables */
			u8 insn_bytes;		/* SVM decode assist: valid bytes in insn[] */
			u8 insn[15];
		} fault;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 payload;		/* #PF: address; #DB: DR6 bits */
		} exception;
		struct {
			u16 selector;
			u8 source;		/* enum tss_source */
			bool resume;		/* RF is set in the old task's flags */
			bool trap;		/* found out later: the new task wants #DB */
			bool has_error;
			u32 error;
		} task;
		u8 ended_vector;		/* EOI */
		struct {
			u64 reason;		/* hardware_entry_failure_reason */
		} fail;
		int error;			/* -errno */
	};
};

#endif
