// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/bellows and its ioctls: what concerns no VM yet.
 *
 * The node has mode 0666, as distributions give /dev/kvm: whoever may run
 * programs may run VMs, within his limits of memory and descriptors, and a VM
 * can do nothing to the host that its owner could not. A site that thinks
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
#include "host/caps.h"
#include "ioctl/ioctl.h"
#include "irq/route.h"
#include "memory/memory.h"
#include "mmu/mmu.h"
#include "guest/msr.h"
#include "uapi/bellows.h"
#include "vm/vm.h"

/* Of the run structure's mapping: itself, and one page of port I/O data. */
#define VCPU_MMAP_SIZE	(2 * PAGE_SIZE)

/* As many as KVM takes. */
#define MAX_CPUID_ENTRIES	256
#define MAX_MSRS		256

long bellows_ioctl_dispatch(const struct bellows_ioctl *table, size_t n, void *object,
			    unsigned int cmd, unsigned long arg, long unknown)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (table[i].cmd == cmd)
			return table[i].handle(object, arg);
	}
	return unknown;
}

static long nr_vcpus(void)
{
	return min_t(long, num_online_cpus(), BELLOWS_MAX_VCPUS);
}

static long has_xsave(void)
{
	return boot_cpu_has(X86_FEATURE_XSAVE);
}

static long xsave_size(void)
{
	return max_t(long, bellows_xstate_size(bellows_supported_xcr0(), false),
		     sizeof(struct kvm_xsave));
}

static long has_tsc_deadline(void)
{
	return !!tsc_khz;
}

static const struct {
	u32 cap;
	long value;
	long (*compute)(void);		/* instead, where set */
} extensions[] = {
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_NR_MEMSLOTS, BELLOWS_MAX_SLOTS },
	{ KVM_CAP_SYNC_MMU, 0 },	/* a slot holds its object, not the address */
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_NR_VCPUS, 0, nr_vcpus },
	{ KVM_CAP_MAX_VCPUS, BELLOWS_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, BELLOWS_MAX_VCPU_ID + 1 },
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 0, has_tsc_deadline },
	{ KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_XSAVE2, 0, xsave_size },
	{ KVM_CAP_XCRS, 0, has_xsave },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_IRQ_ROUTING, BELLOWS_MAX_ROUTES },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_SIGNAL_MSI, 1 },
	{ KVM_CAP_IRQFD, 1 },
	{ KVM_CAP_IRQFD_RESAMPLE, 1 },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_X86_USER_SPACE_MSR, 1 },
	{ KVM_CAP_X86_MSR_FILTER, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_DISABLE_QUIRKS, 1 },
};

long bellows_check_extension(unsigned long cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		if (extensions[i].cap == cap)
			return extensions[i].compute ? extensions[i].compute() : extensions[i].value;
	}
	return 0;
}

static long get_api_version(void *unused, unsigned long arg)
{
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long create_vm(void *unused, unsigned long type)
{
	return type ? -EINVAL : bellows_vm_create_fd();
}

static long check_extension(void *unused, unsigned long cap)
{
	return bellows_check_extension(cap);
}

static long get_vcpu_mmap_size(void *unused, unsigned long arg)
{
	return arg ? -EINVAL : VCPU_MMAP_SIZE;
}

static long get_supported_cpuid(void *unused, unsigned long arg)
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
static long put_msr_list(unsigned long arg, const u32 *list, u32 n)
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

static long get_msr_index_list(void *unused, unsigned long arg)
{
	const u32 *list;
	u32 n = bellows_msr_list(&list);

	return put_msr_list(arg, list, n);
}

static long get_msr_feature_index_list(void *unused, unsigned long arg)
{
	const u32 *list;
	u32 n = bellows_msr_feature_list(&list);

	return put_msr_list(arg, list, n);
}

/* Reads entries until one is unknown; returns how many were read. */
static long get_msrs(void *unused, unsigned long arg)
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
		if (bellows_msr_feature_get(entries[n].index, &entries[n].data))
			break;
	}
	if (copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

static long memory_create(void *unused, unsigned long arg)
{
	struct bellows_memory_create args;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	return bellows_memory_create(&args);
}

static long host_info(void *unused, unsigned long arg)
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

static const struct bellows_ioctl dev_ioctls[] = {
	{ KVM_GET_API_VERSION, get_api_version },
	{ KVM_CREATE_VM, create_vm },
	{ KVM_CHECK_EXTENSION, check_extension },
	{ KVM_GET_VCPU_MMAP_SIZE, get_vcpu_mmap_size },
	{ KVM_GET_SUPPORTED_CPUID, get_supported_cpuid },
	{ KVM_GET_MSR_INDEX_LIST, get_msr_index_list },
	{ KVM_GET_MSR_FEATURE_INDEX_LIST, get_msr_feature_index_list },
	{ KVM_GET_MSRS, get_msrs },
	{ BELLOWS_MEMORY_CREATE, memory_create },
	{ BELLOWS_HOST_INFO, host_info },
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return bellows_ioctl_dispatch(dev_ioctls, ARRAY_SIZE(dev_ioctls), NULL, cmd, arg, -EINVAL);
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
