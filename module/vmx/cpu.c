// SPDX-License-Identifier: GPL-2.0
/*
 * VMX operation of the CPUs: is it there, on, off, and which VMCSs a CPU has
 * taken into its caches.
 *
 * A CPU may keep parts of every VMCS that was loaded on it since the last
 * VMCLEAR of that VMCS. So each CPU has a list of them. One leaves the list
 * when it is cleared: because another CPU wants to load it or it is to be freed
 * (an IPI asks the CPU that has it), or because the CPU ends VMX operation.
 *
 * Ordering. The list of a CPU, and vmcs->cpu while it names that CPU, change
 * only on that CPU with interrupts off. The clearing side unlinks first and
 * then sets vmcs->cpu to -1; whoever loads reads vmcs->cpu first and then links:
 * barriers on both sides keep it from linking an entry that is still in another
 * list. Loaders of one VMCS are serialized by vcpu->mutex. If the CPU goes
 * offline meanwhile, the IPI fails, but then that CPU has cleared all it had.
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
#include "vm/request.h"
#include "vmx/vmx.h"

struct vmx_cpu {
	void *vmxon;			/* one page */
	struct list_head loaded;	/* VMCSs this CPU may cache; interrupts off */
	struct bellows_vmx *current_vcpu;	/* whose VMCS is the current one */
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

/* The first word of a VMXON region and of a VMCS. */
static void *alloc_region(int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);

	if (!page)
		return NULL;
	*(u32 *)page_address(page) = bellows_vmx_controls.revision;
	return page_address(page);
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

		INIT_LIST_HEAD(&c->loaded);
		c->vmxon = alloc_region(cpu_to_node(cpu), GFP_KERNEL);
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

/* On the CPU that has it, interrupts off. */
static void clear_here(struct bellows_vmcs *vmcs)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	if (c->current_vcpu && &c->current_vcpu->vmcs == vmcs)
		c->current_vcpu = NULL;
	vmx_vmclear(__pa(vmcs->page));
	vmcs->launched = false;
	list_del(&vmcs->link);
	/* Pairs with the barrier in bellows_vmx_vmcs_load(): unlinked, then free for others. */
	smp_wmb();
	WRITE_ONCE(vmcs->cpu, -1);
}

void bellows_vmx_cpu_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);
	struct bellows_vmcs *vmcs, *next;

	if (!c->on)
		return;
	list_for_each_entry_safe(vmcs, next, &c->loaded, link)
		clear_here(vmcs);
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

int bellows_vmx_vmcs_alloc(struct bellows_vmcs *vmcs)
{
	vmcs->page = alloc_region(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT);
	vmcs->cpu = -1;
	INIT_LIST_HEAD(&vmcs->link);
	return vmcs->page ? 0 : -ENOMEM;
}

static void clear_by_ipi(void *arg)
{
	struct bellows_vmcs *vmcs = arg;

	/* This CPU may have ended VMX operation since the IPI was sent. */
	if (vmcs->cpu == raw_smp_processor_id())
		clear_here(vmcs);
}

static void vmcs_clear(struct bellows_vmcs *vmcs)
{
	int cpu = READ_ONCE(vmcs->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_by_ipi, vmcs, 1);
}

void bellows_vmx_vmcs_free(struct bellows_vmcs *vmcs)
{
	if (!vmcs->page)
		return;
	vmcs_clear(vmcs);
	free_page((unsigned long)vmcs->page);
	vmcs->page = NULL;
}

static noinline bool make_current(struct bellows_vmx *vmx, int cpu)
{
	struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);
	struct bellows_vmcs *vmcs = &vmx->vmcs;
	bool moved = READ_ONCE(vmcs->cpu) != cpu;
	unsigned long flags;

	if (moved)
		vmcs_clear(vmcs);
	/* An IPI may clear another VMCS of the list, or this CPU may be told to stop. */
	local_irq_save(flags);
	if (moved) {
		/* Pairs with the barrier in clear_here(). */
		smp_rmb();
		vmcs->cpu = cpu;
		list_add(&vmcs->link, &c->loaded);
	}
	if (c->current_vcpu != vmx) {
		if (vmx_vmptrld(__pa(vmcs->page)))
			bellows_vmx_access_failed("VMPTRLD", 0);
		c->current_vcpu = vmx;
		/* Another guest's branch predictions are not for this one. */
		indirect_branch_prediction_barrier();
	}
	local_irq_restore(flags);
	return moved;
}

/*
 * One that is current here has not been elsewhere, for the way there leads through
 * clear_here(). An IPI that ends VMX operation may come before or after this look.
 */
bool bellows_vmx_vmcs_load(struct bellows_vmx *vmx, int cpu)
{
	return likely(__this_cpu_read(vmx_cpus.current_vcpu) == vmx) ? false : make_current(vmx, cpu);
}

void bellows_vmx_access_failed(const char *insn, unsigned long field)
{
	struct bellows_vmx *vmx = raw_cpu_read(vmx_cpus.current_vcpu);

	/* Virtualization has been taken from us, for a reboot: nothing is wrong, and nothing matters. */
	if (bellows_host_lost())
		return;
	pr_err_ratelimited("bellows: %s failed, field %lx\n", insn, field);
	if (vmx)
		bellows_vm_bug(vmx->vcpu.vm, "VMX instruction failed");
}
