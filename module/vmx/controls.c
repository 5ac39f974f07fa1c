// SPDX-License-Identifier: GPL-2.0
/*
 * Negotiation of VMX controls.
 *
 * A capability MSR says for each control of a word whether it may be 0 and
 * whether it may be 1. The table of controls says what we want; the result is
 * either five words that the CPU accepts and that mean what we rely on, or the
 * name of the first thing that is missing. Three traps are dealt with here, so
 * that the rest of the backend can look at a bit and believe it:
 *
 * - A control that we do not know must be off. Reserved controls that are
 *   always 1 ("default1") are the exception: their behaviour is that of the
 *   first CPUs, which all software expects. Any other bit that the CPU insists on
 *   and that is not in the table changes guests in a way we could not explain.
 * - Some controls make sense only together (PAT and EFER are loaded at entry and
 *   at exit, or else by lists of MSRs).
 * - VPID is useless without the ways to flush it.
 */
#include "vmx/controls.h"

enum need { NEEDED, WANTED, SWITCHED, OFF };

struct rule {
	u32 mask;
	u8 group;
	u8 need;
	const char *name;
};

#define RULE(group, control, bit, need, text) \
	{ VMX_CTL_##group##_##control, VMX_CTL_##group, need, text },
static const struct rule rules[] = {
	VMX_CONTROLS(RULE)
};

/* Reserved controls that are 1 on every CPU: SDM volume 3, appendix A. */
static const u32 default1[VMX_CTL_NR_GROUPS] = {
	[VMX_CTL_PIN]   = 0x00000016,
	[VMX_CTL_PROC]  = 0x0401e172,
	[VMX_CTL_PROC2] = 0,
	[VMX_CTL_EXIT]  = 0x00036dff,
	[VMX_CTL_ENTRY] = 0x000011ff,
};

static const struct { u64 mask; const char *name; } ept_needs[] = {
	{ VMX_CAP_EPT_WALK_4,		"EPT with four levels" },
	{ VMX_CAP_EPT_WB,		"write-back EPT" },
	{ VMX_CAP_EPT_2M,		"EPT with 2 MiB pages" },
	{ VMX_CAP_INVEPT,		"INVEPT" },
	{ VMX_CAP_INVEPT_SINGLE,	"INVEPT of one context" },
	{ VMX_CAP_INVEPT_ALL,		"INVEPT of all contexts" },
};

#define CR0_PE_PG	0x80000001u
#define CR4_VMXE	BIT_ULL(13)

static u32 vmx_must_be_1(const struct vmx_caps *caps, unsigned int group)
{
	return caps->allowed[group];
}

static u32 vmx_may_be_1(const struct vmx_caps *caps, unsigned int group)
{
	return caps->allowed[group] >> 32;
}

static const char *vmx_apply_rule(const struct vmx_caps *caps, const struct rule *rule,
				  u32 *value)
{
	bool can_set = vmx_may_be_1(caps, rule->group) & rule->mask;
	bool can_clear = !(vmx_must_be_1(caps, rule->group) & rule->mask);

	if ((rule->need == NEEDED || rule->need == SWITCHED) && !can_set)
		return rule->name;
	if (rule->need == SWITCHED && !can_clear)
		return rule->name;
	if (rule->need == OFF && !can_clear)
		return rule->name;
	if (can_set && (rule->need == NEEDED || rule->need == WANTED))
		*value |= rule->mask;
	return NULL;
}

static const char *vmx_apply_rules(const struct vmx_caps *caps, u32 *value)
{
	u32 known[VMX_CTL_NR_GROUPS] = { 0 };
	const char *missing;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		missing = vmx_apply_rule(caps, &rules[i], &value[rules[i].group]);
		if (missing)
			return missing;
		known[rules[i].group] |= rules[i].mask;
	}
	for (i = 0; i < VMX_CTL_NR_GROUPS; i++) {
		u32 forced = vmx_must_be_1(caps, i);

		if (forced & ~known[i] & ~default1[i])
			return "freedom from a control of unknown meaning";
		value[i] |= forced;
	}
	return NULL;
}

