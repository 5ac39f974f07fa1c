/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VMX_CONTROLS_H
#define BELLOWS_VMX_CONTROLS_H
/*
 * Which VM-execution, VM-exit and VM-entry controls are used, decided from the
 * capability MSRs of a CPU. Pure: the same code runs in a test program on
 * capability values of CPUs that are not at hand.
 */
#include "pure.h"

/* The five words of controls in a VMCS. */
enum vmx_group {
	VMX_CTL_PIN,
	VMX_CTL_PROC,
	VMX_CTL_PROC2,
	VMX_CTL_EXIT,
	VMX_CTL_ENTRY,
	VMX_CTL_NR_GROUPS
};

/*
 * Every control that is known, with what we want of it:
 *   NEEDED    on; without it there is no backend
 *   WANTED    on where the CPU has it
 *   SWITCHED  turned on and off while guests run: must exist, starts off
 *   OFF       must be off; a CPU that insists on it is refused. Three of these are
 *             turned on for some vCPUs, see the virtual APIC
 *
 * X(group, NAME, bit, need, "name in messages")
 */
#define VMX_CONTROLS(X)								\
	X(PIN, INTR_EXITING, 0, NEEDED, "external-interrupt exiting")		\
	X(PIN, NMI_EXITING, 3, NEEDED, "NMI exiting")				\
	X(PIN, VIRTUAL_NMIS, 5, NEEDED, "virtual NMIs")				\
	X(PIN, PREEMPTION_TIMER, 6, OFF, "preemption timer")			\
	X(PIN, POSTED_INTERRUPTS, 7, OFF, "posted interrupts")			\
	X(PROC, IRQ_WINDOW, 2, SWITCHED, "interrupt-window exiting")		\
	X(PROC, TSC_OFFSETTING, 3, NEEDED, "TSC offsetting")			\
	X(PROC, HLT_EXITING, 7, NEEDED, "HLT exiting")				\
	X(PROC, INVLPG_EXITING, 9, OFF, "INVLPG exiting")			\
	X(PROC, MWAIT_EXITING, 10, NEEDED, "MWAIT exiting")			\
	X(PROC, RDPMC_EXITING, 11, NEEDED, "RDPMC exiting")			\
	X(PROC, RDTSC_EXITING, 12, OFF, "RDTSC exiting")			\
	X(PROC, CR3_LOAD_EXITING, 15, OFF, "CR3-load exiting")			\
	X(PROC, CR3_STORE_EXITING, 16, OFF, "CR3-store exiting")		\
	X(PROC, TERTIARY_CONTROLS, 17, OFF, "tertiary controls")		\
	X(PROC, CR8_LOAD_EXITING, 19, NEEDED, "CR8-load exiting")		\
	X(PROC, CR8_STORE_EXITING, 20, NEEDED, "CR8-store exiting")		\
	X(PROC, TPR_SHADOW, 21, OFF, "TPR shadow")				\
	X(PROC, NMI_WINDOW, 22, SWITCHED, "NMI-window exiting")			\
	X(PROC, MOV_DR_EXITING, 23, NEEDED, "MOV-DR exiting")			\
	X(PROC, IO_EXITING, 24, NEEDED, "unconditional I/O exiting")		\
	X(PROC, IO_BITMAPS, 25, OFF, "I/O bitmaps")				\
	X(PROC, MONITOR_TRAP_FLAG, 27, OFF, "monitor trap flag")		\
	X(PROC, MSR_BITMAPS, 28, NEEDED, "MSR bitmaps")				\
	X(PROC, MONITOR_EXITING, 29, NEEDED, "MONITOR exiting")			\
	X(PROC, PAUSE_EXITING, 30, OFF, "PAUSE exiting")			\
	X(PROC, SECONDARY_CONTROLS, 31, NEEDED, "secondary controls")		\
	X(PROC2, APIC_ACCESSES, 0, OFF, "APIC-access page")			\
	X(PROC2, EPT, 1, NEEDED, "EPT")						\
	X(PROC2, DESCRIPTOR_EXITING, 2, OFF, "descriptor-table exiting")	\
	X(PROC2, RDTSCP, 3, WANTED, "RDTSCP")					\
	X(PROC2, X2APIC_MODE, 4, OFF, "x2APIC mode")				\
	X(PROC2, VPID, 5, WANTED, "VPID")					\
	X(PROC2, WBINVD_EXITING, 6, NEEDED, "WBINVD exiting")			\
	X(PROC2, UNRESTRICTED_GUEST, 7, NEEDED, "unrestricted guest")		\
	X(PROC2, APIC_REGISTERS, 8, OFF, "APIC-register virtualization")	\
	X(PROC2, INTERRUPT_DELIVERY, 9, OFF, "virtual-interrupt delivery")	\
	X(PROC2, PAUSE_LOOP_EXITING, 10, WANTED, "PAUSE-loop exiting")		\
	X(PROC2, RDRAND_EXITING, 11, OFF, "RDRAND exiting")			\
	X(PROC2, INVPCID, 12, WANTED, "INVPCID")				\
	X(PROC2, VMFUNC, 13, OFF, "VM functions")				\
	X(PROC2, VMCS_SHADOWING, 14, OFF, "VMCS shadowing")			\
	X(PROC2, ENCLS_EXITING, 15, WANTED, "ENCLS exiting")			\
	X(PROC2, RDSEED_EXITING, 16, OFF, "RDSEED exiting")			\
	X(PROC2, PML, 17, OFF, "page-modification logging")			\
	X(PROC2, EPT_VE, 18, OFF, "EPT-violation #VE")				\
	X(PROC2, PT_CONCEAL, 19, OFF, "concealing VMX from PT")			\
	X(PROC2, XSAVES, 20, WANTED, "XSAVES")					\
	X(PROC2, MODE_BASED_EXEC, 22, OFF, "mode-based execute control")	\
	X(PROC2, SUBPAGE_WRITE, 23, OFF, "sub-page write permissions")		\
	X(PROC2, PT_GUEST_PHYSICAL, 24, OFF, "PT with guest addresses")		\
	X(PROC2, TSC_SCALING, 25, OFF, "TSC scaling")				\
	X(PROC2, USER_WAIT, 26, OFF, "user wait and pause")			\
	X(PROC2, PCONFIG, 27, OFF, "PCONFIG")					\
	X(PROC2, ENCLV_EXITING, 28, OFF, "ENCLV exiting")			\
	X(PROC2, BUS_LOCK, 30, OFF, "bus-lock detection")			\
	X(PROC2, NOTIFY, 31, OFF, "notification exits")				\
	X(EXIT, SAVE_DEBUG, 2, NEEDED, "saving of debug controls")		\
	X(EXIT, HOST_64, 9, NEEDED, "64-bit host")				\
	X(EXIT, LOAD_PERF, 12, OFF, "loading PERF_GLOBAL_CTRL at exit")		\
	X(EXIT, ACK_INTERRUPT, 15, OFF, "acknowledging interrupts at exit")	\
	X(EXIT, SAVE_PAT, 18, OFF, "saving PAT at exit")			\
	X(EXIT, LOAD_PAT, 19, WANTED, "loading PAT at exit")			\
	X(EXIT, SAVE_EFER, 20, OFF, "saving EFER at exit")			\
	X(EXIT, LOAD_EFER, 21, WANTED, "loading EFER at exit")			\
	X(EXIT, SAVE_TIMER, 22, OFF, "saving the preemption timer")		\
	X(EXIT, CLEAR_BNDCFGS, 23, OFF, "clearing BNDCFGS at exit")		\
	X(EXIT, PT_CONCEAL, 24, OFF, "concealing exits from PT")		\
	X(EXIT, CLEAR_RTIT, 25, OFF, "clearing RTIT_CTL at exit")		\
	X(EXIT, LOAD_CET, 28, OFF, "loading CET state at exit")			\
	X(EXIT, LOAD_PKRS, 29, OFF, "loading PKRS at exit")			\
	X(EXIT, SECONDARY_CONTROLS, 31, OFF, "secondary exit controls")		\
	X(ENTRY, LOAD_DEBUG, 2, NEEDED, "loading of debug controls")		\
	X(ENTRY, IA32E_MODE, 9, SWITCHED, "64-bit guests")			\
	X(ENTRY, TO_SMM, 10, OFF, "entry to SMM")				\
	X(ENTRY, END_DUAL_MONITOR, 11, OFF, "deactivating dual-monitor treatment") \
	X(ENTRY, LOAD_PERF, 13, OFF, "loading PERF_GLOBAL_CTRL at entry")	\
	X(ENTRY, LOAD_PAT, 14, WANTED, "loading PAT at entry")			\
	X(ENTRY, LOAD_EFER, 15, WANTED, "loading EFER at entry")		\
	X(ENTRY, LOAD_BNDCFGS, 16, OFF, "loading BNDCFGS at entry")		\
	X(ENTRY, PT_CONCEAL, 17, OFF, "concealing entries from PT")		\
	X(ENTRY, LOAD_RTIT, 18, OFF, "loading RTIT_CTL at entry")		\
	X(ENTRY, LOAD_CET, 20, OFF, "loading CET state at entry")		\
	X(ENTRY, LOAD_PKRS, 22, OFF, "loading PKRS at entry")

