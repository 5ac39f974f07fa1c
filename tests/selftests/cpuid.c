// SPDX-License-Identifier: GPL-2.0
/* CPUID: the guest sees what KVM_SET_CPUID2 set, all of it and nothing else. */
#include "device.h"
#include "guest.h"
#include "vm.h"

#define MAX	128

static struct query {
	u32 leaf, index;
	struct cpuid_result got;
} queries[MAX];

static void ask(u64 n)
{
	for (u64 i = 0; i < n; i++)
		queries[i].got = cpuid2(queries[i].leaf, queries[i].index);
}

static struct kvm_cpuid2 *new_cpuid(unsigned int nent)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + nent * sizeof(c->entries[0]));

	c->nent = nent;
	return c;
}

static struct query *run_queries(struct vcpu *vcpu, const struct query *q, unsigned int n)
{
	memcpy(vm_host(vcpu->vm, (unsigned long)queries), q, n * sizeof(*q));
	vcpu_call(vcpu, ask, n);
	vcpu_run_to_done(vcpu);
	return vm_host(vcpu->vm, (unsigned long)queries);
}

/* Bits that say what the guest's control registers say, and the APIC's number. */
static void mask_dynamic(u32 leaf, u32 index, struct cpuid_result *r)
{
	if (leaf == 1) {
		r->ebx &= 0x00ffffff;
		r->ecx &= ~BIT(27);		/* OSXSAVE */
		r->ecx &= ~BIT(3);		/* MONITOR follows IA32_MISC_ENABLE */
		r->edx &= ~BIT(9);		/* APIC follows IA32_APIC_BASE */
	} else if (leaf == 7 && index == 0) {
		r->ecx &= ~BIT(4);		/* OSPKE */
	} else if (leaf == 0xd && index <= 1) {
		r->ebx = 0;			/* size for the current XCR0 */
	} else if (leaf == 0x80000001) {
		r->edx &= ~(BIT(9) | BIT(11));	/* APIC; SYSCALL shows in long mode only */
	} else if (leaf == 0xb || leaf == 0x1f) {
		r->edx = 0;
	}
}

CASE(supported, "every leaf that KVM_GET_SUPPORTED_CPUID offers reaches the guest unchanged")
{
	struct kvm_cpuid2 *c = supported_cpuid();
	struct vcpu *vcpu = long_guest(ask, 0);
	struct query q[MAX] = {}, *got;
	unsigned int n = c->nent < MAX ? c->nent : MAX;

	for (unsigned int i = 0; i < n; i++) {
		q[i].leaf = c->entries[i].function;
		q[i].index = c->entries[i].index;
	}
	got = run_queries(vcpu, q, n);
	for (unsigned int i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];
		struct cpuid_result want = { e->eax, e->ebx, e->ecx, e->edx }, r = got[i].got;

		mask_dynamic(e->function, e->index, &want);
		mask_dynamic(e->function, e->index, &r);
		EXPECT(!memcmp(&want, &r, sizeof(r)), "%x.%x: %x %x %x %x, set %x %x %x %x",
		       e->function, e->index, r.eax, r.ebx, r.ecx, r.edx,
		       want.eax, want.ebx, want.ecx, want.edx);
	}
	vm_free(vcpu->vm);
}

