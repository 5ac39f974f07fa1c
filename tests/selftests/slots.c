// SPDX-License-Identifier: GPL-2.0
/* Memory slots: several, holes, aliases, read-only, moved, deleted under a running guest. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include "device.h"
#include "guest.h"

#define PORT	0x80
#define FIRST	0x10000000UL	/* the tests' slots; mapped one to one */
#define SECOND	0x18000000UL

static void read_write(u64 address)
{
	volatile u64 *p = (u64 *)address;

	GUEST_SYNC(1, *p);
	*p = 0x2222;
	GUEST_SYNC(2, *p);
	GUEST_SYNC(3, *p);
}

CASE(several, "thirty slots, far apart, hold their own contents")
{
	enum { N = 30 };
	struct vcpu *vcpu = long_guest(read_write, 0);
	struct mem *mem = mem_create(N * PAGE_SIZE, 0);
	struct ucall uc;

	for (u64 i = 0; i < N; i++) {
		u64 *host = (u64 *)((char *)mem->host + (N - 1 - i) * PAGE_SIZE);

		*host = 0x1000 + i;
		vm_slot(vcpu->vm, 1 + i, FIRST + i * 3 * PAGE_SIZE, PAGE_SIZE, host, 0);
	}
	for (u64 i = 0; i < N; i++) {
		u64 *host = (u64 *)((char *)mem->host + (N - 1 - i) * PAGE_SIZE);

		vcpu_call(vcpu, read_write, FIRST + i * 3 * PAGE_SIZE);
		vcpu_next(vcpu, &uc);
		EXPECT_EQ(uc.args[1], 0x1000 + i);
		vcpu_run_to_sync(vcpu, 2);
		EXPECT_EQ(*host, 0x2222);
	}
	vm_free(vcpu->vm);
}

CASE(hole, "between slots there is MMIO")
{
	struct vcpu *vcpu = long_guest(read_write, FIRST + PAGE_SIZE);
	struct mem *mem = mem_create(4 * PAGE_SIZE, 0);

	vm_slot(vcpu->vm, 1, FIRST, PAGE_SIZE, mem->host, 0);
	vm_slot(vcpu->vm, 2, FIRST + 2 * PAGE_SIZE, PAGE_SIZE, (char *)mem->host + PAGE_SIZE, 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, FIRST + PAGE_SIZE);
	vm_free(vcpu->vm);
}

static void alias(u64 arg)
{
	volatile u64 *a = (u64 *)FIRST, *b = (u64 *)SECOND;

	for (u64 i = 1; i < 1000; i++) {
		a[i % 512] = i;
		GUEST_ASSERT_EQ(b[i % 512], i);
		b[i % 512] = ~i;
		GUEST_ASSERT_EQ(a[i % 512], ~i);
	}
}

CASE(aliased, "two slots on the same memory are the same memory")
{
	struct vcpu *vcpu = long_guest(alias, 0);
	struct mem *mem = mem_create(4 * MB, 0);

	vm_slot(vcpu->vm, 1, FIRST, 4 * MB, mem->host, 0);
	vm_slot(vcpu->vm, 2, SECOND, 4 * MB, mem->host, 0);
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(((u64 *)mem->host)[999 % 512], ~999ULL);
	vm_free(vcpu->vm);
}

CASE(two_vms, "two VMs on one memory see each other's writes, and the host sees both")
{
	struct vcpu *a = long_guest(read_write, FIRST), *b = long_guest(read_write, SECOND);
	struct mem *mem = mem_create(2 * MB, 0);
	struct ucall uc;

	vm_slot(a->vm, 1, FIRST, 2 * MB, mem->host, 0);
	vm_slot(b->vm, 1, SECOND, 2 * MB, mem->host, 0);
	*(u64 *)mem->host = 0x1111;
	vcpu_next(a, &uc);
	EXPECT_EQ(uc.args[1], 0x1111);
	vcpu_run_to_sync(a, 2);
	vcpu_next(b, &uc);
	EXPECT_EQ(uc.args[1], 0x2222);
	*(u64 *)mem->host = 0x3333;
	vcpu_next(b, &uc);
	EXPECT_EQ(uc.args[1], 0x2222);	/* it wrote again */
	vcpu_next(a, &uc);
	EXPECT_EQ(uc.args[1], 0x2222);
	vm_free(a->vm);
	vm_free(b->vm);
}

