// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers of a guest. One table says which there are, what
 * may be written, and where the value lives: in vcpu->msrs, or with the
 * backend, which is offered every MSR after the table had its say. The table is
 * sorted by index and searched by halves: it is on the path of an exit.
 *
 * What is not in the table and not the backend's does not exist: the guest gets
 * #GP. MSRs that only describe hardware we do not have (thermal, performance
 * counters) but that guests read without asking CPUID are there, as zero.
 *
 * A guest chooses the index, so a processor that guesses must not get beyond an
 * array with it either.
 */
#include <linux/bsearch.h>
#include <linux/nospec.h>
#include <asm/apicdef.h>
#include <asm/kvm_para.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include "backend.h"
#include "guest/control.h"
#include "guest/kvmclock.h"
#include "guest/msr.h"
#include "host/state.h"
#include "irq/apic_access.h"
#include "irq/apic_timer.h"
#include "irq/pv_eoi.h"
#include "vm/features.h"
#include "vm/result.h"
#include "vm/tsc.h"

#define READONLY	BIT(0)		/* the guest's writes get #GP; userspace may set it */
#define IGNORED		BIT(1)		/* the guest's writes are dropped */
#define ZERO		BIT(2)		/* reads as zero, writes of zero are accepted */
#define BACKEND		BIT(3)		/* the backend must hear of a new value */
#define QUICK_GET	BIT(4)		/* .get never sleeps; interrupts may be off */
#define QUICK_SET	BIT(5)		/* nor does .set, which changes nothing that a stay has loaded */

struct msr_entry {
	u32 first, last;
	u32 flags;
	s32 field;			/* of struct bellows_msrs; -1: none */
	u64 valid;			/* bits that may be set */
	bool (*exists)(const struct bellows_vcpu *vcpu);
	int (*get)(struct bellows_vcpu *vcpu, u32 index, u64 *value);
	int (*set)(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
};

static void msr_move_tsc(struct bellows_vcpu *vcpu, u64 delta)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_irqs_enabled();
	vcpu->msrs.tsc_offset += delta;
	bellows_vcpu_set_tsc(vcpu);
	bellows_apic_tsc_moved(vcpu);
	kvmclock_tsc_moved(vcpu);
}

static int msr_get_tsc(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	*value = bellows_guest_tsc(vcpu);
	return MSR_RESULT_OK;
}

static int msr_set_tsc(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 delta = value - bellows_guest_tsc(vcpu);

	/* A guest's write shows in TSC_ADJUST; userspace restores both by themselves. */
	if (!host)
		vcpu->msrs.tsc_adjust += delta;
	msr_move_tsc(vcpu, delta);
	return MSR_RESULT_OK;
}

static int msr_set_tsc_adjust(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!host)
		msr_move_tsc(vcpu, value - vcpu->msrs.tsc_adjust);
	vcpu->msrs.tsc_adjust = value;
	return MSR_RESULT_OK;
}

static int msr_set_apic_base(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 known = MSR_IA32_APICBASE_BASE | MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE |
		    GENMASK_ULL(vcpu->maxphyaddr - 1, 32);

	if (vcpu->apic)
		return bellows_apic_set_base(vcpu, value, host);
	/* x2APIC needs an APIC of ours. */
	if (value & ~known)
		return MSR_RESULT_GP;
	vcpu->msrs.apic_base = value;
	return MSR_RESULT_OK;
}

static int msr_get_efer(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msrs.efer;
	return MSR_RESULT_OK;
}

static int msr_set_efer(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!host)
		return control_set_efer(vcpu, value);
	/* Userspace restores state in any order; LMA still follows paging. */
	if (!bellows_efer_valid(vcpu, value, true))
		return MSR_RESULT_GP;
	bellows_load_efer(vcpu, (value & ~(u64)EFER_LMA) | (vcpu->msrs.efer & EFER_LMA));
	return MSR_RESULT_OK;
}