static void set_own(struct vcpu *vcpu, const char *vendor, u32 max, u32 max_ext)
{
	struct kvm_cpuid2 *c = new_cpuid(8);
	struct kvm_cpuid_entry2 *e = c->entries;

	e[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = max };
	memcpy(&e[0].ebx, vendor, 4);
	memcpy(&e[0].edx, vendor + 4, 4);
	memcpy(&e[0].ecx, vendor + 8, 4);
	e[1] = (struct kvm_cpuid_entry2){ .function = 1, .eax = 0x00060fb1, .ebx = 0x00010800,
					  .edx = 0x078bfbff };
	e[2] = (struct kvm_cpuid_entry2){ .function = 2, .eax = 0x22, .ebx = 0x33, .ecx = 0x44,
					  .edx = 0x55 };
	e[3] = (struct kvm_cpuid_entry2){ .function = 4, .index = 0, .eax = 0x40,
					  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	e[4] = (struct kvm_cpuid_entry2){ .function = 4, .index = 2, .eax = 0x42,
					  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	e[5] = (struct kvm_cpuid_entry2){ .function = 0x40000000, .eax = 0x40000001,
					  .ebx = 0x6c6c6542, .ecx = 0x1, .edx = 0x2 };
	e[6] = (struct kvm_cpuid_entry2){ .function = 0x80000000, .eax = max_ext };
	e[7] = (struct kvm_cpuid_entry2){ .function = 0x80000001, .edx = BIT(29) | BIT(20) | BIT(11) };
	vcpu_set_cpuid(vcpu, c);
	free(c);
}

static void expect_leaf(struct query *q, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	EXPECT(q->got.eax == eax && q->got.ebx == ebx && q->got.ecx == ecx && q->got.edx == edx,
	       "%x.%x: %x %x %x %x", q->leaf, q->index, q->got.eax, q->got.ebx, q->got.ecx,
	       q->got.edx);
}

static void run_own(const char *vendor, bool intel_rule)
{
	static const struct query list[] = {
		{ 2, 0 }, { 2, 77 }, { 4, 0 }, { 4, 1 }, { 4, 2 }, { 4, 3 },
		{ 3, 0 },				/* inside the limit, not set */
		{ 0x40000000, 0 }, { 0x40000002, 0 },
		{ 0x1000, 0 },				/* beyond the basic limit */
		{ 0x80000005, 0 },			/* inside the extended limit, not set */
		{ 0x80001000, 0 },			/* beyond it */
	};
	struct vcpu *vcpu = vcpu_create(vm_new(GUEST_LONG), 0);
	struct query *got;

	set_own(vcpu, vendor, 4, 0x80000008);
	vcpu_set_mode(vcpu, GUEST_LONG);
	got = run_queries(vcpu, list, ARRAY_SIZE(list));
	expect_leaf(&got[0], 0x22, 0x33, 0x44, 0x55);
	expect_leaf(&got[1], 0x22, 0x33, 0x44, 0x55);
	expect_leaf(&got[2], 0x40, 0, 0, 0);
	expect_leaf(&got[3], 0, 0, 0, 0);
	expect_leaf(&got[4], 0x42, 0, 0, 0);
	expect_leaf(&got[5], 0, 0, 0, 0);
	expect_leaf(&got[6], 0, 0, 0, 0);
	expect_leaf(&got[7], 0x40000001, 0x6c6c6542, 1, 2);
	/* Beyond a limit Intel's CPUs give the highest basic leaf (here 4.0), AMD's zeros. */
	expect_leaf(&got[9], intel_rule ? 0x40 : 0, 0, 0, 0);
	expect_leaf(&got[10], 0, 0, 0, 0);
	expect_leaf(&got[11], intel_rule ? 0x40 : 0, 0, 0, 0);
	vm_free(vcpu->vm);
}

CASE(own_amd, "leaves of one's own; beyond the limits an AMD guest reads zeros")
{
	run_own("AuthenticAMD", false);
}

CASE(own_intel, "leaves of one's own; beyond the limits an Intel guest reads the last basic leaf")
{
	run_own("GenuineIntel", true);
}

static void movsxd16(u64 arg)
{
	u64 ax;

	/* MOVSXD of 16 bits: assemblers disagree on its name */
	asm volatile(".byte 0x66, 0x63, 0x07" : "=a"(ax) : "D"(MMIO_BASE), "0"(0x1122334455667788));
	GUEST_ASSERT_EQ(ax, 0x112233445566dcba);
}

static void run_movsxd(const char *vendor, u8 size)
{
	struct vcpu *vcpu = long_guest(movsxd16, 0);
	struct device dev;

	REQUIRE(!test_is_kvm, "KVM's emulator reads 4 bytes for each vendor");
	set_own(vcpu, vendor, 4, 0x80000008);
	vcpu_set_mode(vcpu, GUEST_LONG);
	vcpu_call(vcpu, movsxd16, 0);
	device_init(&dev, MMIO_BASE, 0x1000);
	memcpy(dev.data, "\xba\xdc\xfe\xff", 4);
	device_run_to_done(&dev, vcpu);
	EXPECT(dev.n == 1 && dev.log[0].size == size && !dev.log[0].write,
	       "%s: %u accesses, the first of %u bytes", vendor, dev.n, dev.log[0].size);
	vm_free(vcpu->vm);
}

CASE(emulated_vendor, "what vendors do differently is emulated as by the one that the guest sees")
{
	run_movsxd("AuthenticAMD", 4);
	run_movsxd("HygonGenuine", 4);
	run_movsxd("GenuineIntel", 2);
	run_movsxd("CentaurHauls", 2);
	run_movsxd("NobodyKnows.", 2);
}

static void ask_state(u64 arg)
{
	struct cpuid_result before, after;

	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	before = cpuid(1);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	after = cpuid(1);
	GUEST_ASSERT_EQ(before.ecx & BIT(27), 0);
	GUEST_ASSERT_EQ(after.ecx & BIT(27), BIT(27));
	/* Leaf 13: EBX is the size for XCR0 as it is */
	for (;;)
		GUEST_SYNC(1, xgetbv(0), cpuid2(0xd, 0).ebx);
}

static void expect_size(struct vcpu *vcpu, u64 xcr0, u32 size)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = xcr0 } };
	struct ucall uc;

	vcpu_ioctl(vcpu, KVM_SET_XCRS, &xcrs);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], xcr0);
	EXPECT_EQ(uc.args[2], size);
}

