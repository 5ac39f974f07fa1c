// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_SUPPORTED_CPUID: what a VMM may put into a guest's CPUID.
 *
 * A feature is offered when it is in the list below, which names what a guest
 * can use without further work of ours or what we do serve; when the host
 * kernel uses or tolerates it (boot_cpu_data has it; a feature that was turned
 * off on the command line, or for an erratum, is off for guests, too); and
 * when the backend has no objection, for some need a control of the CPU's
 * virtualization. A few are ours to give whatever the host has.
 *
 * The list is in terms of the kernel's feature numbers, which are word * 32 +
 * bit; each word is one register of one leaf. Leaves that carry no features
 * are passed as they are, trimmed, or emptied; a table says which.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>
#include <asm/tsc.h>
#include "backend.h"
#include "host/caps.h"
#include "mmu/mmu.h"

#define F(name)	X86_FEATURE_##name

static const u16 offered[] = {
	/* leaf 1, EDX */
	F(FPU), F(VME), F(DE), F(PSE), F(TSC), F(MSR), F(PAE), F(MCE), F(CX8), F(APIC), F(SEP),
	F(MTRR), F(PGE), F(MCA), F(CMOV), F(PAT), F(PSE36), F(CLFLUSH), F(MMX), F(FXSR), F(XMM),
	F(XMM2), F(SELFSNOOP),
	/* leaf 1, ECX */
	F(XMM3), F(PCLMULQDQ), F(SSSE3), F(FMA), F(CX16), F(PCID), F(XMM4_1), F(XMM4_2), F(MOVBE),
	F(POPCNT), F(AES), F(X2APIC), F(TSC_DEADLINE_TIMER), F(XSAVE), F(AVX), F(F16C), F(RDRAND),
	/* leaf 7.0, EBX */
	F(FSGSBASE), F(TSC_ADJUST), F(BMI1), F(AVX2), F(FDP_EXCPTN_ONLY), F(SMEP), F(BMI2), F(ERMS),
	F(INVPCID), F(ZERO_FCS_FDS), F(AVX512F), F(AVX512DQ), F(RDSEED), F(ADX), F(SMAP),
	F(AVX512IFMA), F(CLFLUSHOPT), F(CLWB), F(AVX512CD), F(SHA_NI), F(AVX512BW), F(AVX512VL),
	/* leaf 7.0, ECX */
	F(AVX512VBMI), F(UMIP), F(PKU), F(AVX512_VBMI2), F(GFNI), F(VAES), F(VPCLMULQDQ),
	F(AVX512_VNNI), F(AVX512_BITALG), F(AVX512_VPOPCNTDQ), F(LA57), F(RDPID), F(CLDEMOTE),
	F(MOVDIRI), F(MOVDIR64B),
	/* leaf 7.0, EDX */
	F(AVX512_4VNNIW), F(AVX512_4FMAPS), F(FSRM), F(AVX512_VP2INTERSECT), F(MD_CLEAR),
	F(SERIALIZE), F(AVX512_FP16), F(SPEC_CTRL), F(INTEL_STIBP), F(ARCH_CAPABILITIES),
	F(SPEC_CTRL_SSBD),
	/* leaf 7.1, EAX */
	F(AVX_VNNI), F(AVX512_BF16),
	/* leaf 13.1, EAX */
	F(XSAVEOPT), F(XSAVEC), F(XGETBV1), F(XSAVES),
	/* leaf 0x80000001, EDX */
	F(SYSCALL), F(NX), F(MMXEXT), F(FXSR_OPT), F(GBPAGES), F(RDTSCP), F(LM), F(3DNOWEXT),
	F(3DNOW),
	/* leaf 0x80000001, ECX */
	F(LAHF_LM), F(CMP_LEGACY), F(CR8_LEGACY), F(ABM), F(SSE4A), F(MISALIGNSSE),
	F(3DNOWPREFETCH), F(XOP), F(FMA4), F(TBM), F(TOPOEXT),
	/* leaf 0x80000008, EBX */
	F(CLZERO), F(XSAVEERPTR), F(WBNOINVD), F(AMD_IBPB), F(AMD_IBRS), F(AMD_STIBP),
	F(AMD_STIBP_ALWAYS_ON), F(AMD_SSBD), F(AMD_SSB_NO),
};

