// SPDX-License-Identifier: GPL-2.0
/*
 * What the hypervisor fetches and translates itself, to serve an access to a
 * device, is what is there now: pages that are discarded, slots that are
 * replaced, tables that change between two accesses are seen at once.
 *
 * The guest is a loop of one store, which tells by its source register from
 * which copy of the code it came.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "guest.h"
#include "vm.h"

#define DEV	MMIO_BASE
#define WINDOW	0x40000000UL
#define CODE	0x20000000UL		/* guest-physical, in slot 1 */
#define SIZE	(2 * MB)
#define TURNS	20

/* The same length for each of the eight; CR3 is loaded so that no TLB is to blame. */
static void put_code(char *to, unsigned int which)
{
	static const u8 regs[] = { 0, 3, 5, 6 };	/* RAX, RBX, RBP, RSI */
	const u8 code[] = {
		0x89, 0x07 | regs[which % 4] << 3,	/* mov %reg, (%rdi) */
		0x0f, 0x20, 0xd9, 0x0f, 0x22, 0xd9,	/* mov %cr3, %rcx; mov %rcx, %cr3 */
		0xeb, 0xf6,				/* jmp to the first */
	};

	memset(to, 0xcc, PAGE_SIZE);
	memcpy(to, code, sizeof(code));
}

static void nothing(u64 arg)
{
}

static struct vcpu *looping_vcpu(struct vm *vm)
{
	struct vcpu *vcpu = vcpu_new(vm, nothing, 0);
	struct kvm_regs regs;

	vcpu_regs(vcpu, &regs);
	regs.rip = WINDOW;
	regs.rdi = DEV;
	regs.rax = 0;
	regs.rbx = 1;
	regs.rbp = 2;
	regs.rsi = 3;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

static struct mem *code_memory(struct vm *vm, unsigned int flags)
{
	struct mem *mem = mem_create(SIZE, flags);

	vm_slot(vm, 1, CODE, SIZE, mem->host, 0);
	vm_map(vm, WINDOW, CODE, PAGE_SIZE, PTE_W);
	return mem;
}

/* Runs to the next store. */
static unsigned int next_store(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u32 data;

	ASSERT_EQ(__vcpu_ioctl(vcpu, KVM_RUN, 0), 0);
	ASSERT_EQ(run->exit_reason, KVM_EXIT_MMIO);
	ASSERT(run->mmio.phys_addr == DEV && run->mmio.is_write && run->mmio.len == 4,
	       "%u bytes at %llx", run->mmio.len, run->mmio.phys_addr);
	memcpy(&data, run->mmio.data, sizeof(data));
	return data;
}

static void expect_store(struct vcpu *vcpu, unsigned int which)
{
	/* Twice: what is remembered of the first must serve the second, too. */
	EXPECT_EQ(next_store(vcpu), which % 4);
	EXPECT_EQ(next_store(vcpu), which % 4);
}

static void discard_code(unsigned int flags, unsigned int nr_vcpus)
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct mem *mem = code_memory(vm, flags);
	struct vcpu *vcpu[2];

	for (unsigned int i = 0; i < nr_vcpus; i++)
		vcpu[i] = looping_vcpu(vm);
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		mem_discard(mem, turn % 2 ? 0 : SIZE - PAGE_SIZE, PAGE_SIZE);
		if (turn % 3)
			mem_discard(mem, 0, turn % 3 == 1 ? PAGE_SIZE : SIZE);
		put_code(mem->host, turn);
		for (unsigned int i = 0; i < nr_vcpus; i++)
			expect_store(vcpu[i], turn);
	}
	vm_free(vm);
	mem_free(mem);
}

CASE(discarded, "code in a page that was discarded and filled again")
{
	discard_code(MEM_SMALL_PAGES, 1);
	discard_code(0, 1);
}

CASE(discarded_two, "the same under two vCPUs")
{
	discard_code(MEM_SMALL_PAGES, 2);
	discard_code(0, 2);
}

