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
DEFINE_PER_CPU(struct bellows_vmx_host_msrs, bellows_vmx_host_msrs);
struct bellows_vmx_controls bellows_vmx_controls;

static const u32 group_msrs[BELLOWS_VMX_NR_GROUPS] = {
	[BELLOWS_VMX_PIN]   = MSR_IA32_VMX_PINBASED_CTLS,
	[BELLOWS_VMX_PROC]  = MSR_IA32_VMX_PROCBASED_CTLS,
	[BELLOWS_VMX_PROC2] = MSR_IA32_VMX_PROCBASED_CTLS2,
	[BELLOWS_VMX_EXIT]  = MSR_IA32_VMX_EXIT_CTLS,
	[BELLOWS_VMX_ENTRY] = MSR_IA32_VMX_ENTRY_CTLS,
};

static const u32 true_group_msrs[BELLOWS_VMX_NR_GROUPS] = {
	[BELLOWS_VMX_PIN]   = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	[BELLOWS_VMX_PROC]  = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	[BELLOWS_VMX_PROC2] = MSR_IA32_VMX_PROCBASED_CTLS2,
	[BELLOWS_VMX_EXIT]  = MSR_IA32_VMX_TRUE_EXIT_CTLS,
	[BELLOWS_VMX_ENTRY] = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
};

/* An MSR that does not exist offers nothing. */
static u64 read_cap(u32 msr)
{
	u64 value;

	return rdmsrl_safe(msr, &value) ? 0 : value;
}

static void read_caps(struct bellows_vmx_caps *caps)
{
	const u32 *msrs = group_msrs;
	int i;

	memset(caps, 0, sizeof(*caps));
	caps->basic = read_cap(MSR_IA32_VMX_BASIC);
	if (caps->basic & BELLOWS_VMX_BASIC_TRUE)
		msrs = true_group_msrs;
	for (i = 0; i < BELLOWS_VMX_NR_GROUPS; i++)
		caps->allowed[i] = read_cap(msrs[i]);
	caps->ept_vpid = read_cap(MSR_IA32_VMX_EPT_VPID_CAP);
	caps->cr0_fixed0 = read_cap(MSR_IA32_VMX_CR0_FIXED0);
	caps->cr0_fixed1 = read_cap(MSR_IA32_VMX_CR0_FIXED1);
	caps->cr4_fixed0 = read_cap(MSR_IA32_VMX_CR4_FIXED0);
	caps->cr4_fixed1 = read_cap(MSR_IA32_VMX_CR4_FIXED1);
}

/* Of the CPU it runs on. NULL: fine; or what stands in the way. */
static const char *firmware_refuses(void)
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
static bool host_uses_fred(void)
{
	return __read_cr4() & BIT_ULL(32);
}

bool bellows_vmx_available(char *why, size_t size)
{
	const char *refusal = firmware_refuses(), *missing;
	struct bellows_vmx_controls controls;
	struct bellows_vmx_caps caps;

	if (!refusal && host_uses_fred())
		refusal = "the host kernel uses FRED";
	if (refusal) {
		snprintf(why, size, "vmx: %s", refusal);
		return false;
	}
	read_caps(&caps);
	missing = bellows_vmx_negotiate(&caps, &controls);
	if (missing)
		snprintf(why, size, "vmx: this CPU lacks %s", missing);
	return !missing;
}

int bellows_vmx_setup(void)
{
	struct bellows_vmx_caps caps;
	int cpu, err;

	read_caps(&caps);
	if (bellows_vmx_negotiate(&caps, &bellows_vmx_controls))
		return -EOPNOTSUPP;
	bellows_vmx_backend.format = bellows_vmx_controls.ept_ad ? &bellows_ept_format :
								    &bellows_ept_noad_format;
	bellows_vmx_vpid_init();
	err = bellows_vmx_run_init();
	if (err)
		return err;
	bellows_vmx_perf_init();
	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		bellows_vmx_vmcs_init_cpu(cpu);
		c->vmxon = bellows_vmx_alloc_region(cpu_to_node(cpu), GFP_KERNEL);
		if (!c->vmxon) {
			bellows_vmx_teardown();
			return -ENOMEM;
		}
	}
	return 0;
}

void bellows_vmx_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)c->vmxon);
		c->vmxon = NULL;
	}
	bellows_vmx_perf_exit();
	bellows_vmx_run_exit();
}

/* Every CPU must do exactly what was decided on one of them. */
static bool same_controls(void)
{
	struct bellows_vmx_controls controls;
	struct bellows_vmx_caps caps;

	if (firmware_refuses())
		return false;
	read_caps(&caps);
	return !bellows_vmx_negotiate(&caps, &controls) &&
	       !memcmp(&controls, &bellows_vmx_controls, sizeof(controls));
}

static void read_host_msrs(void)
{
	struct bellows_vmx_host_msrs *host = this_cpu_ptr(&bellows_vmx_host_msrs);
	int i;

	for (i = 0; i < BELLOWS_VMX_NR_SWITCHED; i++)
		host->value[i] = read_cap(bellows_vmx_switched_msrs[i]);
}

int bellows_vmx_cpu_enable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	if (!same_controls())
		return -EOPNOTSUPP;
	read_host_msrs();
	intel_pt_handle_vmx(1);
	cr4_set_bits(X86_CR4_VMXE);
	if (vmx_vmxon(__pa(c->vmxon))) {
		cr4_clear_bits(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		return -EIO;
	}
	/* What an earlier owner of VMX left in the TLBs. */
	vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (bellows_vmx_has(BELLOWS_VMX_PROC2, BELLOWS_VMX_PROC2_VPID))
		vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
	c->on = true;
	return 0;
}

void bellows_vmx_cpu_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	if (!c->on)
		return;
	bellows_vmx_vmcs_clear_all();
	c->on = false;
	vmx_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/*
 * The lists may be in the middle of a change, so VMCSs are left uncleared:
 * nobody will use their memory.
 */
void bellows_vmx_cpu_emergency_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	if (!c->on)
		return;
	c->on = false;
	vmx_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
}