/* Which word is which register. The order of the registers is that of CPUID's output. */
enum { EAX, EBX, ECX, EDX };

static const struct {
	u32 function, index;
	u8 reg;
	u8 word;
} words[] = {
	{ 1, 0, EDX, CPUID_1_EDX },
	{ 1, 0, ECX, CPUID_1_ECX },
	{ 7, 0, EBX, CPUID_7_0_EBX },
	{ 7, 0, ECX, CPUID_7_ECX },
	{ 7, 0, EDX, CPUID_7_EDX },
	{ 7, 1, EAX, CPUID_7_1_EAX },
	{ 13, 1, EAX, CPUID_D_1_EAX },
	{ 0x80000001, 0, EDX, CPUID_8000_0001_EDX },
	{ 0x80000001, 0, ECX, CPUID_8000_0001_ECX },
	{ 0x80000008, 0, EBX, CPUID_8000_0008_EBX },
};

/* Leaves that describe rather than promise: what of them a guest may see. */
static const struct {
	u32 function;
	u32 mask[4];
} described[] = {
	{ 0x00000000, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x00000001, { ~0u, ~0u, 0, 0 } },
	{ 0x00000002, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x00000004, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x00000007, { ~0u, 0, 0, 0 } },
	{ 0x0000000d, { 0, ~0u, ~0u, 0 } },
	{ 0x80000000, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000001, { ~0u, 0xf000ffff, 0, 0 } },
	{ 0x80000002, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000003, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000004, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000005, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000006, { ~0u, ~0u, ~0u, ~(3u << 16) } },
	{ 0x80000007, { 0, 0, 0, BIT(8) } },		/* invariant TSC */
	{ 0x80000008, { 0, 0, 0xf0ff, 0 } },
	{ 0x80000019, { ~0u, ~0u, 0, 0 } },		/* TLBs for 1 GiB pages */
	{ 0x8000001a, { 7, 0, 0, 0 } },
	{ 0x8000001d, { ~0u, ~0u, ~0u, ~0u } },
};

#define LAST_BASIC		0x1f
#define LAST_EXTENDED		0x80000021
#define LAST_SUBLEAF_7		1
/* Of 0x80000001.EDX: bits that AMD repeats from leaf 1. */
#define AMD_REPEATED		0x0183f3ff

static bool caps_always(void)
{
	return true;
}

static bool caps_has_tsc(void)
{
	return tsc_khz;
}

static bool caps_has_la57(void)
{
	return cpuid_eax(0) >= 7 && cpuid_ecx(7) & BIT(F(LA57) % 32);
}

static bool caps_uses_pku(void)
{
	return boot_cpu_has(X86_FEATURE_OSPKE);
}

static bool caps_has_ibrs(void)
{
	return boot_cpu_has(X86_FEATURE_IBRS);
}

static bool caps_has_ibpb(void)
{
	return boot_cpu_has(X86_FEATURE_IBPB);
}

static bool caps_has_ibrs_and_ibpb(void)
{
	return caps_has_ibrs() && caps_has_ibpb();
}

static bool caps_has_stibp(void)
{
	return boot_cpu_has(X86_FEATURE_STIBP);
}

static bool caps_has_ssbd(void)
{
	return boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD) || boot_cpu_has(X86_FEATURE_AMD_SSBD);
}

static bool caps_has_no_ssb(void)
{
	return !boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS);
}

/* Features whose bit of the CPU's is not the answer: another bit, the host's use, or ours to give. */
static const struct {
	u16 feature;
	bool (*has)(void);
} special[] = {
	{ F(X2APIC), caps_always },		/* ours, with controllers in the kernel */
	{ F(TSC_DEADLINE_TIMER), caps_has_tsc },	/* likewise */
	{ F(TSC_ADJUST), caps_always },		/* kept per vCPU */
	{ F(ARCH_CAPABILITIES), caps_always },	/* likewise */
	{ F(LA57), caps_has_la57 },		/* even if the host does not use it */
	{ F(PKU), caps_uses_pku },
	{ F(SPEC_CTRL), caps_has_ibrs_and_ibpb },
	{ F(AMD_IBRS), caps_has_ibrs },
	{ F(AMD_IBPB), caps_has_ibpb },
	{ F(INTEL_STIBP), caps_has_stibp },
	{ F(AMD_STIBP), caps_has_stibp },
	{ F(SPEC_CTRL_SSBD), caps_has_ssbd },
	{ F(AMD_SSBD), caps_has_ssbd },
	{ F(AMD_SSB_NO), caps_has_no_ssb },
};

