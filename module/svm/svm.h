/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_SVM_H
#define BELLOWS_SVM_SVM_H
/* What the files of this folder share. */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include "vm/vcpu.h"
#include "vm/vm.h"
#include "backend.h"
#include "svm/asid.h"
#include "svm/vmcb.h"

/* What this machine's processors can do beyond the least we need. */
struct svm_features {
	bool nrip;		/* next RIP is reported */
	bool decode;		/* operands of MOV CR/DR, instruction bytes of faults */
	bool flush_by_asid;
	u32 clean_groups;	/* of the VMCB that the CPU need not read again; 0: it reads all */
	bool pause_filter;
	bool tsc_ratio;
	bool v_spec_ctrl;	/* the VMCB holds the guest's SPEC_CTRL */
	bool spec_ctrl;		/* there is one, and it must be switched by hand */
	bool virt_ssbd;		/* store bypass is switched by other means (LS_CFG) */
	bool tsc_aux;
	bool repeats_interrupts;	/* an emulator with a fault: see svm_must_come_back() */
};

extern struct svm_features svm_features;

struct svm_cpu {
	struct asid_pool asids;
	struct page *hsave;		/* VMRUN keeps the host's state there */
	struct page *host;		/* a VMCB for VMSAVE and VMLOAD of the host's state */
	phys_addr_t host_pa;
	u64 host_tsc_aux;		/* what user space expects */
	u64 tsc_aux;			/* what is in the register */
	u64 last_vcpu;			/* serial of the vCPU that trained predictions */
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/* What the assembly needs for SPEC_CTRL; offsets asserted beside it. */
struct svm_spec_ctrl {
	u32 guest;
	u32 host;
	u8 active;			/* switch at all */
	u8 direct;			/* the guest writes the register itself: read it back */
};

/* How far a guest is with its NMI; there is no virtual NMI in this hardware's terms. */
struct svm_nmi {
	bool masked;			/* one is in service: IRET is intercepted */
	bool iret;			/* masked, and the IRET at iret_rip is about to run */
	u64 iret_rip;
	bool step;			/* run one instruction and look again */
	bool stepping;			/* this entry has TF and intercepts of ours */
	u64 guest_tf;			/* what TF was before we set it */
};

struct svm_vcpu {
	struct bellows_vcpu vcpu;		/* first */
	struct vmcb_page *vmcb;			/* [c] */
	phys_addr_t vmcb_pa;			/* [c] */
	struct page *msrpm;			/* [c] */
	u64 serial;				/* [c] never reused, unlike the address */
	struct asid_tag asid;			/* [v] */
	u32 intercept[6];			/* [v] without those of a single step */
	u64 guest_cr4;				/* [v] without what hardware needs */
	u64 cache_disable;			/* [v] the guest's CR0.CD and NW */
	u64 virt_spec_ctrl;			/* [v] */
	bool has_spec_ctrl;			/* [c] it must be brought in and out */
	bool switch_ssbd;			/* [v] around each entry of this stay */
	struct svm_spec_ctrl spec;		/* [v] */
	struct svm_nmi nmi;			/* [v] */
	u64 debug_bits;				/* [v] DR6 bits of the last #DB exit */
	/* A soft event was put in place: RIP before, RIP after the instruction. */
	bool soft_injected;			/* [v] */
	u64 soft_old_rip, soft_next_rip;	/* [v] */
	u8 *tpr;				/* [v] where the APIC in the kernel, if there is one, keeps it */
	bool uses_cr8;				/* [v] so its writes exit only while TPR holds something back */
	bool off;				/* [v] SVM is off: nothing was entered */
	bool in_shadow;				/* [v] the stay began in a shadow, without an event */
	u64 shadow_rip;				/* [v] and there */
};

static inline struct svm_vcpu *to_svm(struct bellows_vcpu *vcpu)
{
	return container_of(vcpu, struct svm_vcpu, vcpu);
}

/* The CPU must read these groups of the VMCB again. */
static inline void svm_dirty(struct svm_vcpu *svm, u32 groups)
{
	svm->vmcb->control.clean &= ~groups;
}

static inline void svm_set_intercept(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	vmcb_intercept(svm->intercept, bit, on);
	vmcb_intercept(svm->vmcb->control.intercept, bit, on);
	svm_dirty(svm, VMCB_CLEAN_INTERCEPTS);
}

/* A vCPU's VMCB, and its place on a CPU. */
int svm_setup(void);
void svm_teardown(void);
int svm_vcpu_create(struct bellows_vcpu *vcpu);
void svm_vcpu_destroy(struct bellows_vcpu *vcpu);
void svm_vcpu_reset(struct bellows_vcpu *vcpu, bool init);
void svm_vcpu_load(struct bellows_vcpu *vcpu, int cpu);
void svm_vcpu_put(struct bellows_vcpu *vcpu);
void svm_cpuid_changed(struct bellows_vcpu *vcpu);
void svm_update_exception_intercepts(struct bellows_vcpu *vcpu);
void svm_flush_tlb(struct bellows_vcpu *vcpu);

/* The entry itself, interrupts off. */
void svm_prepare_enter(struct bellows_vcpu *vcpu);
void svm_enter(struct bellows_vcpu *vcpu);
void svm_exit_irqoff(struct bellows_vcpu *vcpu);
void svm_save_host(phys_addr_t host);

/* Registers that live in the VMCB. */
void svm_cache_reg(struct bellows_vcpu *vcpu, unsigned int reg);
void svm_get_segment(struct bellows_vcpu *vcpu, unsigned int seg, struct kvm_segment *var);
void svm_set_segment(struct bellows_vcpu *vcpu, unsigned int seg,
		     const struct kvm_segment *var);
u64 svm_get_segment_base(struct bellows_vcpu *vcpu, unsigned int seg);
bool svm_in_64bit_code(struct bellows_vcpu *vcpu);
unsigned int svm_get_cpl(struct bellows_vcpu *vcpu);
void svm_get_gdt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void svm_set_gdt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void svm_get_idt(struct bellows_vcpu *vcpu, struct kvm_dtable *dt);
void svm_set_idt(struct bellows_vcpu *vcpu, const struct kvm_dtable *dt);
void svm_set_cr0(struct bellows_vcpu *vcpu, u64 value);
void svm_set_cr3(struct bellows_vcpu *vcpu, u64 value);
void svm_set_cr4(struct bellows_vcpu *vcpu, u64 value);
void svm_set_efer(struct bellows_vcpu *vcpu, u64 value);
bool svm_cr4_allowed(struct bellows_vcpu *vcpu, u64 value);
void svm_set_dr7(struct bellows_vcpu *vcpu, u64 value);

/* MSRs that this kind of hardware holds. */
int svm_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int svm_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
void svm_update_msr_intercepts(struct bellows_vcpu *vcpu);
void svm_set_tsc_offset(struct bellows_vcpu *vcpu, u64 offset);
void svm_write_tsc_aux(u64 value);
void svm_sync_tsc_aux(struct bellows_vcpu *vcpu);

/* Events into the guest, windows for them, interrupted deliveries. */
void svm_inject_exception(struct bellows_vcpu *vcpu);
void svm_inject_irq(struct bellows_vcpu *vcpu);
void svm_inject_nmi(struct bellows_vcpu *vcpu);
void svm_cancel_injection(struct bellows_vcpu *vcpu);
bool svm_irq_allowed(struct bellows_vcpu *vcpu);
bool svm_nmi_allowed(struct bellows_vcpu *vcpu);
void svm_request_irq_window(struct bellows_vcpu *vcpu, bool on);
bool svm_offer_irq(struct bellows_vcpu *vcpu, int vector);
bool svm_irq_taken(struct bellows_vcpu *vcpu);
bool svm_apic_changed(struct bellows_vcpu *vcpu, const struct bellows_apic_view *view);
void svm_apic_vectors(struct bellows_vcpu *vcpu, int in_service, int requested);
void svm_request_nmi_window(struct bellows_vcpu *vcpu);
bool svm_get_nmi_mask(struct bellows_vcpu *vcpu);
void svm_set_nmi_mask(struct bellows_vcpu *vcpu, bool masked);
u32 svm_get_interrupt_shadow(struct bellows_vcpu *vcpu);
void svm_set_interrupt_shadow(struct bellows_vcpu *vcpu, u32 shadow);
void svm_decode_vectoring(struct svm_vcpu *svm);
/* Around an entry, interrupts off: */
bool svm_step_begin(struct svm_vcpu *svm);
void svm_step_end(struct svm_vcpu *svm);

/* From the VMCB's words to the neutral exit. */
bool svm_decode_quickly(struct bellows_vcpu *vcpu);
void svm_decode_exit(struct bellows_vcpu *vcpu);

#endif
