// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual CPU's life: creation, reset, its place on a physical CPU.
 *
 * Loading puts the guest's state that survives exits onto this CPU, for as
 * long as an ioctl works on it. If the thread is scheduled out meanwhile, a
 * preempt notifier unloads it and loads it again wherever the thread goes on,
 * so code in between may sleep and only never assumes which CPU it is on.
 *
 * A vCPU lives as long as its VM; its file holds a reference to that. The file
 * may be closed and the vCPU is still there, unreachable, until the VM goes:
 * a pointer from vm->vcpus[] stays good as long as its holder has the VM.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/apicdef.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/debugreg.h>
#include "backend.h"
#include "compat.h"
#include "exit/emulation.h"
#include "guest/cpuid.h"
#include "guest/debug.h"
#include "guest/fpu.h"
#include "guest/kvmclock.h"
#include "host/state.h"
#include "irq/apic.h"
#include "run/vcpu_life.h"
#include "vm/request.h"
#include "vm/tsc.h"

#define DR7_RESET	0x400
#define PAT_RESET	0x0007040600070406ULL

/* The host slept: its TSC may have begun again, and the guest's clock has stood still. */
static void vcpu_host_slept(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	vcpu->sleeps = bellows_host_sleep.count;
	bellows_vcpu_set_tsc(vcpu);
	bellows_request(vcpu, VCPU_REQ_CLOCK);
}

static void vcpu_hardware_load(struct bellows_vcpu *vcpu, int cpu)
{
	bool moved = vcpu->cpu != cpu;

	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert_preemption_disabled();
	/* Translations from an earlier stay on that CPU may be older than flushes made since. */
	if (moved)
		bellows_request(vcpu, VCPU_REQ_TLB_FLUSH);
	bellows_backend(vcpu_load)(vcpu, cpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	vcpu->loaded = true;
	if (unlikely(vcpu->sleeps != bellows_host_sleep.count))
		vcpu_host_slept(vcpu);
	if (vcpu->msrs.system_time & 1)
		bellows_kvmclock_loaded(vcpu, moved);
}

static void vcpu_hardware_put(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_disabled();
	bellows_backend(vcpu_put)(vcpu);
	vcpu->loaded = false;
}

static void vcpu_sched_in(struct preempt_notifier *notifier, int cpu)
{
	vcpu_hardware_load(container_of(notifier, struct bellows_vcpu, notifier), cpu);
}

static void vcpu_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	vcpu_hardware_put(container_of(notifier, struct bellows_vcpu, notifier));
}

static struct preempt_ops preempt_ops = { .sched_in = vcpu_sched_in, .sched_out = vcpu_sched_out };

void bellows_vcpu_load(struct bellows_vcpu *vcpu)
{
	int cpu;

	lockdep_assert_held(&vcpu->mutex);
	cpu = get_cpu();
	preempt_notifier_register(&vcpu->notifier);
	vcpu_hardware_load(vcpu, cpu);
	put_cpu();
}

void bellows_vcpu_put(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	preempt_disable();
	vcpu_hardware_put(vcpu);
	preempt_notifier_unregister(&vcpu->notifier);
	preempt_enable();
}

/* Power-on only: INIT leaves these. */
static void vcpu_reset_lasting(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	vcpu->msrs.pat = PAT_RESET;
	vcpu->msrs.misc_enable = MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;
	vcpu->msrs.microcode_version = 0x100000000ULL;
	vcpu->msrs.arch_capabilities = bellows_host.arch_capabilities;
	vcpu->msrs.apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			       (vcpu->id == vcpu->vm->bsp_id ? MSR_IA32_APICBASE_BSP : 0);
	/* With controllers in the kernel the others wait to be started. */
	vcpu->mp_state = !vcpu->apic || vcpu->id == vcpu->vm->bsp_id ? KVM_MP_STATE_RUNNABLE :
			 KVM_MP_STATE_UNINITIALIZED;
	vcpu->maxphyaddr = 36;
	vcpu->cr4_reserved = bellows_cr4_reserved(vcpu);
}

/* Common registers after power-on and INIT; SDM volume 3, table 9-1. */
void vcpu_reset(struct bellows_vcpu *vcpu, bool init)
{
	unsigned int i;

	lockdep_assert_loaded(vcpu);
	for (i = 0; i < NR_GPRS; i++)
		bellows_reg_write(vcpu, i, 0);
	bellows_reg_write(vcpu, GPR_RDX, 0x600);
	bellows_reg_write(vcpu, VCPU_RIP, 0xfff0);
	bellows_reg_write(vcpu, VCPU_RFLAGS, X86_EFLAGS_FIXED);
	memset(vcpu->db, 0, sizeof(vcpu->db));
	memset(&vcpu->events, 0, sizeof(vcpu->events));
	vcpu->msrs.system_time = 0;
	vcpu->cr2 = 0;
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = DR7_RESET;
	if (!init)
		vcpu_reset_lasting(vcpu);
	if (vcpu->apic)
		bellows_apic_reset(vcpu);
	bellows_backend(vcpu_reset)(vcpu, init);
	if (vcpu->apic)
		bellows_apic_view_changed(vcpu);
	bellows_update_dr7(vcpu);
	bellows_vcpu_set_tsc(vcpu);
	bellows_backend(update_exception_intercepts)(vcpu);
	bellows_backend(update_msr_intercepts)(vcpu);
}

static int vcpu_allocate(struct bellows_vcpu *vcpu)
{
	vcpu->run_page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 1);
	if (!vcpu->run_page)
		return -ENOMEM;
	/* Userspace maps the two pages one by one, each with a reference of its own. */
	split_page(vcpu->run_page, 1);
	vcpu->run = page_address(vcpu->run_page);
	vcpu->pio_data = page_address(vcpu->run_page + 1);
	if (bellows_fpu_create(vcpu) || bellows_emulation_create(vcpu))
		return -ENOMEM;
	return 0;
}

static void vcpu_free(struct bellows_vcpu *vcpu)
{
	might_sleep();
	bellows_apic_destroy(vcpu);
	bellows_emulation_destroy(vcpu);
	bellows_fpu_destroy(vcpu);
	if (vcpu->run_page) {
		put_page(vcpu->run_page);
		put_page(vcpu->run_page + 1);
	}
	kvfree(vcpu->cpuid);
	mutex_destroy(&vcpu->mutex);
	kfree(vcpu);
}

struct bellows_vcpu *bellows_vcpu_create(struct bellows_vm *vm, u32 id)
{
	struct bellows_vcpu *vcpu = kzalloc(bellows_backend_current->vcpu_size, GFP_KERNEL_ACCOUNT);
	int r;

	lockdep_assert_held(&vm->lock);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->offered_irq = -1;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->notifier, &preempt_ops);
	vcpu->msrs.tsc_offset = vm->tsc_offset;
	vcpu->sleeps = bellows_host_sleep.count;
	r = vcpu_allocate(vcpu);
	if (!r && bellows_irqchip_in_kernel(vm))
		r = bellows_apic_create(vcpu);
	if (!r)
		r = bellows_backend(vcpu_create)(vcpu);
	if (r) {
		vcpu_free(vcpu);
		return ERR_PTR(r);
	}
	mutex_lock(&vcpu->mutex);
	bellows_vcpu_load(vcpu);
	vcpu_reset(vcpu, false);
	bellows_vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
	return vcpu;
}

void bellows_vcpu_destroy(struct bellows_vcpu *vcpu)
{
	bellows_backend(vcpu_destroy)(vcpu);
	vcpu_free(vcpu);
}
