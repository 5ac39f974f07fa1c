// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that the guest's instructions reach or depend on. How each gets into
 * the hardware:
 *
 * FS_BASE, GS_BASE, SYSENTER_*	guest fields of the VMCS; no exits.
 * KERNEL_GS_BASE	loaded at the first entry and read back when the vCPU is put, since
 *			SWAPGS changes it; no exits.
 * EFER, PAT		loaded and restored by the CPU, through fields or, where
 *			the CPU has no such controls, through lists of MSRs;
 *			guests' writes exit, so the value is always known here.
 * STAR, LSTAR, CSTAR, SFMASK	loaded at the first entry while the guest can use
 *			SYSCALL (EFER.SCE), else left at the host's values;
 *			guests' accesses exit.
 * TSC_AUX		loaded at the first entry where CPUID offers an instruction
 *			that reads it; the kernel itself does not.
 * SPEC_CTRL		switched around the entry by the run path; guests' writes
 *			exit until the first one, then they do not, and the value
 *			is read back after each exit.
 *
 * The kernel never changes the host's values of the switched ones, so those are
 * read once per CPU. Everything that is loaded at the first entry since the vCPU
 * was loaded is put back when it is put: after that userspace runs, or another task.
 */
#include <linux/bitmap.h>
#include <linux/percpu.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include "guest/msr_filter.h"
#include "vm/features.h"
#include "vm/result.h"
#include "vmx/vmx.h"

const u32 vmx_switched_msrs[VMX_NR_SWITCHED] = {
	[VMX_STAR]		= MSR_STAR,
	[VMX_LSTAR]		= MSR_LSTAR,
	[VMX_CSTAR]		= MSR_CSTAR,
	[VMX_SFMASK]		= MSR_SYSCALL_MASK,
	[VMX_TSC_AUX]		= MSR_TSC_AUX,
};

/* MSRs that live in guest fields. */
static const struct { u32 index; u32 field; bool address; } field_msrs[] = {
	{ MSR_FS_BASE,			GUEST_FS_BASE,		true },
	{ MSR_GS_BASE,			GUEST_GS_BASE,		true },
	{ MSR_IA32_SYSENTER_CS,		GUEST_SYSENTER_CS,	false },
	{ MSR_IA32_SYSENTER_ESP,	GUEST_SYSENTER_ESP,	true },
	{ MSR_IA32_SYSENTER_EIP,	GUEST_SYSENTER_EIP,	true },
};

static bool vmx_syscall_wanted(const struct vmx_vcpu *vmx)
{
	return vmx->vcpu.msrs.efer & EFER_SCE;
}

/* Intel's CPUs take SYSCALL in 64-bit mode only: they remember the value, and that we do. */
static __always_inline bool vmx_has_cstar(void)
{
	return boot_cpu_data.x86_vendor != X86_VENDOR_INTEL;
}

static __always_inline void vmx_wrmsr_unless(u32 index, u64 value, u64 known)
{
	if (value != known)
		native_wrmsrl(index, value);
}

/* In the registers are those of from; those of to shall be. */
static __always_inline void vmx_switch_syscall(const u64 *to, const u64 *from)
{
	vmx_wrmsr_unless(MSR_STAR, to[VMX_STAR], from[VMX_STAR]);
	vmx_wrmsr_unless(MSR_LSTAR, to[VMX_LSTAR], from[VMX_LSTAR]);
	vmx_wrmsr_unless(MSR_SYSCALL_MASK, to[VMX_SFMASK], from[VMX_SFMASK]);
	if (vmx_has_cstar())
		vmx_wrmsr_unless(MSR_CSTAR, to[VMX_CSTAR], from[VMX_CSTAR]);
}

static void vmx_load_syscall(struct vmx_vcpu *vmx)
{
	lockdep_assert_preemption_disabled();
	vmx_switch_syscall(vmx->switched, this_cpu_ptr(&vmx_host_msrs)->value);
	vmx->syscall_loaded = true;
}

static void vmx_put_syscall(struct vmx_vcpu *vmx)
{
	lockdep_assert_preemption_disabled();
	vmx_switch_syscall(this_cpu_ptr(&vmx_host_msrs)->value, vmx->switched);
	vmx->syscall_loaded = false;
}

/* Interrupts off; KERNEL_GS_BASE comes and goes with the task's state. */
void vmx_msrs_load(struct vmx_vcpu *vmx)
{
	lockdep_assert_irqs_disabled();
	if (vmx_syscall_wanted(vmx))
		vmx_load_syscall(vmx);
	if (vmx->has_tsc_aux)
		vmx_wrmsr_unless(MSR_TSC_AUX, vmx->switched[VMX_TSC_AUX],
				 this_cpu_read(vmx_host_msrs.value[VMX_TSC_AUX]));
	vmx->msrs_loaded = true;
}

