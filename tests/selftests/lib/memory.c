// SPDX-License-Identifier: GPL-2.0
/* Guest memory and memory slots: the only place that knows which device this is. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "vm.h"

struct mem *mem_create(size_t size, unsigned int flags)
{
	struct mem *mem = calloc(1, sizeof(*mem));
	struct bellows_memory_create create = {
		.size = size,
		.flags = flags & MEM_SMALL_PAGES ? BELLOWS_MEMORY_SMALL_PAGES : 0,
	};

	mem->size = size;
	mem->fd = -1;
	if (!test_is_kvm)
		mem->fd = dev_ioctl(BELLOWS_MEMORY_CREATE, &create);
	mem->host = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 test_is_kvm ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, mem->fd, 0);
	ASSERT(mem->host != MAP_FAILED, "%s", strerror(errno));
	return mem;
}

void mem_free(struct mem *mem)
{
	x(munmap(mem->host, mem->size));
	if (mem->fd >= 0)
		x(close(mem->fd));
	free(mem);
}

static void range_op(struct mem *mem, unsigned long cmd, u64 offset, u64 length)
{
	struct bellows_memory_range range = { .offset = offset, .length = length };

	x(ioctl(mem->fd, cmd, &range));
}

void mem_invalidate(struct mem *mem, u64 offset, u64 length)
{
	void *p = (char *)mem->host + offset;

	if (!test_is_kvm) {
		range_op(mem, BELLOWS_MEMORY_INVALIDATE, offset, length);
		return;
	}
	/* A shared mapping: only the entries go. */
	x(madvise(p, length, MADV_DONTNEED));
}

void mem_discard(struct mem *mem, u64 offset, u64 length)
{
	if (test_is_kvm)
		x(madvise((char *)mem->host + offset, length, MADV_REMOVE));
	else
		range_op(mem, BELLOWS_MEMORY_DISCARD, offset, length);
}

int __vm_slot(struct vm *vm, unsigned int slot, u64 gpa, u64 size, void *host, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)host,
	};
	int ret = __vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);

	if (!ret && slot < MAX_SLOTS) {
		vm->slot[slot].gpa = gpa;
		vm->slot[slot].size = size;
		vm->slot[slot].host = host;
	}
	return ret;
}

void vm_slot(struct vm *vm, unsigned int slot, u64 gpa, u64 size, void *host, u32 flags)
{
	int ret = __vm_slot(vm, slot, gpa, size, host, flags);

	ASSERT(!ret, "slot %u: %s", slot, strerror(-ret));
}

void *vm_host(struct vm *vm, u64 gpa)
{
	for (unsigned int i = 0; i < MAX_SLOTS; i++)
		if (vm->slot[i].size && gpa >= vm->slot[i].gpa &&
		    gpa - vm->slot[i].gpa < vm->slot[i].size)
			return (char *)vm->slot[i].host + (gpa - vm->slot[i].gpa);
	ASSERT(false, "no memory at guest physical 0x%llx", gpa);
	return NULL;
}
