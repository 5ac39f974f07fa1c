/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_VMCB_H
#define BELLOWS_SVM_VMCB_H
/*
 * The virtual machine control block: the page of memory through which software
 * and an SVM processor talk about a guest (AMD64 Architecture Programmer's
 * Manual, volume 2, appendix B). Its first kilobyte controls what the guest may
 * do and reports why it stopped; the save area holds the part of the guest's
 * registers that VMRUN and #VMEXIT (and VMLOAD, VMSAVE) exchange.
 *
 * Only fields that are used have names. Each one's offset is asserted below.
 */
#include "pure.h"

struct bellows_vmcb_seg {
	u16 selector;
	u16 attr;		/* see segment.h */
	u32 limit;		/* in bytes */
	u64 base;
};

struct bellows_vmcb_control {
	u32 intercept[6];	/* BELLOWS_SVM_INTERCEPT_* is a bit number over all of them */
	u32 reserved_018[9];
	u16 pause_threshold;
	u16 pause_count;
	u64 iopm;		/* physical addresses of the permission maps */
	u64 msrpm;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u32 int_ctl;
	u32 int_vector;
	u64 int_state;
	u64 exit_code;
	u64 exit_info1;
	u64 exit_info2;
	u32 exit_int_info;
	u32 exit_int_error;
	u64 nested_ctl;
	u64 reserved_098[2];
	u32 event_inj;
	u32 event_error;
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean;
	u32 reserved_0c4;
	u64 next_rip;
	u8 insn_bytes;
	u8 insn[15];
	u8 reserved_0e0[0x400 - 0xe0];
};

struct bellows_vmcb_save {
	struct bellows_vmcb_seg es, cs, ss, ds, fs, gs;
	struct bellows_vmcb_seg gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u64 s_cet, ssp, isst;
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;
	u64 debugctl;
	u8 reserved_278[0x2e0 - 0x278];
	u32 spec_ctrl;
	u8 reserved_2e4[0xc00 - 0x2e4];
};

struct bellows_vmcb {
	struct bellows_vmcb_control control;
	struct bellows_vmcb_save save;
};

#define BELLOWS_VMCB_AT(member, offset)	\
	static_assert(offsetof(struct bellows_vmcb, member) == (offset))
BELLOWS_VMCB_AT(control.intercept, 0x000);
BELLOWS_VMCB_AT(control.pause_threshold, 0x03c);
BELLOWS_VMCB_AT(control.pause_count, 0x03e);
BELLOWS_VMCB_AT(control.iopm, 0x040);
BELLOWS_VMCB_AT(control.msrpm, 0x048);
BELLOWS_VMCB_AT(control.tsc_offset, 0x050);
BELLOWS_VMCB_AT(control.asid, 0x058);
BELLOWS_VMCB_AT(control.tlb_control, 0x05c);
BELLOWS_VMCB_AT(control.int_ctl, 0x060);
BELLOWS_VMCB_AT(control.int_vector, 0x064);
BELLOWS_VMCB_AT(control.int_state, 0x068);
BELLOWS_VMCB_AT(control.exit_code, 0x070);
BELLOWS_VMCB_AT(control.exit_info1, 0x078);
BELLOWS_VMCB_AT(control.exit_info2, 0x080);
BELLOWS_VMCB_AT(control.exit_int_info, 0x088);
BELLOWS_VMCB_AT(control.exit_int_error, 0x08c);
BELLOWS_VMCB_AT(control.nested_ctl, 0x090);
BELLOWS_VMCB_AT(control.event_inj, 0x0a8);
BELLOWS_VMCB_AT(control.event_error, 0x0ac);
BELLOWS_VMCB_AT(control.nested_cr3, 0x0b0);
BELLOWS_VMCB_AT(control.virt_ext, 0x0b8);
BELLOWS_VMCB_AT(control.clean, 0x0c0);
BELLOWS_VMCB_AT(control.next_rip, 0x0c8);
BELLOWS_VMCB_AT(control.insn_bytes, 0x0d0);
BELLOWS_VMCB_AT(control.insn, 0x0d1);
BELLOWS_VMCB_AT(save, 0x400);
BELLOWS_VMCB_AT(save.es, 0x400);
BELLOWS_VMCB_AT(save.cs, 0x410);
BELLOWS_VMCB_AT(save.ss, 0x420);
BELLOWS_VMCB_AT(save.ds, 0x430);
BELLOWS_VMCB_AT(save.fs, 0x440);
BELLOWS_VMCB_AT(save.gs, 0x450);
BELLOWS_VMCB_AT(save.gdtr, 0x460);
BELLOWS_VMCB_AT(save.ldtr, 0x470);
BELLOWS_VMCB_AT(save.idtr, 0x480);
BELLOWS_VMCB_AT(save.tr, 0x490);
BELLOWS_VMCB_AT(save.cpl, 0x4cb);
BELLOWS_VMCB_AT(save.efer, 0x4d0);
BELLOWS_VMCB_AT(save.cr4, 0x548);
BELLOWS_VMCB_AT(save.cr3, 0x550);
BELLOWS_VMCB_AT(save.cr0, 0x558);
BELLOWS_VMCB_AT(save.dr7, 0x560);
BELLOWS_VMCB_AT(save.dr6, 0x568);
BELLOWS_VMCB_AT(save.rflags, 0x570);
BELLOWS_VMCB_AT(save.rip, 0x578);
BELLOWS_VMCB_AT(save.rsp, 0x5d8);
BELLOWS_VMCB_AT(save.rax, 0x5f8);
BELLOWS_VMCB_AT(save.star, 0x600);
BELLOWS_VMCB_AT(save.lstar, 0x608);
BELLOWS_VMCB_AT(save.cstar, 0x610);
BELLOWS_VMCB_AT(save.sfmask, 0x618);
BELLOWS_VMCB_AT(save.kernel_gs_base, 0x620);
BELLOWS_VMCB_AT(save.sysenter_cs, 0x628);
BELLOWS_VMCB_AT(save.sysenter_esp, 0x630);
BELLOWS_VMCB_AT(save.sysenter_eip, 0x638);
BELLOWS_VMCB_AT(save.cr2, 0x640);
BELLOWS_VMCB_AT(save.g_pat, 0x668);
BELLOWS_VMCB_AT(save.debugctl, 0x670);
BELLOWS_VMCB_AT(save.spec_ctrl, 0x6e0);
static_assert(sizeof(struct bellows_vmcb) == 4096);
static_assert(sizeof(struct bellows_vmcb_seg) == 16);

