// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a vCPU's descriptor but KVM_RUN: userspace's structures in and
 * out, and a table of what is called for each.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>
#include "backend.h"
#include "compat.h"
#include "exit/world.h"
#include "guest/control.h"
#include "guest/cpuid.h"
#include "guest/debug.h"
#include "guest/fpu.h"
#include "guest/kvmclock.h"
#include "guest/msr.h"
#include "host/caps.h"
#include "host/state.h"
#include "ioctl/state.h"
#include "ioctl/vcpu_calls.h"
#include "irq/apic_access.h"
#include "run/wait.h"
#include "vm/event.h"
#include "vm/request.h"

#define MAX_MSRS	256

/* The common form: a structure in, a structure out. */
#define GET(name, type, fn)						\
static long name(struct bellows_vcpu *vcpu, void __user *argp)		\
{									\
	type value;							\
									\
	memset(&value, 0, sizeof(value));				\
	fn(vcpu, &value);						\
	return copy_to_user(argp, &value, sizeof(value)) ? -EFAULT : 0;	\
}

#define SET(name, type, fn)						\
static long name(struct bellows_vcpu *vcpu, void __user *argp)		\
{									\
	type value;							\
									\
	if (copy_from_user(&value, argp, sizeof(value)))		\
		return -EFAULT;						\
	return fn(vcpu, &value);					\
}

static int vcpu_call_load_regs(struct bellows_vcpu *vcpu, const struct kvm_regs *regs)
{
	state_set_regs(vcpu, regs);
	return 0;
}

static int vcpu_call_load_fpu(struct bellows_vcpu *vcpu, const struct kvm_fpu *fpu)
{
	state_set_fpu(vcpu, fpu);
	return 0;
}

GET(vcpu_call_get_regs, struct kvm_regs, state_get_regs)
SET(vcpu_call_set_regs, struct kvm_regs, vcpu_call_load_regs)
GET(vcpu_call_get_sregs, struct kvm_sregs, state_get_sregs)
SET(vcpu_call_set_sregs, struct kvm_sregs, state_set_sregs)
GET(vcpu_call_get_fpu, struct kvm_fpu, state_get_fpu)
SET(vcpu_call_set_fpu, struct kvm_fpu, vcpu_call_load_fpu)
GET(vcpu_call_get_debugregs, struct kvm_debugregs, state_get_debugregs)
SET(vcpu_call_set_debugregs, struct kvm_debugregs, state_set_debugregs)
GET(vcpu_call_get_events, struct kvm_vcpu_events, state_get_events)
SET(vcpu_call_set_events, struct kvm_vcpu_events, state_set_events)
SET(vcpu_call_set_guest_debug, struct kvm_guest_debug, bellows_set_guest_debug)

GET(vcpu_call_get_mp_state, struct kvm_mp_state, bellows_get_mp_state)
SET(vcpu_call_set_mp_state, struct kvm_mp_state, bellows_set_mp_state)
GET(vcpu_call_get_lapic_state, struct kvm_lapic_state, bellows_apic_get_state)
SET(vcpu_call_set_lapic_state, struct kvm_lapic_state, bellows_apic_set_state)

static long vcpu_call_get_lapic(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu->apic ? vcpu_call_get_lapic_state(vcpu, argp) : -EINVAL;
}

static long vcpu_call_set_lapic(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu->apic ? vcpu_call_set_lapic_state(vcpu, argp) : -EINVAL;
}

static int vcpu_call_queue_interrupt(struct bellows_vcpu *vcpu, const struct kvm_interrupt *irq)
{
	lockdep_assert_held(&vcpu->mutex);
	if (irq->irq > 255)
		return -EINVAL;
	if (vcpu->apic)
		return -ENXIO;
	bellows_queue_irq(vcpu, irq->irq);
	return 0;
}

SET(vcpu_call_interrupt, struct kvm_interrupt, vcpu_call_queue_interrupt)