/* Preemption off. */
void vmx_msrs_put(struct vmx_vcpu *vmx)
{
	lockdep_assert_preemption_disabled();
	if (vmx->has_tsc_aux)
		vmx_wrmsr_unless(MSR_TSC_AUX,
				 this_cpu_read(vmx_host_msrs.value[VMX_TSC_AUX]),
				 vmx->switched[VMX_TSC_AUX]);
	if (vmx->syscall_loaded)
		vmx_put_syscall(vmx);
	vmx->msrs_loaded = false;
}

void vmx_efer_changed(struct vmx_vcpu *vmx)
{
	u64 efer = vmx->vcpu.msrs.efer;

	lockdep_assert_loaded(&vmx->vcpu);
	if (vmx_has(VMX_CTL_ENTRY, VMX_CTL_ENTRY_LOAD_EFER))
		vmcs_write(GUEST_IA32_EFER, efer);
	else
		vmx->msr_lists[0].value = efer;

	preempt_disable();
	if (vmx->msrs_loaded && vmx_syscall_wanted(vmx) != vmx->syscall_loaded) {
		if (vmx->syscall_loaded)
			vmx_put_syscall(vmx);
		else
			vmx_load_syscall(vmx);
	}
	preempt_enable();
}

static void vmx_pat_changed(struct vmx_vcpu *vmx)
{
	u64 pat = vmx->vcpu.msrs.pat;

	if (vmx_has(VMX_CTL_ENTRY, VMX_CTL_ENTRY_LOAD_PAT))
		vmcs_write(GUEST_IA32_PAT, pat);
	else
		vmx->msr_lists[1].value = pat;
}

/*
 * Where the controls that load EFER and PAT are missing, both go through the
 * lists: entry n of the page is the guest's, VMX_MSR_LIST + n the host's.
 */
void vmx_msr_lists_init(struct vmx_vcpu *vmx)
{
	static const u32 msrs[] = { MSR_EFER, MSR_IA32_CR_PAT };
	struct vmx_msr_entry *list = vmx->msr_lists;
	bool efer = vmx_has(VMX_CTL_ENTRY, VMX_CTL_ENTRY_LOAD_EFER);
	bool pat = vmx_has(VMX_CTL_ENTRY, VMX_CTL_ENTRY_LOAD_PAT);
	unsigned int first = efer ? 1 : 0, count = (efer ? 0 : 1) + (pat ? 0 : 1), i;

	lockdep_assert_loaded(&vmx->vcpu);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		list[i].index = msrs[i];
		list[VMX_MSR_LIST + i].index = msrs[i];
		rdmsrl(msrs[i], list[VMX_MSR_LIST + i].value);
	}
	vmx->msr_list_first = first;
	vmx->msr_list_count = count;
	vmx->perf_msrs = 0;
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(&list[first]));
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, count);
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(&list[VMX_MSR_LIST + first]));
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, count);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmx_efer_changed(vmx);
	vmx_pat_changed(vmx);
}

static int vmx_switched_index(u32 index)
{
	int i;

	for (i = 0; i < VMX_NR_SYSCALL; i++)
		if (vmx_switched_msrs[i] == index)
			return i;
	return -ENOENT;
}

static int vmx_msr_field_index(u32 index)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(field_msrs); i++)
		if (field_msrs[i].index == index)
			return i;
	return -ENOENT;
}

int vmx_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i = vmx_msr_field_index(index);

	if (i >= 0) {
		*value = vmcs_read(field_msrs[i].field);
		return MSR_RESULT_OK;
	}
	i = vmx_switched_index(index);
	if (i >= 0) {
		*value = vmx->switched[i];
		return MSR_RESULT_OK;
	}
	if (index != MSR_KERNEL_GS_BASE)
		return -ENOENT;
	preempt_disable();
	if (vmx->msrs_loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	*value = vmx->kernel_gs_base;
	preempt_enable();
	return MSR_RESULT_OK;
}

/* For the widest tables that the CPU knows, whatever mode the guest is in. */
static bool vmx_canonical(const struct bellows_vcpu *vcpu, u64 value, bool host)
{
	bool la57 = boot_cpu_has(X86_FEATURE_LA57) &&
		    (host || bellows_guest_has(vcpu, X86_FEATURE_LA57));
	unsigned int shift = la57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(value << shift) >> shift) == value;
}

static int vmx_msr_set_field(struct bellows_vcpu *vcpu, int i, u64 value, bool host)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (field_msrs[i].address && !vmx_canonical(vcpu, value, host))
		return MSR_RESULT_GP;
	vmcs_write(field_msrs[i].field, value);
	if (field_msrs[i].index == MSR_FS_BASE || field_msrs[i].index == MSR_GS_BASE)
		vmx->seg_cached = 0;
	return MSR_RESULT_OK;
}

static void vmx_msr_set_switched(struct vmx_vcpu *vmx, int i, u64 value, bool loaded)
{
	lockdep_assert_loaded(&vmx->vcpu);
	preempt_disable();
	vmx->switched[i] = value;
	if (vmx->msrs_loaded && loaded)
		wrmsrl(vmx_switched_msrs[i], value);
	preempt_enable();
}

