// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a VM's fd. A VM belongs to the address space that created it:
 * its memory was attached by addresses there. From elsewhere (a child after
 * fork, a process that got the fd over a socket), and once the VM is dead,
 * every ioctl gives -EIO, as KVM's do.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>
#include "guest/kvmclock.h"
#include "guest/msr_filter.h"
#include "ioctl/ioctl.h"
#include "ioctl/irq.h"
#include "ioctl/vcpu.h"
#include "ioctl/vm.h"
#include "irq/chip.h"
#include "run/vm_life.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

static long vm_call_create_vcpu(void *object, unsigned long arg)
{
	/* KVM's vCPU numbers are 32 bits; what does not fit is no number. */
	return arg == (u32)arg ? ioctl_create_vcpu(object, arg) : -EINVAL;
}

static long vm_call_set_memory_region(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, (void __user *)arg, sizeof(region)))
		return -EFAULT;
	return bellows_mmu_set_slot(&vm->mmu, &region);
}

/*
 * Where three pages for real mode on old Intel CPUs may lie. Real mode works
 * without them here; the address is checked and kept.
 */
static long vm_call_set_tss_addr(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;

	if (arg > (u32)(-3 * PAGE_SIZE))
		return -EINVAL;
	guard(mutex)(&vm->lock);
	vm->tss_addr = arg;
	return 0;
}

static long vm_call_set_identity_map_addr(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;
	u64 addr;

	if (copy_from_user(&addr, (void __user *)arg, sizeof(addr)))
		return -EFAULT;
	guard(mutex)(&vm->lock);
	if (vm->nvcpus)
		return -EINVAL;
	vm->identity_map_addr = addr;
	return 0;
}

/* Before the first vCPU, which gets its APIC when it is made. */
static long vm_call_create_irqchip(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;

	guard(mutex)(&vm->lock);
	if (bellows_irqchip_in_kernel(vm))
		return -EEXIST;
	if (vm->nvcpus)
		return -EINVAL;
	return bellows_irqchip_create(vm);
}

static long vm_call_set_boot_cpu_id(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;

	guard(mutex)(&vm->lock);
	if (vm->nvcpus)
		return -EBUSY;
	vm->bsp_id = arg;
	return 0;
}

static long vm_call_get_clock(void *object, unsigned long arg)
{
	struct kvm_clock_data data;

	bellows_kvmclock_get(object, &data);
	return copy_to_user((void __user *)arg, &data, sizeof(data)) ? -EFAULT : 0;
}

static long vm_call_set_clock(void *object, unsigned long arg)
{
	struct kvm_clock_data data;

	if (copy_from_user(&data, (void __user *)arg, sizeof(data)))
		return -EFAULT;
	return bellows_kvmclock_set(object, &data);
}

static long vm_call_check_extension(void *object, unsigned long arg)
{
	return ioctl_check_extension(arg);
}

static long vm_call_get_tsc_khz(void *object, unsigned long arg)
{
	return tsc_khz;
}

static int vm_enable_user_space_msr(struct bellows_vm *vm, u64 mask)
{
	const u64 known = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
			  KVM_MSR_EXIT_REASON_FILTER;

	lockdep_assert_held(&vm->lock);
	if (mask & ~known)
		return -EINVAL;
	WRITE_ONCE(vm->user_msr_mask, mask);
	return 0;
}

static int vm_enable_exception_payload(struct bellows_vm *vm, u64 on)
{
	lockdep_assert_held(&vm->lock);
	WRITE_ONCE(vm->exception_payload, on);
	return 0;
}

/* Few exist: any set of them can be turned off. */
static int vm_disable_quirks(struct bellows_vm *vm, u64 quirks)
{
	lockdep_assert_held(&vm->lock);
	WRITE_ONCE(vm->disabled_quirks, quirks);
	return 0;
}

static int vm_enable_x2apic_api(struct bellows_vm *vm, u64 flags)
{
	lockdep_assert_held(&vm->lock);
	if (flags & ~(u64)(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK))
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(vm->x2apic_32bit_ids, true);
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(vm->x2apic_no_broadcast_quirk, true);
	return 0;
}

static const struct {
	u32 cap;
	int (*enable)(struct bellows_vm *vm, u64 arg);
} enable_caps[] = {
	{ KVM_CAP_X86_USER_SPACE_MSR, vm_enable_user_space_msr },
	{ KVM_CAP_EXCEPTION_PAYLOAD, vm_enable_exception_payload },
	{ KVM_CAP_DISABLE_QUIRKS, vm_disable_quirks },
	{ KVM_CAP_X2APIC_API, vm_enable_x2apic_api },
};

