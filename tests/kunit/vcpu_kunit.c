// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit: the parts of a vCPU that need no hardware. Exceptions that meet, what
 * they leave in registers, the search of the MSR table, CPUID out of range.
 */
#include <kunit/test.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <asm/trapnr.h>
#include <asm/processor-flags.h>
#include <asm/msr-index.h>
#include "backend.h"
#include "guest/cpuid.h"
#include "guest/inject.h"
#include "guest/msr.h"
#include "vm/event.h"
#include "vm/features.h"
#include "vm/request.h"

/* As it is in an ioctl: its mutex is held, and it counts as loaded. One at a time. */
static struct bellows_vcpu *get_vcpu(struct kunit *test)
{
	struct bellows_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->cached = ~0U;
	vcpu->regs[VCPU_CR0] = X86_CR0_PE;
	vcpu->dr6 = 0xffff0ff0;
	vcpu->dr7 = 0x400;
	mutex_init(&vcpu->mutex);
	mutex_lock(&vcpu->mutex);
	vcpu->loaded = true;
	return vcpu;
}

static void put_vcpu(struct bellows_vcpu *vcpu)
{
	vcpu->loaded = false;
	mutex_unlock(&vcpu->mutex);
	mutex_destroy(&vcpu->mutex);
}

/* What the architecture makes of a second exception while the first is delivered. */
enum outcome { SECOND, DOUBLE_FAULT, SHUTDOWN };

static const struct { u8 first, second; enum outcome outcome; } meetings[] = {
	{ X86_TRAP_UD, X86_TRAP_GP, SECOND },
	{ X86_TRAP_UD, X86_TRAP_PF, SECOND },
	{ X86_TRAP_DB, X86_TRAP_DE, SECOND },
	{ X86_TRAP_GP, X86_TRAP_GP, DOUBLE_FAULT },
	{ X86_TRAP_GP, X86_TRAP_PF, SECOND },
	{ X86_TRAP_NP, X86_TRAP_SS, DOUBLE_FAULT },
	{ X86_TRAP_DE, X86_TRAP_TS, DOUBLE_FAULT },
	{ X86_TRAP_GP, X86_TRAP_UD, SECOND },
	{ X86_TRAP_PF, X86_TRAP_PF, DOUBLE_FAULT },
	{ X86_TRAP_PF, X86_TRAP_GP, DOUBLE_FAULT },
	{ X86_TRAP_PF, X86_TRAP_DB, SECOND },
	{ X86_TRAP_PF, X86_TRAP_UD, SECOND },
	{ X86_TRAP_DF, X86_TRAP_PF, SHUTDOWN },
	{ X86_TRAP_DF, X86_TRAP_GP, SHUTDOWN },
	{ X86_TRAP_DF, X86_TRAP_UD, SHUTDOWN },
};

static void exceptions_combine_as_the_architecture_says(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(meetings); i++) {
		struct bellows_vcpu *vcpu = get_vcpu(test);
		typeof(vcpu->events.exception) *e = &vcpu->events.exception;
		bool down;

		e->injected = true;
		e->vector = meetings[i].first;
		bellows_queue_exception_error(vcpu, meetings[i].second, 4);
		down = test_bit(VCPU_REQ_TRIPLE_FAULT, &vcpu->requests);
		KUNIT_EXPECT_EQ_MSG(test, down, meetings[i].outcome == SHUTDOWN, "case %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, e->pending, meetings[i].outcome != SHUTDOWN, "case %zu", i);
		if (meetings[i].outcome == SECOND)
			KUNIT_EXPECT_EQ_MSG(test, e->vector, meetings[i].second, "case %zu", i);
		if (meetings[i].outcome == DOUBLE_FAULT) {
			KUNIT_EXPECT_EQ_MSG(test, e->vector, X86_TRAP_DF, "case %zu", i);
			KUNIT_EXPECT_EQ_MSG(test, e->error, 0U, "case %zu", i);
		}
		put_vcpu(vcpu);
	}
}

static void real_mode_exceptions_push_no_error_code(struct kunit *test)
{
	struct bellows_vcpu *vcpu = get_vcpu(test);

	vcpu->regs[VCPU_CR0] = 0;
	bellows_inject_gp(vcpu);
	KUNIT_EXPECT_TRUE(test, vcpu->events.exception.pending);
	KUNIT_EXPECT_FALSE(test, vcpu->events.exception.has_error);
	put_vcpu(vcpu);
}

static void a_page_fault_writes_cr2_only_when_delivered(struct kunit *test)
{
	struct bellows_vcpu *vcpu = get_vcpu(test);

	vcpu->cr2 = 0x1111;
	bellows_queue_page_fault(vcpu, 0x2222, 2);
	KUNIT_EXPECT_EQ(test, vcpu->cr2, 0x1111ULL);
	bellows_deliver_payload(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->cr2, 0x2222ULL);
	vcpu->cr2 = 0x3333;
	bellows_deliver_payload(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->cr2, 0x3333ULL);
	put_vcpu(vcpu);
}

static void a_debug_exception_replaces_the_breakpoint_bits_of_dr6(struct kunit *test)
{
	struct bellows_vcpu *vcpu = get_vcpu(test);

	vcpu->dr6 = 0xffff0ff0 | 0x3;
	bellows_queue_debug(vcpu, BIT(14) | 0x4);
	KUNIT_EXPECT_EQ(test, vcpu->dr6, 0xffff0ff3ULL);
	bellows_deliver_payload(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->dr6, 0xffff4ff4ULL);
	/* A bit that is active low is cleared by its payload. */
	bellows_queue_debug(vcpu, BIT(16));
	bellows_deliver_payload(vcpu);
	KUNIT_EXPECT_EQ(test, vcpu->dr6, 0xfffe4ff0ULL);
	put_vcpu(vcpu);
}