static bool msr_pat_valid(u64 value)
{
	int i;

	for (i = 0; i < 8; i++) {
		u8 type = value >> (i * 8);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static int msr_set_pat(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!msr_pat_valid(value))
		return MSR_RESULT_GP;
	vcpu->msrs.pat = value;
	return MSR_RESULT_OK;
}

static bool msr_memory_type_valid(u8 type)
{
	return type < 8 && (BIT(type) & 0x73);	/* UC, WC, WT, WP, WB */
}

/* 0x250, 0x258 and 0x259, then 0x268 onwards. */
static unsigned int msr_mtrr_fixed_slot(u32 index)
{
	unsigned int slot = index == 0x250 ? 0 : index < 0x260 ? index - 0x257 : index - 0x268 + 3;

	return array_index_nospec(slot, ARRAY_SIZE(((struct bellows_msrs *)NULL)->mtrr_fixed));
}

static int msr_set_mtrr_fixed(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!msr_memory_type_valid(value >> (i * 8)))
			return MSR_RESULT_GP;
	vcpu->msrs.mtrr_fixed[msr_mtrr_fixed_slot(index)] = value;
	return MSR_RESULT_OK;
}

static int msr_get_mtrr_fixed(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msrs.mtrr_fixed[msr_mtrr_fixed_slot(index)];
	return MSR_RESULT_OK;
}

static int msr_set_mtrr_var(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 reserved = GENMASK_ULL(63, vcpu->maxphyaddr);

	/* Even: base and type; odd: mask and valid. */
	reserved |= index & 1 ? 0x7ff : 0xf00;
	if ((value & reserved) || (!(index & 1) && !msr_memory_type_valid(value)))
		return MSR_RESULT_GP;
	index = array_index_nospec(index - 0x200, ARRAY_SIZE(vcpu->msrs.mtrr_var));
	vcpu->msrs.mtrr_var[index] = value;
	return MSR_RESULT_OK;
}

static int msr_set_mtrr_def_type(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if ((value & ~0xcffULL) || !msr_memory_type_valid(value))
		return MSR_RESULT_GP;
	vcpu->msrs.mtrr_def_type = value;
	return MSR_RESULT_OK;
}

static int msr_get_mtrr_cap(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 0x508;			/* eight variable ranges, fixed ranges, write combining */
	return MSR_RESULT_OK;
}

static bool msr_has_spec_ctrl(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
	       bellows_guest_has(vcpu, X86_FEATURE_AMD_IBRS) ||
	       bellows_guest_has(vcpu, X86_FEATURE_AMD_STIBP) ||
	       bellows_guest_has(vcpu, X86_FEATURE_AMD_SSBD);
}

static bool msr_has_ibpb(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_SPEC_CTRL) ||
	       bellows_guest_has(vcpu, X86_FEATURE_AMD_IBPB);
}

/*
 * Reaches the host's register: what this CPU would refuse must not get there,
 * whatever a CPUID that userspace made up says.
 */
static int msr_set_spec_ctrl(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 known = 0;

	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL)) {
		known |= boot_cpu_has(X86_FEATURE_IBRS) ? SPEC_CTRL_IBRS : 0;
		known |= boot_cpu_has(X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0;
		if (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD) || boot_cpu_has(X86_FEATURE_AMD_SSBD))
			known |= SPEC_CTRL_SSBD;
	}
	if (value & ~known)
		return MSR_RESULT_GP;
	vcpu->msrs.spec_ctrl = value;
	return MSR_RESULT_OK;
}

static int msr_set_pred_cmd(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if ((value & PRED_CMD_IBPB) && !host && boot_cpu_has(X86_FEATURE_IBPB))
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return MSR_RESULT_OK;
}

static bool msr_has_tsc_adjust(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_TSC_ADJUST);
}

static bool msr_has_tsc_aux(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_RDTSCP) || bellows_guest_has(vcpu, X86_FEATURE_RDPID);
}

