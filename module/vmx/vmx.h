/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VMX_VMX_H
#define BELLOWS_VMX_VMX_H
/*
 * What the files of this folder share. Nothing outside includes it.
 *
 * Locking: everything in struct bellows_vmx is under vcpu->mutex and, where
 * hardware is touched, belongs to the thread that has the vCPU loaded. The
 * exceptions are marked:
 *   [p]  with interrupts off, on the CPU that the VMCS is loaded on
 *   [c]  constant after creation
 */
#include <linux/static_key.h>
#include "backend.h"
#include "vmx/controls.h"
#include "vmx/vmcs.h"

/*
 * A VMCS and where it is. A CPU caches parts of the VMCSs that were loaded on
 * it, so one must be cleared there before another CPU may load it, and before
 * the page is freed.
 */
struct bellows_vmcs {
	void *page;			/* [c] */
	int cpu;			/* [p] that may cache it; -1: none */
	bool launched;			/* [p] VMRESUME, not VMLAUNCH */
	struct list_head link;		/* [p] in the list of that CPU */
};

/* Entries of a list: EFER, PAT, and what the host's counters need. */
#define BELLOWS_VMX_PERF_MSRS	2
#define BELLOWS_VMX_MSR_LIST	(2 + BELLOWS_VMX_PERF_MSRS)

/* MSRs that no VMCS field switches: loaded with the vCPU, the host's put back with it. */
enum bellows_vmx_switched {
	BELLOWS_VMX_STAR,
	BELLOWS_VMX_LSTAR,
	BELLOWS_VMX_CSTAR,
	BELLOWS_VMX_SFMASK,
	BELLOWS_VMX_NR_SYSCALL,
	BELLOWS_VMX_TSC_AUX = BELLOWS_VMX_NR_SYSCALL,
	BELLOWS_VMX_NR_SWITCHED
};

/* Of the host, read on each CPU when virtualization is enabled there. */
struct bellows_vmx_host_msrs {
	u64 value[BELLOWS_VMX_NR_SWITCHED];
};
DECLARE_PER_CPU(struct bellows_vmx_host_msrs, bellows_vmx_host_msrs);

enum bellows_vmx_segment_field {
	BELLOWS_VMX_SEG_SELECTOR,
	BELLOWS_VMX_SEG_BASE,
	BELLOWS_VMX_SEG_LIMIT,
	BELLOWS_VMX_SEG_ACCESS,
	BELLOWS_VMX_NR_SEG_FIELDS
};

/* What of the host's user state an exit does not bring back. */
struct bellows_vmx_host_task {
	u16 fs, gs, ds, es, ldt;
	u64 fs_base;
	u64 kernel_gs_base;		/* the task's GS base, while in the kernel */
	/* What the VMCS has of it. */
	bool written;
	u16 written_fs, written_gs;
	u64 written_fs_base;
};

struct bellows_vmx {
	struct bellows_vcpu vcpu;	/* first: the rest of the module sees only this */

	struct bellows_vmcs vmcs;
	unsigned long *msr_bitmap;	/* [c] one page */
	struct vmx_msr_entry *msr_lists;	/* [c] one page: loaded at entry, loaded at exit */
	u8 msr_list_first, msr_list_count;	/* [c] the constant part of each list */
	u8 perf_msrs;			/* behind it, those of the host's counters */
	u16 vpid;			/* [c] 0: none */
	u64 eptp;			/* [c] */

	/* Copies of VMCS fields, so that a change need not read them first. */
	u32 proc_controls;
	u32 proc2_controls;
	u32 entry_controls;
	u64 host_rsp;
	u64 host_cr3, host_cr4;
	unsigned long host_debugctl;	/* during a stay in the guest */
	u64 cr0_owned, cr4_owned;	/* bits that the guest changes without an exit */

	u64 seg[VCPU_NR_SEGS][BELLOWS_VMX_NR_SEG_FIELDS];
	u32 seg_cached;			/* one bit per field of seg[] */