/* raw: the register of CPUID that has the feature. */
static bool caps_usable(unsigned int feature, u32 raw)
{
	size_t i;

	if (bellows_backend_current && !bellows_backend_current->supports(feature))
		return false;
	for (i = 0; i < ARRAY_SIZE(special); i++) {
		if (special[i].feature == feature)
			return special[i].has();
	}
	return boot_cpu_has(feature) && raw & BIT(feature % 32);
}

static u32 caps_raw_word(unsigned int n)
{
	u32 regs[4];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].word == n)
			break;
	}
	if (i == ARRAY_SIZE(words) ||
	    cpuid_eax(words[i].function & 0x80000000) < words[i].function)
		return 0;
	cpuid_count(words[i].function, words[i].index, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]);
	return regs[words[i].reg];
}

bool bellows_cpuid_offers(unsigned int feature)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offered); i++) {
		if (offered[i] == feature)
			return caps_usable(feature, caps_raw_word(feature / 32));
	}
	return false;
}

static u32 caps_word(unsigned int n)
{
	u32 bits = 0, raw = caps_raw_word(n);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offered); i++) {
		if (offered[i] / 32 == n && caps_usable(offered[i], raw))
			bits |= BIT(offered[i] % 32);
	}
	return bits;
}

u64 bellows_supported_xcr0(void)
{
	const u64 known = XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM |
			  XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU;
	u64 xcr0;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & known;
	if (!bellows_cpuid_offers(F(PKU)))
		xcr0 &= ~XFEATURE_MASK_PKRU;
	return xcr0;
}

u32 bellows_xstate_size(u64 components, bool compacted)
{
	u32 end = XSAVE_HDR_OFFSET + XSAVE_HDR_SIZE;
	u32 size, offset, flags, unused;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(components & BIT_ULL(i)))
			continue;
		cpuid_count(13, i, &size, &offset, &flags, &unused);
		if (compacted)
			offset = flags & BIT(1) ? ALIGN(end, 64) : end;
		end = max(end, offset + size);
	}
	return end;
}

unsigned int bellows_supported_maxphyaddr(void)
{
	unsigned int bits = 36;

	if (cpuid_eax(0x80000000) >= 0x80000008)
		bits = cpuid_eax(0x80000008) & 0xff;
	/* Four levels of nested tables reach no farther. */
	if (bellows_backend_current && bellows_backend_current->format &&
	    bellows_pt_levels(bellows_backend_current->format) == 4)
		bits = min(bits, 48u);
	return bits;
}

struct list {
	struct kvm_cpuid_entry2 *entries;
	int n, max;
};

static void caps_describe(struct kvm_cpuid_entry2 *e)
{
	u32 *regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(described); i++) {
		if (described[i].function == e->function)
			break;
	}
	for (j = 0; j < ARRAY_SIZE(regs); j++)
		*regs[j] &= i < ARRAY_SIZE(described) ? described[i].mask[j] : 0;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].function == e->function && words[i].index == e->index)
			*regs[words[i].reg] = caps_word(words[i].word);
	}
}

