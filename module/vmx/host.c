// SPDX-License-Identifier: GPL-2.0
/*
 * The host's half of a VMCS: what a CPU loads when a guest exits. Four kinds
 * of state, by when they can change:
 *
 * constant	selectors, CR0, EFER, PAT, entry points: written once per VMCS.
 * per CPU	GDT, IDT, TSS, kernel GS base, SYSENTER stack: written when the
 *		VMCS is loaded on another CPU.
 * per task	FS selector and base, GS selector: compared at the first entry after
 *		a load of the vCPU; a task's own segments cannot change while it is in
 *		KVM_RUN.
 * any time	CR3 (PCIDs are recycled, kernel text is patched through another
 *		mm), CR4, and the LDTR (another thread may give this process an
 *		LDT): looked at whenever interrupts were on, in the run path.
 *
 * An exit also destroys state that the VMCS has no room for. The limits of GDT
 * and TSS become their maxima (the latter would open the I/O bitmap), the LDT
 * becomes unusable, DS and ES null, and selectors of user segments cannot be in
 * the host's half at all. The kernel needs none of this while the vCPU is
 * loaded; it is put back when the vCPU is put, if it was entered, before another task or userspace
 * could see it. DEBUGCTL is cleared too, and restored at the end of a stay in
 * the guest.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/ldt.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "vmx/vmx.h"

static u64 vmx_read_msr(u32 index)
{
	u64 value;

	rdmsrl(index, value);
	return value;
}

void vmx_host_init(struct vmx_vcpu *vmx)
{
	lockdep_assert_loaded(&vmx->vcpu);
	vmcs_write(HOST_CR0, read_cr0());
	/* Most likely right; compared before each entry. */
	vmx->host_cr3 = __read_cr3();
	vmcs_write(HOST_CR3, vmx->host_cr3);
	vmx->host_cr4 = cr4_read_shadow();
	vmcs_write(HOST_CR4, vmx->host_cr4);

	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_IA32_SYSENTER_CS, vmx_read_msr(MSR_IA32_SYSENTER_CS));
	vmcs_write(HOST_IA32_SYSENTER_EIP, vmx_read_msr(MSR_IA32_SYSENTER_EIP));
	if (vmx_has(VMX_CTL_EXIT, VMX_CTL_EXIT_LOAD_PAT))
		vmcs_write(HOST_IA32_PAT, vmx_read_msr(MSR_IA32_CR_PAT));
	if (vmx_has(VMX_CTL_EXIT, VMX_CTL_EXIT_LOAD_EFER))
		vmcs_write(HOST_IA32_EFER, vmx_read_msr(MSR_EFER));

	vmcs_write(HOST_RIP, (unsigned long)vmx_exit_point);
	/* No stack pointer has this value: the first entry writes the field. */
	vmx->host_rsp = 0;
	vmx->host.written = false;
}

void vmx_host_cpu_changed(int cpu)
{
	struct desc_ptr idt;

	lockdep_assert_preemption_disabled();
	store_idt(&idt);
	vmcs_write(HOST_IDTR_BASE, idt.address);
	vmcs_write(HOST_GDTR_BASE, (unsigned long)get_cpu_gdt_ro(cpu));
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write(HOST_GS_BASE, vmx_read_msr(MSR_GS_BASE));
	vmcs_write(HOST_IA32_SYSENTER_ESP, vmx_read_msr(MSR_IA32_SYSENTER_ESP));
}

/*
 * The GS base that SWAPGS would bring is exchanged: the old one. Interrupts off. What
 * can come nevertheless (NMIs, machine checks) looks which GS base it finds.
 */
static __always_inline u64 vmx_swap_gs_base(u64 new)
{
	u64 old;

	if (static_cpu_has(X86_FEATURE_FSGSBASE)) {
		asm volatile("swapgs; rdgsbase %0; wrgsbase %1; swapgs"
			     : "=&r" (old) : "r" (new) : "memory");
		return old;
	}
	old = __rdmsr(MSR_KERNEL_GS_BASE);
	native_wrmsrl(MSR_KERNEL_GS_BASE, new);
	return old;
}

/* Only selectors without TI and RPL may stand in the host's half. */
static u16 vmx_loadable_selector(u16 selector)
{
	return selector & 7 ? 0 : selector;
}

/* Interrupts off; the guest's KERNEL_GS_BASE takes the place of the task's. */
void vmx_host_task_load(struct vmx_vcpu *vmx)
{
	struct vmx_host_task *host = &vmx->host;

	lockdep_assert_irqs_disabled();
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	savesegment(ds, host->ds);
	savesegment(es, host->es);
	store_ldt(host->ldt);
	host->fs_base = static_cpu_has(X86_FEATURE_FSGSBASE) ? rdfsbase() : __rdmsr(MSR_FS_BASE);
	host->kernel_gs_base = vmx_swap_gs_base(vmx->kernel_gs_base);

	if (unlikely(!host->written || host->written_fs != host->fs || host->written_gs != host->gs)) {
		vmcs_write(HOST_FS_SELECTOR, vmx_loadable_selector(host->fs));
		vmcs_write(HOST_GS_SELECTOR, vmx_loadable_selector(host->gs));
		host->written_fs = host->fs;
		host->written_gs = host->gs;
	}
	if (unlikely(!host->written || host->written_fs_base != host->fs_base)) {
		vmcs_write(HOST_FS_BASE, host->fs_base);
		host->written_fs_base = host->fs_base;
	}
	host->written = true;
}

/*
 * Preemption off. The guest's GS base first, since loading a selector loads a base
 * with it; therefore the host's bases come after their selectors.
 */
void vmx_host_task_put(struct vmx_vcpu *vmx)
{
	const struct vmx_host_task *host = &vmx->host;
	unsigned long flags;

	lockdep_assert_preemption_disabled();
	local_irq_save(flags);
	vmx->kernel_gs_base = vmx_swap_gs_base(host->kernel_gs_base);
	local_irq_restore(flags);
	if (host->ldt)
		asm volatile("lldt %0" : : "m"(host->ldt));
	if (host->gs & 7) {
		load_gs_index(host->gs);
		wrmsrl(MSR_KERNEL_GS_BASE, host->kernel_gs_base);
	}
	if (host->fs & 7) {
		loadsegment(fs, host->fs);
		wrmsrl(MSR_FS_BASE, host->fs_base);
	}
	if (host->ds | host->es) {
		loadsegment(ds, host->ds);
		loadsegment(es, host->es);
	}
	invalidate_tss_limit();
	load_fixmap_gdt(raw_smp_processor_id());
}

/* Straight after the exit, before the first return: what the guest left in SPEC_CTRL is kept, and the host's is back. */
noinstr void vmx_restore_spec_ctrl(struct vmx_vcpu *vmx)
{
	u64 host;

	if (!cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	host = this_cpu_read(x86_spec_ctrl_current);
	if (vmx->spec_ctrl_direct)
		vmx->vcpu.msrs.spec_ctrl = __rdmsr(MSR_IA32_SPEC_CTRL);
	/* With the older kind of IBRS the write itself is what protects. */
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS) || vmx->vcpu.msrs.spec_ctrl != host)
		native_wrmsrl(MSR_IA32_SPEC_CTRL, host);
	barrier_nospec();
}
