// SPDX-License-Identifier: GPL-2.0
/* A guest whose memory can't be had: KVM_RUN says so, and goes on where it stopped once there is room. */
#define _GNU_SOURCE
#include "cgroup.h"
#include "guest.h"
#include "vm.h"

#define REGION		(64 * MB)	/* in the first gigabyte, which is mapped */
#define REGION_SIZE	(4 * MB)
#define PORT		0x5a0

/* A guest with memory that its group can't pay for to the end. */
static struct vcpu *poor_guest(void (*fn)(u64 arg), char **memory)
{
	struct vcpu *vcpu = long_guest(fn, 0);
	char max[32];
	int object;

	group_create("guest");
	object = create_in_group(REGION_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	*memory = object_map(object, 0, REGION_SIZE);
	vm_slot(vcpu->vm, 1, REGION, REGION_SIZE, *memory, 0);
	close(object);
	snprintf(max, sizeof(max), "%llu", charged() + MB);
	ASSERT(file_write(group_file("memory.max"), max));
	return vcpu;
}

static void pay(void)
{
	EXPECT_EQ(file_number(group_file("memory.events"), "oom_kill "), 0);
	ASSERT(file_write(group_file("memory.max"), "max"));
}

static void finish(struct vcpu *vcpu, char *memory)
{
	vm_free(vcpu->vm);
	munmap(memory, REGION_SIZE);
	expect_audit_ok();
	leave_and_remove();
}

static void store(u64 arg)
{
	for (u64 i = 0; i < REGION_SIZE / PAGE_SIZE; i++)
		*(volatile u64 *)(REGION + i * PAGE_SIZE) = i + 1;
}

CASE(stores, "a store at the limit: KVM_RUN gives ENOMEM as often as it is tried, and none is lost")
{
	char *memory;
	struct vcpu *vcpu = poor_guest(store, &memory);

	EXPECT_EQ(__vcpu_run(vcpu), -ENOMEM);
	EXPECT_EQ(__vcpu_run(vcpu), -ENOMEM);
	pay();
	vcpu_run_to_done(vcpu);
	for (u64 i = 0; i < REGION_SIZE / PAGE_SIZE; i++)
		ASSERT_EQ(*(u64 *)(memory + i * PAGE_SIZE), i + 1);
	finish(vcpu, memory);
}

static void input(u64 arg)
{
	u64 to = REGION, count = REGION_SIZE / 4;

	asm volatile("rep insl" : "+D"(to), "+c"(count) : "d"(PORT) : "memory");
	GUEST_ASSERT_EQ(to, REGION + REGION_SIZE);
	GUEST_ASSERT_EQ(count, 0);
}

/* Answers input until the guest calls, or KVM_RUN fails: that errno. */
static int serve_input(struct vcpu *vcpu, u32 *next)
{
	struct kvm_run *run = vcpu->run;
	int r;

	for (;;) {
		r = __vcpu_run(vcpu);
		if (r)
			return r;
		__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
		if (run->io.port != PORT)
			return 0;
		ASSERT_EQ(run->io.size, 4);
		for (u32 i = 0; i < run->io.count; i++)
			((u32 *)((char *)run + run->io.data_offset))[i] = ++*next;
	}
}

CASE(string_input, "string input at the limit: each element is read from its port once and arrives")
{
	struct ucall uc;
	char *memory;
	struct vcpu *vcpu = poor_guest(input, &memory);
	u32 next = 0;

	EXPECT_EQ(serve_input(vcpu, &next), -ENOMEM);
	EXPECT_EQ(serve_input(vcpu, &next), -ENOMEM);
	pay();
	EXPECT_EQ(serve_input(vcpu, &next), 0);
	EXPECT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
	EXPECT_EQ(next, REGION_SIZE / 4);
	for (u32 i = 0; i < REGION_SIZE / 4; i++)
		ASSERT_EQ(((u32 *)memory)[i], i + 1);
	finish(vcpu, memory);
}
