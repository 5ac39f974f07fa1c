// SPDX-License-Identifier: GPL-2.0
/*
 * Negotiation of VMX controls, on capability values of CPUs that are not here.
 *
 * What comes out for known CPUs is compared with words worked out by hand from
 * the processor manual. Then every control is taken away or forced, one at a
 * time, and last come random capabilities: whatever is accepted must be
 * something that the CPU accepts, and must mean what the backend relies on.
 */
#include <stdlib.h>

#include "vmx/controls.h"
#include "random.h"
#include "tap.h"

#define CAP(may, must)	((u64)(may) << 32 | (must))

/* A fourth-generation Core: everything that is needed, and A/D bits. */
static const struct vmx_caps haswell = {
	.basic = 0x00da040000000012,
	.allowed = {
		[VMX_CTL_PIN] = CAP(0x7f, 0x16),
		[VMX_CTL_PROC] = CAP(0xfff9fffe, 0x04006172),
		[VMX_CTL_PROC2] = CAP(0x7cff, 0),
		[VMX_CTL_EXIT] = CAP(0x7fffff, 0x36dfb),
		[VMX_CTL_ENTRY] = CAP(0xffff, 0x11fb),
	},
	.ept_vpid = 0x00000f0106334141,
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x1727ff,
};

/* The first Core with unrestricted guests; its EPT has no A/D bits. */
static const struct vmx_caps westmere = {
	.basic = 0x00da04000000000f,
	.allowed = {
		[VMX_CTL_PIN] = CAP(0x7f, 0x16),
		[VMX_CTL_PROC] = CAP(0xfff9fffe, 0x04006172),
		[VMX_CTL_PROC2] = CAP(0x4ff, 0),
		[VMX_CTL_EXIT] = CAP(0x7fffff, 0x36dfb),
		[VMX_CTL_ENTRY] = CAP(0xffff, 0x11fb),
	},
	.ept_vpid = 0x00000f0106134141,
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x27ff,
};

struct named_rule {
	enum vmx_group group;
	u32 mask;
	char need;		/* N, W, S, O: its first letter */
	const char *text;
};

#define RULE(group, name, bit, need, text) { VMX_CTL_##group, 1u << (bit), #need[0], text },
static const struct named_rule rules[] = { VMX_CONTROLS(RULE) };

static const char *negotiate(const struct vmx_caps *caps, struct vmx_controls *c)
{
	return vmx_negotiate(caps, c);
}

static bool refused_for(const struct vmx_caps *caps, const char *name)
{
	struct vmx_controls c;
	const char *missing = negotiate(caps, &c);

	if (missing && !strcmp(missing, name))
		return true;
	tap_note("expected to be refused for \"%s\", was: %s", name, missing ? missing : "accepted");
	return false;
}

static bool words_are(const struct vmx_controls *c, u32 pin, u32 proc, u32 proc2, u32 exit,
		      u32 entry)
{
	const u32 want[] = { pin, proc, proc2, exit, entry };
	bool ok = true;
	int i;

	for (i = 0; i < VMX_CTL_NR_GROUPS; i++) {
		if (c->value[i] == want[i])
			continue;
		tap_note("word %d is %x, not %x", i, c->value[i], want[i]);
		ok = false;
	}
	return ok;
}

