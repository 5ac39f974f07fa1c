// SPDX-License-Identifier: GPL-2.0
/* Builds the guest's page tables, in any of the four formats. */
#include "vm.h"

unsigned int vm_levels(const struct vm *vm)
{
	switch (vm->mode) {
	case GUEST_PAGED32:
		return 2;
	case GUEST_PAE:
		return 3;
	case GUEST_LONG:
		return 4;
	case GUEST_LONG5:
		return 5;
	default:
		return 0;
	}
}

u64 vm_page(struct vm *vm)
{
	u64 page = vm->pt_next;

	ASSERT(page < PT_POOL_END, "out of pages for page tables");
	vm->pt_next += PAGE_SIZE;
	memset(vm_host(vm, page), 0, PAGE_SIZE);
	return page;
}

/* Entries of 4 bytes: returned as if of 8, so their users write 32 bits only. */
static void *entry_at(struct vm *vm, u64 table, u64 va, unsigned int level)
{
	unsigned int bits = vm->mode == GUEST_PAGED32 ? 10 : 9;
	unsigned int size = vm->mode == GUEST_PAGED32 ? 4 : 8;
	unsigned int index = va >> (12 + bits * (level - 1)) & (BIT(bits) - 1);

	return (char *)vm_host(vm, table) + index * size;
}

static u64 get_entry(struct vm *vm, void *entry)
{
	return vm->mode == GUEST_PAGED32 ? *(u32 *)entry : *(u64 *)entry;
}

static void set_entry(struct vm *vm, void *entry, u64 value)
{
	if (vm->mode == GUEST_PAGED32)
		*(u32 *)entry = value;
	else
		*(u64 *)entry = value;
}

/* A large page in the way becomes a table of small ones that say the same. */
static u64 split(struct vm *vm, u64 large, unsigned int level)
{
	u64 step = level == 3 ? 2 * MB : PAGE_SIZE;
	unsigned int n = vm->mode == GUEST_PAGED32 ? 1024 : 512;
	u64 table = vm_page(vm), base = large & PTE_ADDR & ~(step * n - 1);
	u64 flags = (large & (0xfff | PTE_NX)) & (level == 3 ? ~0ULL : ~PTE_PS);

	for (unsigned int i = 0; i < n; i++)
		set_entry(vm, entry_at(vm, table, i * step, level - 1), (base + i * step) | flags);
	return table;
}

static void *walk(struct vm *vm, u64 va, unsigned int level)
{
	u64 table = vm->pt_root;

	for (unsigned int l = vm_levels(vm); ; l--) {
		void *entry = entry_at(vm, table, va, l);
		u64 value = get_entry(vm, entry);

		if (l == level)
			return entry;
		if (!(value & PTE_P)) {
			/* The third level of PAE knows no other flags. */
			value = vm_page(vm) | PTE_P;
			if (!(vm->mode == GUEST_PAE && l == 3))
				value |= PTE_W | PTE_U;
			set_entry(vm, entry, value);
		} else if ((value & PTE_PS) && l > 1) {
			value = split(vm, value, l) | PTE_P | PTE_W | PTE_U;
			set_entry(vm, entry, value);
		}
		table = value & PTE_ADDR;
	}
}

u64 *vm_pte(struct vm *vm, u64 va, unsigned int level)
{
	return walk(vm, va, level);
}

void vm_map(struct vm *vm, u64 va, u64 gpa, u64 size, u64 flags)
{
	for (u64 done = 0; done < size; done += PAGE_SIZE)
		set_entry(vm, walk(vm, va + done, 1), (gpa + done) | flags | PTE_P);
}

void vm_map_large(struct vm *vm, u64 va, u64 gpa, unsigned int level, u64 flags)
{
	set_entry(vm, walk(vm, va, level), gpa | flags | PTE_P | PTE_PS);
}