/* Entry and exit must both load an MSR, or neither. */
static void vmx_pair_controls(u32 *value, u32 entry, u32 exit)
{
	if ((value[VMX_CTL_ENTRY] & entry) && (value[VMX_CTL_EXIT] & exit))
		return;
	value[VMX_CTL_ENTRY] &= ~entry;
	value[VMX_CTL_EXIT] &= ~exit;
}

static const char *vmx_check_basic(u64 basic)
{
	unsigned int vmcs_size = (basic >> 32) & 0x1fff, memory_type = (basic >> 50) & 0xf;

	if (vmcs_size > 4096)
		return "a VMCS of one page";
	if (memory_type != 6)
		return "a write-back VMCS";
	if (basic & VMX_CAP_BASIC_32BIT)
		return "a VMCS anywhere in memory";
	return NULL;
}

static const char *vmx_check_ept(u64 caps)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ept_needs); i++)
		if (!(caps & ept_needs[i].mask))
			return ept_needs[i].name;
	return NULL;
}

static bool vmx_can_flush_vpid(u64 caps)
{
	const u64 all = VMX_CAP_INVVPID | VMX_CAP_INVVPID_SINGLE | VMX_CAP_INVVPID_ALL;

	return (caps & all) == all;
}

/* What vCPUs with an APIC in the kernel may use beyond what all of them do. */
static void vmx_find_virtual_apic(const struct vmx_caps *caps, struct vmx_controls *controls)
{
	const u32 cr8 = VMX_CTL_PROC_CR8_LOAD_EXITING | VMX_CTL_PROC_CR8_STORE_EXITING;
	const u32 more = VMX_CTL_PROC2_X2APIC_MODE | VMX_CTL_PROC2_INTERRUPT_DELIVERY;

	controls->tpr_shadow = (vmx_may_be_1(caps, VMX_CTL_PROC) & VMX_CTL_PROC_TPR_SHADOW) &&
			       !(vmx_must_be_1(caps, VMX_CTL_PROC) & cr8);
	controls->virtual_apic = controls->tpr_shadow &&
				 (vmx_may_be_1(caps, VMX_CTL_PROC2) & more) == more;
}

const char *vmx_negotiate(const struct vmx_caps *caps, struct vmx_controls *controls)
{
	const char *missing;

	memset(controls, 0, sizeof(*controls));
	missing = vmx_check_basic(caps->basic);
	if (!missing)
		missing = vmx_apply_rules(caps, controls->value);
	if (!missing)
		missing = vmx_check_ept(caps->ept_vpid);
	if (missing)
		return missing;

	vmx_pair_controls(controls->value, VMX_CTL_ENTRY_LOAD_PAT, VMX_CTL_EXIT_LOAD_PAT);
	vmx_pair_controls(controls->value, VMX_CTL_ENTRY_LOAD_EFER, VMX_CTL_EXIT_LOAD_EFER);
	/* Forced pairs and a forced VPID cannot be taken back; no CPU has them. */
	if ((controls->value[VMX_CTL_ENTRY] & vmx_must_be_1(caps, VMX_CTL_ENTRY)) !=
	    vmx_must_be_1(caps, VMX_CTL_ENTRY) ||
	    (controls->value[VMX_CTL_EXIT] & vmx_must_be_1(caps, VMX_CTL_EXIT)) !=
	    vmx_must_be_1(caps, VMX_CTL_EXIT))
		return "loading PAT and EFER both ways";
	if (!vmx_can_flush_vpid(caps->ept_vpid)) {
		if (vmx_must_be_1(caps, VMX_CTL_PROC2) & VMX_CTL_PROC2_VPID)
			return "INVVPID";
		controls->value[VMX_CTL_PROC2] &= ~(u32)VMX_CTL_PROC2_VPID;
	}

	vmx_find_virtual_apic(caps, controls);
	controls->revision = caps->basic & 0x7fffffff;
	controls->ept_ad = caps->ept_vpid & VMX_CAP_EPT_AD;
	/* Unrestricted guests may run without protection and paging. */
	controls->cr0_set = caps->cr0_fixed0 & ~(u64)CR0_PE_PG;
	controls->cr4_set = caps->cr4_fixed0;
	controls->cr4_allowed = caps->cr4_fixed1 & ~CR4_VMXE;
	return NULL;
}