static long vcpu_call_nmi(struct bellows_vcpu *vcpu, void __user *argp)
{
	bellows_queue_nmi(vcpu);
	return 0;
}

static long vcpu_call_kvmclock_ctrl(struct bellows_vcpu *vcpu, void __user *argp)
{
	return bellows_kvmclock_stopped(vcpu);
}

static void vcpu_call_read_xcrs(struct bellows_vcpu *vcpu, struct kvm_xcrs *xcrs)
{
	lockdep_assert_held(&vcpu->mutex);
	if (!bellows_host.xcr0)
		return;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = 0;
	xcrs->xcrs[0].value = vcpu->xcr0;
}

static int vcpu_call_write_xcrs(struct bellows_vcpu *vcpu, const struct kvm_xcrs *xcrs)
{
	unsigned int i;

	lockdep_assert_held(&vcpu->mutex);
	if (!bellows_host.xcr0 || xcrs->flags || xcrs->nr_xcrs > KVM_MAX_XCRS)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == 0)
			break;
	if (i < xcrs->nr_xcrs && bellows_set_xcr(vcpu, 0, xcrs->xcrs[i].value) == GUEST_WRITE_GP)
		return -EINVAL;
	return 0;
}

GET(vcpu_call_get_xcrs, struct kvm_xcrs, vcpu_call_read_xcrs)
SET(vcpu_call_set_xcrs, struct kvm_xcrs, vcpu_call_write_xcrs)

static u64 vcpu_call_xsave_features(struct bellows_vcpu *vcpu)
{
	return vcpu->guest_xcr0_mask | XFEATURE_MASK_FPSSE;
}

static size_t vcpu_call_xsave_size(const struct bellows_vcpu *vcpu)
{
	return max_t(size_t, vcpu->fpu.uabi_size, sizeof(struct kvm_xsave));
}

static long vcpu_call_get_xsave_sized(struct bellows_vcpu *vcpu, void __user *argp, size_t size)
{
	void *area = kzalloc(size, GFP_KERNEL_ACCOUNT);
	long r = 0;

	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert(!vcpu->fpu_loaded);
	if (!area)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, area, size, vcpu_call_xsave_features(vcpu),
				       vcpu->pkru);
	if (copy_to_user(argp, area, size))
		r = -EFAULT;
	kfree(area);
	return r;
}

static long vcpu_call_get_xsave(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu_call_get_xsave_sized(vcpu, argp, sizeof(struct kvm_xsave));
}

static long vcpu_call_get_xsave2(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu_call_get_xsave_sized(vcpu, argp, vcpu_call_xsave_size(vcpu));
}

static long vcpu_call_set_xsave(struct bellows_vcpu *vcpu, void __user *argp)
{
	size_t size = vcpu_call_xsave_size(vcpu);
	void *area = memdup_user(argp, size);
	long r;

	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert(!vcpu->fpu_loaded);
	if (IS_ERR(area))
		return PTR_ERR(area);
	r = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, area,
					   bellows_supported_xcr0(), &vcpu->pkru);
	kfree(area);
	return r;
}