static long vm_call_enable_cap(void *object, unsigned long arg)
{
	struct bellows_vm *vm = object;
	struct kvm_enable_cap cap;
	size_t i;

	if (copy_from_user(&cap, (void __user *)arg, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	guard(mutex)(&vm->lock);
	for (i = 0; i < ARRAY_SIZE(enable_caps); i++) {
		if (enable_caps[i].cap == cap.cap)
			return enable_caps[i].enable(vm, cap.args[0]);
	}
	return -EINVAL;
}

static int vm_copy_bitmaps(const struct kvm_msr_filter *filter, unsigned long **bitmaps)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(filter->ranges); i++) {
		int size = bellows_msr_range_size(&filter->ranges[i]);
		void *copy;

		if (size < 0)
			return size;
		if (!size)
			continue;
		copy = memdup_user((void __user *)filter->ranges[i].bitmap, size);
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		bitmaps[i] = copy;
	}
	return 0;
}

static long vm_replace_msr_filter(struct bellows_vm *vm, const struct kvm_msr_filter *filter)
{
	unsigned long *bitmaps[KVM_MSR_FILTER_MAX_RANGES] = { };
	unsigned int i;
	int err;

	err = bellows_msr_filter_check(filter);
	if (!err)
		err = vm_copy_bitmaps(filter, bitmaps);
	if (!err)
		err = bellows_msr_filter_set(vm, filter, bitmaps);
	for (i = 0; err && i < ARRAY_SIZE(bitmaps); i++)
		kfree(bitmaps[i]);
	return err;
}

static long vm_call_set_msr_filter(void *object, unsigned long arg)
{
	struct kvm_msr_filter filter;

	if (copy_from_user(&filter, (void __user *)arg, sizeof(filter)))
		return -EFAULT;
	return vm_replace_msr_filter(object, &filter);
}

static const struct ioctl_call vm_ioctls[] = {
	{ KVM_CREATE_VCPU, vm_call_create_vcpu },
	{ KVM_CREATE_IRQCHIP, vm_call_create_irqchip },
	{ KVM_SET_BOOT_CPU_ID, vm_call_set_boot_cpu_id },
	{ KVM_GET_CLOCK, vm_call_get_clock },
	{ KVM_SET_CLOCK, vm_call_set_clock },
	{ KVM_SET_USER_MEMORY_REGION, vm_call_set_memory_region },
	{ KVM_SET_TSS_ADDR, vm_call_set_tss_addr },
	{ KVM_SET_IDENTITY_MAP_ADDR, vm_call_set_identity_map_addr },
	{ KVM_CHECK_EXTENSION, vm_call_check_extension },
	{ KVM_GET_TSC_KHZ, vm_call_get_tsc_khz },
	{ KVM_ENABLE_CAP, vm_call_enable_cap },
	{ KVM_X86_SET_MSR_FILTER, vm_call_set_msr_filter },
};

static bool vm_usable(const struct bellows_vm *vm)
{
	return vm->mm == current->mm && !bellows_vm_is_dead(vm);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bellows_vm *vm = file->private_data;
	long r;

	if (!vm_usable(vm))
		return -EIO;
	r = ioctl_dispatch(vm_ioctls, ARRAY_SIZE(vm_ioctls), vm, cmd, arg, -ENOIOCTLCMD);
	return r == -ENOIOCTLCMD ? irq_ioctl(vm, cmd, arg) : r;
}

/* A 32-bit program's filter: the one structure here with a pointer in it. */
struct compat_filter_range {
	u32 flags;
	u32 nmsrs;
	u32 base;
	compat_uptr_t bitmap;
};

struct compat_filter {
	u32 flags;
	struct compat_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

#define COMPAT_SET_MSR_FILTER	_IOW(KVMIO, 0xc6, struct compat_filter)

static long vm_set_compat_msr_filter(void *object, unsigned long arg)
{
	struct kvm_msr_filter filter = { };
	struct compat_filter compat;
	unsigned int i;

	if (copy_from_user(&compat, compat_ptr(arg), sizeof(compat)))
		return -EFAULT;
	filter.flags = compat.flags;
	for (i = 0; i < ARRAY_SIZE(filter.ranges); i++) {
		filter.ranges[i].flags = compat.ranges[i].flags;
		filter.ranges[i].nmsrs = compat.ranges[i].nmsrs;
		filter.ranges[i].base = compat.ranges[i].base;
		filter.ranges[i].bitmap = (__force __u8 *)compat_ptr(compat.ranges[i].bitmap);
	}
	return vm_replace_msr_filter(object, &filter);
}

static long vm_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bellows_vm *vm = file->private_data;

	if (cmd != COMPAT_SET_MSR_FILTER)
		return vm_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
	return vm_usable(vm) ? vm_set_compat_msr_filter(vm, arg) : -EIO;
}

static int vm_release(struct inode *inode, struct file *file)
{
	bellows_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = vm_compat_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

int ioctl_create_vm(void)
{
	struct bellows_vm *vm = bellows_vm_create();
	int fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	/* From here on another thread may use, or close, the fd. */
	fd = anon_inode_getfd("bellows-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		bellows_vm_put(vm);
	return fd;
}
