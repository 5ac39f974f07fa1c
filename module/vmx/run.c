// SPDX-License-Identifier: GPL-2.0
/*
 * Entering a guest, and what must happen right after its exit.
 *
 * Everything here runs with interrupts off. Between bellows_guest_state_enter()
 * and _exit() no instrumentation may run: RCU considers the CPU to be elsewhere.
 *
 * Hardening, by what the host kernel has decided for itself (its command line,
 * its CPU's bugs, its microcode):
 *
 * L1TF		On an affected CPU, unless the kernel's l1tf= says "off", the L1
 *		data cache is flushed before an entry after which a guest could
 *		find secrets in it. With l1tf=full always; otherwise when the host
 *		has run code that touches other people's data: an interrupt (the
 *		kernel keeps a per-CPU mark), another task, userspace, emulation,
 *		or one of the rarer exits. A fault that only needs a page does not
 *		count, as with KVM: it reads tables, and writes zeros.
 *		IA32_FLUSH_CMD does it, or without that microcode reading 64 KiB.
 * MDS, TAA,	VERW as the last thing before the entry, where the kernel's
 * RFDS		X86_FEATURE_CLEAR_CPU_BUF says so. MMIO stale data: the same bit;
 *		the further case, guests with devices assigned to them, cannot occur.
 * Spectre v2	Return stack filled after an exit, branch history cleared, the
 *		host's SPEC_CTRL back in force before the first return; a barrier
 *		when another guest comes to this CPU (at load). No indirect branch
 *		is between exit and all that.
 * SPEC_CTRL	A guest that has the MSR runs with its own value.
 *
 * NMIs that arrive in a guest cause an exit and leave NMIs blocked. They are
 * handed on by INT 2, which goes through the host's own gate and stack and
 * unblocks NMIs with its IRET. Machine checks are given to the kernel as if they
 * had hit a user task: it can then kill this one instead of the machine.
 */
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/static_key.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/spec-ctrl.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>
#include "compat.h"
#include "run/guest_state.h"
#include "vmx/vmx.h"

#define L1D_ORDER	4
#define L1D_SIZE	(PAGE_SIZE << L1D_ORDER)

static DEFINE_STATIC_KEY_FALSE(l1d_flush);
static DEFINE_STATIC_KEY_FALSE(l1d_flush_always);
static unsigned char *l1d_pages;

/* Not worth keeping over an exit. */
#define LAZY_REGS	(BIT(VCPU_RIP) | BIT(GPR_RSP) | BIT(VCPU_RFLAGS) | \
			 BIT(VCPU_CR0) | BIT(VCPU_CR3) | BIT(VCPU_CR4))

static bool vmx_l1tf_harmless(void)
{
	u64 capabilities = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF) || bellows_l1tf_off())
		return true;
	/* An outer hypervisor does the flushing. */
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, capabilities);
	return capabilities & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

int vmx_run_init(void)
{
	int i;

	if (vmx_l1tf_harmless())
		return 0;
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		l1d_pages = (unsigned char *)__get_free_pages(GFP_KERNEL, L1D_ORDER);
		if (!l1d_pages)
			return -ENOMEM;
		/* An outer hypervisor must not merge them into one page. */
		for (i = 0; i < 1 << L1D_ORDER; i++)
			memset(l1d_pages + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	}
	static_branch_enable(&l1d_flush);
	if (bellows_l1tf_full())
		static_branch_enable(&l1d_flush_always);
	return 0;
}

void vmx_run_exit(void)
{
	static_branch_disable(&l1d_flush);
	static_branch_disable(&l1d_flush_always);
	free_pages((unsigned long)l1d_pages, L1D_ORDER);
	l1d_pages = NULL;
}

/* The first byte of each of sixteen lines. */
static __always_inline void vmx_l1d_read_lines(const unsigned char *from)
{
	asm volatile(".set offset, 0\n\t"
		     ".rept 16\n\t"
		     "movzbl offset(%0), %%eax\n\t"
		     ".set offset, offset + 64\n\t"
		     ".endr"
		     : : "r" (from) : "eax", "memory");
}

/* Once page by page, so that no TLB miss disturbs the second pass, which fills every line. */
static __always_inline void vmx_l1d_read_pages(void)
{
	unsigned long i;

	for (i = 0; i < L1D_SIZE; i += PAGE_SIZE)
		asm volatile("movzbl (%0), %%eax" : : "r"(l1d_pages + i) : "eax");
	asm volatile("lfence" : : : "memory");
	for (i = 0; i < L1D_SIZE; i += 16 * 64)
		vmx_l1d_read_lines(l1d_pages + i);
	asm volatile("lfence" : : : "memory");
}

static __always_inline bool vmx_l1d_must_flush(const struct vmx_vcpu *vmx)
{
	return unlikely(vmx->vcpu.l1d_unsafe | bellows_l1d_touched()) ||
	       static_branch_unlikely(&l1d_flush_always);
}

static noinstr noinline void vmx_l1d_flush(struct vmx_vcpu *vmx)
{
	vmx->vcpu.l1d_unsafe = false;
	bellows_l1d_clear_touched();
	if (static_cpu_has(X86_FEATURE_FLUSH_L1D))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		vmx_l1d_read_pages();
}