static void known_cpus(void)
{
	struct vmx_caps nehalem = westmere, penryn = westmere, server = haswell, no_shadow;
	struct vmx_controls c;

	/*
	 * PROC: default1 bits without CR3 exiting, then TSC offsetting, HLT, MWAIT,
	 * RDPMC, CR8 both ways, DR, I/O, MSR bitmaps, MONITOR, secondary.
	 */
	tap_result(!negotiate(&haswell, &c) &&
		   words_are(&c, 0x3f, 0xb5986dfa, 0x14ea, 0x2b6fff, 0xd1ff) &&
		   c.ept_ad && c.revision == 0x12 && c.cr0_set == 0x20 && c.cr4_set == 0x2000 &&
		   c.cr4_allowed == 0x1707ff && c.tpr_shadow && !c.virtual_apic,
		   "a CPU with everything that is needed");
	tap_result(!negotiate(&westmere, &c) &&
		   words_are(&c, 0x3f, 0xb5986dfa, 0x4ea, 0x2b6fff, 0xd1ff) && !c.ept_ad &&
		   c.tpr_shadow && !c.virtual_apic,
		   "a CPU without A/D bits, INVPCID and virtual-interrupt delivery");
	server.allowed[VMX_CTL_PROC2] |= CAP(0x300, 0);
	tap_result(!negotiate(&server, &c) &&
		   words_are(&c, 0x3f, 0xb5986dfa, 0x14ea, 0x2b6fff, 0xd1ff) && c.virtual_apic,
		   "virtual-interrupt delivery is there, and off at first");
	no_shadow = server;
	no_shadow.allowed[VMX_CTL_PROC] &= ~((u64)VMX_CTL_PROC_TPR_SHADOW << 32);
	tap_result(!negotiate(&no_shadow, &c) && !c.tpr_shadow && !c.virtual_apic,
		   "no TPR shadow, so no virtual APIC");
	no_shadow = haswell;
	no_shadow.allowed[VMX_CTL_PROC] |= VMX_CTL_PROC_CR8_LOAD_EXITING;
	tap_result(!negotiate(&no_shadow, &c) && !c.tpr_shadow,
		   "a TPR shadow that CR8 does not reach is none");

	nehalem.allowed[VMX_CTL_PROC2] = CAP(0x6f, 0);
	tap_result(refused_for(&nehalem, "unrestricted guest"), "no unrestricted guest");
	penryn.allowed[VMX_CTL_PROC2] = CAP(0x41, 0);
	penryn.ept_vpid = 0;
	tap_result(refused_for(&penryn, "EPT"), "no EPT");
	penryn.allowed[VMX_CTL_PROC] = CAP(0x77b9fffe, 0x0401e172);
	penryn.allowed[VMX_CTL_PROC2] = 0;
	tap_result(refused_for(&penryn, "CR3-load exiting"), "no choice about CR3 exits");
}

/* Each control that is not there, and each that is always on. */
static void each_control(void)
{
	bool without = true, forced = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct named_rule *r = &rules[i];
		struct vmx_caps caps = haswell;
		struct vmx_controls c;

		caps.allowed[r->group] &= ~((u64)r->mask << 32 | r->mask);
		if (r->need == 'N' || r->need == 'S')
			without &= refused_for(&caps, r->text);
		else
			without &= !negotiate(&caps, &c) && !(c.value[r->group] & r->mask);

		caps = haswell;
		caps.allowed[r->group] |= (u64)r->mask << 32 | r->mask;
		if (r->need == 'O' || r->need == 'S')
			forced &= refused_for(&caps, r->text);
		else
			forced &= !negotiate(&caps, &c) && (c.value[r->group] & r->mask);
	}
	tap_result(without, "a control that does not exist");
	tap_result(forced, "a control that is always on");
}

static void unknown_controls(void)
{
	struct vmx_caps caps = haswell;
	struct vmx_controls c;

	/* Bit 21 of the secondary word has never had a meaning. */
	caps.allowed[VMX_CTL_PROC2] |= (u64)BIT(21) << 32;
	tap_result(!negotiate(&caps, &c) && !(c.value[VMX_CTL_PROC2] & BIT(21)),
		   "an unknown control stays off");
	caps.allowed[VMX_CTL_PROC2] |= BIT(21);
	tap_result(refused_for(&caps, "freedom from a control of unknown meaning"),
		   "an unknown control that is always on");
}

static void pairs(void)
{
	struct vmx_caps caps = haswell;
	struct vmx_controls c;

	caps.allowed[VMX_CTL_EXIT] &= ~((u64)VMX_CTL_EXIT_LOAD_PAT << 32);
	tap_result(!negotiate(&caps, &c) &&
		   !(c.value[VMX_CTL_ENTRY] & VMX_CTL_ENTRY_LOAD_PAT) &&
		   (c.value[VMX_CTL_ENTRY] & VMX_CTL_ENTRY_LOAD_EFER),
		   "PAT at entry only counts as not at all");
	caps = haswell;
	caps.allowed[VMX_CTL_ENTRY] &= ~((u64)VMX_CTL_ENTRY_LOAD_EFER << 32);
	tap_result(!negotiate(&caps, &c) &&
		   !(c.value[VMX_CTL_EXIT] & VMX_CTL_EXIT_LOAD_EFER),
		   "EFER at exit only counts as not at all");
	caps.allowed[VMX_CTL_EXIT] |= VMX_CTL_EXIT_LOAD_EFER;
	tap_result(refused_for(&caps, "loading PAT and EFER both ways"),
		   "half a pair that is always on");
}

