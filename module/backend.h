/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_BACKEND_H
#define BELLOWS_BACKEND_H
/*
 * What a CPU vendor's folder gives to the rest: facts, and operations, reached
 * through static calls: bellows_backend(enter)(vcpu).
 */
#include <linux/static_call.h>
#include "vm/vcpu.h"
#include "vm/vm.h"

/* A local APIC as hardware that helps with it must see it. */
struct bellows_apic_view {
	void *page;		/* registers; whole, and constant */
	bool x2apic;		/* enabled, and in that mode */
	u64 told[4];		/* vectors whose ends the module must hear of: one bit each */
};

struct bellows_backend {
	const char *name;			/* "vmx", "svm" */
	const char *enable_bit;			/* set while a hypervisor holds the CPU: "CR4.VMXE", "EFER.SVME" */
	const struct bellows_pt_format *format;	/* set by setup() */
	size_t vcpu_size;			/* of the structure that embeds bellows_vcpu first */
	u32 hypercall_insn_len;
	/* CPUID bits the backend cannot offer although the host has them, or offers although it has not, are its word. */
	bool (*supports)(unsigned int x86_feature);
	/* Any CPU, before anything else. Says in why what is missing; never touches hardware state. */
	bool (*available)(char *why, size_t size);
	/* Before the first VM: negotiates features, allocates what cpu_enable() needs. */
	int (*setup)(void);
	void (*teardown)(void);
#define BACKEND_OP(ret, name, context, args, names) ret (*name) args;
#include "backend_ops.h"
};

extern const struct bellows_backend *bellows_backend_current;	/* NULL: this CPU has neither */
extern struct bellows_backend bellows_vmx_backend;
extern struct bellows_backend bellows_svm_backend;

#define BACKEND_OP(ret, name, context, args, names) ret bellows_op_proto_##name args;
#include "backend_ops.h"
#define BACKEND_OP(ret, name, context, args, names) \
	DECLARE_STATIC_CALL(bellows_op_##name, bellows_op_proto_##name);
#include "backend_ops.h"

#define BACKEND_ASSERT_ANY
#define BACKEND_ASSERT_LOADED	lockdep_assert_loaded(vcpu);
#define BACKEND_ASSERT_PLACED	lockdep_assert_held(&vcpu->mutex); lockdep_assert_preemption_disabled();
#define BACKEND_ASSERT_IRQOFF	lockdep_assert_loaded(vcpu); lockdep_assert_irqs_disabled();
#define BACKEND_OP(ret, name, context, args, names)		\
static __always_inline ret bellows_backend_##name args		\
{								\
	BACKEND_ASSERT_##context				\
	return static_call(bellows_op_##name) names;		\
}
#include "backend_ops.h"

#define bellows_backend(name) bellows_backend_##name

/* Chooses the backend of this CPU; the static calls point to it from then on. 0 also when there is none. */
int bellows_backend_init(void);
/* Its setup() failed: as if the CPU had none. */
void bellows_backend_give_up(int err);

/* Why this CPU has no backend; empty when it has one. */
const char *bellows_host_why(void);

#endif
