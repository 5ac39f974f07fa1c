// SPDX-License-Identifier: GPL-2.0
/* MSR filters, and MSR accesses that userspace answers. */
#include "guest.h"
#include "vm.h"

#define UNKNOWN	0x474f4f00

static void require_filter(void)
{
	REQUIRE(check_extension(KVM_CAP_X86_MSR_FILTER) > 0, "no KVM_CAP_X86_MSR_FILTER");
	REQUIRE(check_extension(KVM_CAP_X86_USER_SPACE_MSR) > 0, "no KVM_CAP_X86_USER_SPACE_MSR");
}

static int __user_msrs(struct vm *vm, u32 reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = reasons };

	return __vm_ioctl(vm, KVM_ENABLE_CAP, &cap);
}

static void guest_unknown(u64 arg)
{
	u64 v;

	GUEST_ASSERT_EQ(rdmsr_try(UNKNOWN, &v), NO_VECTOR);
	GUEST_ASSERT_EQ(v, 0x1122334455667788);
	GUEST_ASSERT_EQ(rdmsr_try(UNKNOWN, &v), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(UNKNOWN, 0xaabbccdd11223344), NO_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_try(UNKNOWN, 5), VEC_GP);
}

static void expect_msr(struct vcpu *vcpu, bool write, u32 index, u32 reason)
{
	vcpu_run_to(vcpu, write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR);
	EXPECT_EQ(vcpu->run->msr.index, index);
	EXPECT_EQ(vcpu->run->msr.reason, reason);
}

CASE(unknown, "unknown MSRs reach userspace, which answers or makes it #GP")
{
	require_filter();
	struct vcpu *vcpu = long_guest(guest_unknown, 0);

	ASSERT_EQ(__user_msrs(vcpu->vm, KVM_MSR_EXIT_REASON_UNKNOWN), 0);
	expect_msr(vcpu, false, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu->run->msr.data = 0x1122334455667788;
	vcpu->run->msr.error = 0;
	expect_msr(vcpu, false, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu->run->msr.error = 1;
	expect_msr(vcpu, true, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	EXPECT_EQ(vcpu->run->msr.data, 0xaabbccdd11223344);
	vcpu->run->msr.error = 0;
	expect_msr(vcpu, true, UNKNOWN, KVM_MSR_EXIT_REASON_UNKNOWN);
	EXPECT_EQ(vcpu->run->msr.data, 5);
	vcpu->run->msr.error = 1;
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void guest_invalid(u64 arg)
{
	GUEST_ASSERT_EQ(wrmsr_try(MSR_PAT, 2), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr(MSR_PAT), 0x0007040600070406);
}

CASE(invalid, "values that are #GP otherwise reach userspace with reason INVAL")
{
	require_filter();
	struct vcpu *vcpu = long_guest(guest_invalid, 0);

	ASSERT_EQ(__user_msrs(vcpu->vm, KVM_MSR_EXIT_REASON_INVAL), 0);
	expect_msr(vcpu, true, MSR_PAT, KVM_MSR_EXIT_REASON_INVAL);
	vcpu->run->msr.error = 0;
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static u8 bitmap_allow_none[64], bitmap_allow_even[64];

static int __filter(struct vm *vm, u32 flags, u32 range_flags, u32 base, u32 nmsrs, u8 *bitmap)
{
	struct kvm_msr_filter f = { .flags = flags };

	f.ranges[0].flags = range_flags;
	f.ranges[0].base = base;
	f.ranges[0].nmsrs = nmsrs;
	f.ranges[0].bitmap = bitmap;
	return __vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &f);
}

#define RW	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

static void guest_denied(u64 arg)
{
	u64 v;

	GUEST_ASSERT_EQ(rdmsr_try(MSR_STAR, &v), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_STAR, 1), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_SYSENTER_CS, &v), NO_VECTOR);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_STAR, &v), NO_VECTOR);
	GUEST_SYNC(2);
	/* Even indexes only: 0xc0000080 is EFER, 81 STAR, 82 LSTAR */
	GUEST_ASSERT_EQ(rdmsr_try(MSR_EFER, &v), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_STAR, &v), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &v), NO_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_STAR, 0x77), NO_VECTOR);
	GUEST_SYNC(3);
	/* Everything is denied that is not named */
	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &v), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_SYSENTER_CS, &v), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_TSC_AUX, 0), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(UNKNOWN, &v), VEC_GP);
}

