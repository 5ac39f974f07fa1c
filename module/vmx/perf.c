// SPDX-License-Identifier: GPL-2.0
/*
 * The host's performance counters while a guest runs.
 *
 * They are not the guest's, and for the most part they may go on counting. But a
 * counter with PEBS writes a record to a virtual address when it overflows, and
 * inside a guest that is an address of the guest's: the host's profile would write
 * into its memory, or make it fault. So such counters stand still there. Which ones
 * they are only perf knows; it is asked before each stay in the guest, since it
 * changes its mind in interrupts. Its answer is pairs of values, host and guest, and
 * where they are the same, always unless perf measures something, there is nothing to do.
 * Where they are not, a stay is a single entry.
 *
 * The CPU itself must load both values, in entry and exit: a counter that overflows
 * just before the entry has an NMI handler which turns everything on again. They
 * stand behind the constant part of the lists that the VMCS names. PEBS as a
 * whole (for CPUs whose counters overshoot their stop) is turned off earlier in
 * addition, so that a record on its way is written before the guest runs.
 *
 * No emulator has PEBS: this has not been seen to work.
 */
#include <linux/percpu.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include "vm/request.h"
#include "vmx/vmx.h"

DEFINE_STATIC_KEY_FALSE(vmx_perf);

/*
 * What the guest wants of PEBS, in the form of the kernel's own hypervisor: nothing.
 * A few members are read; the structure is smaller than this.
 */
static u8 nothing[2 * PAGE_SIZE];

/* Interrupts or preemption off. */
static struct perf_guest_switch_msr *vmx_perf_ask(int *nr)
{
	struct perf_guest_switch_msr *msrs;

	lockdep_assert_preemption_disabled();
	*nr = 0;
	msrs = perf_guest_get_msrs(nr, nothing);
	if (!msrs)
		*nr = 0;
	return msrs;
}

/* Once: a host without such counters is not asked again. */
void vmx_perf_init(void)
{
	int nr;

	preempt_disable();
	vmx_perf_ask(&nr);
	preempt_enable();
	if (nr)
		static_branch_enable(&vmx_perf);
}

void vmx_perf_exit(void)
{
	static_branch_disable(&vmx_perf);
}

/* The rest belongs to PEBS in guests, which there is not. */
static bool vmx_perf_concerns_us(const struct perf_guest_switch_msr *msr)
{
	return msr->host != msr->guest &&
	       (msr->msr == MSR_CORE_PERF_GLOBAL_CTRL || msr->msr == MSR_IA32_PEBS_ENABLE);
}

static void vmx_perf_put(struct vmx_vcpu *vmx, unsigned int n,
			 const struct perf_guest_switch_msr *msr)
{
	struct vmx_msr_entry *entry = &vmx->msr_lists[vmx->msr_list_first + vmx->msr_list_count + n];

	entry[0] = (struct vmx_msr_entry) { .index = msr->msr, .value = msr->guest };
	entry[VMX_MSR_LIST] = (struct vmx_msr_entry) { .index = msr->msr, .value = msr->host };
}

/* Before a stay in the guest, interrupts off. */
void vmx_perf_enter(struct vmx_vcpu *vmx)
{
	const struct perf_guest_switch_msr *msrs;
	unsigned int n = 0;
	int i, nr;

	lockdep_assert_irqs_disabled();
	msrs = vmx_perf_ask(&nr);
	for (i = 0; i < nr; i++) {
		if (likely(!vmx_perf_concerns_us(&msrs[i])) || n == VMX_PERF_MSRS)
			continue;
		vmx_perf_put(vmx, n++, &msrs[i]);
		if (msrs[i].msr == MSR_IA32_PEBS_ENABLE)
			wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	}
	/* Ends the stay after one entry. */
	if (n)
		bellows_request(&vmx->vcpu, VCPU_REQ_KICK);
	if (likely(n == vmx->perf_msrs))
		return;
	vmx->perf_msrs = n;
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, vmx->msr_list_count + n);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, vmx->msr_list_count + n);
}
