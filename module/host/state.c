// SPDX-License-Identifier: GPL-2.0
/* Facts of the host's CPU that do not change after boot, read once when the module loads. */
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/special_insns.h>
#include "host/state.h"

struct host_state bellows_host;

/* What the host says of its bugs that is as true of its guests, and no feature that they would have to be given. */
#define ARCH_CAP_FOR_GUESTS							\
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA |			\
	 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO |	\
	 ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO |	\
	 ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR |		\
	 ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO |			\
	 ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

/*
 * IA32_ARCH_CAPABILITIES for guests. An older CPU without the register, or
 * without the bit, may be known to the kernel to be safe. Not passed on are the
 * bits that announce further MSRs (TSX_CTRL, MCU_OPT_CTRL, XAPIC_DISABLE_STATUS):
 * guests have none of those. Without TSX nothing is said about it. Nested tables
 * are made so that the size of a page does not change under an executing guest.
 */
static u64 host_arch_capabilities(void)
{
	static const struct {
		unsigned int bug;
		u64 immune;
	} bugs[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
		{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
		{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_TAA, ARCH_CAP_TAA_NO },
	};
	u64 value = 0;
	size_t i;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &value);
	value &= ARCH_CAP_FOR_GUESTS;
	value |= ARCH_CAP_PSCHANGE_MC_NO;
	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!boot_cpu_has_bug(bugs[i].bug))
			value |= bugs[i].immune;
	if (!boot_cpu_has(X86_FEATURE_RTM))
		value &= ~(u64)ARCH_CAP_TAA_NO;
	return value;
}

void bellows_host_state_init(void)
{
	rdmsrl_safe(MSR_EFER, &bellows_host.efer);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE) || (native_read_cr4() & X86_CR4_OSXSAVE))
		bellows_host.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl_safe(MSR_IA32_XSS, &bellows_host.xss);
	bellows_host.arch_capabilities = host_arch_capabilities();
	bellows_host.has_pku = cpu_feature_enabled(X86_FEATURE_PKU);
}
