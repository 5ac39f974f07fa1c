// SPDX-License-Identifier: GPL-2.0
/*
 * The SVM backend: is there SVM, switching it on and off, and the list of its
 * operations.
 *
 * What is needed: SVM that the firmware did not lock away, with nested paging.
 * Everything newer is used where it is found and done without where it is not.
 * Refused is what would run and be wrong: a host with memory encryption (nested
 * page tables would need the encryption bit), and processors with erratum 383,
 * on which a guest can cause machine checks by mapping a page in two sizes.
 *
 * The bits that an XSAVE area, a debug register or a performance counter needs
 * are no business of this hardware; the common code switches them.
 *
 * Known gaps: DEBUGCTL is not switched (a host that single-steps the VMM by
 * branches shows that to the guest); at CPL 3 an instruction of SVM raises #GP
 * where a processor without SVM raises #UD.
 */
#include <linux/cc_platform.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include "backend.h"
#include "compat.h"
#include "mmu/format.h"
#include "svm/svm.h"

#define SVM_LEAF	0x8000000a
#define VM_CR_SVMDIS	BIT(4)

struct svm_features svm_features;

static const char *svm_what_is_missing(void)
{
	u64 vm_cr;

	if (!boot_cpu_has(X86_FEATURE_SVM))
		return "this CPU has no SVM";
	if (rdmsrl_safe(MSR_VM_CR, &vm_cr))
		return "SVM cannot be used here (no VM_CR)";
	if (vm_cr & VM_CR_SVMDIS)
		return "SVM is disabled by the firmware (VM_CR.SVMDIS)";
	if (!boot_cpu_has(X86_FEATURE_NPT))
		return "SVM has no nested paging on this CPU";
	if (cpuid_ebx(SVM_LEAF) < 2)
		return "SVM has no address space identifiers on this CPU";
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return "SVM with memory encryption is not supported";
	if (boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH))
		return "this CPU has erratum 383";
	return NULL;
}

static bool svm_available(char *why, size_t size)
{
	const char *missing = svm_what_is_missing();

	if (missing)
		strscpy(why, missing, size);
	return !missing;
}

/* QEMU's own CPU, with more than one of them. */
static bool svm_repeats_interrupts(void)
{
	return boot_cpu_has(X86_FEATURE_HYPERVISOR) && num_possible_cpus() > 1 &&
	       hypervisor_cpuid_base("TCGTCGTCGTCG", 0);
}

static void svm_find_features(void)
{
	svm_features = (struct svm_features) {
		.nrip = boot_cpu_has(X86_FEATURE_NRIPS),
		.decode = boot_cpu_has(X86_FEATURE_DECODEASSISTS),
		.flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID),
		.clean_groups = boot_cpu_has(X86_FEATURE_VMCBCLEAN) ? VMCB_CLEAN_ALL : 0,
		.pause_filter = boot_cpu_has(X86_FEATURE_PAUSEFILTER),
		.tsc_ratio = boot_cpu_has(X86_FEATURE_TSCRATEMSR),
		.v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) &&
			     !boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.virt_ssbd = !boot_cpu_has(X86_FEATURE_V_SPEC_CTRL) &&
			     (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
			      boot_cpu_has(X86_FEATURE_VIRT_SSBD)),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.repeats_interrupts = svm_repeats_interrupts(),
	};
}

static int svm_backend_setup(void)
{
	svm_find_features();
	/* VMRUN walks nested tables with as many levels as the host's own have. */
	bellows_svm_backend.format = pgtable_l5_enabled() ? &bellows_npt5_format :
							    &bellows_npt_format;
	return svm_setup();
}

/* What hardware needs a control for, and this has none. */
static bool svm_supports(unsigned int feature)
{
	switch (feature) {
	case X86_FEATURE_SVM:
		return false;
	case X86_FEATURE_VIRT_SSBD:
		return svm_features.virt_ssbd;
	default:
		return true;
	}
}