CASE(read_only, "a write to a read-only slot is an MMIO exit, a read is not")
{
	REQUIRE(check_extension(KVM_CAP_READONLY_MEM) > 0, "no KVM_CAP_READONLY_MEM");
	struct vcpu *vcpu = long_guest(read_write, FIRST);
	struct mem *mem = mem_create(2 * MB, 0);
	struct ucall uc;
	u64 written;

	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, mem->host, KVM_MEM_READONLY);
	*(u64 *)mem->host = 0x1111;
	vcpu_next(vcpu, &uc);
	EXPECT_EQ(uc.args[1], 0x1111);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.is_write, 1);
	EXPECT_EQ(vcpu->run->mmio.len, 8);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, FIRST);
	memcpy(&written, vcpu->run->mmio.data, 8);
	EXPECT_EQ(written, 0x2222);
	vcpu_next(vcpu, &uc);
	EXPECT_EQ(uc.args[1], 0x1111);
	EXPECT_EQ(*(u64 *)mem->host, 0x1111);
	vm_free(vcpu->vm);
}

CASE(deleted, "a deleted slot is MMIO from then on; a new one there has its own contents")
{
	struct vcpu *vcpu = long_guest(read_write, FIRST);
	struct mem *mem = mem_create(2 * MB, 0), *other = mem_create(2 * MB, 0);
	struct ucall uc;

	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, mem->host, 0);
	vcpu_run_to_sync(vcpu, 1);
	vm_slot(vcpu->vm, 1, FIRST, 0, mem->host, 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.is_write, 1);
	*(u64 *)other->host = 0x7777;
	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, other->host, 0);
	vcpu_next(vcpu, &uc);
	EXPECT_EQ(uc.args[1], 0x7777);
	EXPECT_EQ(*(u64 *)mem->host, 0);
	vm_free(vcpu->vm);
}

CASE(moved, "a moved slot answers at its new place only")
{
	struct vcpu *vcpu = long_guest(read_write, FIRST);
	struct mem *mem = mem_create(2 * MB, 0);
	struct ucall uc;

	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, mem->host, 0);
	*(u64 *)mem->host = 0x1111;
	vcpu_run_to_sync(vcpu, 1);
	vm_slot(vcpu->vm, 1, SECOND, 2 * MB, mem->host, 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, FIRST);
	vcpu_call(vcpu, read_write, SECOND);
	vcpu_run(vcpu);
	while (vcpu->run->exit_reason == KVM_EXIT_MMIO)
		vcpu_run(vcpu);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 0x1111);
	vm_free(vcpu->vm);
}

CASE(unmapped, "a slot keeps its memory when the mmap and the object's fd are gone")
{
	REQUIRE(!test_is_kvm, "KVM's slots are the process's mappings");
	struct vcpu *vcpu = long_guest(read_write, FIRST);
	struct mem *mem = mem_create(2 * MB, 0);
	struct ucall uc;

	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, mem->host, 0);
	*(u64 *)mem->host = 0x1111;
	vcpu->vm->slot[1].size = 0;
	mem_free(mem);
	vcpu_next(vcpu, &uc);
	EXPECT_EQ(uc.args[1], 0x1111);
	vcpu_run_to_sync(vcpu, 2);
	vm_free(vcpu->vm);
}