	struct bellows_vmx_host_task host;
	bool msrs_loaded;		/* the guest's MSRs are in the hardware */
	bool syscall_loaded;		/* the four of SYSCALL among them */
	bool has_tsc_aux;		/* CPUID offers RDTSCP or RDPID */
	u64 switched[BELLOWS_VMX_NR_SWITCHED];
	u64 kernel_gs_base;		/* valid while !msrs_loaded */
	bool tpr_shadow, virtual_apic;	/* in use */
	u8 tpr_threshold;		/* without virtual_apic */
	bool tpr_watched;		/* with it: writes exit */
	int eoi_watched;		/* with it: a vector whose end exits though nobody else waits; -1 */
	u64 told[4];			/* with it: bits of the others whose end does */
	void *apic_page;		/* the APIC's registers; valid with tpr_shadow */
	bool irq_window_for_irq, irq_window_for_nmi;
	bool nmi_unblocked;		/* known; else the VMCS says */
	bool spec_ctrl_direct;		/* the guest writes SPEC_CTRL without an exit */

	/* The last exit. */
	u8 entry_failed;		/* BELLOWS_VMX_RUN_*: there was no exit; or 0 */
	u32 exit_reason;		/* whole, bit 31 included */
	u32 instruction_error;		/* valid if entry_failed */
	u32 exit_intr_info;		/* valid for basic reason 0 */
	bool check_shadow;		/* TF and an interrupt shadow may have met */
};

static_assert(offsetof(struct bellows_vmx, vcpu) == 0);

static inline struct bellows_vmx *to_vmx(struct bellows_vcpu *vcpu)
{
	return container_of(vcpu, struct bellows_vmx, vcpu);
}

/* Decided once, in setup(); constant while any VM exists. */
extern struct bellows_vmx_controls bellows_vmx_controls;

static inline bool bellows_vmx_has(enum bellows_vmx_group group, u32 control)
{
	return bellows_vmx_controls.value[group] & control;
}

/* VMX operation of a CPU. */
bool bellows_vmx_available(char *why, size_t size);
int bellows_vmx_setup(void);
void bellows_vmx_teardown(void);
int bellows_vmx_cpu_enable(void);
void bellows_vmx_cpu_disable(void);
void bellows_vmx_cpu_emergency_disable(void);
/* Which VMCSs a CPU caches. */
/* A page whose first word says the revision: a VMXON region or a VMCS. NULL: no memory. */
void *bellows_vmx_alloc_region(int node, gfp_t gfp);
void bellows_vmx_vmcs_init_cpu(int cpu);
/* This CPU is about to end VMX operation; interrupts off. */
void bellows_vmx_vmcs_clear_all(void);
int bellows_vmx_vmcs_alloc(struct bellows_vmcs *vmcs);
void bellows_vmx_vmcs_free(struct bellows_vmcs *vmcs);
/* Preemption off. True: the VMCS was not loaded on this CPU before. */
bool bellows_vmx_vmcs_load(struct bellows_vmx *vmx, int cpu);

/* host.c: the host's half of the VMCS, and what an exit does not restore. */
void bellows_vmx_host_init(struct bellows_vmx *vmx);
void bellows_vmx_host_cpu_changed(int cpu);
void bellows_vmx_host_task_load(struct bellows_vmx *vmx);
void bellows_vmx_host_task_put(struct bellows_vmx *vmx);

/* perf.c: the host's performance counters. */
DECLARE_STATIC_KEY_FALSE(bellows_vmx_perf);
void bellows_vmx_perf_init(void);
void bellows_vmx_perf_exit(void);
void bellows_vmx_perf_enter(struct bellows_vmx *vmx);

/* tlb.c */
void bellows_vmx_vpid_init(void);
u16 bellows_vmx_vpid_alloc(void);
void bellows_vmx_vpid_free(u16 vpid);
void bellows_vmx_flush_tlb(struct bellows_vcpu *vcpu);
void bellows_vmx_flush_tlb_guest(struct bellows_vcpu *vcpu);

/* apic.c */
bool bellows_vmx_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view);
void bellows_vmx_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested);

/* msr.c */
void bellows_vmx_msrs_load(struct bellows_vmx *vmx);
void bellows_vmx_msrs_put(struct bellows_vmx *vmx);
void bellows_vmx_efer_changed(struct bellows_vmx *vmx);
int bellows_vmx_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int bellows_vmx_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
void bellows_vmx_update_msr_intercepts(struct bellows_vcpu *vcpu);
void bellows_vmx_msr_lists_init(struct bellows_vmx *vmx);
void bellows_vmx_tsc_aux_changed(struct bellows_vmx *vmx);
extern const u32 bellows_vmx_switched_msrs[BELLOWS_VMX_NR_SWITCHED];