CASE(filter, "a filter denies with #GP; a new one replaces it; the default can be to deny")
{
	require_filter();
	struct vcpu *vcpu = long_guest(guest_denied, 0);
	struct kvm_msr_filter none = {};

	memset(bitmap_allow_even, 0x55, sizeof(bitmap_allow_even));
	ASSERT_EQ(__filter(vcpu->vm, 0, RW, 0xc0000080, 16, bitmap_allow_none), 0);
	vcpu_run_to_sync(vcpu, 1);
	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, &none);
	vcpu_run_to_sync(vcpu, 2);
	ASSERT_EQ(__filter(vcpu->vm, 0, KVM_MSR_FILTER_READ, 0xc0000080, 16, bitmap_allow_even), 0);
	vcpu_run_to_sync(vcpu, 3);
	ASSERT_EQ(__filter(vcpu->vm, KVM_MSR_FILTER_DEFAULT_DENY, RW, 0xc0000080, 16,
			   bitmap_allow_even), 0);
	vcpu_run_to_done(vcpu);
	/* Userspace itself is not filtered. */
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_STAR), 0x77);
	vm_free(vcpu->vm);
}

static void guest_filtered_exit(u64 arg)
{
	u64 v;

	GUEST_ASSERT_EQ(rdmsr_try(MSR_STAR, &v), NO_VECTOR);
	GUEST_ASSERT_EQ(v, 0x4242);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_STAR, 0x1111), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(UNKNOWN, &v), VEC_GP);	/* not asked for */
}

CASE(filter_exit, "what a filter denies can reach userspace, with reason FILTER")
{
	require_filter();
	struct vcpu *vcpu = long_guest(guest_filtered_exit, 0);

	ASSERT_EQ(__user_msrs(vcpu->vm, KVM_MSR_EXIT_REASON_FILTER), 0);
	ASSERT_EQ(__filter(vcpu->vm, 0, RW, 0xc0000080, 16, bitmap_allow_none), 0);
	expect_msr(vcpu, false, MSR_STAR, KVM_MSR_EXIT_REASON_FILTER);
	vcpu->run->msr.data = 0x4242;
	expect_msr(vcpu, true, MSR_STAR, KVM_MSR_EXIT_REASON_FILTER);
	EXPECT_EQ(vcpu->run->msr.data, 0x1111);
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_STAR), 0);
	vm_free(vcpu->vm);
}

CASE(bad, "bad filters and reasons are EINVAL, bad bitmaps EFAULT, and leave the old one in place")
{
	require_filter();
	struct vm *vm = vm_create();

	EXPECT_EQ(__user_msrs(vm, 0x80000000), -EINVAL);
	EXPECT_EQ(__user_msrs(vm, ~0U), -EINVAL);
	EXPECT_EQ(__filter(vm, 2, RW, 0xc0000080, 16, bitmap_allow_none), -EINVAL);
	EXPECT_EQ(__filter(vm, 0, 4, 0xc0000080, 16, bitmap_allow_none), -EINVAL);
	EXPECT_EQ(__filter(vm, 0, RW, 0xc0000080, 0x600 * 8 + 8, bitmap_allow_none), -EINVAL);
	EXPECT_EQ(__filter(vm, 0, RW, 0xc0000080, ~0U, bitmap_allow_none), -EINVAL);
	EXPECT_EQ(__filter(vm, 0, RW, 0xc0000080, 16, NULL), -EFAULT);
	EXPECT_EQ(__filter(vm, 0, 0, 0xc0000080, 16, bitmap_allow_none), -EINVAL);
	/* Denying by default without a range that would allow anything */
	EXPECT_EQ(__filter(vm, KVM_MSR_FILTER_DEFAULT_DENY, 0, 0, 0, NULL), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, (void *)8), -EFAULT);
	EXPECT_EQ(__filter(vm, 0, RW, 0xc0000080, 16, bitmap_allow_none), 0);
	vm_free(vm);
}