/* VMX_CTL_PIN_INTR_EXITING and so on: masks. */
#define VMX_CONTROL_ENUM(group, name, bit, need, text) \
	VMX_CTL_##group##_##name = 1u << (bit),
enum vmx_control {
	VMX_CONTROLS(VMX_CONTROL_ENUM)
};

/* IA32_VMX_EPT_VPID_CAP */
#define VMX_CAP_EPT_WALK_4		BIT_ULL(6)
#define VMX_CAP_EPT_WB			BIT_ULL(14)
#define VMX_CAP_EPT_2M			BIT_ULL(16)
#define VMX_CAP_INVEPT			BIT_ULL(20)
#define VMX_CAP_EPT_AD			BIT_ULL(21)
#define VMX_CAP_INVEPT_SINGLE		BIT_ULL(25)
#define VMX_CAP_INVEPT_ALL		BIT_ULL(26)
#define VMX_CAP_INVVPID			BIT_ULL(32)
#define VMX_CAP_INVVPID_SINGLE		BIT_ULL(41)
#define VMX_CAP_INVVPID_ALL		BIT_ULL(42)

/* IA32_VMX_BASIC */
#define VMX_CAP_BASIC_32BIT		BIT_ULL(48)
#define VMX_CAP_BASIC_TRUE		BIT_ULL(55)

