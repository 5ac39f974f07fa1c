// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's descriptor: its creation, its mapping, its ioctls, of which KVM_RUN is
 * the one that is called all the time.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>
#include "backend.h"
#include "compat.h"
#include "guest/control.h"
#include "guest/fpu.h"
#include "guest/inject.h"
#include "guest/kvmclock.h"
#include "host/state.h"
#include "ioctl/vcpu.h"
#include "ioctl/vcpu_calls.h"
#include "irq/pv_eoi.h"
#include "run/run.h"
#include "run/vcpu_life.h"
#include "run/vm_life.h"
#include "vm/request.h"
#include "vm/result.h"

static void vcpu_signals_begin(struct bellows_vcpu *vcpu)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void vcpu_signals_end(struct bellows_vcpu *vcpu)
{
	if (!vcpu->sigset_active)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

static void vcpu_fill_run(struct bellows_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	lockdep_assert_loaded(vcpu);
	run->if_flag = !!(bellows_reg_read(vcpu, VCPU_RFLAGS) & X86_EFLAGS_IF);
	run->flags = 0;
	run->cr8 = vcpu->apic ? bellows_get_cr8(vcpu) : vcpu->cr8;
	run->apic_base = vcpu->msrs.apic_base;
	run->ready_for_interrupt_injection = vcpu->apic || bellows_irq_ready(vcpu);
}

/* What userspace answered to the last exit, then the guest. */
static int vcpu_complete_and_run(struct bellows_vcpu *vcpu)
{
	int (*complete)(struct bellows_vcpu *vcpu) = vcpu->complete;
	int r = RUN_ENTER;

	vcpu->complete = NULL;
	if (complete)
		r = complete(vcpu);
	if (r != RUN_ENTER)
		return r;
	if (READ_ONCE(vcpu->run->BELLOWS_IMMEDIATE_EXIT))
		return -EINTR;
	return bellows_vcpu_run(vcpu);
}

/* Without an APIC userspace may have changed it. */
static bool vcpu_take_cr8(struct bellows_vcpu *vcpu)
{
	u64 cr8 = READ_ONCE(vcpu->run->cr8);

	return likely(cr8 == vcpu->cr8) || bellows_set_cr8(vcpu, cr8) == GUEST_WRITE_OK;
}

static long vcpu_run(struct bellows_vcpu *vcpu, unsigned long arg)
{
	struct kvm_run *run = vcpu->run;
	int r;

	lockdep_assert_loaded(vcpu);
	if (arg)
		return -EINVAL;
	if (READ_ONCE(run->kvm_valid_regs) || READ_ONCE(run->kvm_dirty_regs))
		return -EINVAL;
	if (!vcpu->apic && !vcpu_take_cr8(vcpu))
		return -EINVAL;
	vcpu_signals_begin(vcpu);
	bellows_fpu_load(vcpu);
	r = vcpu_complete_and_run(vcpu);
	if (r == -EINTR)
		run->exit_reason = KVM_EXIT_INTR;
	bellows_fpu_put(vcpu);
	if (vcpu->apic)
		bellows_apic_withdraw_eoi(vcpu);
	vcpu_fill_run(vcpu);
	vcpu_signals_end(vcpu);
	return r;
}

static long vcpu_dispatch(struct bellows_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	const struct vcpu_call *entry;
	long r;

	lockdep_assert_held(&vcpu->mutex);
	/* The one that is called all the time, and looked for in no table. */
	if (likely(cmd == KVM_RUN)) {
		bellows_vcpu_load(vcpu);
		r = vcpu_run(vcpu, arg);
		bellows_vcpu_put(vcpu);
		return r;
	}
	entry = vcpu_call_find(cmd);
	if (!entry)
		return -EINVAL;
	/* It may change what the guest can take, or has to. */
	bellows_request(vcpu, VCPU_REQ_EVENT);
	if (!(entry->flags & VCPU_CALL_LOADED))
		return entry->fn(vcpu, (void __user *)arg);
	bellows_vcpu_load(vcpu);
	r = entry->fn(vcpu, (void __user *)arg);
	bellows_vcpu_put(vcpu);
	return r;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bellows_vcpu *vcpu = file->private_data;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (_IOC_TYPE(cmd) != KVMIO)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	/* Under the mutex: a thread that kills the VM and then gets it knows that the vCPU is not loaded. */
	r = bellows_vm_is_dead(vcpu->vm) ? -EIO : vcpu_dispatch(vcpu, cmd, arg);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct bellows_vcpu *vcpu = file->private_data;

	bellows_vm_put(vcpu->vm);
	return 0;
}

static vm_fault_t vcpu_run_fault(struct vm_fault *vmf)
{
	struct bellows_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff >= VCPU_RUN_PAGES)
		return VM_FAULT_SIGBUS;
	vmf->page = vcpu->run_page + vmf->pgoff;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct run_vm_ops = { .fault = vcpu_run_fault };

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &run_vm_ops;
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/*
 * Under vm->lock. The vCPU is among vm->vcpus[] before its descriptor can be
 * used: one that runs unseen would miss a flush.
 */
static int vcpu_publish(struct bellows_vm *vm, struct bellows_vcpu *vcpu)
{
	struct file *file;
	char name[32];
	int fd;

	lockdep_assert_held(&vm->lock);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "bellows-vcpu:%u", vcpu->id);
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	bellows_vm_get(vm);
	vcpu->index = vm->nvcpus;
	vm->vcpus[vcpu->index] = vcpu;
	/* Pairs with the acquire before each walk of vm->vcpus[]. */
	smp_store_release(&vm->nvcpus, vcpu->index + 1);
	fd_install(fd, file);
	return fd;
}

static bool vcpu_id_taken(struct bellows_vm *vm, u32 id)
{
	unsigned int i;

	lockdep_assert_held(&vm->lock);
	for (i = 0; i < vm->nvcpus; i++)
		if (vm->vcpus[i]->id == id)
			return true;
	return false;
}

int ioctl_create_vcpu(struct bellows_vm *vm, u32 id)
{
	struct bellows_vcpu *vcpu;
	int fd;

	if (id > BELLOWS_MAX_VCPU_ID)
		return -EINVAL;
	guard(mutex)(&vm->lock);
	/* Before the reboot takes virtualization away, it waits for this lock. */
	if (bellows_vm_is_dead(vm))
		return -EIO;
	if (vm->nvcpus >= BELLOWS_MAX_VCPUS)
		return -EINVAL;
	if (vcpu_id_taken(vm, id))
		return -EEXIST;
	/* The guest's TSC starts with its first vCPU. */
	if (!vm->nvcpus) {
		vm->tsc_offset = -(s64)bellows_host_tsc();
		bellows_kvmclock_rebase(vm);
	}
	vcpu = bellows_vcpu_create(vm, id);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	fd = vcpu_publish(vm, vcpu);
	if (fd < 0)
		bellows_vcpu_destroy(vcpu);
	return fd;
}