static struct bellows_cpuid *make_cpuid(struct kunit *test, u32 vendor_ebx, u32 vendor_ecx)
{
	struct bellows_cpuid *cpuid = kunit_kzalloc(test, struct_size(cpuid, entries, 3), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpuid);
	cpuid->nent = 3;
	cpuid->entries[0] = (struct kvm_cpuid_entry2) {
		.function = 0, .eax = 2, .ebx = vendor_ebx, .ecx = vendor_ecx,
	};
	cpuid->entries[1] = (struct kvm_cpuid_entry2) { .function = 2, .eax = 0x1234 };
	cpuid->entries[2] = (struct kvm_cpuid_entry2) { .function = 0x80000000, .eax = 0x80000000 };
	return cpuid;
}

static u32 guest_cpuid_eax(struct bellows_vcpu *vcpu, u32 function)
{
	bellows_reg_write(vcpu, GPR_RAX, function);
	bellows_reg_write(vcpu, GPR_RCX, 0);
	bellows_cpuid(vcpu);
	return bellows_reg_read(vcpu, GPR_RAX);
}

static void cpuid_out_of_range_follows_the_vendor(struct kunit *test)
{
	struct bellows_cpuid *intel = make_cpuid(test, 0x756e6547, 0x6c65746e);	/* GenuineIntel */
	struct bellows_cpuid *amd = make_cpuid(test, 0x68747541, 0x444d4163);	/* AuthenticAMD */
	struct bellows_vcpu *vcpu = get_vcpu(test);

	vcpu->cpuid = intel;
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 2), 0x1234U);
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 1), 0U);		/* in range, not there */
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 0x1000), 0x1234U);
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 0x80000123), 0x1234U);
	vcpu->cpuid = amd;
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 2), 0x1234U);
	KUNIT_EXPECT_EQ(test, guest_cpuid_eax(vcpu, 0x1000), 0U);
	put_vcpu(vcpu);
}

static void vendors_follow_amd_or_intel(struct kunit *test)
{
	/* All of them before the mutex is held: a failed allocation ends the test. */
	struct bellows_cpuid *amd = make_cpuid(test, 0x68747541, 0x444d4163);	/* AuthenticAMD */
	struct bellows_cpuid *hygon = make_cpuid(test, 0x6f677948, 0x656e6975);	/* HygonGenuine */
	struct bellows_cpuid *intel = make_cpuid(test, 0x756e6547, 0x6c65746e);	/* GenuineIntel */
	struct bellows_cpuid *other = make_cpuid(test, 0x68532020, 0x20206961);	/* "  Shanghai  " */
	struct bellows_vcpu *vcpu = get_vcpu(test);

	vcpu->cpuid = amd;
	KUNIT_EXPECT_TRUE(test, bellows_guest_is_amd(vcpu));
	vcpu->cpuid = hygon;
	KUNIT_EXPECT_TRUE(test, bellows_guest_is_amd(vcpu));
	vcpu->cpuid = intel;
	KUNIT_EXPECT_FALSE(test, bellows_guest_is_amd(vcpu));
	vcpu->cpuid = other;
	KUNIT_EXPECT_FALSE(test, bellows_guest_is_amd(vcpu));
	vcpu->cpuid->nent = 0;
	KUNIT_EXPECT_FALSE(test, bellows_guest_is_amd(vcpu));
	put_vcpu(vcpu);
}

static void every_listed_msr_is_in_the_table(struct kunit *test)
{
	struct bellows_vcpu *vcpu = get_vcpu(test);
	const u32 *list;
	unsigned int i, n = bellows_msr_list(&list);

	KUNIT_EXPECT_GT(test, n, 10U);
	KUNIT_EXPECT_TRUE(test, msr_table_sorted());
	for (i = 0; i < n; i++) {
		/* Those that live in hardware are the backend's, and tested with it. */
		if (list[i] == MSR_KERNEL_GS_BASE || (list[i] >= MSR_STAR && list[i] <= MSR_SYSCALL_MASK) ||
		    (list[i] >= MSR_IA32_SYSENTER_CS && list[i] <= MSR_IA32_SYSENTER_EIP))
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, msr_in_table(vcpu, list[i]), "MSR %#x", list[i]);
	}
	KUNIT_EXPECT_FALSE(test, msr_in_table(vcpu, 0x12345678));
	put_vcpu(vcpu);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(exceptions_combine_as_the_architecture_says),
	KUNIT_CASE(real_mode_exceptions_push_no_error_code),
	KUNIT_CASE(a_page_fault_writes_cr2_only_when_delivered),
	KUNIT_CASE(a_debug_exception_replaces_the_breakpoint_bits_of_dr6),
	KUNIT_CASE(cpuid_out_of_range_follows_the_vendor),
	KUNIT_CASE(vendors_follow_amd_or_intel),
	KUNIT_CASE(every_listed_msr_is_in_the_table),
	{}
};

static struct kunit_suite suite = {
	.name = "bellows_vcpu",
	.test_cases = cases,
};
kunit_test_suites(&suite);