/* Bit numbers over control.intercept[]: word * 32 + bit. */
enum bellows_svm_intercept {
	BELLOWS_SVM_INTERCEPT_CR_READ = 0,		/* + number of the register */
	BELLOWS_SVM_INTERCEPT_CR_WRITE = 16,
	BELLOWS_SVM_INTERCEPT_DR_READ = 32,
	BELLOWS_SVM_INTERCEPT_DR_WRITE = 48,
	BELLOWS_SVM_INTERCEPT_EXCEPTION = 64,		/* + vector */
	BELLOWS_SVM_INTERCEPT_INTR = 96,
	BELLOWS_SVM_INTERCEPT_NMI,
	BELLOWS_SVM_INTERCEPT_SMI,
	BELLOWS_SVM_INTERCEPT_INIT,
	BELLOWS_SVM_INTERCEPT_VINTR,
	BELLOWS_SVM_INTERCEPT_CR0_SELECTIVE,
	BELLOWS_SVM_INTERCEPT_RDPMC = 96 + 15,
	BELLOWS_SVM_INTERCEPT_PUSHF,
	BELLOWS_SVM_INTERCEPT_POPF,
	BELLOWS_SVM_INTERCEPT_CPUID,
	BELLOWS_SVM_INTERCEPT_RSM,
	BELLOWS_SVM_INTERCEPT_IRET,
	BELLOWS_SVM_INTERCEPT_INT_N,
	BELLOWS_SVM_INTERCEPT_INVD,
	BELLOWS_SVM_INTERCEPT_PAUSE,
	BELLOWS_SVM_INTERCEPT_HLT,
	BELLOWS_SVM_INTERCEPT_INVLPG,
	BELLOWS_SVM_INTERCEPT_INVLPGA,
	BELLOWS_SVM_INTERCEPT_IO,
	BELLOWS_SVM_INTERCEPT_MSR,
	BELLOWS_SVM_INTERCEPT_TASK_SWITCH,
	BELLOWS_SVM_INTERCEPT_FERR_FREEZE,
	BELLOWS_SVM_INTERCEPT_SHUTDOWN,
	BELLOWS_SVM_INTERCEPT_VMRUN = 128,
	BELLOWS_SVM_INTERCEPT_VMMCALL,
	BELLOWS_SVM_INTERCEPT_VMLOAD,
	BELLOWS_SVM_INTERCEPT_VMSAVE,
	BELLOWS_SVM_INTERCEPT_STGI,
	BELLOWS_SVM_INTERCEPT_CLGI,
	BELLOWS_SVM_INTERCEPT_SKINIT,
	BELLOWS_SVM_INTERCEPT_RDTSCP,
	BELLOWS_SVM_INTERCEPT_ICEBP,
	BELLOWS_SVM_INTERCEPT_WBINVD,
	BELLOWS_SVM_INTERCEPT_MONITOR,
	BELLOWS_SVM_INTERCEPT_MWAIT,
	BELLOWS_SVM_INTERCEPT_MWAIT_ARMED,
	BELLOWS_SVM_INTERCEPT_XSETBV,
	BELLOWS_SVM_INTERCEPT_RDPRU,
	BELLOWS_SVM_INTERCEPT_INVPCID = 160 + 2,
};

