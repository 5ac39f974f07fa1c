/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VMX_VMX_H
#define BELLOWS_VMX_VMX_H
/*
 * What the files of this folder share. Nothing outside includes it.
 *
 * Locking: everything in struct vmx_vcpu is under vcpu->mutex and, where
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
struct vmcs {
	void *page;			/* [c] */
	int cpu;			/* [p] that may cache it; -1: none */
	bool launched;			/* [p] VMRESUME, not VMLAUNCH */
	struct list_head link;		/* [p] in the list of that CPU */
};

/* Entries of a list: EFER, PAT, and what the host's counters need. */
#define VMX_PERF_MSRS		2
#define VMX_MSR_LIST		(2 + VMX_PERF_MSRS)

/* MSRs that no VMCS field switches: loaded with the vCPU, the host's put back with it. */
enum vmx_switched {
	VMX_STAR,
	VMX_LSTAR,
	VMX_CSTAR,
	VMX_SFMASK,
	VMX_NR_SYSCALL,
	VMX_TSC_AUX = VMX_NR_SYSCALL,
	VMX_NR_SWITCHED
};

/* Of the host, read on each CPU when virtualization is enabled there. */
struct vmx_host_msrs {
	u64 value[VMX_NR_SWITCHED];
};
DECLARE_PER_CPU(struct vmx_host_msrs, vmx_host_msrs);

enum vmx_segment_field {
	VMX_SEG_SELECTOR,
	VMX_SEG_BASE,
	VMX_SEG_LIMIT,
	VMX_SEG_ACCESS,
	VMX_NR_SEG_FIELDS
};

/* What of the host's user state an exit does not bring back. */
struct vmx_host_task {
	u16 fs, gs, ds, es, ldt;
	u64 fs_base;
	u64 kernel_gs_base;		/* the task's GS base, while in the kernel */
	/* What the VMCS has of it. */
	bool written;
	u16 written_fs, written_gs;
	u64 written_fs_base;
};

struct vmx_vcpu {
	struct bellows_vcpu vcpu;	/* first: the rest of the module sees only this */

	struct vmcs vmcs;
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

	u64 seg[VCPU_NR_SEGS][VMX_NR_SEG_FIELDS];
	u32 seg_cached;			/* one bit per field of seg[] */

	struct vmx_host_task host;
	bool msrs_loaded;		/* the guest's MSRs are in the hardware */
	bool syscall_loaded;		/* the four of SYSCALL among them */
	bool has_tsc_aux;		/* CPUID offers RDTSCP or RDPID */
	u64 switched[VMX_NR_SWITCHED];
	u64 kernel_gs_base;		/* valid while !msrs_loaded */
	bool tpr_shadow, virtual_apic;	/* in use */
	u8 tpr_threshold;		/* without virtual_apic */
	bool tpr_watched;		/* with it: writes exit */
	int eoi_watched;		/* with it: a vector whose end exits for our sake alone; -1: none */
	u64 told[4];			/* with it: bits of the others whose end does */
	void *apic_page;		/* the APIC's registers; valid with tpr_shadow */
	bool irq_window_for_irq, irq_window_for_nmi;
	bool nmi_unblocked;		/* known; else the VMCS says */
	bool spec_ctrl_direct;		/* the guest writes SPEC_CTRL without an exit */

	/* The last exit. */
	u8 entry_failed;		/* VMX_RUN_*: there was no exit; or 0 */
	u32 exit_reason;		/* whole, bit 31 included */
	u32 instruction_error;		/* valid if entry_failed */
	u32 exit_intr_info;		/* valid for basic reason 0 */
	bool check_shadow;		/* TF and an interrupt shadow may have met */
};

static_assert(offsetof(struct vmx_vcpu, vcpu) == 0);

static inline struct vmx_vcpu *to_vmx(struct bellows_vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, vcpu);
}

/* Decided once, in setup(); constant while any VM exists. */
extern struct vmx_controls vmx_controls;

static inline bool vmx_has(enum vmx_group group, u32 control)
{
	return vmx_controls.value[group] & control;
}

/* VMX operation of a CPU. */
bool vmx_available(char *why, size_t size);
int vmx_setup(void);
void vmx_teardown(void);
int vmx_cpu_enable(void);
void vmx_cpu_disable(void);
void vmx_cpu_emergency_disable(void);
/*
 * VMCSs: which of them a CPU caches, and which one is current there.
 *
 * A page whose first word says the revision: a VMXON region or a VMCS. NULL: no memory.
 */
void *vmcs_alloc_region(int node, gfp_t gfp);
void vmcs_init_cpu(int cpu);
/* This CPU is about to end VMX operation; interrupts off. */
void vmcs_clear_all(void);
int vmcs_alloc(struct vmcs *vmcs);
void vmcs_free(struct vmcs *vmcs);
/* Preemption off. True: the VMCS was not loaded on this CPU before. */
bool vmcs_load(struct vmx_vcpu *vmx, int cpu);