static __always_inline void vmx_load_spec_ctrl(struct vmx_vcpu *vmx)
{
	if (!cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	if (vmx->vcpu.msrs.spec_ctrl != this_cpu_read(x86_spec_ctrl_current))
		native_wrmsrl(MSR_IA32_SPEC_CTRL, vmx->vcpu.msrs.spec_ctrl);
}

static noinstr void vmx_enter_guest(struct vmx_vcpu *vmx)
{
	struct bellows_vcpu *vcpu = &vmx->vcpu;

	bellows_guest_state_enter(&vmx->vcpu.quiescent);
	if (static_branch_unlikely(&l1d_flush) && vmx_l1d_must_flush(vmx))
		vmx_l1d_flush(vmx);
	if (vcpu->cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr2);
	vmx_load_spec_ctrl(vmx);
	vmx->entry_failed = vmx_run(vmx, vcpu->regs, &vmx->host_rsp, vmx->vmcs.launched);
	vcpu->cr2 = native_read_cr2();
	bellows_guest_state_exit();
}

/*
 * An entry checks that a pending single-step trap is recorded exactly if TF is
 * set in an interrupt shadow. State that did not come straight from an exit may
 * violate that. A debugger's own single-step wants the trap after the next
 * instruction, so there the shadow ends early.
 *
 * Without a shadow such a trap has no business there: of our exits it outlives
 * only machine checks. What is found is a leftover, of an instruction that an
 * exit interrupted in a shadow and that was then executed here, or (in Bochs) of
 * any exit with TF set; the guest would be stopped twice at one place, or get
 * a trap that was the debugger's.
 */
static noinline void vmx_check_shadow(struct bellows_vcpu *vcpu)
{
	const u32 shadow_mask = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO), shadow = state & shadow_mask;
	u64 old = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS), pending = old & ~(u64)DR_STEP;

	lockdep_assert_irqs_disabled();
	if (shadow && (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state & ~shadow_mask);
		shadow = 0;
	}
	if (shadow && (bellows_reg_read(vcpu, VCPU_RFLAGS) & X86_EFLAGS_TF))
		pending |= DR_STEP;
	if (pending != old)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, pending);
}

static void vmx_write_dirty_regs(struct vmx_vcpu *vmx)
{
	struct bellows_vcpu *vcpu = &vmx->vcpu;
	u32 dirty = vcpu->dirty;

	if (dirty & BIT(VCPU_RIP))
		vmcs_write(GUEST_RIP, vcpu->regs[VCPU_RIP]);
	if (dirty & BIT(GPR_RSP))
		vmcs_write(GUEST_RSP, vcpu->regs[GPR_RSP]);
	if (dirty & BIT(VCPU_RFLAGS)) {
		vmcs_write(GUEST_RFLAGS, vcpu->regs[VCPU_RFLAGS]);
		vmx->check_shadow = true;
	}
	vcpu->dirty = 0;
	if (vmx->check_shadow || (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		vmx->check_shadow = false;
		vmx_check_shadow(vcpu);
	}
}

/* Interrupts are off until the stay in the guest ends: none of it can change. */
void vmx_prepare_enter(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned long cr3 = __get_current_cr3_fast(), cr4 = cr4_read_shadow();
	u16 ldt;

	if (!vmx->msrs_loaded) {
		vmx_host_task_load(vmx);
		vmx_msrs_load(vmx);
	}
	/* Another thread may have given this process an LDT; each exit drops it. */
	store_ldt(ldt);
	if (unlikely(ldt))
		vmx->host.ldt = ldt;
	if (unlikely(cr3 != vmx->host_cr3)) {
		vmcs_write(HOST_CR3, cr3);
		vmx->host_cr3 = cr3;
	}
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmcs_write(HOST_CR4, cr4);
		vmx->host_cr4 = cr4;
	}
	if (static_branch_unlikely(&vmx_perf))
		vmx_perf_enter(vmx);
	/* An exit clears it. */
	vmx->host_debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
}

void vmx_enter(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_write_dirty_regs(vmx);
	vmx_enter_guest(vmx);
	if (unlikely(vmx->entry_failed)) {
		vmx->exit_reason = 0;
		vmx->instruction_error = vmx->entry_failed == VMX_RUN_REFUSED ?
					 vmcs_read(VM_INSTRUCTION_ERROR) : 0;
		return;
	}
	vcpu->cached &= ~LAZY_REGS;
	vmx->seg_cached = 0;
	vmx->exit_reason = vmcs_read(VM_EXIT_REASON);
	if (likely(!(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)))
		vmx->vmcs.launched = true;
}

void vmx_exit_irqoff(struct bellows_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u16 basic = vmx->exit_reason;
	u32 info;

	if (unlikely(vmx->host_debugctl))
		update_debugctlmsr(vmx->host_debugctl);
	if (vmx->entry_failed)
		return;
	if (basic == EXIT_REASON_MCE_DURING_VMENTRY) {
		bellows_host_machine_check();
		return;
	}
	if (basic != EXIT_REASON_EXCEPTION_NMI)
		return;
	info = vmcs_read(VM_EXIT_INTR_INFO);
	vmx->exit_intr_info = info;
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		asm volatile("int $2" : : : "memory");
	else if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC)
		bellows_host_machine_check();
}
