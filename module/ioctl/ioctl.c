// SPDX-License-Identifier: GPL-2.0
/*
 * What the descriptors of this folder share: a look into a table of ioctls, and
 * KVM_CHECK_EXTENSION, which tells what there is without trying.
 */
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>
#include "host/caps.h"
#include "ioctl/ioctl.h"
#include "irq/route.h"
#include "vm/vm.h"

long ioctl_dispatch(const struct ioctl_call *table, size_t n, void *object,
		    unsigned int cmd, unsigned long arg, long unknown)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (table[i].cmd == cmd)
			return table[i].handle(object, arg);
	}
	return unknown;
}

static long ioctl_nr_vcpus(void)
{
	return min_t(long, num_online_cpus(), BELLOWS_MAX_VCPUS);
}

static long ioctl_has_xsave(void)
{
	return boot_cpu_has(X86_FEATURE_XSAVE);
}

static long ioctl_xsave_size(void)
{
	return max_t(long, bellows_xstate_size(bellows_supported_xcr0(), false),
		     sizeof(struct kvm_xsave));
}

static long ioctl_has_tsc_deadline(void)
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
	{ KVM_CAP_NR_VCPUS, 0, ioctl_nr_vcpus },
	{ KVM_CAP_MAX_VCPUS, BELLOWS_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, BELLOWS_MAX_VCPU_ID + 1 },
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 0, ioctl_has_tsc_deadline },
	{ KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_XSAVE2, 0, ioctl_xsave_size },
	{ KVM_CAP_XCRS, 0, ioctl_has_xsave },
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

long ioctl_check_extension(unsigned long cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		if (extensions[i].cap == cap)
			return extensions[i].compute ? extensions[i].compute() : extensions[i].value;
	}
	return 0;
}