/* state.c: registers and segments. */
void bellows_vmx_cache_reg(struct bellows_vcpu *vcpu, unsigned int reg);
void bellows_vmx_get_segment(struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var);
void bellows_vmx_set_segment(struct bellows_vcpu *vcpu, unsigned int seg,
			     const struct kvm_segment *var);
u64 bellows_vmx_get_segment_base(struct bellows_vcpu *vcpu, unsigned int seg);
bool bellows_vmx_in_64bit_code(struct bellows_vcpu *vcpu);
unsigned int bellows_vmx_get_cpl(struct bellows_vcpu *vcpu);
void bellows_vmx_get_gdt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void bellows_vmx_set_gdt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void bellows_vmx_get_idt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void bellows_vmx_set_idt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void bellows_vmx_segments_reset(struct bellows_vmx *vmx);

/* control.c: control registers. */
void bellows_vmx_set_cr0(struct bellows_vcpu *vcpu, u64 value);
void bellows_vmx_set_cr3(struct bellows_vcpu *vcpu, u64 value);
void bellows_vmx_set_cr4(struct bellows_vcpu *vcpu, u64 value);
void bellows_vmx_set_efer(struct bellows_vcpu *vcpu, u64 value);
bool bellows_vmx_cr4_allowed(struct bellows_vcpu *vcpu, u64 value);
void bellows_vmx_set_dr7(struct bellows_vcpu *vcpu, u64 value);
void bellows_vmx_update_owned_bits(struct bellows_vmx *vmx);
void bellows_vmx_cache_control(struct bellows_vmx *vmx, unsigned int reg);

/* event.c */
void bellows_vmx_inject_exception(struct bellows_vcpu *vcpu);
void bellows_vmx_inject_irq(struct bellows_vcpu *vcpu);
void bellows_vmx_inject_nmi(struct bellows_vcpu *vcpu);
void bellows_vmx_cancel_injection(struct bellows_vcpu *vcpu);
bool bellows_vmx_irq_allowed(struct bellows_vcpu *vcpu);
bool bellows_vmx_nmi_allowed(struct bellows_vcpu *vcpu);
void bellows_vmx_request_irq_window(struct bellows_vcpu *vcpu, bool on);
void bellows_vmx_request_nmi_window(struct bellows_vcpu *vcpu);
bool bellows_vmx_get_nmi_mask(struct bellows_vcpu *vcpu);
void bellows_vmx_set_nmi_mask(struct bellows_vcpu *vcpu, bool masked);
u32 bellows_vmx_get_interrupt_shadow(struct bellows_vcpu *vcpu);
void bellows_vmx_set_interrupt_shadow(struct bellows_vcpu *vcpu, u32 shadow);
void bellows_vmx_update_exception_intercepts(struct bellows_vcpu *vcpu);
void bellows_vmx_close_windows(struct bellows_vmx *vmx);
void bellows_vmx_set_proc_control(struct bellows_vmx *vmx, u32 control, bool on);

/* run.c, enter.S */
int bellows_vmx_run_init(void);
void bellows_vmx_run_exit(void);
void bellows_vmx_prepare_enter(struct bellows_vcpu *vcpu);
void bellows_vmx_enter(struct bellows_vcpu *vcpu);
void bellows_vmx_exit_irqoff(struct bellows_vcpu *vcpu);
/* Results of bellows_vmx_run() besides 0, an exit. */
#define BELLOWS_VMX_RUN_REFUSED	1	/* the instruction said no */
#define BELLOWS_VMX_RUN_FAULT	2	/* it faulted: VMX is off */
unsigned int bellows_vmx_run(struct bellows_vmx *vmx, u64 *regs, u64 *host_rsp, bool launched);
extern char bellows_vmx_exit_point[];
/* Called by bellows_vmx_run(), before its first return. */
void bellows_vmx_restore_spec_ctrl(struct bellows_vmx *vmx);

/* exit.c */
bool bellows_vmx_decode_quickly(struct bellows_vcpu *vcpu);
void bellows_vmx_decode_exit(struct bellows_vcpu *vcpu);

#endif
