// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs with VMX, but too little of it: the module loads, says what is missing,
 * refuses VMs, touches no CPU, and has memory objects.
 */
#include "host.h"
#include "vm.h"

static const char *lacks(void)
{
	REQUIRE(!test_is_kvm, "KVM needs less");
	REQUIRE(test_cpu_lacks(), "this CPU can run VMs");
	return test_cpu_lacks();
}

CASE(refused, "KVM_CREATE_VM is EOPNOTSUPP, as often as it is tried and without a word in the log")
{
	lacks();
	log_mark();
	for (unsigned int i = 0; i < 100; i++)
		EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, 0), -EOPNOTSUPP);
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, 100), -EINVAL);
	EXPECT_EQ(log_count("bellows"), 0);
}

CASE(why, "BELLOWS_HOST_INFO names no backend, and what is missing")
{
	const char *missing = lacks();
	struct bellows_host_info info;

	EXPECT_EQ(__dev_ioctl(BELLOWS_HOST_INFO, &info), 0);
	EXPECT_EQ(info.backend[0], 0);
	EXPECT_EQ(info.nested_levels, 0);
	EXPECT(strstr(info.why, missing), "'%s' does not name %s", info.why, missing);
}

CASE(others, "the ioctls of the device that need no VM answer")
{
	struct kvm_msr_list list = { .nmsrs = 0 };

	lacks();
	EXPECT_EQ(__dev_ioctl(KVM_GET_API_VERSION, 0), 12);
	EXPECT_EQ(check_extension(KVM_CAP_USER_MEMORY), 1);
	EXPECT(supported_cpuid()->nent > 5, "too few leaves");
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSR_INDEX_LIST, &list), -E2BIG);
	EXPECT(list.nmsrs > 0, "no MSRs");
}

CASE(memory, "memory objects hold what is written to them")
{
	struct mem *mem;

	lacks();
	mem = mem_create(4 * MB, 0);
	for (u64 at = 0; at < mem->size; at += PAGE_SIZE)
		EXPECT_EQ(*(u64 *)(mem->host + at), 0);
	for (u64 at = 0; at < mem->size; at += PAGE_SIZE)
		*(u64 *)(mem->host + at) = ~at;
	for (u64 at = 0; at < mem->size; at += PAGE_SIZE)
		EXPECT_EQ(*(u64 *)(mem->host + at), ~at);
	mem_free(mem);
}
