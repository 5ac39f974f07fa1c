/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_COMPAT_H
#define BELLOWS_COMPAT_H
/*
 * Where the supported kernels differ, and nothing else. Everything here has
 * one name and one meaning for the rest of the module, whatever the kernel
 * calls it. A macro BELLOWS_HAVE_* comes from the build, which looks into the
 * kernel's headers: distributions backport interfaces, so that a version
 * number says little.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/eventfd.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <trace/events/ipi.h>
#include <asm/hardirq.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/reboot.h>

/*
 * Work around suspend, on the last CPU, interrupts off. suspend_fn returns an
 * int, resume_fn nothing; neither has parameters.
 */
#ifdef BELLOWS_HAVE_STRUCT_SYSCORE
#define BELLOWS_DEFINE_SYSCORE(name, suspend_fn, resume_fn)		\
static int name##_suspend(void *data) { return suspend_fn(); }		\
static void name##_resume(void *data) { resume_fn(); }			\
static const struct syscore_ops name##_ops = {				\
	.suspend = name##_suspend,					\
	.resume = name##_resume,					\
};									\
static struct syscore name = { .ops = &name##_ops }
#define bellows_syscore_register(syscore)	register_syscore(syscore)
#define bellows_syscore_unregister(syscore)	unregister_syscore(syscore)
#else
#define BELLOWS_DEFINE_SYSCORE(name, suspend_fn, resume_fn)		\
static struct syscore_ops name = {					\
	.suspend = suspend_fn,						\
	.resume = resume_fn,						\
}
#define bellows_syscore_register(syscore)	register_syscore_ops(syscore)
#define bellows_syscore_unregister(syscore)	unregister_syscore_ops(syscore)
#endif

/*
 * The kernel's single slot for "end virtualization here, whatever the state
 * is" on the way to a crash kernel or an emergency reboot. Without it the
 * kernel looks at CR4.VMXE and EFER.SVME by itself.
 */
#ifdef BELLOWS_HAVE_EMERGENCY_SLOT
#define bellows_emergency_register(fn)		cpu_emergency_register_virt_callback(fn)
#define bellows_emergency_unregister(fn)	cpu_emergency_unregister_virt_callback(fn)
#else
static inline void bellows_emergency_register(void (*fn)(void)) { }
static inline void bellows_emergency_unregister(void (*fn)(void)) { }
#endif

/*
 * A hotplug state whose teardown runs on the CPU that goes away, interrupts
 * off, after its last task has left it. Modules get no such state allotted
 * dynamically; this one exists in the list for another architecture and is
 * free on x86. If another module has taken it, setting it up fails with -EBUSY.
 */
#define BELLOWS_CPUHP_DYING	CPUHP_AP_ARM_XEN_STARTING

/* struct kvm_run's word "do not enter": newer kernels give it a name that asks for READ_ONCE(). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define BELLOWS_IMMEDIATE_EXIT	immediate_exit__unsafe
#else
#define BELLOWS_IMMEDIATE_EXIT	immediate_exit
#endif

/*
 * L1TF: what l1tf= and mitigations= ask for, and the mark that the kernel's
 * interrupt entry leaves per CPU. A kernel built without KVM for Intel has
 * neither for modules: then the answer is the safe one.
 */
#if IS_ENABLED(CONFIG_KVM_INTEL)
static inline bool bellows_l1tf_off(void) { return l1tf_mitigation == L1TF_MITIGATION_OFF; }
static inline bool bellows_l1tf_full(void) { return l1tf_mitigation >= L1TF_MITIGATION_FULL; }
static __always_inline bool bellows_l1d_touched(void) { return kvm_get_cpu_l1tf_flush_l1d(); }
static __always_inline void bellows_l1d_clear_touched(void) { kvm_clear_cpu_l1tf_flush_l1d(); }
#else
static inline bool bellows_l1tf_off(void) { return cpu_mitigations_off(); }
static inline bool bellows_l1tf_full(void) { return true; }
static __always_inline bool bellows_l1d_touched(void) { return true; }
static __always_inline void bellows_l1d_clear_touched(void) { }
#endif

/*
 * VMSCAPE: a guest has run on this CPU, so that branch predictions must be
 * dropped before userspace runs there, where the kernel thinks so. A kernel
 * that does not know of it has nothing to ask for.
 */
static inline void bellows_guest_has_run(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/*
 * SRSO on processors that need a hypervisor's help with it: return predictions
 * that guests have trained are not used for the host's returns while this bit of
 * BP_CFG is set. Whether it is wanted has been decided by the kernel (spec_rstack_overflow=),
 * which sets the feature then; one that does not know the feature asks for nothing.
 * On the CPU in question.
 */
static inline void bellows_bp_spec_reduce(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	u64 old, new;

	if (!cpu_feature_enabled(X86_FEATURE_SRSO_BP_SPEC_REDUCE) ||
	    rdmsrl_safe(MSR_ZEN4_BP_CFG, &old))
		return;
	new = on ? old | BIT_ULL(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT) :
		   old & ~BIT_ULL(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	if (new != old)
		wrmsrl_safe(MSR_ZEN4_BP_CFG, new);
#endif
}

/*
 * A machine check that arrived in a guest. The kernel is told that a user task
 * was hit (privilege 3, interrupts on): it may then kill the task, this one,
 * where it would have to panic for the kernel itself. A kernel without machine
 * checks never enables them, so that none arrives.
 */
static inline void bellows_host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/* An eventfd's counter goes up by one. Any context, but not from an eventfd's own wait queue. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline void bellows_eventfd_signal(struct eventfd_ctx *ctx) { eventfd_signal(ctx, 1); }
#else
static inline void bellows_eventfd_signal(struct eventfd_ctx *ctx) { eventfd_signal(ctx); }
#endif

/*
 * Pages that were split from one allocation and are all in our hands again: the
 * first is charged for all of them, as before. Each has had a reference to the
 * cgroup that pays. False: they do not all have the same one.
 */
static inline bool bellows_join_charges(struct page *first, unsigned int n)
{
#ifdef CONFIG_MEMCG
	struct folio *folio = page_folio(first);
	struct obj_cgroup *objcg;
	unsigned int i;

	for (i = 1; i < n; i++)
		if (first[i].memcg_data != first->memcg_data)
			return false;
	if (!folio_memcg_kmem(folio))
		return !first->memcg_data;
	objcg = __folio_objcg(folio);
	for (i = 1; i < n; i++)
		first[i].memcg_data = 0;
	percpu_ref_put_many(&objcg->refcnt, n - 1);
#endif
	return true;
}

/* A mapping's flags change through functions where mappings have locks of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

typedef struct user_namespace bellows_idmap;
#else
typedef struct mnt_idmap bellows_idmap;
#endif

#endif
