/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VCPU_H
#define BELLOWS_VCPU_H
/*
 * A virtual CPU: what is the same on VMX and SVM. A backend embeds this as the
 * first member of its own structure.
 *
 * Locking. Letters on members:
 *   [v]  vcpu->mutex: held by every vCPU ioctl, KVM_RUN included
 *   [c]  constant once the vCPU is in vm->vcpus[]
 *   [a]  atomic, any context
 *   [r]  written under vcpu->mutex, read by any thread: one word
 *   [s]  serializes itself
 */
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <asm/fpu/api.h>
#include <asm/page_types.h>
#include <asm/fpu/types.h>
#include "types.h"
#include "vm/exit.h"
#include "emulate/emulate.h"

struct bellows_apic;
struct bellows_vm;

/*
 * What vcpu->regs[] holds: the general registers under the numbers that
 * instructions use (enum emu_reg), then these.
 */
enum {
	VCPU_RIP = NR_GPRS,
	VCPU_RFLAGS,
	VCPU_CR0,
	VCPU_CR3,
	VCPU_CR4,
	VCPU_NR_REGS
};

/* Segments: enum emu_seg (SEG_TR included), then this. */
enum {
	SEG_LDTR = SEG_TR + 1,
	VCPU_NR_SEGS
};

enum vcpu_mode {
	VCPU_OUTSIDE_GUEST,
	VCPU_IN_GUEST,		/* an IPI makes it exit */
	VCPU_EXITING,
};

/* Events on their way into the guest. */
struct bellows_events {
	struct {
		bool pending;		/* to be delivered at the next entry */
		bool injected;		/* was being delivered when the exit came */
		u8 vector;
		bool has_error;
		u32 error;
		bool has_payload;	/* CR2 or DR6 not yet written */
		u64 payload;
		bool soft;		/* INT3, INTO: RIP advances by insn_len */
		u8 insn_len;
	} exception;
	struct {
		bool pending;		/* from KVM_INTERRUPT, waits until the guest can take it */
		bool injected;		/* on its way, or was when the exit came */
		bool soft;
		u8 vector;
		u8 insn_len;
	} interrupt;
	struct {
		bool injected;
		u8 pending;		/* at most 2 */
	} nmi;
};

struct bellows_cpuid {
	int nent;
	struct kvm_cpuid_entry2 entries[];
};

/* MSRs that no hardware holds for us, or that both backends keep alike. */
struct bellows_msrs {
	u64 efer;
	u64 apic_base;
	u64 pat;
	u64 misc_enable;
	u64 tsc_aux;
	u64 tsc_adjust;
	u64 tsc_offset;			/* guest TSC = bellows_host_tsc() + offset */
	u64 spec_ctrl;
	u64 xss;
	u64 debugctl;
	u64 feature_control;
	u64 mcg_status;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_var[16];
	u64 microcode_version;
	u64 arch_capabilities;
	u64 platform_info;
	u64 misc_features;
	u64 pv_eoi;			/* address and enable bit */
	u64 system_time;		/* KVM's clock: address and enable bit */
};

struct bellows_vcpu_stats {
	u64 reason[EXIT_NR];		/* exits; nothing else counts them */
	u64 host_irq;
	u64 injected_irq, injected_exception, injected_nmi;
	u64 emulated;
};

struct bellows_vcpu {
	struct bellows_vm *vm;			/* [c] */
	struct mutex mutex;			/* [s] */
	u32 id;					/* [c] userspace's number (APIC ID) */
	u32 index;				/* [c] position in vm->vcpus */
	int cpu;				/* [r] CPU on which it is loaded, or was last; -1 never */
	bool loaded;				/* [v] hardware state belongs to vcpu->cpu now */
	bool l1d_unsafe;			/* [v] the host may have read others' data since the last entry */
	int mode;				/* [a] enum vcpu_mode, ordered against requests */
	unsigned long requests;			/* [a] bellows_request bits */
	unsigned long quiescent;		/* [v] jiffies when RCU last heard of an entry */
	struct rcuwait wait;			/* [s] its thread, while it is halted */
	struct preempt_notifier notifier;	/* [v] its thread's, while it is loaded */
	u32 mp_state;				/* [v] KVM_MP_STATE_*; without an APIC always RUNNABLE */
	unsigned long clock_updated;		/* [v] jiffies */
	unsigned int sleeps;			/* [v] of the host, that it knows of */
	bool clock_stopped;			/* [v] KVM_KVMCLOCK_CTRL, not told yet */
	struct bellows_apic *apic;		/* [c] NULL: userspace has the interrupt controllers */

