// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/bellows and its ioctls: what concerns no VM yet.
 *
 * The node has mode 0666, as distributions give /dev/kvm: a user may run VMs,
 * within the limits of memory and descriptors that hold for other programs, and a
 * VM can do nothing to the host that its owner could not. A site that thinks
 * otherwise sets another mode with a udev rule.
 *
 * What we do not implement answers what KVM answers to a number it does not
 * know, here -EINVAL; KVM_CHECK_EXTENSION tells without trying.
 */
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>
#include "backend.h"
#include "guest/msr.h"
#include "host/caps.h"
#include "ioctl/dev.h"
#include "ioctl/ioctl.h"
#include "ioctl/vm.h"
#include "irq/route.h"
#include "memory/memory.h"
#include "mmu/mmu.h"
#include "uapi/bellows.h"
#include "vm/result.h"
#include "vm/vm.h"

/* Of the run structure's mapping: itself, and one page of port I/O data. */
#define VCPU_MMAP_SIZE	(2 * PAGE_SIZE)

/* As many as KVM takes. */
#define MAX_CPUID_ENTRIES	256
#define MAX_MSRS		256

static long dev_get_api_version(void *unused, unsigned long arg)
{
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long dev_create_vm(void *unused, unsigned long type)
{
	return type ? -EINVAL : ioctl_create_vm();
}

static long dev_check_extension(void *unused, unsigned long cap)
{
	return ioctl_check_extension(cap);
}

static long dev_get_vcpu_mmap_size(void *unused, unsigned long arg)
{
	return arg ? -EINVAL : VCPU_MMAP_SIZE;
}

static long dev_get_supported_cpuid(void *unused, unsigned long arg)
{
	struct kvm_cpuid2 __user *user = (void __user *)arg;
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;
	long ret;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;
	head.nent = min_t(u32, head.nent, MAX_CPUID_ENTRIES);

	entries = kvcalloc(head.nent, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	ret = bellows_cpuid_supported(entries, head.nent);
	if (ret >= 0) {
		head.nent = ret;
		ret = 0;
		if (copy_to_user(user->entries, entries, array_size(head.nent, sizeof(*entries))) ||
		    copy_to_user(user, &head, sizeof(head)))
			ret = -EFAULT;
	}
	kvfree(entries);
	return ret;
}

/* The number of MSRs is written back even when the caller's list is too short. */
static long dev_put_msr_list(unsigned long arg, const u32 *list, u32 n)
{
	struct kvm_msr_list __user *user = (void __user *)arg;
	struct kvm_msr_list head;
	u32 room;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	room = head.nmsrs;
	head.nmsrs = n;
	if (copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return copy_to_user(user->indices, list, array_size(n, sizeof(*list))) ? -EFAULT : 0;
}

static long dev_get_msr_index_list(void *unused, unsigned long arg)
{
	const u32 *list;
	u32 n = bellows_msr_list(&list);

	return dev_put_msr_list(arg, list, n);
}

static long dev_get_msr_feature_index_list(void *unused, unsigned long arg)
{
	const u32 *list;
	u32 n = bellows_msr_feature_list(&list);

	return dev_put_msr_list(arg, list, n);
}

/* Reads entries until one is unknown; returns how many were read. */
static long dev_get_msrs(void *unused, unsigned long arg)
{
	struct kvm_msrs __user *user = (void __user *)arg;
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t size;
	long n;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_MSRS)
		return -E2BIG;
	size = array_size(head.nmsrs, sizeof(*entries));
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);

	for (n = 0; n < head.nmsrs; n++) {
		if (bellows_msr_feature_get(entries[n].index, &entries[n].data) != MSR_RESULT_OK)
			break;
	}
	if (copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

static long dev_memory_create(void *unused, unsigned long arg)
{
	struct bellows_memory_create args;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	return bellows_memory_create(&args);
}

static long dev_host_info(void *unused, unsigned long arg)
{
	struct bellows_host_info info = { };

	if (bellows_backend_current) {
		strscpy(info.backend, bellows_backend_current->name, sizeof(info.backend));
		if (bellows_backend_current->format)
			info.nested_levels = bellows_pt_levels(bellows_backend_current->format);
	}
	info.maxphyaddr = bellows_supported_maxphyaddr();
	info.xcr0 = bellows_supported_xcr0();
	strscpy(info.why, bellows_host_why(), sizeof(info.why));
	return copy_to_user((void __user *)arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static const struct ioctl_call dev_ioctls[] = {
	{ KVM_GET_API_VERSION, dev_get_api_version },
	{ KVM_CREATE_VM, dev_create_vm },
	{ KVM_CHECK_EXTENSION, dev_check_extension },
	{ KVM_GET_VCPU_MMAP_SIZE, dev_get_vcpu_mmap_size },
	{ KVM_GET_SUPPORTED_CPUID, dev_get_supported_cpuid },
	{ KVM_GET_MSR_INDEX_LIST, dev_get_msr_index_list },
	{ KVM_GET_MSR_FEATURE_INDEX_LIST, dev_get_msr_feature_index_list },
	{ KVM_GET_MSRS, dev_get_msrs },
	{ BELLOWS_MEMORY_CREATE, dev_memory_create },
	{ BELLOWS_HOST_INFO, dev_host_info },
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return ioctl_dispatch(dev_ioctls, ARRAY_SIZE(dev_ioctls), NULL, cmd, arg, -EINVAL);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bellows",
	.mode = 0666,
	.fops = &dev_fops,
};

int bellows_dev_init(void)
{
	return misc_register(&dev);
}

void bellows_dev_exit(void)
{
	misc_deregister(&dev);
}