static int svm_cpu_enable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer, vm_cr;

	lockdep_assert_irqs_disabled();
	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	if (rdmsrl_safe(MSR_VM_CR, &vm_cr) || (vm_cr & VM_CR_SVMDIS))
		return -EOPNOTSUPP;
	if (wrmsrl_safe(MSR_EFER, efer | EFER_SVME))
		return -EOPNOTSUPP;
	wrmsrl(MSR_VM_HSAVE_PA, page_to_phys(cpu->hsave));
	/* An earlier owner of SVM may have left another ratio. */
	if (svm_features.tsc_ratio)
		wrmsr(MSR_AMD64_TSC_RATIO, 0, 1);
	if (svm_features.tsc_aux)
		rdmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
	cpu->tsc_aux = cpu->host_tsc_aux;
	cpu->last_vcpu = 0;
	asid_enable(&cpu->asids, cpuid_ebx(SVM_LEAF));
	/* Counters that count the host only stop in guests from now on. */
	amd_pmu_enable_virt();
	bellows_bp_spec_reduce(true);
	return 0;
}

/* The end is the same in peace and in an emergency: INIT and NMIs must not stay held back. */
static void svm_switch_off(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	asm goto("1: stgi\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 ::: "memory" : fault);
fault:
	wrmsrl(MSR_EFER, efer & ~(u64)EFER_SVME);
}

static void svm_cpu_disable(void)
{
	lockdep_assert_irqs_disabled();
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	svm_switch_off();
	bellows_bp_spec_reduce(false);
	amd_pmu_disable_virt();
}

static void svm_cpu_emergency_disable(void)
{
	svm_switch_off();
}

/* All that a VM needs is in its vCPUs and in the nested tables. */
static int svm_vm_init(struct bellows_vm *vm)
{
	return 0;
}

static void svm_vm_destroy(struct bellows_vm *vm)
{
}

struct bellows_backend bellows_svm_backend = {
	.name = "svm",
	.enable_bit = "EFER.SVME",
	.format = &bellows_npt_format,
	.vcpu_size = sizeof(struct svm_vcpu),
	.hypercall_insn_len = 3,
	.supports = svm_supports,
	.available = svm_available,
	.setup = svm_backend_setup,
	.teardown = svm_teardown,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.cpu_emergency_disable = svm_cpu_emergency_disable,
	.vm_init = svm_vm_init,
	.vm_destroy = svm_vm_destroy,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.prepare_enter = svm_prepare_enter,
	.enter = svm_enter,
	.decode_quickly = svm_decode_quickly,
	.exit_irqoff = svm_exit_irqoff,
	.decode_exit = svm_decode_exit,
	.cache_reg = svm_cache_reg,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_segment_base = svm_get_segment_base,
	.in_64bit_code = svm_in_64bit_code,
	.get_cpl = svm_get_cpl,
	.get_gdt = svm_get_gdt,
	.set_gdt = svm_set_gdt,
	.get_idt = svm_get_idt,
	.set_idt = svm_set_idt,
	.set_cr0 = svm_set_cr0,
	.set_cr3 = svm_set_cr3,
	.set_cr4 = svm_set_cr4,
	.set_efer = svm_set_efer,
	.cr4_allowed = svm_cr4_allowed,
	.set_dr7 = svm_set_dr7,
	.msr_get = svm_msr_get,
	.msr_set = svm_msr_set,
	.update_msr_intercepts = svm_update_msr_intercepts,
	.set_tsc_offset = svm_set_tsc_offset,
	.cpuid_changed = svm_cpuid_changed,
	.update_exception_intercepts = svm_update_exception_intercepts,
	.inject_exception = svm_inject_exception,
	.inject_irq = svm_inject_irq,
	.inject_nmi = svm_inject_nmi,
	.cancel_injection = svm_cancel_injection,
	.irq_allowed = svm_irq_allowed,
	.nmi_allowed = svm_nmi_allowed,
	.request_irq_window = svm_request_irq_window,
	.offer_irq = svm_offer_irq,
	.irq_taken = svm_irq_taken,
	.apic_changed = svm_apic_changed,
	.apic_vectors = svm_apic_vectors,
	.request_nmi_window = svm_request_nmi_window,
	.get_nmi_mask = svm_get_nmi_mask,
	.set_nmi_mask = svm_set_nmi_mask,
	.get_interrupt_shadow = svm_get_interrupt_shadow,
	.set_interrupt_shadow = svm_set_interrupt_shadow,
	.flush_tlb = svm_flush_tlb,
	.flush_tlb_guest = svm_flush_tlb,
};
