// SPDX-License-Identifier: GPL-2.0
/*
 * Which VMCSs a CPU has taken into its caches, and which one is current there.
 *
 * A CPU may keep parts of every VMCS that was loaded on it since the last
 * VMCLEAR of that VMCS. So each CPU has a list of them. One leaves the list
 * when it is cleared: because another CPU wants to load it or it is to be freed
 * (an IPI asks the CPU that has it), or because the CPU ends VMX operation.
 *
 * Ordering. The list of a CPU, and vmcs->cpu while it names that CPU, change
 * only on that CPU with interrupts off. The clearing side unlinks first and
 * then sets vmcs->cpu to -1; the loading side reads vmcs->cpu first and then links:
 * barriers on both sides keep it from linking an entry that is still in another
 * list. Loaders of one VMCS are serialized by vcpu->mutex. If the CPU goes
 * offline meanwhile, the IPI fails, but then that CPU has cleared all it had.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/nospec-branch.h>
#include "host/host.h"
#include "vm/request.h"
#include "vmx/vmx.h"

struct vmcs_cpu {
	struct list_head loaded;	/* VMCSs this CPU may cache; interrupts off */
	struct vmx_vcpu *current_vcpu;		/* whose VMCS is the current one */
};

static DEFINE_PER_CPU(struct vmcs_cpu, vmcs_cpus);

/* The first word of a VMXON region and of a VMCS. */
void *vmcs_alloc_region(int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);

	if (!page)
		return NULL;
	*(u32 *)page_address(page) = vmx_controls.revision;
	return page_address(page);
}

/* On the CPU that has it, interrupts off. */
static void vmcs_clear_here(struct vmcs *vmcs)
{
	struct vmcs_cpu *c = this_cpu_ptr(&vmcs_cpus);

	lockdep_assert_irqs_disabled();
	if (c->current_vcpu && &c->current_vcpu->vmcs == vmcs)
		c->current_vcpu = NULL;
	vmx_vmclear(__pa(vmcs->page));
	vmcs->launched = false;
	list_del(&vmcs->link);
	/* Pairs with the barrier in vmcs_load(): unlinked, then free for others. */
	smp_wmb();
	WRITE_ONCE(vmcs->cpu, -1);
}

void vmcs_init_cpu(int cpu)
{
	INIT_LIST_HEAD(&per_cpu(vmcs_cpus, cpu).loaded);
}

void vmcs_clear_all(void)
{
	struct vmcs_cpu *c = this_cpu_ptr(&vmcs_cpus);
	struct vmcs *vmcs, *next;

	lockdep_assert_irqs_disabled();
	list_for_each_entry_safe(vmcs, next, &c->loaded, link)
		vmcs_clear_here(vmcs);
}

int vmcs_alloc(struct vmcs *vmcs)
{
	vmcs->page = vmcs_alloc_region(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT);
	vmcs->cpu = -1;
	INIT_LIST_HEAD(&vmcs->link);
	return vmcs->page ? 0 : -ENOMEM;
}

static void vmcs_clear_by_ipi(void *arg)
{
	struct vmcs *vmcs = arg;

	/* This CPU may have ended VMX operation since the IPI was sent. */
	if (vmcs->cpu == raw_smp_processor_id())
		vmcs_clear_here(vmcs);
}

static void vmcs_clear(struct vmcs *vmcs)
{
	int cpu = READ_ONCE(vmcs->cpu);

	lockdep_assert_irqs_enabled();
	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_clear_by_ipi, vmcs, 1);
}

void vmcs_free(struct vmcs *vmcs)
{
	if (!vmcs->page)
		return;
	vmcs_clear(vmcs);
	free_page((unsigned long)vmcs->page);
	vmcs->page = NULL;
}

static noinline bool vmcs_make_current(struct vmx_vcpu *vmx, int cpu)
{
	struct vmcs_cpu *c = per_cpu_ptr(&vmcs_cpus, cpu);
	struct vmcs *vmcs = &vmx->vmcs;
	bool moved = READ_ONCE(vmcs->cpu) != cpu;
	unsigned long flags;

	if (moved)
		vmcs_clear(vmcs);
	/* An IPI may clear another VMCS of the list, or this CPU may be told to stop. */
	local_irq_save(flags);
	if (moved) {
		/* Pairs with the barrier in vmcs_clear_here(). */
		smp_rmb();
		vmcs->cpu = cpu;
		list_add(&vmcs->link, &c->loaded);
	}
	if (c->current_vcpu != vmx) {
		if (vmx_vmptrld(__pa(vmcs->page)))
			vmcs_access_failed("VMPTRLD", 0);
		c->current_vcpu = vmx;
		/* Another guest's branch predictions are not for this one. */
		indirect_branch_prediction_barrier();
	}
	local_irq_restore(flags);
	return moved;
}

/*
 * One that is current here has not been elsewhere, for the way there leads through
 * vmcs_clear_here(). An IPI that ends VMX operation may come before or after this look.
 */
bool vmcs_load(struct vmx_vcpu *vmx, int cpu)
{
	lockdep_assert_held(&vmx->vcpu.mutex);
	lockdep_assert_preemption_disabled();
	if (likely(__this_cpu_read(vmcs_cpus.current_vcpu) == vmx))
		return false;
	return vmcs_make_current(vmx, cpu);
}

void vmcs_access_failed(const char *insn, unsigned long field)
{
	struct vmx_vcpu *vmx = raw_cpu_read(vmcs_cpus.current_vcpu);

	/* Virtualization has been taken from us, for a reboot: nothing is wrong, and nothing matters. */
	if (bellows_host_lost())
		return;
	pr_err_ratelimited("bellows: %s failed, field %lx\n", insn, field);
	if (vmx)
		bellows_vm_bug(vmx->vcpu.vm, "VMX instruction failed");
}