CASE(errors, "KVM_SET_USER_MEMORY_REGION: what KVM refuses, with its errno")
{
	struct vm *vm = vm_create();
	struct mem *mem = mem_create(4 * MB, 0);
	char *h = mem->host;

	EXPECT_EQ(__vm_slot(vm, 0, 0, PAGE_SIZE, h, 0x80000000), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, 1, PAGE_SIZE, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, 0, PAGE_SIZE + 1, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, 0, PAGE_SIZE, h + 1, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, ~0ULL & ~0xfffULL, 2 * PAGE_SIZE, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0x7fff, 0, PAGE_SIZE, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, ~0U, 0, PAGE_SIZE, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 5, 0, 0, h, 0), -EINVAL);		/* nothing to delete */
	EXPECT_EQ(__vm_slot(vm, 0, 0, 1ULL << 60, h, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, 0, 2 * PAGE_SIZE, h, 0), 0);
	EXPECT_EQ(__vm_slot(vm, 0, 0, 2 * PAGE_SIZE, h, 0), 0);		/* the same again */
	EXPECT_EQ(__vm_slot(vm, 1, PAGE_SIZE, PAGE_SIZE, h, 0), -EEXIST);
	EXPECT_EQ(__vm_slot(vm, 1, 0, PAGE_SIZE, h, 0), -EEXIST);
	EXPECT_EQ(__vm_slot(vm, 0, 0, 3 * PAGE_SIZE, h, 0), -EINVAL);	/* another size */
	EXPECT_EQ(__vm_slot(vm, 0, 0, 2 * PAGE_SIZE, h + PAGE_SIZE, 0), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 0, 0, 2 * PAGE_SIZE, h, KVM_MEM_READONLY), -EINVAL);
	EXPECT_EQ(__vm_slot(vm, 1, 2 * PAGE_SIZE, PAGE_SIZE, h, 0), 0);
	EXPECT_EQ(__vm_slot(vm, 1, PAGE_SIZE, PAGE_SIZE, h, 0), -EEXIST);	/* move onto another */
	EXPECT_EQ(__vm_slot(vm, 1, 8 * PAGE_SIZE, PAGE_SIZE, h, 0), 0);
	EXPECT_EQ(__vm_slot(vm, 1, 8 * PAGE_SIZE, 0, h, 0), 0);
	EXPECT_EQ(__vm_slot(vm, 1, 8 * PAGE_SIZE, 0, h, 0), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, (void *)8), -EFAULT);
	vm_free(vm);
}

CASE(not_ours, "memory that is no mapping of a memory object is refused")
{
	REQUIRE(!test_is_kvm, "KVM takes any memory");
	struct vm *vm = vm_create();
	void *anonymous = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mem *mem = mem_create(2 * PAGE_SIZE, 0);

	EXPECT(__vm_slot(vm, 0, 0, 2 * MB, anonymous, 0) < 0, "anonymous memory was taken");
	EXPECT(__vm_slot(vm, 0, 0, 2 * MB, (void *)0x10000, 0) < 0, "a hole was taken");
	EXPECT(__vm_slot(vm, 0, 0, 4 * PAGE_SIZE, mem->host, 0) < 0, "more than the mapping was taken");
	EXPECT_EQ(__vm_slot(vm, 0, 0, 2 * PAGE_SIZE, mem->host, 0), 0);
	vm_free(vm);
}

/*
 * A guest that writes and checks while translations go away under it. It enables
 * interrupts, of which it gets none: Bochs holds those of the host back while a
 * guest runs that was entered with them disabled.
 */
static u64 stop;

static void hammer(u64 n)
{
	volatile u64 *p = (u64 *)FIRST;
	u64 state = 3, round = 0, pages = n;

	sti();
	while (!READ_ONCE(stop)) {
		round++;
		for (u64 i = 0; i < pages; i++)
			p[i * 512 + (round & 511)] = round + i;
		for (u64 i = 0; i < pages; i++) {
			u64 v = p[i * 512 + (round & 511)];

			if (v != round + i)
				GUEST_ABORT("memory lost a write", v, round + i);
		}
	}
	GUEST_SYNC(1, round, guest_random(&state));
}

static void *run_hammer(void *arg)
{
	struct ucall uc;

	vcpu_next(arg, &uc);
	ASSERT_EQ(uc.cmd, UCALL_SYNC);
	return NULL;
}

static void hammer_while(void (*disturb)(struct vm *vm, struct mem *mem, unsigned int i), unsigned int n)
{
	struct vcpu *vcpu = long_guest(hammer, 64);
	struct mem *mem = mem_create(4 * MB, 0);
	pthread_t t;

	vm_slot(vcpu->vm, 1, FIRST, 4 * MB, mem->host, 0);
	pthread_create(&t, NULL, run_hammer, vcpu);
	for (unsigned int i = 0; i < n; i++)
		disturb(vcpu->vm, mem, i);
	WRITE_ONCE(GUEST_VAR(vcpu->vm, stop), 1);
	pthread_join(t, NULL);
	vm_free(vcpu->vm);
}

static void invalidate_all(struct vm *vm, struct mem *mem, unsigned int i)
{
	mem_invalidate(mem, 0, mem->size);
}

static void invalidate_page(struct vm *vm, struct mem *mem, unsigned int i)
{
	mem_invalidate(mem, (i % 64) * PAGE_SIZE, PAGE_SIZE);
}