CASE(replaced, "code in a slot that was replaced by another memory")
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct mem *mem = code_memory(vm, MEM_SMALL_PAGES), *old;
	struct vcpu *vcpu[2];

	put_code(mem->host, 0);
	vcpu[0] = looping_vcpu(vm);
	vcpu[1] = looping_vcpu(vm);
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		for (unsigned int i = 0; i < 2; i++)
			expect_store(vcpu[i], turn);
		vm_slot(vm, 1, CODE, 0, mem->host, 0);
		old = mem;
		/* Freed at once, so that its frames are others' soon. */
		if (turn % 2)
			mem_free(old);
		mem = mem_create(SIZE, MEM_SMALL_PAGES);
		put_code(mem->host, turn + 1);
		vm_slot(vm, 1, CODE, SIZE, mem->host, 0);
		if (!(turn % 2))
			mem_free(old);
	}
	vm_free(vm);
	mem_free(mem);
}

CASE(moved, "code in a slot that moved, and another that came to its place")
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct mem *mem = code_memory(vm, MEM_SMALL_PAGES), *other = mem_create(SIZE, 0);
	struct vcpu *vcpu;

	put_code(mem->host, 0);
	put_code(other->host, 1);
	vcpu = looping_vcpu(vm);
	expect_store(vcpu, 0);
	vm_slot(vm, 1, CODE + SIZE, SIZE, mem->host, 0);
	vm_slot(vm, 2, CODE, SIZE, other->host, 0);
	expect_store(vcpu, 1);
	*vm_pte(vm, WINDOW, 1) += SIZE;
	expect_store(vcpu, 0);
	vm_free(vm);
	mem_free(mem);
	mem_free(other);
}

/* Points the window's entry elsewhere, in the same page of tables or in a new one. */
static void repoint(struct vm *vm, u64 gpa, bool anew)
{
	static char page[PAGE_SIZE];
	u64 *pte = vm_pte(vm, WINDOW, 1);
	u64 offset = (char *)pte - (char *)vm->mem->host;
	u64 flags = *pte & 0xfff;

	if (!anew) {
		*pte = gpa | flags;
		return;
	}
	memcpy(page, (char *)vm->mem->host + (offset & ~(PAGE_SIZE - 1)), PAGE_SIZE);
	*(u64 *)(page + offset % PAGE_SIZE) = gpa | flags;
	mem_discard(vm->mem, offset & ~(PAGE_SIZE - 1), PAGE_SIZE);
	memcpy((char *)vm->mem->host + (offset & ~(PAGE_SIZE - 1)), page, PAGE_SIZE);
}

static void change_tables(bool anew)
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct mem *mem = code_memory(vm, MEM_SMALL_PAGES);
	struct vcpu *vcpu[2];

	for (unsigned int i = 0; i < 4; i++)
		put_code((char *)mem->host + i * PAGE_SIZE, i);
	vcpu[0] = looping_vcpu(vm);
	vcpu[1] = looping_vcpu(vm);
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		repoint(vm, CODE + turn % 4 * PAGE_SIZE, anew);
		for (unsigned int i = 0; i < 2; i++)
			expect_store(vcpu[i], turn);
	}
	vm_free(vm);
	mem_free(mem);
}

CASE(table_entry, "code behind a page-table entry that changed")
{
	change_tables(false);
}

CASE(table_page, "code behind a page table that was discarded and filled again")
{
	change_tables(true);
}

static atomic_bool stop;

static void *disturb(void *arg)
{
	struct mem *mem = arg;

	while (!stop) {
		mem_invalidate(mem, 0, SIZE);
		mem_discard(mem, PAGE_SIZE, SIZE - PAGE_SIZE);
		((char *)mem->host)[SIZE / 2] = 1;
	}
	return NULL;
}

struct storer {
	struct vcpu *vcpu;
	unsigned long wrong;
};

static void *store(void *arg)
{
	struct storer *s = arg;

	for (unsigned long i = test_scale(2000); i; i--)
		s->wrong += next_store(s->vcpu) != 2;
	return NULL;
}

CASE(race, "two vCPUs store while translations are dropped and other pages discarded")
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct mem *mem = code_memory(vm, 0);
	struct storer s[2] = {};
	pthread_t thread[3];

	put_code(mem->host, 2);
	stop = false;
	ASSERT_EQ(pthread_create(&thread[2], NULL, disturb, mem), 0);
	for (unsigned int i = 0; i < 2; i++) {
		s[i].vcpu = looping_vcpu(vm);
		ASSERT_EQ(pthread_create(&thread[i], NULL, store, &s[i]), 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_join(thread[i], NULL), 0);
	stop = true;
	ASSERT_EQ(pthread_join(thread[2], NULL), 0);
	EXPECT_EQ(s[0].wrong + s[1].wrong, 0);
	vm_free(vm);
	mem_free(mem);
}