CASE(dynamic, "OSXSAVE follows CR4, leaf 13 follows XCR0")
{
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	struct vcpu *vcpu = long_guest(ask_state, 0);

	vcpu_run_to_sync(vcpu, 1);
	expect_size(vcpu, 1, 576);
	expect_size(vcpu, 3, 576);
	if (HAS_AVX)
		expect_size(vcpu, 7, 832);
	expect_size(vcpu, 1, 576);
	vm_free(vcpu->vm);
}

CASE(get, "KVM_GET_CPUID2 gives back what was set, E2BIG and the number when there is no room")
{
	struct vcpu *vcpu = vcpu_create(vm_new(GUEST_LONG), 0);
	struct kvm_cpuid2 *c = new_cpuid(16), *small = new_cpuid(3);

	set_own(vcpu, "GenuineIntel", 4, 0x80000008);
	vcpu_ioctl(vcpu, KVM_GET_CPUID2, c);
	if (!test_is_kvm)		/* which says it only when there is no room, to nobody */
		EXPECT_EQ(c->nent, 8);
	EXPECT_EQ(c->entries[2].function, 2);
	EXPECT_EQ(c->entries[2].edx, 0x55);
	EXPECT_EQ(c->entries[4].index, 2);
	EXPECT_EQ(c->entries[4].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 1);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_CPUID2, small), -E2BIG);
	/* KVM says the number inside, but does not copy it out with an error. */
	EXPECT(small->nent == 3 || small->nent == 8, "%u", small->nent);
	vm_free(vcpu->vm);
}

CASE(limits, "KVM_SET_CPUID2: too many entries are E2BIG, bad pointers EFAULT, none is allowed")
{
	struct vcpu *vcpu = vcpu_create(vm_new(GUEST_LONG), 0);
	struct kvm_cpuid2 *c = new_cpuid(300);

	c->nent = 257;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), -E2BIG);
	c->nent = ~0U;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), -E2BIG);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, (void *)8), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_CPUID2, (void *)8), -EFAULT);
	c->nent = 0;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), 0);
	c->nent = 300;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_CPUID2, c), 0);
	EXPECT_EQ(c->nent, test_is_kvm ? 300 : 0);
	/* A linear address width that does not exist */
	c->nent = 1;
	c->entries[0] = (struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = 0x3930 - 0x100 };
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), -EINVAL);
	c->entries[0].eax = 0x3030;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), 0);
	vm_free(vcpu->vm);
}

CASE(after_run, "after KVM_RUN KVM_SET_CPUID2 takes only what is set already")
{
	struct vcpu *vcpu = long_guest(ask, 0);
	struct kvm_cpuid2 *c = supported_cpuid();

	vcpu_run_to_done(vcpu);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), 0);
	cpuid_entry(c, 1, 0)->ecx ^= 1;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_CPUID2, c), -EINVAL);
	cpuid_entry(c, 1, 0)->ecx ^= 1;
	vm_free(vcpu->vm);
}

static void hidden(u64 arg)
{
	/* A CPU without these has no such bits in CR4 and no such MSRs */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_OSXSAVE));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_SMEP));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_SMAP));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_PCIDE));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_FSGSBASE));
}

CASE(hides, "features that the CPUID does not show cannot be turned on")
{
	struct vcpu *vcpu = vcpu_create(vm_new(GUEST_LONG), 0);

	set_own(vcpu, "AuthenticAMD", 4, 0x80000008);
	vcpu_set_mode(vcpu, GUEST_LONG);
	vcpu_call(vcpu, hidden, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
