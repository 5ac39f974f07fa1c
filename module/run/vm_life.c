// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a virtual machine, and the list of all.
 *
 * A VM lives as long as there is a reference to it: its own fd's, and those of the
 * vCPUs' fds. The last put runs in process context and takes everything down:
 * by then no thread can run, map or ask anything, so that no lock is needed but
 * the list's.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/reboot.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "backend.h"
#include "guest/kvmclock.h"
#include "guest/msr_filter.h"
#include "host/host.h"
#include "io/bus.h"
#include "io/ioeventfd.h"
#include "irq/chip.h"
#include "run/vcpu_life.h"
#include "run/vm_life.h"
#include "vm/request.h"
#include "vm/vm.h"

DEFINE_MUTEX(bellows_vms_lock);
LIST_HEAD(bellows_vms);

static u32 last_id;				/* under bellows_vms_lock */

static void vm_mmu_flush_tlb(struct bellows_mmu *mmu)
{
	bellows_vm_flush_tlb(container_of(mmu, struct bellows_vm, mmu));
}

static const struct bellows_mmu_ops mmu_ops = { .flush_tlb = vm_mmu_flush_tlb };

static void vm_publish(struct bellows_vm *vm)
{
	guard(mutex)(&bellows_vms_lock);
	vm->id = ++last_id;
	list_add_tail(&vm->link, &bellows_vms);
}

static void vm_withdraw(struct bellows_vm *vm)
{
	guard(mutex)(&bellows_vms_lock);
	list_del(&vm->link);
}

static int vm_setup(struct bellows_vm *vm)
{
	int err;

	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	bellows_buses_init(&vm->buses);
	INIT_LIST_HEAD(&vm->ioeventfds);
	vm->mm = current->mm;
	bellows_kvmclock_init(vm);

	err = bellows_mmu_init(&vm->mmu, bellows_backend_current->format, &mmu_ops);
	if (err)
		return err;
	err = bellows_backend(vm_init)(vm);
	if (err)
		bellows_mmu_destroy(&vm->mmu);
	return err;
}

struct bellows_vm *bellows_vm_create(void)
{
	struct bellows_vm *vm;
	int err;

	/* A kernel thread has no address space whose ioctls we could recognize. */
	if (!current->mm)
		return ERR_PTR(-EINVAL);

	err = bellows_host_get();
	if (err)
		return ERR_PTR(err);

	err = -ENOMEM;
	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		goto put_host;
	err = vm_setup(vm);
	if (err)
		goto free;

	mmgrab(vm->mm);
	vm_publish(vm);
	return vm;

free:
	kfree(vm);
put_host:
	bellows_host_put();
	return ERR_PTR(err);
}

static void vm_end(struct kref *ref)
{
	struct bellows_vm *vm = container_of(ref, struct bellows_vm, ref);
	unsigned int i;

	vm_withdraw(vm);
	bellows_irqchip_destroy(vm);
	/* Others may be taking pages out of our memory, and flush our vCPUs for it. */
	bellows_mmu_detach(&vm->mmu);
	for (i = 0; i < vm->nvcpus; i++)
		bellows_vcpu_destroy(vm->vcpus[i]);
	bellows_ioeventfd_release(vm);
	bellows_buses_destroy(&vm->buses);
	bellows_mmu_destroy(&vm->mmu);
	bellows_backend(vm_destroy)(vm);
	bellows_msr_filter_free(rcu_dereference_protected(vm->msr_filter, true));
	mmdrop(vm->mm);
	kfree(vm);
	bellows_host_put();
}

void bellows_vm_get(struct bellows_vm *vm)
{
	kref_get(&vm->ref);
}

void bellows_vm_put(struct bellows_vm *vm)
{
	might_sleep();
	/* The last one takes the list's, and nothing may hold what goes with the VM. */
	lockdep_assert_not_held(&bellows_vms_lock);
	lockdep_assert_not_held(&vm->lock);
	kref_put(&vm->ref, vm_end);
}

/* False when until is over before the mutex is free. */
static bool vm_wait_for(struct mutex *mutex, unsigned long until)
{
	while (!mutex_trylock(mutex)) {
		if (time_after(jiffies, until))
			return false;
		usleep_range(500, 1000);
	}
	mutex_unlock(mutex);
	return true;
}

/*
 * Reboot and kexec: afterwards no vCPU of a dead VM is loaded, nor being made,
 * so that no code of ours touches virtualization while it goes off. Holders of
 * the locks let go soon once the VM is dead; one that does not (stuck in memory
 * reclaim, say) must not keep the machine from rebooting.
 */
static void vm_quiesce(struct bellows_vm *vm, unsigned long until)
{
	bool quiet = vm_wait_for(&vm->lock, until);
	unsigned int i;

	lockdep_assert_held(&bellows_vms_lock);
	for (i = 0; quiet && i < vm->nvcpus; i++)
		quiet = vm_wait_for(&vm->vcpus[i]->mutex, until);
	if (!quiet)
		pr_warn("bellows: VM %u does not stop for the reboot\n", vm->id);
}

static int vm_on_reboot(struct notifier_block *nb, unsigned long event, void *unused)
{
	unsigned long until = jiffies + HZ;
	struct bellows_vm *vm;

	/* A VM that is not on the list yet finds it when it makes a vCPU. */
	WRITE_ONCE(bellows_lost, true);
	mutex_lock(&bellows_vms_lock);
	list_for_each_entry(vm, &bellows_vms, link)
		bellows_vm_kill(vm);
	list_for_each_entry(vm, &bellows_vms, link)
		vm_quiesce(vm, until);
	mutex_unlock(&bellows_vms_lock);

	bellows_host_shutdown();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = { .notifier_call = vm_on_reboot };

int bellows_vms_init(void)
{
	int err = register_reboot_notifier(&reboot_notifier);

	if (err)
		return err;
	/* Patches the scheduler's code: once, rather than with the first vCPU of each VM. */
	preempt_notifier_inc();
	return 0;
}

void bellows_vms_exit(void)
{
	preempt_notifier_dec();
	unregister_reboot_notifier(&reboot_notifier);
}