/* What the tables cannot say. raw: as the CPU gave it. */
static void caps_adjust(struct kvm_cpuid_entry2 *e, const struct kvm_cpuid_entry2 *raw)
{
	u64 xcr0;

	switch (e->function) {
	case 0:
		e->eax = min_t(u32, e->eax, LAST_BASIC);
		break;
	case 6:
		e->eax = BIT(2);	/* the APIC timer, if there is one, never stops */
		break;
	case 7:
		e->eax = e->index ? e->eax : min_t(u32, raw->eax, LAST_SUBLEAF_7);
		break;
	case 13:
		xcr0 = bellows_supported_xcr0();
		if (e->index == 0) {
			e->eax = xcr0;
			e->edx = xcr0 >> 32;
			e->ebx = e->ecx = bellows_xstate_size(xcr0, false);
		} else if (e->index == 1) {
			e->ebx = e->eax & (BIT(1) | BIT(3)) ? bellows_xstate_size(xcr0, true) : 0;
			e->ecx = 0;
		} else {
			e->eax = raw->eax;
			e->ecx &= BIT(0) | BIT(1);
		}
		break;
	case 0x80000000:
		e->eax = min_t(u32, e->eax, LAST_EXTENDED);
		break;
	case 0x80000001:
		e->edx |= raw->edx & caps_word(CPUID_1_EDX) & AMD_REPEATED;
		break;
	case 0x80000008:
		e->eax = bellows_supported_maxphyaddr() |
			 max((raw->eax >> 8) & 0xff, 48u) << 8;
		break;
	case KVM_CPUID_SIGNATURE:
		e->eax = KVM_CPUID_FEATURES;
		memcpy(&e->ebx, KVM_SIGNATURE, 4);
		memcpy(&e->ecx, KVM_SIGNATURE + 4, 4);
		memcpy(&e->edx, KVM_SIGNATURE + 8, 4);
		break;
	case KVM_CPUID_FEATURES:
		e->eax = BIT(KVM_FEATURE_NOP_IO_DELAY) | BIT(KVM_FEATURE_PV_EOI);
		if (tsc_khz)
			e->eax |= BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_CLOCKSOURCE2) |
				  BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
		break;
	}
}

static bool caps_has_subleaves(u32 function)
{
	return function == 4 || function == 7 || function == 13 || function == 0x8000001d;
}

/* NULL: no room. */
static struct kvm_cpuid_entry2 *caps_add(struct list *list, u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *e, raw;

	lockdep_assert_preemption_disabled();
	if (list->n >= list->max)
		return NULL;
	e = &list->entries[list->n++];
	*e = (struct kvm_cpuid_entry2) { .function = function, .index = index };
	if (caps_has_subleaves(function))
		e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	raw = *e;
	caps_describe(e);
	caps_adjust(e, &raw);
	return e;
}

/* The sub-leaves that follow sub-leaf 0, first. */
static int caps_add_subleaves(struct list *list, const struct kvm_cpuid_entry2 *first)
{
	const struct kvm_cpuid_entry2 *e = first;
	u32 function = first->function;
	u64 wanted;
	u32 i;

	switch (function) {
	case 4:
	case 0x8000001d:
		/* One per cache, and a last one of type 0. No CPU has near as many. */
		for (i = 1; e && e->eax & 0x1f && i < 32; i++)
			e = caps_add(list, function, i);
		return e ? 0 : -E2BIG;
	case 7:
		wanted = GENMASK_ULL(first->eax, 0) & ~1ULL;
		break;
	case 13:
		wanted = bellows_supported_xcr0();
		wanted = wanted ? (wanted & ~3ULL) | BIT(1) : 0;
		break;
	default:
		wanted = 0;
	}
	for (i = 1; i < 63; i++) {
		if ((wanted & BIT_ULL(i)) && !caps_add(list, function, i))
			return -E2BIG;
	}
	return 0;
}

static int caps_add_leaves(struct list *list, u32 first)
{
	const struct kvm_cpuid_entry2 *e;
	u32 function, last = first;

	for (function = first; function <= last; function++) {
		e = caps_add(list, function, 0);
		if (!e)
			return -E2BIG;
		if (function == first)
			last = e->eax;
		if (caps_add_subleaves(list, e))
			return -E2BIG;
	}
	return 0;
}

int bellows_cpuid_supported(struct kvm_cpuid_entry2 *entries, int max)
{
	static const u32 firsts[] = { 0, 0x80000000, KVM_CPUID_SIGNATURE };
	struct list list = { .entries = entries, .max = max };
	size_t i;

	/* All answers from one CPU. */
	guard(preempt)();
	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		if (caps_add_leaves(&list, firsts[i]))
			return -E2BIG;
	}
	return list.n;
}