static int vmx_set_kernel_gs_base(struct vmx_vcpu *vmx, u64 value, bool host)
{
	if (!vmx_canonical(&vmx->vcpu, value, host))
		return MSR_RESULT_GP;
	preempt_disable();
	vmx->kernel_gs_base = value;
	if (vmx->msrs_loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, value);
	preempt_enable();
	return MSR_RESULT_OK;
}

static void vmx_spec_ctrl_changed(struct vmx_vcpu *vmx, bool host)
{
	if (host || vmx->spec_ctrl_direct)
		return;
	/* A guest that uses it once uses it all the time. */
	vmx->spec_ctrl_direct = true;
	vmx_update_msr_intercepts(&vmx->vcpu);
}

int vmx_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i = vmx_msr_field_index(index);

	if (i >= 0)
		return vmx_msr_set_field(vcpu, i, value, host);
	i = vmx_switched_index(index);
	if (i >= 0) {
		if ((i == VMX_LSTAR || i == VMX_CSTAR) &&
		    !vmx_canonical(vcpu, value, host))
			return MSR_RESULT_GP;
		/* A mask of 32 bits; the upper half is reserved. */
		if (i == VMX_SFMASK && value >> 32)
			return MSR_RESULT_GP;
		vmx_msr_set_switched(vmx, i, value, vmx->syscall_loaded && (i != VMX_CSTAR || vmx_has_cstar()));
		return MSR_RESULT_OK;
	}
	switch (index) {
	case MSR_KERNEL_GS_BASE:
		return vmx_set_kernel_gs_base(vmx, value, host);
	case MSR_TSC_AUX:
		vmx_msr_set_switched(vmx, VMX_TSC_AUX, value, vmx->has_tsc_aux);
		return MSR_RESULT_OK;
	case MSR_IA32_CR_PAT:
		vmx_pat_changed(vmx);
		return MSR_RESULT_OK;
	case MSR_IA32_SPEC_CTRL:
		vmx_spec_ctrl_changed(vmx, host);
		return MSR_RESULT_OK;
	}
	return -ENOENT;
}

/* Four bitmaps of 8192 bits: reads of low and of high MSRs, then writes. */
static void vmx_msr_set_intercept(struct vmx_vcpu *vmx, u32 index, bool write, bool on)
{
	unsigned int bit = (index & 0x1fff) + (index >> 31 ? 0x2000 : 0) + (write ? 0x4000 : 0);

	lockdep_assert_held(&vmx->vcpu.mutex);
	if (on)
		__set_bit(bit, vmx->msr_bitmap);
	else
		__clear_bit(bit, vmx->msr_bitmap);
}

static void vmx_msr_direct(struct vmx_vcpu *vmx, u32 index, bool read, bool write)
{
	struct bellows_vcpu *vcpu = &vmx->vcpu;

	vmx_msr_set_intercept(vmx, index, false, !(read && bellows_msr_allowed(vcpu, index, false)));
	vmx_msr_set_intercept(vmx, index, true, !(write && bellows_msr_allowed(vcpu, index, true)));
}

void vmx_update_msr_intercepts(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool spec_ctrl = vmx->spec_ctrl_direct && bellows_guest_has(vcpu, X86_FEATURE_SPEC_CTRL);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(field_msrs); i++)
		vmx_msr_direct(vmx, field_msrs[i].index, true, true);
	vmx_msr_direct(vmx, MSR_KERNEL_GS_BASE, true, true);
	/* Reads of the TSC get the offset. */
	vmx_msr_direct(vmx, MSR_IA32_TSC, true, false);
	vmx_msr_direct(vmx, MSR_IA32_SPEC_CTRL, spec_ctrl, spec_ctrl);
	vmx_msr_direct(vmx, APIC_BASE_MSR + (APIC_TASKPRI >> 4), vmx->virtual_apic,
		       vmx->virtual_apic && !vmx->tpr_watched);
	vmx_msr_direct(vmx, APIC_BASE_MSR + (APIC_EOI >> 4), false, vmx->virtual_apic);
}

static bool vmx_guest_has_any(struct bellows_vcpu *vcpu, unsigned int a, unsigned int b)
{
	return bellows_guest_has(vcpu, a) || bellows_guest_has(vcpu, b);
}

/* Whether the guest has RDTSCP or RDPID may have changed: the register must hold its value then. */
void vmx_tsc_aux_changed(struct vmx_vcpu *vmx)
{
	struct bellows_vcpu *vcpu = &vmx->vcpu;
	bool has_tsc_aux = vmx_guest_has_any(vcpu, X86_FEATURE_RDTSCP, X86_FEATURE_RDPID) &&
			   vmx_has(VMX_CTL_PROC2, VMX_CTL_PROC2_RDTSCP);

	lockdep_assert_loaded(vcpu);
	preempt_disable();
	if (vmx->msrs_loaded && has_tsc_aux != vmx->has_tsc_aux)
		wrmsrl(MSR_TSC_AUX, has_tsc_aux ? vmx->switched[VMX_TSC_AUX] :
		       this_cpu_read(vmx_host_msrs.value[VMX_TSC_AUX]));
	vmx->has_tsc_aux = has_tsc_aux;
	preempt_enable();
}