static void translations(void)
{
	static const struct { u64 bit; const char *name; } needs[] = {
		{ BIT_ULL(6), "EPT with four levels" }, { BIT_ULL(14), "write-back EPT" },
		{ BIT_ULL(16), "EPT with 2 MiB pages" }, { BIT_ULL(20), "INVEPT" },
		{ BIT_ULL(25), "INVEPT of one context" }, { BIT_ULL(26), "INVEPT of all contexts" },
	};
	struct vmx_caps caps;
	struct vmx_controls c;
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		caps = haswell;
		caps.ept_vpid &= ~needs[i].bit;
		ok &= refused_for(&caps, needs[i].name);
	}
	tap_result(ok, "each thing that EPT needs");

	ok = true;
	for (i = 0; i < 3; i++) {
		caps = haswell;
		caps.ept_vpid &= ~((u64[]){ BIT_ULL(32), BIT_ULL(41), BIT_ULL(42) }[i]);
		ok &= !negotiate(&caps, &c) && !(c.value[VMX_CTL_PROC2] & VMX_CTL_PROC2_VPID);
		caps.allowed[VMX_CTL_PROC2] |= VMX_CTL_PROC2_VPID;
		ok &= refused_for(&caps, "INVVPID");
	}
	tap_result(ok, "no VPID without each way to flush it");
}

static void basics(void)
{
	struct vmx_caps caps = haswell;
	bool ok;

	caps.basic = (haswell.basic & ~(0x1fffULL << 32)) | 0x1001ULL << 32;
	ok = refused_for(&caps, "a VMCS of one page");
	caps.basic = haswell.basic & ~(0xfULL << 50);
	ok &= refused_for(&caps, "a write-back VMCS");
	caps.basic = haswell.basic | BIT_ULL(48);
	ok &= refused_for(&caps, "a VMCS anywhere in memory");
	memset(&caps, 0, sizeof(caps));
	ok &= refused_for(&caps, "a write-back VMCS");
	tap_result(ok, "what IA32_VMX_BASIC must say");
}

/* The laws that hold for whatever is accepted. */
static bool lawful(const struct vmx_caps *caps, const struct vmx_controls *c)
{
	size_t i;

	for (i = 0; i < VMX_CTL_NR_GROUPS; i++)
		if ((c->value[i] & ~(u32)(caps->allowed[i] >> 32)) || ((u32)caps->allowed[i] & ~c->value[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		bool on = c->value[rules[i].group] & rules[i].mask;

		if (rules[i].need == 'N' ? !on : rules[i].need != 'W' && on)
			return false;
	}
	if (!(c->value[VMX_CTL_ENTRY] & VMX_CTL_ENTRY_LOAD_PAT) !=
	    !(c->value[VMX_CTL_EXIT] & VMX_CTL_EXIT_LOAD_PAT))
		return false;
	return !(c->value[VMX_CTL_ENTRY] & VMX_CTL_ENTRY_LOAD_EFER) ==
	       !(c->value[VMX_CTL_EXIT] & VMX_CTL_EXIT_LOAD_EFER);
}

static void random_capabilities(struct random *r)
{
	unsigned int accepted = 0, refused = 0, wrong = 0, i, j;

	for (i = 0; i < scaled(200000); i++) {
		struct vmx_caps caps = haswell;
		struct vmx_controls c;

		/* A few bits away from a good CPU: most others are refused at once. */
		for (j = random_below(r, 4); j; j--) {
			u64 *word = &caps.allowed[random_below(r, VMX_CTL_NR_GROUPS)];
			u64 bit = BIT_ULL(random_below(r, 32));

			switch (random_below(r, 3)) {
			case 0:
				*word |= bit << 32;
				break;
			case 1:
				*word |= bit << 32 | bit;
				break;
			default:
				*word &= ~(bit << 32 | bit);
			}
		}
		if (negotiate(&caps, &c)) {
			refused++;
			continue;
		}
		accepted++;
		wrong += !lawful(&caps, &c);
	}
	tap_note("%u accepted, %u refused, %u of them wrongly", accepted, refused, wrong);
	tap_result(!wrong && accepted > 1000 && refused > 1000, "random capabilities");
}

int main(void)
{
	u64 seed = seed_from_environment();
	struct random r;

	tap_plan(19);
	tap_note("SEED=%llu", seed);
	random_seed(&r, seed);
	known_cpus();
	each_control();
	unknown_controls();
	pairs();
	translations();
	basics();
	random_capabilities(&r);
	return tap_exit();
}