static bool msr_has_arch_capabilities(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_ARCH_CAPABILITIES);
}

static bool msr_has_xsaves(const struct bellows_vcpu *vcpu)
{
	return bellows_guest_has(vcpu, X86_FEATURE_XSAVES);
}

static int msr_set_debugctl(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	/* Last-branch records and branch stepping are not offered. */
	return value ? MSR_RESULT_GP : MSR_RESULT_OK;
}

/* Not while it is loaded, hence a function that is not quick. */
static int msr_set_xss(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	lockdep_assert_irqs_enabled();
	vcpu->msrs.xss = value;
	return MSR_RESULT_OK;
}

#define FIELD(name) offsetof(struct bellows_msrs, name)
#define ONE(index) .first = (index), .last = (index)
#define AS_ZERO(from, to) { .first = (from), .last = (to), .flags = ZERO, .field = -1 }

static const struct msr_entry table[] = {
	AS_ZERO(MSR_IA32_P5_MC_ADDR, MSR_IA32_P5_MC_TYPE),
	{ ONE(MSR_IA32_TSC), .field = -1, .flags = QUICK_GET, .valid = ~0ULL,
	  .get = msr_get_tsc, .set = msr_set_tsc },
	{ .first = MSR_KVM_WALL_CLOCK, .last = MSR_KVM_SYSTEM_TIME, .field = -1, .valid = ~0ULL,
	  .get = kvmclock_get_msr, .set = kvmclock_set_msr },
	AS_ZERO(MSR_IA32_PLATFORM_ID, MSR_IA32_PLATFORM_ID),
	{ ONE(MSR_IA32_APICBASE), .field = FIELD(apic_base), .valid = ~0ULL,
	  .set = msr_set_apic_base },
	AS_ZERO(MSR_IA32_EBL_CR_POWERON, MSR_IA32_EBL_CR_POWERON),
	AS_ZERO(MSR_SMI_COUNT, MSR_SMI_COUNT),
	{ ONE(MSR_IA32_TSC_ADJUST), .field = FIELD(tsc_adjust), .valid = ~0ULL,
	  .exists = msr_has_tsc_adjust, .set = msr_set_tsc_adjust },
	{ ONE(MSR_IA32_SPEC_CTRL), .field = FIELD(spec_ctrl), .exists = msr_has_spec_ctrl,
	  .flags = BACKEND, .valid = ~0ULL, .set = msr_set_spec_ctrl },
	{ ONE(MSR_IA32_PRED_CMD), .field = -1, .exists = msr_has_ibpb, .valid = PRED_CMD_IBPB,
	  .flags = QUICK_SET, .set = msr_set_pred_cmd },
	{ ONE(MSR_IA32_UCODE_WRITE), .field = -1, .flags = IGNORED, .valid = ~0ULL },
	{ ONE(MSR_IA32_UCODE_REV), .field = FIELD(microcode_version), .flags = IGNORED, .valid = ~0ULL },
	{ ONE(MSR_PLATFORM_INFO), .field = FIELD(platform_info), .flags = READONLY, .valid = ~0ULL },
	{ ONE(MSR_MTRRcap), .field = -1, .flags = READONLY | QUICK_GET, .get = msr_get_mtrr_cap },
	{ ONE(MSR_IA32_ARCH_CAPABILITIES), .field = FIELD(arch_capabilities), .flags = READONLY,
	  .valid = ~0ULL, .exists = msr_has_arch_capabilities },
	{ ONE(MSR_MISC_FEATURES_ENABLES), .field = FIELD(misc_features), .valid = 0 },
	AS_ZERO(MSR_IA32_MCG_CAP, MSR_IA32_MCG_CAP),
	{ ONE(MSR_IA32_MCG_STATUS), .field = FIELD(mcg_status), .valid = 7 },
	AS_ZERO(MSR_IA32_PERF_STATUS, MSR_IA32_PERF_CTL),
	AS_ZERO(MSR_IA32_THERM_CONTROL, MSR_IA32_THERM_STATUS),
	{ ONE(MSR_IA32_MISC_ENABLE), .field = FIELD(misc_enable),
	  .valid = MSR_IA32_MISC_ENABLE_FAST_STRING | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
		   MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_LIMIT_CPUID |
		   MSR_IA32_MISC_ENABLE_XD_DISABLE | MSR_IA32_MISC_ENABLE_ENHANCED_SPEEDSTEP },
	{ ONE(MSR_IA32_DEBUGCTLMSR), .field = FIELD(debugctl), .valid = ~0ULL,
	  .set = msr_set_debugctl },
	AS_ZERO(MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP),
	{ .first = 0x200, .last = 0x20f, .field = FIELD(mtrr_var), .valid = ~0ULL,
	  .set = msr_set_mtrr_var },
	{ ONE(MSR_MTRRfix64K_00000), .field = -1, .valid = ~0ULL,
	  .get = msr_get_mtrr_fixed, .set = msr_set_mtrr_fixed },
	{ .first = MSR_MTRRfix16K_80000, .last = MSR_MTRRfix16K_A0000, .field = -1, .valid = ~0ULL,
	  .get = msr_get_mtrr_fixed, .set = msr_set_mtrr_fixed },
	{ .first = MSR_MTRRfix4K_C0000, .last = MSR_MTRRfix4K_F8000, .field = -1, .valid = ~0ULL,
	  .get = msr_get_mtrr_fixed, .set = msr_set_mtrr_fixed },
	{ ONE(MSR_IA32_CR_PAT), .field = FIELD(pat), .flags = BACKEND, .valid = ~0ULL,
	  .set = msr_set_pat },
	{ ONE(MSR_MTRRdefType), .field = FIELD(mtrr_def_type), .valid = ~0ULL,
	  .set = msr_set_mtrr_def_type },
	{ ONE(MSR_IA32_TSC_DEADLINE), .field = -1, .valid = ~0ULL,
	  .get = bellows_apic_deadline_get, .set = bellows_apic_deadline_set },
	{ .first = 0x800, .last = 0x8ff, .field = -1, .valid = ~0ULL,
	  .get = bellows_apic_x2apic_get, .set = bellows_apic_x2apic_set },
	{ ONE(MSR_IA32_XSS), .field = FIELD(xss), .valid = 0,
	  .exists = msr_has_xsaves, .set = msr_set_xss },
	{ .first = MSR_KVM_WALL_CLOCK_NEW, .last = MSR_KVM_SYSTEM_TIME_NEW, .field = -1, .valid = ~0ULL,
	  .get = kvmclock_get_msr, .set = kvmclock_set_msr },
	{ ONE(MSR_KVM_PV_EOI_EN), .field = FIELD(pv_eoi), .valid = ~0ULL, .set = bellows_apic_pv_eoi_set },
	{ ONE(MSR_EFER), .field = -1, .flags = QUICK_GET, .valid = ~0ULL,
	  .get = msr_get_efer, .set = msr_set_efer },
	{ ONE(MSR_TSC_AUX), .field = FIELD(tsc_aux), .flags = BACKEND, .valid = 0xffffffff,
	  .exists = msr_has_tsc_aux },
	AS_ZERO(MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3),
	AS_ZERO(MSR_AMD64_SYSCFG, MSR_AMD64_SYSCFG),
	AS_ZERO(MSR_K7_HWCR, MSR_K7_HWCR),
	AS_ZERO(MSR_AMD64_NB_CFG, MSR_AMD64_NB_CFG),
	{ ONE(MSR_AMD64_PATCH_LOADER), .field = -1, .flags = IGNORED, .valid = ~0ULL },
	AS_ZERO(MSR_K8_INT_PENDING_MSG, MSR_K8_INT_PENDING_MSG),
	AS_ZERO(MSR_FAM10H_MMIO_CONF_BASE, MSR_FAM10H_MMIO_CONF_BASE),
	AS_ZERO(MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK),
	AS_ZERO(MSR_AMD64_DC_CFG, MSR_AMD64_DC_CFG),
	AS_ZERO(MSR_AMD64_BU_CFG2, MSR_AMD64_BU_CFG2),
};

