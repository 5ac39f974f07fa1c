// SPDX-License-Identifier: GPL-2.0
/*
 * VMX operation of the CPUs: is it there, on, off.
 *
 * VMXON regions are allocated for every possible CPU in setup(), so that
 * enabling one that comes online cannot fail for want of memory.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/perf_event.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "vmx/vmx.h"

struct vmx_cpu {
	void *vmxon;			/* one page */
	bool on;
};

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);
DEFINE_PER_CPU(struct vmx_host_msrs, vmx_host_msrs);
struct vmx_controls vmx_controls;

static const u32 group_msrs[VMX_CTL_NR_GROUPS] = {
	[VMX_CTL_PIN]   = MSR_IA32_VMX_PINBASED_CTLS,
	[VMX_CTL_PROC]  = MSR_IA32_VMX_PROCBASED_CTLS,
	[VMX_CTL_PROC2] = MSR_IA32_VMX_PROCBASED_CTLS2,
	[VMX_CTL_EXIT]  = MSR_IA32_VMX_EXIT_CTLS,
	[VMX_CTL_ENTRY] = MSR_IA32_VMX_ENTRY_CTLS,
};

static const u32 true_group_msrs[VMX_CTL_NR_GROUPS] = {
	[VMX_CTL_PIN]   = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	[VMX_CTL_PROC]  = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	[VMX_CTL_PROC2] = MSR_IA32_VMX_PROCBASED_CTLS2,
	[VMX_CTL_EXIT]  = MSR_IA32_VMX_TRUE_EXIT_CTLS,
	[VMX_CTL_ENTRY] = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
};

/* An MSR that does not exist offers nothing. */
static u64 vmx_read_cap(u32 msr)
{
	u64 value;

	return rdmsrl_safe(msr, &value) ? 0 : value;
}

static void vmx_read_caps(struct vmx_caps *caps)
{
	const u32 *msrs = group_msrs;
	int i;

	memset(caps, 0, sizeof(*caps));
	caps->basic = vmx_read_cap(MSR_IA32_VMX_BASIC);
	if (caps->basic & VMX_CAP_BASIC_TRUE)
		msrs = true_group_msrs;
	for (i = 0; i < VMX_CTL_NR_GROUPS; i++)
		caps->allowed[i] = vmx_read_cap(msrs[i]);
	caps->ept_vpid = vmx_read_cap(MSR_IA32_VMX_EPT_VPID_CAP);
	caps->cr0_fixed0 = vmx_read_cap(MSR_IA32_VMX_CR0_FIXED0);
	caps->cr0_fixed1 = vmx_read_cap(MSR_IA32_VMX_CR0_FIXED1);
	caps->cr4_fixed0 = vmx_read_cap(MSR_IA32_VMX_CR4_FIXED0);
	caps->cr4_fixed1 = vmx_read_cap(MSR_IA32_VMX_CR4_FIXED1);
}

/* Of the CPU it runs on. NULL: fine; or what stands in the way. */
static const char *vmx_firmware_refuses(void)
{
	u64 control;

	if (!(cpuid_ecx(1) & BIT(5)))
		return "this CPU has no VMX";
	/* A CPU without the MSR has nothing that could be locked. */
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &control))
		return NULL;
	if (!(control & FEAT_CTL_LOCKED))
		return "IA32_FEATURE_CONTROL is not locked";
	if (!(control & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX))
		return "VMX is disabled by the firmware (IA32_FEATURE_CONTROL)";
	return NULL;
}

/* FRED delivers exceptions in another way; its state is not switched here. */
static bool vmx_host_uses_fred(void)
{
	return __read_cr4() & BIT_ULL(32);
}

bool vmx_available(char *why, size_t size)
{
	const char *refusal = vmx_firmware_refuses(), *missing;
	struct vmx_controls controls;
	struct vmx_caps caps;

	if (!refusal && vmx_host_uses_fred())
		refusal = "the host kernel uses FRED";
	if (refusal) {
		snprintf(why, size, "vmx: %s", refusal);
		return false;
	}
	vmx_read_caps(&caps);
	missing = vmx_negotiate(&caps, &controls);
	if (missing)
		snprintf(why, size, "vmx: this CPU lacks %s", missing);
	return !missing;
}

int vmx_setup(void)
{
	struct vmx_caps caps;
	int cpu, err;

	vmx_read_caps(&caps);
	if (vmx_negotiate(&caps, &vmx_controls))
		return -EOPNOTSUPP;
	bellows_vmx_backend.format = vmx_controls.ept_ad ? &bellows_ept_format :
								    &bellows_ept_noad_format;
	vpid_init();
	err = vmx_run_init();
	if (err)
		return err;
	vmx_perf_init();
	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		vmcs_init_cpu(cpu);
		c->vmxon = vmcs_alloc_region(cpu_to_node(cpu), GFP_KERNEL);
		if (!c->vmxon) {
			vmx_teardown();
			return -ENOMEM;
		}
	}
	return 0;
}

void vmx_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)c->vmxon);
		c->vmxon = NULL;
	}
	vmx_perf_exit();
	vmx_run_exit();
}

/* Every CPU must do exactly what was decided on one of them. */
static bool vmx_same_controls(void)
{
	struct vmx_controls controls;
	struct vmx_caps caps;

	if (vmx_firmware_refuses())
		return false;
	vmx_read_caps(&caps);
	return !vmx_negotiate(&caps, &controls) &&
	       !memcmp(&controls, &vmx_controls, sizeof(controls));
}

static void vmx_read_host_msrs(void)
{
	struct vmx_host_msrs *host = this_cpu_ptr(&vmx_host_msrs);
	int i;

	for (i = 0; i < VMX_NR_SWITCHED; i++)
		host->value[i] = vmx_read_cap(vmx_switched_msrs[i]);
}

int vmx_cpu_enable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	lockdep_assert_irqs_disabled();
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	if (!vmx_same_controls())
		return -EOPNOTSUPP;
	vmx_read_host_msrs();
	intel_pt_handle_vmx(1);
	cr4_set_bits(X86_CR4_VMXE);
	if (vmx_vmxon(__pa(c->vmxon))) {
		cr4_clear_bits(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		return -EIO;
	}
	/* What an earlier owner of VMX left in the TLBs. */
	vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_VPID))
		vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
	c->on = true;
	return 0;
}

void vmx_cpu_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	lockdep_assert_irqs_disabled();
	if (!c->on)
		return;
	vmcs_clear_all();
	c->on = false;
	vmx_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/*
 * The lists may be in the middle of a change, so VMCSs are left uncleared:
 * their memory is not used again.
 */
void vmx_cpu_emergency_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	if (!c->on)
		return;
	c->on = false;
	vmx_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
}