static_assert(BELLOWS_SVM_INTERCEPT_SHUTDOWN == 127);
static_assert(BELLOWS_SVM_INTERCEPT_XSETBV == 128 + 13);

/* control.exit_code: in the order of the intercepts */
enum bellows_svm_exit {
	BELLOWS_SVM_EXIT_CR_READ = 0x00,
	BELLOWS_SVM_EXIT_CR_WRITE = 0x10,
	BELLOWS_SVM_EXIT_DR_READ = 0x20,
	BELLOWS_SVM_EXIT_DR_WRITE = 0x30,
	BELLOWS_SVM_EXIT_EXCEPTION = 0x40,
	BELLOWS_SVM_EXIT_INTR = 0x60,
	BELLOWS_SVM_EXIT_NMI,
	BELLOWS_SVM_EXIT_SMI,
	BELLOWS_SVM_EXIT_INIT,
	BELLOWS_SVM_EXIT_VINTR,
	BELLOWS_SVM_EXIT_CR0_SELECTIVE,
	BELLOWS_SVM_EXIT_RDPMC = 0x6f,
	BELLOWS_SVM_EXIT_PUSHF,
	BELLOWS_SVM_EXIT_POPF,
	BELLOWS_SVM_EXIT_CPUID,
	BELLOWS_SVM_EXIT_RSM,
	BELLOWS_SVM_EXIT_IRET,
	BELLOWS_SVM_EXIT_INT_N,
	BELLOWS_SVM_EXIT_INVD,
	BELLOWS_SVM_EXIT_PAUSE,
	BELLOWS_SVM_EXIT_HLT,
	BELLOWS_SVM_EXIT_INVLPG,
	BELLOWS_SVM_EXIT_INVLPGA,
	BELLOWS_SVM_EXIT_IO,
	BELLOWS_SVM_EXIT_MSR,
	BELLOWS_SVM_EXIT_TASK_SWITCH,
	BELLOWS_SVM_EXIT_FERR_FREEZE,
	BELLOWS_SVM_EXIT_SHUTDOWN,
	BELLOWS_SVM_EXIT_VMRUN = 0x80,
	BELLOWS_SVM_EXIT_VMMCALL,
	BELLOWS_SVM_EXIT_VMLOAD,
	BELLOWS_SVM_EXIT_VMSAVE,
	BELLOWS_SVM_EXIT_STGI,
	BELLOWS_SVM_EXIT_CLGI,
	BELLOWS_SVM_EXIT_SKINIT,
	BELLOWS_SVM_EXIT_RDTSCP,
	BELLOWS_SVM_EXIT_ICEBP,
	BELLOWS_SVM_EXIT_WBINVD,
	BELLOWS_SVM_EXIT_MONITOR,
	BELLOWS_SVM_EXIT_MWAIT,
	BELLOWS_SVM_EXIT_MWAIT_ARMED,
	BELLOWS_SVM_EXIT_XSETBV,
	BELLOWS_SVM_EXIT_RDPRU,
	BELLOWS_SVM_EXIT_INVPCID = 0xa2,
	BELLOWS_SVM_EXIT_NR,			/* what a table by exit code must cover */
	BELLOWS_SVM_EXIT_NPF = 0x400,
};

static_assert(BELLOWS_SVM_EXIT_SHUTDOWN == 0x7f);
static_assert(BELLOWS_SVM_EXIT_RDPRU == 0x8e);
static_assert(BELLOWS_SVM_EXIT_CPUID - BELLOWS_SVM_EXIT_INTR ==
	      BELLOWS_SVM_INTERCEPT_CPUID - BELLOWS_SVM_INTERCEPT_INTR);
static_assert(BELLOWS_SVM_EXIT_XSETBV - BELLOWS_SVM_EXIT_VMRUN ==
	      BELLOWS_SVM_INTERCEPT_XSETBV - BELLOWS_SVM_INTERCEPT_VMRUN);