static __always_inline int msr_compare_entry(const void *key, const void *element)
{
	u32 index = *(const u32 *)key;
	const struct msr_entry *e = element;

	return index < e->first ? -1 : index > e->last;
}

static const struct msr_entry *msr_find(const struct bellows_vcpu *vcpu, u32 index, bool host)
{
	const struct msr_entry *e = __inline_bsearch(&index, table, ARRAY_SIZE(table), sizeof(*e),
						     msr_compare_entry);

	/* Userspace may restore state before it sets CPUID. */
	if (e && e->exists && !host && !e->exists(vcpu))
		return NULL;
	return e;
}

bool msr_table_sorted(void)
{
	size_t i;

	for (i = 1; i < ARRAY_SIZE(table); i++)
		if (table[i].first <= table[i - 1].last)
			return false;
	return true;
}

bool msr_in_table(const struct bellows_vcpu *vcpu, u32 index)
{
	return msr_find(vcpu, index, true);
}

static u64 *msr_field(struct bellows_vcpu *vcpu, const struct msr_entry *e, u32 index)
{
	u32 offset = array_index_nospec(index - e->first, e->last - e->first + 1);

	return (u64 *)((char *)&vcpu->msrs + e->field) + offset;
}

/* Guests use few, and often the same one again. */
static __always_inline const struct msr_entry *
msr_find_again(const struct bellows_vcpu *vcpu, u32 index)
{
	const struct msr_entry *e = vcpu->msr_hint;

	return likely(e && index >= e->first && index <= e->last && !e->exists) ? e : NULL;
}

