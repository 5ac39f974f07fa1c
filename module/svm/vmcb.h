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

struct vmcb_segment {
	u16 selector;
	u16 attr;		/* VMCB_ATTR_* */
	u32 limit;		/* in bytes */
	u64 base;
};

struct vmcb_control {
	u32 intercept[6];	/* VMCB_INTERCEPT_* is a bit number over all of them */
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

struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs;
	struct vmcb_segment gdtr, ldtr, idtr, tr;
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

struct vmcb_page {
	struct vmcb_control control;
	struct vmcb_save save;
};

#define VMCB_AT(member, offset)		\
	static_assert(offsetof(struct vmcb_page, member) == (offset))
VMCB_AT(control.intercept, 0x000);
VMCB_AT(control.pause_threshold, 0x03c);
VMCB_AT(control.pause_count, 0x03e);
VMCB_AT(control.iopm, 0x040);
VMCB_AT(control.msrpm, 0x048);
VMCB_AT(control.tsc_offset, 0x050);
VMCB_AT(control.asid, 0x058);
VMCB_AT(control.tlb_control, 0x05c);
VMCB_AT(control.int_ctl, 0x060);
VMCB_AT(control.int_vector, 0x064);
VMCB_AT(control.int_state, 0x068);
VMCB_AT(control.exit_code, 0x070);
VMCB_AT(control.exit_info1, 0x078);
VMCB_AT(control.exit_info2, 0x080);
VMCB_AT(control.exit_int_info, 0x088);
VMCB_AT(control.exit_int_error, 0x08c);
VMCB_AT(control.nested_ctl, 0x090);
VMCB_AT(control.event_inj, 0x0a8);
VMCB_AT(control.event_error, 0x0ac);
VMCB_AT(control.nested_cr3, 0x0b0);
VMCB_AT(control.virt_ext, 0x0b8);
VMCB_AT(control.clean, 0x0c0);
VMCB_AT(control.next_rip, 0x0c8);
VMCB_AT(control.insn_bytes, 0x0d0);
VMCB_AT(control.insn, 0x0d1);
VMCB_AT(save, 0x400);
VMCB_AT(save.es, 0x400);
VMCB_AT(save.cs, 0x410);
VMCB_AT(save.ss, 0x420);
VMCB_AT(save.ds, 0x430);
VMCB_AT(save.fs, 0x440);
VMCB_AT(save.gs, 0x450);
VMCB_AT(save.gdtr, 0x460);
VMCB_AT(save.ldtr, 0x470);
VMCB_AT(save.idtr, 0x480);
VMCB_AT(save.tr, 0x490);
VMCB_AT(save.cpl, 0x4cb);
VMCB_AT(save.efer, 0x4d0);
VMCB_AT(save.cr4, 0x548);
VMCB_AT(save.cr3, 0x550);
VMCB_AT(save.cr0, 0x558);
VMCB_AT(save.dr7, 0x560);
VMCB_AT(save.dr6, 0x568);
VMCB_AT(save.rflags, 0x570);
VMCB_AT(save.rip, 0x578);
VMCB_AT(save.rsp, 0x5d8);
VMCB_AT(save.rax, 0x5f8);
VMCB_AT(save.star, 0x600);
VMCB_AT(save.lstar, 0x608);
VMCB_AT(save.cstar, 0x610);
VMCB_AT(save.sfmask, 0x618);
VMCB_AT(save.kernel_gs_base, 0x620);
VMCB_AT(save.sysenter_cs, 0x628);
VMCB_AT(save.sysenter_esp, 0x630);
VMCB_AT(save.sysenter_eip, 0x638);
VMCB_AT(save.cr2, 0x640);
VMCB_AT(save.g_pat, 0x668);
VMCB_AT(save.debugctl, 0x670);
VMCB_AT(save.spec_ctrl, 0x6e0);
static_assert(sizeof(struct vmcb_page) == 4096);
static_assert(sizeof(struct vmcb_segment) == 16);

/* Bit numbers over control.intercept[]: word * 32 + bit. */
enum vmcb_intercept {
	VMCB_INTERCEPT_CR_READ = 0,			/* + number of the register */
	VMCB_INTERCEPT_CR_WRITE = 16,
	VMCB_INTERCEPT_DR_READ = 32,
	VMCB_INTERCEPT_DR_WRITE = 48,
	VMCB_INTERCEPT_EXCEPTION = 64,			/* + vector */
	VMCB_INTERCEPT_INTR = 96,
	VMCB_INTERCEPT_NMI,
	VMCB_INTERCEPT_SMI,
	VMCB_INTERCEPT_INIT,
	VMCB_INTERCEPT_VINTR,
	VMCB_INTERCEPT_CR0_SELECTIVE,
	VMCB_INTERCEPT_RDPMC = 96 + 15,
	VMCB_INTERCEPT_PUSHF,
	VMCB_INTERCEPT_POPF,
	VMCB_INTERCEPT_CPUID,
	VMCB_INTERCEPT_RSM,
	VMCB_INTERCEPT_IRET,
	VMCB_INTERCEPT_INT_N,
	VMCB_INTERCEPT_INVD,
	VMCB_INTERCEPT_PAUSE,
	VMCB_INTERCEPT_HLT,
	VMCB_INTERCEPT_INVLPG,
	VMCB_INTERCEPT_INVLPGA,
	VMCB_INTERCEPT_IO,
	VMCB_INTERCEPT_MSR,
	VMCB_INTERCEPT_TASK_SWITCH,
	VMCB_INTERCEPT_FERR_FREEZE,
	VMCB_INTERCEPT_SHUTDOWN,
	VMCB_INTERCEPT_VMRUN = 128,
	VMCB_INTERCEPT_VMMCALL,
	VMCB_INTERCEPT_VMLOAD,
	VMCB_INTERCEPT_VMSAVE,
	VMCB_INTERCEPT_STGI,
	VMCB_INTERCEPT_CLGI,
	VMCB_INTERCEPT_SKINIT,
	VMCB_INTERCEPT_RDTSCP,
	VMCB_INTERCEPT_ICEBP,
	VMCB_INTERCEPT_WBINVD,
	VMCB_INTERCEPT_MONITOR,
	VMCB_INTERCEPT_MWAIT,
	VMCB_INTERCEPT_MWAIT_ARMED,
	VMCB_INTERCEPT_XSETBV,
	VMCB_INTERCEPT_RDPRU,
	VMCB_INTERCEPT_INVPCID = 160 + 2,
};

static_assert(VMCB_INTERCEPT_SHUTDOWN == 127);
static_assert(VMCB_INTERCEPT_XSETBV == 128 + 13);

/* control.exit_code: in the order of the intercepts */
enum vmcb_exit {
	VMCB_EXIT_CR_READ = 0x00,
	VMCB_EXIT_CR_WRITE = 0x10,
	VMCB_EXIT_DR_READ = 0x20,
	VMCB_EXIT_DR_WRITE = 0x30,
	VMCB_EXIT_EXCEPTION = 0x40,
	VMCB_EXIT_INTR = 0x60,
	VMCB_EXIT_NMI,
	VMCB_EXIT_SMI,
	VMCB_EXIT_INIT,
	VMCB_EXIT_VINTR,
	VMCB_EXIT_CR0_SELECTIVE,
	VMCB_EXIT_RDPMC = 0x6f,
	VMCB_EXIT_PUSHF,
	VMCB_EXIT_POPF,
	VMCB_EXIT_CPUID,
	VMCB_EXIT_RSM,
	VMCB_EXIT_IRET,
	VMCB_EXIT_INT_N,
	VMCB_EXIT_INVD,
	VMCB_EXIT_PAUSE,
	VMCB_EXIT_HLT,
	VMCB_EXIT_INVLPG,
	VMCB_EXIT_INVLPGA,
	VMCB_EXIT_IO,
	VMCB_EXIT_MSR,
	VMCB_EXIT_TASK_SWITCH,
	VMCB_EXIT_FERR_FREEZE,
	VMCB_EXIT_SHUTDOWN,
	VMCB_EXIT_VMRUN = 0x80,
	VMCB_EXIT_VMMCALL,
	VMCB_EXIT_VMLOAD,
	VMCB_EXIT_VMSAVE,
	VMCB_EXIT_STGI,
	VMCB_EXIT_CLGI,
	VMCB_EXIT_SKINIT,
	VMCB_EXIT_RDTSCP,
	VMCB_EXIT_ICEBP,
	VMCB_EXIT_WBINVD,
	VMCB_EXIT_MONITOR,
	VMCB_EXIT_MWAIT,
	VMCB_EXIT_MWAIT_ARMED,
	VMCB_EXIT_XSETBV,
	VMCB_EXIT_RDPRU,
	VMCB_EXIT_INVPCID = 0xa2,
	VMCB_EXIT_NR,				/* what a table by exit code must cover */
	VMCB_EXIT_NPF = 0x400,
};

static_assert(VMCB_EXIT_SHUTDOWN == 0x7f);
static_assert(VMCB_EXIT_RDPRU == 0x8e);
static_assert(VMCB_EXIT_CPUID - VMCB_EXIT_INTR ==
	      VMCB_INTERCEPT_CPUID - VMCB_INTERCEPT_INTR);
static_assert(VMCB_EXIT_XSETBV - VMCB_EXIT_VMRUN ==
	      VMCB_INTERCEPT_XSETBV - VMCB_INTERCEPT_VMRUN);

/* VMRUN refused the VMCB. All of exit_code's 64 bits by the manual, 32 in one emulator. */
#define VMCB_EXIT_INVALID		0xffffffffu

/* control.tlb_control */
#define VMCB_TLB_KEEP			0
#define VMCB_TLB_FLUSH_ALL		1	/* every ASID, the host's included */
#define VMCB_TLB_FLUSH_ASID		3	/* needs flush by ASID */

/* control.int_ctl */
#define VMCB_V_TPR			0x0000000fu
#define VMCB_V_IRQ			BIT(8)
#define VMCB_V_INTR_PRIO		0x000f0000u
#define VMCB_V_IGN_TPR			BIT(20)
#define VMCB_V_INTR_MASKING		BIT(24)

/* control.int_state */
#define VMCB_SHADOW			BIT(0)

/* control.nested_ctl */
#define VMCB_NP_ENABLE			BIT(0)

/* control.event_inj, exit_int_info */
#define VMCB_EVENT_VECTOR		0x000000ffu
#define VMCB_EVENT_TYPE			0x00000700u
#define VMCB_EVENT_INTR			0x00000000u
#define VMCB_EVENT_NMI			0x00000200u
#define VMCB_EVENT_EXCEPTION		0x00000300u
#define VMCB_EVENT_SOFT			0x00000400u
#define VMCB_EVENT_HAS_ERROR		BIT(11)
#define VMCB_EVENT_VALID		BIT(31)

/* control.clean: groups of fields that the CPU may take from its cache */
#define VMCB_CLEAN_INTERCEPTS		BIT(0)	/* intercepts, TSC offset, pause filter */
#define VMCB_CLEAN_MAPS			BIT(1)
#define VMCB_CLEAN_ASID			BIT(2)
#define VMCB_CLEAN_INT			BIT(3)
#define VMCB_CLEAN_NPT			BIT(4)	/* nested CR3, PAT */
#define VMCB_CLEAN_CR			BIT(5)	/* CR0, CR3, CR4, EFER */
#define VMCB_CLEAN_DR			BIT(6)
#define VMCB_CLEAN_DT			BIT(7)	/* GDTR, IDTR */
#define VMCB_CLEAN_SEG			BIT(8)	/* CS, DS, SS, ES, CPL */
#define VMCB_CLEAN_CR2			BIT(9)
#define VMCB_CLEAN_ALL			0x3ffu

/* exit_info1 of I/O */
#define VMCB_IO_IN			BIT(0)
#define VMCB_IO_STRING			BIT(2)
#define VMCB_IO_REP			BIT(3)
#define VMCB_IO_SIZE_SHIFT		4	/* one bit for each of 1, 2, 4 */

/* exit_info1 of accesses to control and debug registers, with decode assists */
#define VMCB_CR_MOV			BIT_ULL(63)
#define VMCB_CR_GPR			0xfu

/* exit_info1 of nested page faults: a page-fault error code and where it happened */
#define VMCB_NPF_WRITE			BIT_ULL(1)
#define VMCB_NPF_EXEC			BIT_ULL(4)
#define VMCB_NPF_TABLES			BIT_ULL(33)

/* exit_info2 of task switches */
#define VMCB_TASK_IRET			BIT_ULL(36)
#define VMCB_TASK_JMP			BIT_ULL(38)
#define VMCB_TASK_HAS_ERROR		BIT_ULL(44)
#define VMCB_TASK_RESUME		BIT_ULL(48)

static inline void vmcb_intercept(u32 *words, unsigned int bit, bool on)
{
	if (on)
		words[bit / 32] |= BIT(bit % 32);
	else
		words[bit / 32] &= ~BIT(bit % 32);
}

static inline bool vmcb_intercepted(const u32 *words, unsigned int bit)
{
	return words[bit / 32] & BIT(bit % 32);
}

#endif