CASE(invalidate, "a guest that writes loses nothing while all its translations are dropped")
{
	hammer_while(invalidate_all, test_scale(200));
}

CASE(invalidate_pages, "the same, page by page")
{
	REQUIRE(!test_is_kvm, "KVM_RUN sometimes gives EFAULT after madvise() here; not understood");
	hammer_while(invalidate_page, test_scale(500));
}

/* Pages the guest does not count on: they may become zero at any time, and nothing else. */
static void zero_or_mine(u64 n)
{
	volatile u64 *p = (u64 *)FIRST;
	u64 round = 0;

	sti();
	while (!READ_ONCE(stop)) {
		round++;
		for (u64 i = 0; i < n; i++) {
			u64 v;

			p[i * 512] = round;
			v = p[i * 512];
			if (v && v != round)
				GUEST_ABORT("neither mine nor zero", v, round);
		}
	}
	GUEST_SYNC(1);
}

CASE(discard, "a page that is discarded under a running guest is zero or what was written since")
{
	struct vcpu *vcpu = long_guest(zero_or_mine, 64);
	struct mem *mem = mem_create(4 * MB, 0);
	unsigned int n = test_scale(300);
	pthread_t t;

	vm_slot(vcpu->vm, 1, FIRST, 4 * MB, mem->host, 0);
	pthread_create(&t, NULL, run_hammer, vcpu);
	for (unsigned int i = 0; i < n; i++)
		mem_discard(mem, (i * 7 % 64) * PAGE_SIZE, (i % 3 ? 1 : 4) * PAGE_SIZE);
	WRITE_ONCE(GUEST_VAR(vcpu->vm, stop), 1);
	pthread_join(t, NULL);
	mem_discard(mem, 0, mem->size);
	for (unsigned int i = 0; i < 64; i++)
		EXPECT_EQ(((u64 *)mem->host)[i * 512], 0);
	vm_free(vcpu->vm);
}

static void poll_device(u64 arg)
{
	volatile u64 *p = (u64 *)FIRST;

	sti();
	for (;;) {
		u64 v = *p;

		if (v == 0xdead)
			break;
		if (v != 0x1111)
			GUEST_ABORT("neither memory nor the device", v, 0x1111);
	}
	GUEST_SYNC(1);
}

static void *delete_later(void *arg)
{
	struct vm *vm = arg;

	usleep(20000);
	vm_slot(vm, 1, FIRST, 0, vm->slot[1].host, 0);
	return NULL;
}

CASE(delete_running, "a slot deleted under a running guest is MMIO at the guest's next access")
{
	struct vcpu *vcpu = long_guest(poll_device, 0);
	struct mem *mem = mem_create(2 * MB, 0);
	u64 dead = 0xdead;
	pthread_t t;

	*(u64 *)mem->host = 0x1111;
	vm_slot(vcpu->vm, 1, FIRST, 2 * MB, mem->host, 0);
	pthread_create(&t, NULL, delete_later, vcpu->vm);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, FIRST);
	memcpy(vcpu->run->mmio.data, &dead, 8);
	vcpu_run_to_sync(vcpu, 1);
	pthread_join(t, NULL);
	vm_free(vcpu->vm);
}

static void touch_large(u64 pages)
{
	volatile u64 *p = (u64 *)FIRST;

	for (u64 i = 0; i < pages; i++)
		p[i * 512] = i * 3;
	for (u64 i = 0; i < pages; i++)
		GUEST_ASSERT_EQ(p[i * 512], i * 3);
	GUEST_SYNC(1);
}

static void run_large(unsigned int flags, u64 offset)
{
	struct vcpu *vcpu = long_guest(touch_large, 4 * MB / PAGE_SIZE);
	struct mem *mem = mem_create(8 * MB, flags);

	vm_slot(vcpu->vm, 1, FIRST, 4 * MB, (char *)mem->host + offset, 0);
	vcpu_run_to_sync(vcpu, 1);
	for (u64 i = 0; i < 4 * MB / PAGE_SIZE; i++)
		EXPECT_EQ(((u64 *)((char *)mem->host + offset))[i * 512], i * 3);
	vm_free(vcpu->vm);
}

CASE(large, "large pages, small pages, and slots that lie askew to large pages hold the same")
{
	run_large(0, 0);
	run_large(MEM_SMALL_PAGES, 0);
	run_large(0, 5 * PAGE_SIZE);
}
