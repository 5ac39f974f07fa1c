// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest sees at CPUID. Userspace decides the table; a few bits follow
 * the guest's own state (OSXSAVE is CR4's), and what the table offers decides
 * what the guest may write into CR4, EFER and XCR0.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xstate.h>
#include <asm/msr-index.h>
#include "backend.h"
#include "guest/cpuid.h"
#include "host/caps.h"
#include "irq/apic_access.h"
#include "vm/features.h"

/* CR4 bits that need a feature; those that every CPU here has are free. */
static const struct { u64 bit; unsigned int feature; } cr4_features[] = {
	{ X86_CR4_OSXSAVE,	X86_FEATURE_XSAVE },
	{ X86_CR4_SMEP,		X86_FEATURE_SMEP },
	{ X86_CR4_SMAP,		X86_FEATURE_SMAP },
	{ X86_CR4_FSGSBASE,	X86_FEATURE_FSGSBASE },
	{ X86_CR4_PKE,		X86_FEATURE_PKU },
	{ X86_CR4_LA57,		X86_FEATURE_LA57 },
	{ X86_CR4_UMIP,		X86_FEATURE_UMIP },
	{ X86_CR4_PCIDE,	X86_FEATURE_PCID },
};

#define CR4_ALWAYS (X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
		    X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
		    X86_CR4_OSXMMEXCPT)

/*
 * Before userspace has set CPUID a guest may have what the host offers;
 * afterwards what both have, since userspace may claim anything.
 */
u64 bellows_cr4_reserved(const struct bellows_vcpu *vcpu)
{
	u64 allowed = CR4_ALWAYS;
	size_t i;

	lockdep_assert_held(&vcpu->mutex);
	for (i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		unsigned int feature = cr4_features[i].feature;

		if (bellows_cpuid_offers(feature) &&
		    (!vcpu->cpuid || bellows_guest_has(vcpu, feature)))
			allowed |= cr4_features[i].bit;
	}
	return ~allowed;
}

static unsigned int cpuid_maxphyaddr(const struct bellows_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = bellows_cpuid_find(vcpu, 0x80000000, 0);

	if (e && e->eax >= 0x80000008) {
		e = bellows_cpuid_find(vcpu, 0x80000008, 0);
		if (e && (e->eax & 0xff) >= 32)
			return min(e->eax & 0xff, 52U);
	}
	return 36;
}

static u64 cpuid_xcr0_mask(const struct bellows_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = bellows_cpuid_find(vcpu, 0xd, 0);

	if (!e)
		return 0;
	return (e->eax | (u64)e->edx << 32) & bellows_supported_xcr0();
}

static bool cpuid_same_tables(const struct bellows_cpuid *a, const struct bellows_cpuid *b)
{
	int i;

	if (!a || a->nent != b->nent)
		return false;
	for (i = 0; i < a->nent; i++) {
		const struct kvm_cpuid_entry2 *x = &a->entries[i], *y = &b->entries[i];

		if (x->function != y->function || x->index != y->index || x->flags != y->flags ||
		    x->eax != y->eax || x->ebx != y->ebx || x->ecx != y->ecx || x->edx != y->edx)
			return false;
	}
	return true;
}

/* A guest's address width must be one that its tables can have: 48 or 57 bits of virtual address. */
static bool cpuid_table_valid(const struct bellows_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *e = bellows_cpuid_entry(cpuid, 0x80000008, 0);
	unsigned int bits;

	if (!e)
		return true;
	bits = (e->eax >> 8) & 0xff;
	return bits == 0 || bits == 48 || bits == 57;
}

int bellows_cpuid_set(struct bellows_vcpu *vcpu, struct bellows_cpuid *cpuid)
{
	lockdep_assert_loaded(vcpu);
	might_sleep();
	if (vcpu->has_run) {
		bool same = cpuid_same_tables(vcpu->cpuid, cpuid);

		kvfree(cpuid);
		return same ? 0 : -EINVAL;
	}
	if (!cpuid_table_valid(cpuid)) {
		kvfree(cpuid);
		return -EINVAL;
	}
	kvfree(vcpu->cpuid);
	vcpu->cpuid = cpuid;
	vcpu->maxphyaddr = cpuid_maxphyaddr(vcpu);
	vcpu->has_1g_pages = bellows_guest_has(vcpu, X86_FEATURE_GBPAGES);
	vcpu->cr4_reserved = bellows_cr4_reserved(vcpu);
	vcpu->guest_xcr0_mask = cpuid_xcr0_mask(vcpu);
	emu_set_amd(vcpu->emu, bellows_guest_is_amd(vcpu));
	bellows_apic_cpuid_changed(vcpu);
	bellows_backend(cpuid_changed)(vcpu);
	return 0;
}