static const struct msr_entry *msr_find_for(struct bellows_vcpu *vcpu, u32 index,
					    enum bellows_msr_by by)
{
	const struct msr_entry *e = msr_find(vcpu, index, by == MSR_BY_HOST);

	if (e)
		vcpu->msr_hint = e;
	return e;
}

/* Is only for later what must not be done with interrupts off? */
static bool msr_later(enum bellows_msr_by by, bool has_function, u32 quick)
{
	return unlikely(has_function) && by == MSR_QUICKLY && !quick;
}

static noinline int msr_read_by_rules(struct bellows_vcpu *vcpu, u32 index, u64 *value,
				      enum bellows_msr_by by)
{
	const struct msr_entry *e = msr_find_for(vcpu, index, by);

	if (!e) {
		int r = bellows_backend(msr_get)(vcpu, index, value);

		return r == -ENOENT ? MSR_RESULT_UNKNOWN : r;
	}
	if (msr_later(by, e->get, e->flags & QUICK_GET))
		return MSR_RESULT_LATER;
	if (e->get)
		return e->get(vcpu, index, value);
	*value = e->field < 0 ? 0 : *msr_field(vcpu, e, index);
	return MSR_RESULT_OK;
}

int bellows_msr_read(struct bellows_vcpu *vcpu, u32 index, u64 *value, enum bellows_msr_by by)
{
	const struct msr_entry *e = msr_find_again(vcpu, index);

	lockdep_assert_loaded(vcpu);
	if (!e || e->get || e->field < 0)
		return msr_read_by_rules(vcpu, index, value, by);
	*value = *msr_field(vcpu, e, index);
	return MSR_RESULT_OK;
}

int bellows_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value, bool host)
{
	return bellows_msr_read(vcpu, index, value,
				host ? MSR_BY_HOST : MSR_BY_GUEST);
}

