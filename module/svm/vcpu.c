// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's VMCB: its making, its power-on state, what it intercepts, and
 * loading it onto a CPU.
 *
 * Intercepted is everything that would show the guest the host or let it change
 * the host, and what the architecture's own virtualization gets wrong. Not
 * intercepted, because the VMCB holds the guest's own: CR2, CR3, CR0.TS and MP,
 * the descriptor-table registers, INVLPG and INVPCID (nested paging leaves the
 * guest its own translations, under its ASID), RDTSC (with an offset). #DB and
 * #AC are always intercepted, since a guest can make the processor deliver them
 * to itself without end, with interrupts never looked at.
 *
 * The permission map of I/O ports is shared by all: everything exits. It and the
 * VMCBs live until the last VM is gone.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "svm/permission.h"
#include "svm/segment.h"
#include "svm/svm.h"
#include "vm/features.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

static struct page *iopm;
static atomic64_t serials;

/* Always, for every guest. CR and DR accesses and exceptions follow below. */
static const u8 intercepts[] = {
	VMCB_INTERCEPT_INTR,
	VMCB_INTERCEPT_NMI,
	VMCB_INTERCEPT_SMI,
	VMCB_INTERCEPT_INIT,
	VMCB_INTERCEPT_CR0_SELECTIVE,
	VMCB_INTERCEPT_RDPMC,
	VMCB_INTERCEPT_CPUID,
	VMCB_INTERCEPT_RSM,
	VMCB_INTERCEPT_INVD,
	VMCB_INTERCEPT_HLT,
	VMCB_INTERCEPT_INVLPGA,
	VMCB_INTERCEPT_IO,
	VMCB_INTERCEPT_MSR,
	VMCB_INTERCEPT_TASK_SWITCH,
	VMCB_INTERCEPT_FERR_FREEZE,
	VMCB_INTERCEPT_SHUTDOWN,
	VMCB_INTERCEPT_VMRUN,
	VMCB_INTERCEPT_VMMCALL,
	VMCB_INTERCEPT_VMLOAD,
	VMCB_INTERCEPT_VMSAVE,
	VMCB_INTERCEPT_STGI,
	VMCB_INTERCEPT_CLGI,
	VMCB_INTERCEPT_SKINIT,
	VMCB_INTERCEPT_ICEBP,
	VMCB_INTERCEPT_WBINVD,
	VMCB_INTERCEPT_MONITOR,
	VMCB_INTERCEPT_MWAIT,
	VMCB_INTERCEPT_MWAIT_ARMED,
	VMCB_INTERCEPT_XSETBV,
	VMCB_INTERCEPT_RDPRU,
	VMCB_INTERCEPT_CR_WRITE + 4,
	VMCB_INTERCEPT_CR_WRITE + 8,
	VMCB_INTERCEPT_EXCEPTION + X86_TRAP_DB,
	VMCB_INTERCEPT_EXCEPTION + X86_TRAP_AC,
	VMCB_INTERCEPT_EXCEPTION + X86_TRAP_MC,
};

static void svm_teardown_cpu(struct svm_cpu *cpu)
{
	if (cpu->hsave)
		__free_page(cpu->hsave);
	if (cpu->host)
		__free_page(cpu->host);
	cpu->hsave = NULL;
	cpu->host = NULL;
}

void svm_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		svm_teardown_cpu(per_cpu_ptr(&svm_cpu, cpu));
	if (iopm)
		__free_pages(iopm, get_order(SVM_IOPM_SIZE));
	iopm = NULL;
}

int svm_setup(void)
{
	int cpu;

	iopm = alloc_pages(GFP_KERNEL, get_order(SVM_IOPM_SIZE));
	if (!iopm)
		return -ENOMEM;
	memset(page_address(iopm), 0xff, SVM_IOPM_SIZE);
	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpu, cpu);

		c->hsave = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		c->host = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!c->hsave || !c->host) {
			svm_teardown();
			return -ENOMEM;
		}
		c->host_pa = page_to_phys(c->host);
	}
	return 0;
}

static void svm_init_controls(struct svm_vcpu *svm)
{
	struct vmcb_control *control = &svm->vmcb->control;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(intercepts); i++)
		svm_set_intercept(svm, intercepts[i], true);
	for (i = 0; i < 16; i++) {
		svm_set_intercept(svm, VMCB_INTERCEPT_DR_READ + i, true);
		svm_set_intercept(svm, VMCB_INTERCEPT_DR_WRITE + i, true);
	}
	if (svm_features.pause_filter) {
		control->pause_count = 3000;
		svm_set_intercept(svm, VMCB_INTERCEPT_PAUSE, true);
	}
	control->iopm = page_to_phys(iopm);
	control->msrpm = page_to_phys(svm->msrpm);
	control->int_ctl = VMCB_V_INTR_MASKING;
	control->nested_ctl = VMCB_NP_ENABLE;
	control->nested_cr3 = svm->vcpu.vm->mmu.root.v << PAGE_SHIFT;
	svm->vmcb->save.efer = EFER_SVME;
	svm->vmcb->save.dr6 = DR6_RESERVED;
	svm->vmcb->save.dr7 = 0x400;
	svm->vmcb->save.rflags = X86_EFLAGS_FIXED;
	svm->vmcb->save.g_pat = svm->vcpu.msrs.pat;
}

int svm_vcpu_create(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct page *page;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	svm->msrpm = alloc_pages(GFP_KERNEL_ACCOUNT, get_order(SVM_MSRPM_SIZE));
	if (!svm->msrpm) {
		__free_page(page);
		return -ENOMEM;
	}
	svm->vmcb = page_address(page);
	svm->vmcb_pa = page_to_phys(page);
	svm->serial = atomic64_inc_return(&serials);
	svm->asid.cpu = -1;
	svm->spec.active = svm_features.spec_ctrl;
	svm->has_spec_ctrl = svm_features.spec_ctrl || svm_features.v_spec_ctrl;
	memset(page_address(svm->msrpm), 0xff, SVM_MSRPM_SIZE);
	svm_init_controls(svm);
	return 0;
}