/**
 * struct vmx_caps - capability MSRs, as a CPU reports them
 * @basic: IA32_VMX_BASIC
 * @allowed: per group, the TRUE variant where @basic says that there is one: low
 *	half: what must be 1; high half: what may be 1
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP; 0 where the MSR does not exist
 * @cr0_fixed0, @cr0_fixed1, @cr4_fixed0, @cr4_fixed1: bits that must be 1, may be 1
 */
struct vmx_caps {
	u64 basic;
	u64 allowed[VMX_CTL_NR_GROUPS];
	u64 ept_vpid;
	u64 cr0_fixed0, cr0_fixed1;
	u64 cr4_fixed0, cr4_fixed1;
};

/**
 * struct vmx_controls - what was decided
 * @value: initial values of the five words
 * @revision: VMCS revision identifier
 * @ept_ad: EPT has accessed and dirty bits
 * @tpr_shadow: CR8 can be left to a guest, with a page that holds its TPR
 * @virtual_apic: and so can priorities and ends of interrupts, in x2APIC mode
 * @cr0_set: bits that are 1 in CR0 while any guest runs
 * @cr4_set, @cr4_allowed: the same for CR4, and what may be 1
 */
struct vmx_controls {
	u32 value[VMX_CTL_NR_GROUPS];
	u32 revision;
	bool ept_ad;
	bool tpr_shadow, virtual_apic;
	u64 cr0_set;
	u64 cr4_set, cr4_allowed;
};

/**
 * vmx_negotiate() - decide on controls
 * Return: NULL, with @controls filled in; or the name of what this CPU lacks.
 */
const char *vmx_negotiate(const struct vmx_caps *caps, struct vmx_controls *controls);

#endif