/* VMRUN refused the VMCB. All of exit_code's 64 bits by the manual, 32 in one emulator. */
#define BELLOWS_SVM_EXIT_INVALID	0xffffffffu

/* control.tlb_control */
#define BELLOWS_SVM_TLB_KEEP		0
#define BELLOWS_SVM_TLB_FLUSH_ALL	1	/* every ASID, the host's included */
#define BELLOWS_SVM_TLB_FLUSH_ASID	3	/* needs flush by ASID */

/* control.int_ctl */
#define BELLOWS_SVM_V_TPR		0x0000000fu
#define BELLOWS_SVM_V_IRQ		BIT(8)
#define BELLOWS_SVM_V_INTR_PRIO		0x000f0000u
#define BELLOWS_SVM_V_IGN_TPR		BIT(20)
#define BELLOWS_SVM_V_INTR_MASKING	BIT(24)

/* control.int_state */
#define BELLOWS_SVM_SHADOW		BIT(0)

/* control.nested_ctl */
#define BELLOWS_SVM_NP_ENABLE		BIT(0)

/* control.event_inj, exit_int_info */
#define BELLOWS_SVM_EVENT_VECTOR	0x000000ffu
#define BELLOWS_SVM_EVENT_TYPE		0x00000700u
#define BELLOWS_SVM_EVENT_INTR		0x00000000u
#define BELLOWS_SVM_EVENT_NMI		0x00000200u
#define BELLOWS_SVM_EVENT_EXCEPTION	0x00000300u
#define BELLOWS_SVM_EVENT_SOFT		0x00000400u
#define BELLOWS_SVM_EVENT_HAS_ERROR	BIT(11)
#define BELLOWS_SVM_EVENT_VALID		BIT(31)

/* control.clean: groups of fields that the CPU may take from its cache */
#define BELLOWS_SVM_CLEAN_INTERCEPTS	BIT(0)	/* intercepts, TSC offset, pause filter */
#define BELLOWS_SVM_CLEAN_MAPS		BIT(1)
#define BELLOWS_SVM_CLEAN_ASID		BIT(2)
#define BELLOWS_SVM_CLEAN_INT		BIT(3)
#define BELLOWS_SVM_CLEAN_NPT		BIT(4)	/* nested CR3, PAT */
#define BELLOWS_SVM_CLEAN_CR		BIT(5)	/* CR0, CR3, CR4, EFER */
#define BELLOWS_SVM_CLEAN_DR		BIT(6)
#define BELLOWS_SVM_CLEAN_DT		BIT(7)	/* GDTR, IDTR */
#define BELLOWS_SVM_CLEAN_SEG		BIT(8)	/* CS, DS, SS, ES, CPL */
#define BELLOWS_SVM_CLEAN_CR2		BIT(9)
#define BELLOWS_SVM_CLEAN_ALL		0x3ffu

/* exit_info1 of I/O */
#define BELLOWS_SVM_IO_IN		BIT(0)
#define BELLOWS_SVM_IO_STRING		BIT(2)
#define BELLOWS_SVM_IO_REP		BIT(3)
#define BELLOWS_SVM_IO_SIZE_SHIFT	4	/* one bit for each of 1, 2, 4 */

/* exit_info1 of accesses to control and debug registers, with decode assists */
#define BELLOWS_SVM_CR_MOV		BIT_ULL(63)
#define BELLOWS_SVM_CR_GPR		0xfu

/* exit_info1 of nested page faults: a page-fault error code and where it happened */
#define BELLOWS_SVM_NPF_WRITE		BIT_ULL(1)
#define BELLOWS_SVM_NPF_EXEC		BIT_ULL(4)
#define BELLOWS_SVM_NPF_TABLES		BIT_ULL(33)

/* exit_info2 of task switches */
#define BELLOWS_SVM_TASK_IRET		BIT_ULL(36)
#define BELLOWS_SVM_TASK_JMP		BIT_ULL(38)
#define BELLOWS_SVM_TASK_HAS_ERROR	BIT_ULL(44)
#define BELLOWS_SVM_TASK_RESUME		BIT_ULL(48)

static inline void bellows_svm_intercept(u32 *words, unsigned int bit, bool on)
{
	if (on)
		words[bit / 32] |= BIT(bit % 32);
	else
		words[bit / 32] &= ~BIT(bit % 32);
}

static inline bool bellows_svm_intercepted(const u32 *words, unsigned int bit)
{
	return words[bit / 32] & BIT(bit % 32);
}

#endif