/* Beyond the last basic leaf Intel's CPUs answer with that leaf, AMD's with zeros. */
static const struct kvm_cpuid_entry2 *
cpuid_out_of_range(const struct bellows_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *basic = bellows_cpuid_find(vcpu, 0, 0), *class;

	if (!basic || bellows_guest_is_amd(vcpu))
		return NULL;
	if (function >= 0x40000000 && function <= 0x4fffffff)
		class = bellows_cpuid_find(vcpu, function & 0xffffff00, 0);
	else
		class = bellows_cpuid_find(vcpu, function & 0x80000000, 0);
	if (class && function <= class->eax)
		return NULL;
	return bellows_cpuid_find(vcpu, basic->eax, index);
}

static void cpuid_answer(struct bellows_vcpu *vcpu, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	bellows_reg_write(vcpu, GPR_RAX, eax);
	bellows_reg_write(vcpu, GPR_RBX, ebx);
	bellows_reg_write(vcpu, GPR_RCX, ecx);
	bellows_reg_write(vcpu, GPR_RDX, edx);
}

static u32 cpuid_bit_if(u32 value, u32 bit, bool on)
{
	return on ? value | bit : value & ~bit;
}

/* Functions with bits that follow the guest's state, or sizes that do. */
static void cpuid_answer_by_state(struct bellows_vcpu *vcpu, const struct kvm_cpuid_entry2 *e)
{
	/* No backend lets a guest change OSXSAVE and PKE without an exit. */
	u64 cr4 = vcpu->regs[VCPU_CR4];
	u32 ebx = e->ebx, ecx = e->ecx, edx = e->edx;

	if (e->function == 1) {
		ecx = cpuid_bit_if(ecx, BIT(27), cr4 & X86_CR4_OSXSAVE);
		edx = cpuid_bit_if(edx, BIT(9), vcpu->msrs.apic_base & MSR_IA32_APICBASE_ENABLE);
	} else if (e->function == 7 && e->index == 0) {
		ecx = cpuid_bit_if(ecx, BIT(4), cr4 & X86_CR4_PKE);
	} else if (e->function == 0xd && e->index == 0) {
		ebx = bellows_xstate_size(vcpu->xcr0, false);
	} else if (e->function == 0xd && e->index == 1 && ebx) {
		ebx = bellows_xstate_size(vcpu->xcr0 | vcpu->msrs.xss, true);
	}
	cpuid_answer(vcpu, e->eax, ebx, ecx, edx);
}

/* There is no such entry. */
static void cpuid_answer_otherwise(struct bellows_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *e = cpuid_out_of_range(vcpu, function, index);

	if (e) {
		cpuid_answer(vcpu, e->eax, e->ebx, e->ecx, e->edx);
		return;
	}
	/* A level of the topology that does not exist: its number, and the APIC ID. */
	if (function == 0xb || function == 0x1f)
		e = bellows_cpuid_find(vcpu, function, 1);
	cpuid_answer(vcpu, 0, 0, e ? index & 0xff : 0, e ? e->edx : 0);
}

void bellows_cpuid(struct bellows_vcpu *vcpu)
{
	u32 function = bellows_reg_read(vcpu, GPR_RAX);
	u32 index = bellows_reg_read(vcpu, GPR_RCX);
	const struct kvm_cpuid_entry2 *e = bellows_cpuid_entry(vcpu->cpuid, function, index);

	lockdep_assert_loaded(vcpu);
	if (unlikely(!e))
		cpuid_answer_otherwise(vcpu, function, index);
	else if (function == 1 || function == 7 || function == 0xd)
		cpuid_answer_by_state(vcpu, e);
	else
		cpuid_answer(vcpu, e->eax, e->ebx, e->ecx, e->edx);
}