/* Does one MSR after the other until one fails; the number done is the result. */
static long vcpu_call_msrs(struct bellows_vcpu *vcpu, void __user *argp, bool write)
{
	struct kvm_msrs __user *user = argp;
	struct kvm_msr_entry *entries;
	struct kvm_msrs header;
	size_t size;
	long n;

	lockdep_assert_loaded(vcpu);
	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	if (header.nmsrs >= MAX_MSRS)
		return -E2BIG;
	size = header.nmsrs * sizeof(*entries);
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (n = 0; n < header.nmsrs; n++) {
		u64 value = entries[n].data;

		if (write ? bellows_msr_set(vcpu, entries[n].index, value, true) :
			    bellows_msr_get(vcpu, entries[n].index, &value, true))
			break;
		entries[n].data = value;
	}
	if (!write && copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

static long vcpu_call_get_msrs(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu_call_msrs(vcpu, argp, false);
}

static long vcpu_call_set_msrs(struct bellows_vcpu *vcpu, void __user *argp)
{
	return vcpu_call_msrs(vcpu, argp, true);
}

static struct bellows_cpuid *vcpu_call_alloc_cpuid(u32 nent)
{
	struct bellows_cpuid *cpuid;

	if (nent > BELLOWS_MAX_CPUID_ENTRIES)
		return ERR_PTR(-E2BIG);
	cpuid = kvzalloc(struct_size(cpuid, entries, nent), GFP_KERNEL_ACCOUNT);
	if (!cpuid)
		return ERR_PTR(-ENOMEM);
	cpuid->nent = nent;
	return cpuid;
}

static long vcpu_call_set_cpuid2(struct bellows_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct bellows_cpuid *cpuid;
	struct kvm_cpuid2 header;

	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	cpuid = vcpu_call_alloc_cpuid(header.nent);
	if (IS_ERR(cpuid))
		return PTR_ERR(cpuid);
	if (copy_from_user(cpuid->entries, user->entries, array_size(header.nent, sizeof(cpuid->entries[0])))) {
		kvfree(cpuid);
		return -EFAULT;
	}
	return bellows_cpuid_set(vcpu, cpuid);
}

/* The old form, without subleaves. */
static long vcpu_call_set_cpuid(struct bellows_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid __user *user = argp;
	struct bellows_cpuid *cpuid;
	struct kvm_cpuid header;
	u32 i;

	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	cpuid = vcpu_call_alloc_cpuid(header.nent);
	if (IS_ERR(cpuid))
		return PTR_ERR(cpuid);
	for (i = 0; i < header.nent; i++) {
		struct kvm_cpuid_entry e;

		if (copy_from_user(&e, &user->entries[i], sizeof(e))) {
			kvfree(cpuid);
			return -EFAULT;
		}
		cpuid->entries[i].function = e.function;
		cpuid->entries[i].eax = e.eax;
		cpuid->entries[i].ebx = e.ebx;
		cpuid->entries[i].ecx = e.ecx;
		cpuid->entries[i].edx = e.edx;
	}
	return bellows_cpuid_set(vcpu, cpuid);
}

static long vcpu_call_get_cpuid2(struct bellows_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid2 header;
	u32 nent = vcpu->cpuid ? vcpu->cpuid->nent : 0, room;

	lockdep_assert_held(&vcpu->mutex);
	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	room = header.nent;
	header.nent = nent;
	if (room < nent) {
		if (copy_to_user(user, &header, sizeof(header)))
			return -EFAULT;
		return -E2BIG;
	}
	if (nent && copy_to_user(user->entries, vcpu->cpuid->entries,
				 array_size(nent, sizeof(vcpu->cpuid->entries[0]))))
		return -EFAULT;
	return copy_to_user(user, &header, sizeof(header)) ? -EFAULT : 0;
}

static long vcpu_call_set_signal_mask(struct bellows_vcpu *vcpu, void __user *argp)
{
	struct kvm_signal_mask __user *user = argp;
	struct kvm_signal_mask header;
	sigset_t set;

	lockdep_assert_held(&vcpu->mutex);
	if (!argp) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	if (header.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, user->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

static long vcpu_call_translate(struct bellows_vcpu *vcpu, void __user *argp)
{
	struct bellows_guest_paging paging;
	struct bellows_guest_fault fault;
	struct kvm_translation t;
	gpa_t gpa = 0;

	if (copy_from_user(&t, argp, sizeof(t)))
		return -EFAULT;
	bellows_guest_paging(vcpu, &paging);
	t.valid = !bellows_guest_walk(&vcpu->vm->mmu, &paging, t.linear_address,
				      ACCESS_READ | ACCESS_IMPLICIT, &gpa, &fault);
	t.physical_address = t.valid ? gpa : ~0ULL;
	t.writeable = 1;
	t.usermode = 0;
	return copy_to_user(argp, &t, sizeof(t)) ? -EFAULT : 0;
}

static long vcpu_call_get_tsc_khz(struct bellows_vcpu *vcpu, void __user *argp)
{
	return tsc_khz;
}

static const struct vcpu_call vcpu_calls[] = {
	{ KVM_GET_REGS,		VCPU_CALL_LOADED,	vcpu_call_get_regs },
	{ KVM_SET_REGS,		VCPU_CALL_LOADED,	vcpu_call_set_regs },
	{ KVM_GET_SREGS,	VCPU_CALL_LOADED,	vcpu_call_get_sregs },
	{ KVM_SET_SREGS,	VCPU_CALL_LOADED,	vcpu_call_set_sregs },
	{ KVM_GET_FPU,		0,	vcpu_call_get_fpu },
	{ KVM_SET_FPU,		0,	vcpu_call_set_fpu },
	{ KVM_GET_XSAVE,	0,	vcpu_call_get_xsave },
	{ KVM_GET_XSAVE2,	0,	vcpu_call_get_xsave2 },
	{ KVM_SET_XSAVE,	0,	vcpu_call_set_xsave },
	{ KVM_GET_XCRS,		0,	vcpu_call_get_xcrs },
	{ KVM_SET_XCRS,		0,	vcpu_call_set_xcrs },
	{ KVM_GET_MSRS,		VCPU_CALL_LOADED,	vcpu_call_get_msrs },
	{ KVM_SET_MSRS,		VCPU_CALL_LOADED,	vcpu_call_set_msrs },
	{ KVM_SET_CPUID,	VCPU_CALL_LOADED,	vcpu_call_set_cpuid },
	{ KVM_SET_CPUID2,	VCPU_CALL_LOADED,	vcpu_call_set_cpuid2 },
	{ KVM_GET_CPUID2,	0,	vcpu_call_get_cpuid2 },
	{ KVM_GET_VCPU_EVENTS,	VCPU_CALL_LOADED,	vcpu_call_get_events },
	{ KVM_SET_VCPU_EVENTS,	VCPU_CALL_LOADED,	vcpu_call_set_events },
	{ KVM_GET_DEBUGREGS,	0,	vcpu_call_get_debugregs },
	{ KVM_SET_DEBUGREGS,	VCPU_CALL_LOADED,	vcpu_call_set_debugregs },
	{ KVM_GET_MP_STATE,	VCPU_CALL_LOADED,	vcpu_call_get_mp_state },
	{ KVM_SET_MP_STATE,	VCPU_CALL_LOADED,	vcpu_call_set_mp_state },
	{ KVM_GET_LAPIC,	VCPU_CALL_LOADED,	vcpu_call_get_lapic },
	{ KVM_SET_LAPIC,	VCPU_CALL_LOADED,	vcpu_call_set_lapic },
	{ KVM_INTERRUPT,	0,	vcpu_call_interrupt },
	{ KVM_NMI,		VCPU_CALL_LOADED,	vcpu_call_nmi },
	{ KVM_SET_SIGNAL_MASK,	0,	vcpu_call_set_signal_mask },
	{ KVM_SET_GUEST_DEBUG,	VCPU_CALL_LOADED,	vcpu_call_set_guest_debug },
	{ KVM_TRANSLATE,	VCPU_CALL_LOADED,	vcpu_call_translate },
	{ KVM_GET_TSC_KHZ,	0,	vcpu_call_get_tsc_khz },
	{ KVM_KVMCLOCK_CTRL,	0,	vcpu_call_kvmclock_ctrl },
};

const struct vcpu_call *vcpu_call_find(unsigned int cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vcpu_calls); i++)
		if (vcpu_calls[i].cmd == cmd)
			return &vcpu_calls[i];
	return NULL;
}