/* MSRs that userspace restores as a whole, whatever a guest may do to them. */
static bool msr_host_restores(const struct msr_entry *e, u32 index, bool host)
{
	return host && (e->flags & (READONLY | IGNORED)) && e->field >= 0;
}

static noinline int msr_write_by_rules(struct bellows_vcpu *vcpu, u32 index, u64 value,
				       enum bellows_msr_by by)
{
	const bool host = by == MSR_BY_HOST;
	const struct msr_entry *e = msr_find_for(vcpu, index, by);
	int r;

	if (!e) {
		r = bellows_backend(msr_set)(vcpu, index, value, host);
		return r == -ENOENT ? MSR_RESULT_UNKNOWN : r;
	}
	if (msr_host_restores(e, index, host)) {
		*msr_field(vcpu, e, index) = value;
		return MSR_RESULT_OK;
	}
	if (e->flags & READONLY)
		return MSR_RESULT_GP;
	if (e->flags & IGNORED)
		return MSR_RESULT_OK;
	if (e->flags & ZERO)
		return value ? MSR_RESULT_GP : MSR_RESULT_OK;
	if (value & ~e->valid)
		return MSR_RESULT_GP;
	if (msr_later(by, e->set, e->flags & QUICK_SET))
		return MSR_RESULT_LATER;
	if (e->set) {
		r = e->set(vcpu, index, value, host);
		if (r != MSR_RESULT_OK)
			return r;
	} else {
		*msr_field(vcpu, e, index) = value;
	}
	if (likely(!(e->flags & BACKEND)))
		return MSR_RESULT_OK;
	r = bellows_backend(msr_set)(vcpu, index, value, host);
	return r == -ENOENT ? MSR_RESULT_OK : r;
}

int bellows_msr_write(struct bellows_vcpu *vcpu, u32 index, u64 value, enum bellows_msr_by by)
{
	const struct msr_entry *e = msr_find_again(vcpu, index);

	lockdep_assert_loaded(vcpu);
	if (!e || e->set || (e->flags & (READONLY | IGNORED | ZERO | BACKEND)) ||
	    (value & ~e->valid))
		return msr_write_by_rules(vcpu, index, value, by);
	*msr_field(vcpu, e, index) = value;
	return MSR_RESULT_OK;
}

int bellows_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return bellows_msr_write(vcpu, index, value,
				 host ? MSR_BY_HOST : MSR_BY_GUEST);
}

static const u32 state_list[] = {
	MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK_NEW,
	MSR_KVM_PV_EOI_EN,
	MSR_IA32_TSC, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE, MSR_IA32_CR_PAT,
	MSR_EFER, MSR_TSC_AUX, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE, MSR_IA32_SPEC_CTRL, MSR_IA32_MISC_ENABLE,
	MSR_IA32_MCG_STATUS, MSR_PLATFORM_INFO, MSR_MISC_FEATURES_ENABLES,
	MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_UCODE_REV, MSR_MTRRdefType, MSR_MTRRfix64K_00000,
	MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000, MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000,
	MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000, MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000,
	MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
	0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
};

unsigned int bellows_msr_list(const u32 **list)
{
	*list = state_list;
	return ARRAY_SIZE(state_list);
}

static const u32 feature_list[] = { MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES, MSR_PLATFORM_INFO };

unsigned int bellows_msr_feature_list(const u32 **list)
{
	*list = feature_list;
	return ARRAY_SIZE(feature_list);
}

int bellows_msr_feature_get(u32 index, u64 *value)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		*value = 0x100000000ULL;
		return MSR_RESULT_OK;
	case MSR_IA32_ARCH_CAPABILITIES:
		*value = bellows_host.arch_capabilities;
		return MSR_RESULT_OK;
	case MSR_PLATFORM_INFO:
		*value = 0;
		return MSR_RESULT_OK;
	}
	return MSR_RESULT_UNKNOWN;
}