void svm_vcpu_destroy(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!svm->vmcb)
		return;
	__free_pages(svm->msrpm, get_order(SVM_MSRPM_SIZE));
	free_page((unsigned long)svm->vmcb);
	svm->vmcb = NULL;
}

static void svm_reset_segments(struct bellows_vcpu *vcpu)
{
	struct kvm_segment data = {
		.limit = 0xffff, .type = 3, .present = 1, .s = 1,
	};
	struct kvm_segment code = {
		.base = 0xffff0000, .limit = 0xffff, .selector = 0xf000,
		.type = 11, .present = 1, .s = 1,
	};
	struct kvm_segment ldt = { .limit = 0xffff, .type = 2, .present = 1 };
	struct kvm_segment task = { .limit = 0xffff, .type = 11, .present = 1 };
	struct kvm_dtable table = { .limit = 0xffff };

	lockdep_assert_loaded(vcpu);
	svm_set_segment(vcpu, SEG_CS, &code);
	svm_set_segment(vcpu, SEG_DS, &data);
	svm_set_segment(vcpu, SEG_ES, &data);
	svm_set_segment(vcpu, SEG_SS, &data);
	svm_set_segment(vcpu, SEG_FS, &data);
	svm_set_segment(vcpu, SEG_GS, &data);
	svm_set_segment(vcpu, SEG_LDTR, &ldt);
	svm_set_segment(vcpu, SEG_TR, &task);
	svm_set_gdt(vcpu, &table);
	svm_set_idt(vcpu, &table);
}

/* INIT keeps the MSRs, power-on clears them. */
static void svm_reset_msrs(struct vmcb_save *save)
{
	save->star = 0;
	save->lstar = 0;
	save->cstar = 0;
	save->sfmask = 0;
	save->kernel_gs_base = 0;
	save->sysenter_cs = 0;
	save->sysenter_esp = 0;
	save->sysenter_eip = 0;
}

void svm_vcpu_reset(struct bellows_vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control *control = &svm->vmcb->control;

	/* INIT keeps what the guest said about caching. */
	vcpu->msrs.efer = 0;
	svm_set_efer(vcpu, 0);
	svm_set_cr0(vcpu, X86_CR0_ET |
		    (init ? svm->cache_disable : X86_CR0_CD | X86_CR0_NW));
	svm_set_cr3(vcpu, 0);
	svm_set_cr4(vcpu, 0);
	svm_reset_segments(vcpu);
	if (!init) {
		svm_reset_msrs(&svm->vmcb->save);
		svm->virt_spec_ctrl = 0;
	}
	svm->vmcb->save.g_pat = vcpu->msrs.pat;
	control->int_ctl = VMCB_V_INTR_MASKING;
	svm_set_intercept(svm, VMCB_INTERCEPT_VINTR, false);
	control->int_state = 0;
	control->event_inj = 0;
	svm->soft_injected = false;
	memset(&svm->nmi, 0, sizeof(svm->nmi));
	svm_set_nmi_mask(vcpu, false);
	svm_update_exception_intercepts(vcpu);
	svm_update_msr_intercepts(vcpu);
	svm_sync_tsc_aux(vcpu);
	svm->asid.flush = true;
	control->clean = 0;
}

/* Preemption is off. The other guest that ran here may have trained predictions for this one. */
static void svm_forget_predictions(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	lockdep_assert_preemption_disabled();
	if (cpu->last_vcpu == svm->serial)
		return;
	cpu->last_vcpu = svm->serial;
	if (!cpu_feature_enabled(X86_FEATURE_IBPB_ON_VMEXIT))
		indirect_branch_prediction_barrier();
}

void svm_vcpu_load(struct bellows_vcpu *vcpu, int cpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_cpu *c = per_cpu_ptr(&svm_cpu, cpu);

	svm_save_host(c->host_pa);
	if (unlikely(c->tsc_aux != vcpu->msrs.tsc_aux))
		svm_write_tsc_aux(vcpu->msrs.tsc_aux);
	svm_forget_predictions(svm, c);
}

void svm_vcpu_put(struct bellows_vcpu *vcpu)
{
	u64 host = this_cpu_read(svm_cpu.host_tsc_aux);

	if (unlikely(this_cpu_read(svm_cpu.tsc_aux) != host))
		svm_write_tsc_aux(host);
}

void svm_update_exception_intercepts(struct bellows_vcpu *vcpu)
{
	svm_set_intercept(to_svm(vcpu), VMCB_INTERCEPT_EXCEPTION + X86_TRAP_BP,
			  vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP);
}

/* Instructions that the processor has and this guest must not. */
void svm_cpuid_changed(struct bellows_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_set_intercept(svm, VMCB_INTERCEPT_RDTSCP,
			  boot_cpu_has(X86_FEATURE_RDTSCP) &&
			  !bellows_guest_has(vcpu, X86_FEATURE_RDTSCP));
	svm_set_intercept(svm, VMCB_INTERCEPT_INVPCID,
			  boot_cpu_has(X86_FEATURE_INVPCID) &&
			  !bellows_guest_has(vcpu, X86_FEATURE_INVPCID));
	svm_update_msr_intercepts(vcpu);
}

/* One identifier holds both the guest's own translations and those of the nested tables. */
void svm_flush_tlb(struct bellows_vcpu *vcpu)
{
	to_svm(vcpu)->asid.flush = true;
}