	struct kvm_run *run;			/* [c] shared with userspace: read once, never trust */
	struct page *run_page;			/* [c] */
	void *pio_data;				/* [c] second page of the mapping */
	sigset_t sigset;			/* [v] */
	bool sigset_active;			/* [v] */

	u64 regs[VCPU_NR_REGS];			/* [v] valid where .cached says so */
	u32 cached;				/* [v] BIT(register): regs[] is the guest's value */
	u32 dirty;				/* [v] BIT(register): hardware must take it before entry */
	u64 cr2;				/* [v] loaded and saved around each entry */
	u64 cr8;				/* [v] with an APIC a copy, which hardware may make stale */
	u64 xcr0;				/* [v] */
	u32 pkru;				/* [v] */
	u32 host_pkru;				/* [v] during a stay in the guest */
	u64 db[4], dr6, dr7;			/* [v] the guest's */
	u64 guest_debug_dr7, guest_debug_db[4];	/* [v] what KVM_SET_GUEST_DEBUG asked for */
	u32 guest_debug;			/* [v] KVM_GUESTDBG_* */
	struct bellows_msrs msrs;		/* [v] */
	const void *msr_hint;			/* [v] the entry that the guest used last */
	struct bellows_events events;		/* [v] */
	int offered_irq;			/* [v] of the APIC's, taken by the guest by itself; -1: none */
	struct bellows_cpuid *cpuid;		/* [v] NULL: none set */
	bool has_run;				/* [v] CPUID is fixed from the first entry on */
	unsigned int maxphyaddr;		/* [v] from cpuid */
	bool has_1g_pages;			/* [v] from cpuid */
	u64 cr4_reserved;			/* [v] bits the guest may not set, from cpuid */
	u64 guest_xcr0_mask;			/* [v] */
	struct fpu_guest fpu;			/* [v] */
	bool fpu_loaded;			/* [v] this thread runs with the guest's registers */

	struct bellows_exit exit;		/* [v] the last one */
	/* Userspace owes an answer: called at the next KVM_RUN, before anything else. */
	int (*complete)(struct bellows_vcpu *vcpu);	/* [v] enum run_result or -errno */
	struct emulator *emu;		/* [c] what it points to: [v] */
	u64 complete_rip;			/* [v] RIP when .complete was set: state replaced if it differs */

	struct bellows_vcpu_stats stats;	/* [r] each counter by itself */
};

/*
 * The vCPU's hardware state is on this CPU, and its thread is here. It may sleep: a
 * notifier puts the state away and loads it again.
 */
static inline void lockdep_assert_loaded(const struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert(vcpu->loaded);
}

/* Registers: never touch regs[] without these. */
u64 vcpu_reg_fetch(struct bellows_vcpu *vcpu, unsigned int reg);
static inline u64 bellows_reg_read(struct bellows_vcpu *vcpu, unsigned int reg)
{
	if (unlikely(!(vcpu->cached & BIT(reg))))
		return vcpu_reg_fetch(vcpu, reg);
	return vcpu->regs[reg];
}

/* GPRs, RSP, RIP and RFLAGS only: control registers go through bellows_set_cr*(). */
static inline void bellows_reg_write(struct bellows_vcpu *vcpu, unsigned int reg, u64 value)
{
	vcpu->regs[reg] = value;
	vcpu->cached |= BIT(reg);
	vcpu->dirty |= BIT(reg);
}

/* Userspace owes an answer: complete() is called when KVM_RUN comes back. */
static inline void bellows_expect(struct bellows_vcpu *vcpu,
				  int (*complete)(struct bellows_vcpu *vcpu))
{
	vcpu->complete = complete;
	vcpu->complete_rip = bellows_reg_read(vcpu, VCPU_RIP);
}

/* Is the guest still where it was? Else the answer is for an instruction that is gone. */
static inline bool bellows_is_expected(struct bellows_vcpu *vcpu)
{
	return bellows_reg_read(vcpu, VCPU_RIP) == vcpu->complete_rip;
}

/* Mode questions. */
static inline bool bellows_is_long_mode(const struct bellows_vcpu *vcpu)
{
	return vcpu->msrs.efer & (1ULL << 10);
}

#endif