/* The host's half of the VMCS, and what an exit does not restore. */
void vmx_host_init(struct vmx_vcpu *vmx);
void vmx_host_cpu_changed(int cpu);
void vmx_host_task_load(struct vmx_vcpu *vmx);
void vmx_host_task_put(struct vmx_vcpu *vmx);

/* The host's performance counters. */
DECLARE_STATIC_KEY_FALSE(vmx_perf);
void vmx_perf_init(void);
void vmx_perf_exit(void);
void vmx_perf_enter(struct vmx_vcpu *vmx);

/* Translations that a CPU caches, and their tags. */
void vpid_init(void);
u16 vpid_alloc(void);
void vpid_free(u16 vpid);
void vmx_flush_tlb(struct bellows_vcpu *vcpu);
void vmx_flush_tlb_guest(struct bellows_vcpu *vcpu);

/* What the CPU does of a local APIC. */
bool vmx_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view);
void vmx_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested);

/* MSRs that guests reach or depend on. */
void vmx_msrs_load(struct vmx_vcpu *vmx);
void vmx_msrs_put(struct vmx_vcpu *vmx);
void vmx_efer_changed(struct vmx_vcpu *vmx);
int vmx_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int vmx_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
void vmx_update_msr_intercepts(struct bellows_vcpu *vcpu);
void vmx_msr_lists_init(struct vmx_vcpu *vmx);
void vmx_tsc_aux_changed(struct vmx_vcpu *vmx);
extern const u32 vmx_switched_msrs[VMX_NR_SWITCHED];

/* Registers and segments. */
void vmx_cache_reg(struct bellows_vcpu *vcpu, unsigned int reg);
void vmx_get_segment(struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var);
void vmx_set_segment(struct bellows_vcpu *vcpu, unsigned int seg,
		     const struct kvm_segment *var);
u64 vmx_get_segment_base(struct bellows_vcpu *vcpu, unsigned int seg);
bool vmx_in_64bit_code(struct bellows_vcpu *vcpu);
unsigned int vmx_get_cpl(struct bellows_vcpu *vcpu);
void vmx_get_gdt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void vmx_set_gdt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void vmx_get_idt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void vmx_set_idt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void vmx_segments_reset(struct vmx_vcpu *vmx);

/* Control registers, EFER and DR7. */
void vmx_set_cr0(struct bellows_vcpu *vcpu, u64 value);
void vmx_set_cr3(struct bellows_vcpu *vcpu, u64 value);
void vmx_set_cr4(struct bellows_vcpu *vcpu, u64 value);
void vmx_set_efer(struct bellows_vcpu *vcpu, u64 value);
bool vmx_cr4_allowed(struct bellows_vcpu *vcpu, u64 value);
void vmx_set_dr7(struct bellows_vcpu *vcpu, u64 value);
void vmx_update_owned_bits(struct vmx_vcpu *vmx);
void vmx_cache_control(struct vmx_vcpu *vmx, unsigned int reg);

/* Events into the guest, and windows for them. */
void vmx_inject_exception(struct bellows_vcpu *vcpu);
void vmx_inject_irq(struct bellows_vcpu *vcpu);
void vmx_inject_nmi(struct bellows_vcpu *vcpu);
void vmx_cancel_injection(struct bellows_vcpu *vcpu);
bool vmx_irq_allowed(struct bellows_vcpu *vcpu);
bool vmx_nmi_allowed(struct bellows_vcpu *vcpu);
void vmx_request_irq_window(struct bellows_vcpu *vcpu, bool on);
void vmx_request_nmi_window(struct bellows_vcpu *vcpu);
bool vmx_get_nmi_mask(struct bellows_vcpu *vcpu);
void vmx_set_nmi_mask(struct bellows_vcpu *vcpu, bool masked);
u32 vmx_get_interrupt_shadow(struct bellows_vcpu *vcpu);
void vmx_set_interrupt_shadow(struct bellows_vcpu *vcpu, u32 shadow);
void vmx_update_exception_intercepts(struct bellows_vcpu *vcpu);
void vmx_close_windows(struct vmx_vcpu *vmx);
void vmx_set_proc_control(struct vmx_vcpu *vmx, u32 control, bool on);

/* The entry itself. */
int vmx_run_init(void);
void vmx_run_exit(void);
void vmx_prepare_enter(struct bellows_vcpu *vcpu);
void vmx_enter(struct bellows_vcpu *vcpu);
void vmx_exit_irqoff(struct bellows_vcpu *vcpu);
/* Results of vmx_run() besides 0, an exit. */
#define VMX_RUN_REFUSED		1	/* the instruction said no */
#define VMX_RUN_FAULT		2	/* it faulted: VMX is off */
unsigned int vmx_run(struct vmx_vcpu *vmx, u64 *regs, u64 *host_rsp, bool launched);
extern char vmx_exit_point[];
/* Called by vmx_run(), before its first return. */
void vmx_restore_spec_ctrl(struct vmx_vcpu *vmx);

/* From the VMCS's words to the neutral exit. */
bool vmx_decode_quickly(struct bellows_vcpu *vcpu);
void vmx_decode_exit(struct bellows_vcpu *vcpu);

#endif
