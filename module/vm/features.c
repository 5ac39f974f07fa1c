// SPDX-License-Identifier: GPL-2.0
/* Which features a guest has: what userspace's CPUID table says. */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/processor.h>
#include "vm/features.h"

enum { EAX, EBX, ECX, EDX };

/* Where each word of the kernel's feature numbers comes from. */
static const struct { u8 word; u8 reg; u32 function; u32 index; } words[] = {
	{ 0,  EDX, 1, 0 },
	{ 1,  EDX, 0x80000001, 0 },
	{ 4,  ECX, 1, 0 },
	{ 6,  ECX, 0x80000001, 0 },
	{ 9,  EBX, 7, 0 },
	{ 10, EAX, 0xd, 1 },
	{ 12, EAX, 7, 1 },
	{ 13, EBX, 0x80000008, 0 },
	{ 16, ECX, 7, 0 },
	{ 18, EDX, 7, 0 },
};

static u32 features_entry_reg(const struct kvm_cpuid_entry2 *e, unsigned int reg)
{
	switch (reg) {
	case EAX:
		return e->eax;
	case EBX:
		return e->ebx;
	case ECX:
		return e->ecx;
	default:
		return e->edx;
	}
}

const struct kvm_cpuid_entry2 *bellows_cpuid_find(const struct bellows_vcpu *vcpu, u32 function, u32 index)
{
	return bellows_cpuid_entry(vcpu->cpuid, function, index);
}

bool bellows_guest_has(const struct bellows_vcpu *vcpu, unsigned int feature)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		const struct kvm_cpuid_entry2 *e;

		if (words[i].word != feature / 32)
			continue;
		e = bellows_cpuid_find(vcpu, words[i].function, words[i].index);
		return e && (features_entry_reg(e, words[i].reg) & BIT(feature % 32));
	}
	return false;
}

/* Hygon's CPUs are AMD's; Zhaoxin, Centaur and unknown vendors follow Intel's manuals. */
bool bellows_guest_is_amd(const struct bellows_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = bellows_cpuid_find(vcpu, 0, 0);

	if (!vcpu->cpuid)
		return boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
		       boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
	return e && ((e->ebx == 0x68747541 && e->ecx == 0x444d4163) ||
		     (e->ebx == 0x6f677948 && e->ecx == 0x656e6975));
}
