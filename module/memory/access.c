// SPDX-License-Identifier: GPL-2.0
/*
 * Short accesses by the module itself: the instruction emulator, the walker of
 * guest page tables, later the scanner. They hold the block's lock, so no frame
 * changes under them, and they go through the kernel's own mapping of all
 * memory, so they cost no translation anywhere.
 *
 * A guest's CPUs read and write at the same time. What is naturally aligned
 * and has the size of a register is accessed in one piece, as hardware would;
 * anything else may be torn, as it may be on hardware.
 */
#include <linux/cpufeature.h>
#include <linux/mm.h>
#include "memory/object.h"

/* One step of an access: what lies within one page. */
static size_t memory_piece(u64 offset, size_t len)
{
	return min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
}

static void *memory_address(const struct bellows_frame *frame, u64 offset)
{
	lockdep_assert_held(&frame->block->lock);
	return page_address(mpn_to_page(frame->mpn)) + offset_in_page(offset);
}

static void memory_copy_out(void *to, const void *from, size_t len)
{
	if (len == 8 && IS_ALIGNED((unsigned long)from, 8))
		*(u64 *)to = READ_ONCE(*(const u64 *)from);
	else if (len == 4 && IS_ALIGNED((unsigned long)from, 4))
		*(u32 *)to = READ_ONCE(*(const u32 *)from);
	else if (len == 2 && IS_ALIGNED((unsigned long)from, 2))
		*(u16 *)to = READ_ONCE(*(const u16 *)from);
	else
		memcpy(to, from, len);
}

static void memory_copy_in(void *to, const void *from, size_t len)
{
	if (len == 8 && IS_ALIGNED((unsigned long)to, 8))
		WRITE_ONCE(*(u64 *)to, *(const u64 *)from);
	else if (len == 4 && IS_ALIGNED((unsigned long)to, 4))
		WRITE_ONCE(*(u32 *)to, *(const u32 *)from);
	else if (len == 2 && IS_ALIGNED((unsigned long)to, 2))
		WRITE_ONCE(*(u16 *)to, *(const u16 *)from);
	else
		memcpy(to, from, len);
}

static bool memory_holds(const struct bellows_memory *memory, u64 offset, size_t len)
{
	u64 size = memory->npages << PAGE_SHIFT;

	return offset <= size && len <= size - offset;
}

int bellows_memory_read(struct bellows_memory *memory, u64 offset, void *buf, size_t len)
{
	struct bellows_frame frame;
	size_t n;
	int err;

	if (!memory_holds(memory, offset, len))
		return -EINVAL;
	for (; len; len -= n, offset += n, buf += n) {
		n = memory_piece(offset, len);
		err = bellows_memory_lookup(memory, to_opn(offset >> PAGE_SHIFT),
					    BELLOWS_INTENT_PEEK, &frame);
		if (err == -ENOENT) {
			memset(buf, 0, n);
			continue;
		}
		if (err)
			return err;
		memory_copy_out(buf, memory_address(&frame, offset), n);
		bellows_memory_release(&frame);
	}
	return 0;
}

int bellows_memory_write(struct bellows_memory *memory, u64 offset, const void *buf, size_t len)
{
	struct bellows_frame frame;
	size_t n;
	int err;

	if (!memory_holds(memory, offset, len))
		return -EINVAL;
	for (; len; len -= n, offset += n, buf += n) {
		n = memory_piece(offset, len);
		err = bellows_memory_lookup(memory, to_opn(offset >> PAGE_SHIFT),
					    BELLOWS_INTENT_WRITE, &frame);
		if (err)
			return err;
		memory_copy_in(memory_address(&frame, offset), buf, n);
		bellows_memory_release(&frame);
	}
	return 0;
}

static bool memory_cmpxchg_16(u64 *p, u64 *old, const u64 *new)
{
	bool same;

	asm volatile("lock cmpxchg16b %[p]"
		     : "=@ccz" (same), [p] "+m" (*(struct { u64 v[2]; } *)p),
		       "+a" (old[0]), "+d" (old[1])
		     : "b" (new[0]), "c" (new[1])
		     : "memory");
	return same;
}

static int memory_cmpxchg_any(void *p, void *old, const void *new, size_t len)
{
	switch (len) {
	case 1:
		return !try_cmpxchg((u8 *)p, (u8 *)old, *(const u8 *)new);
	case 2:
		return !try_cmpxchg((u16 *)p, (u16 *)old, *(const u16 *)new);
	case 4:
		return !try_cmpxchg((u32 *)p, (u32 *)old, *(const u32 *)new);
	case 8:
		return !try_cmpxchg((u64 *)p, (u64 *)old, *(const u64 *)new);
	case 16:
		if (boot_cpu_has(X86_FEATURE_CX16))
			return !memory_cmpxchg_16(p, old, new);
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

int bellows_memory_cmpxchg(struct bellows_memory *memory, u64 offset, void *old, const void *new,
			   size_t len)
{
	struct bellows_frame frame;
	int ret;

	if (!len || len > 16 || offset & (len - 1) || !memory_holds(memory, offset, len))
		return -EINVAL;
	ret = bellows_memory_lookup(memory, to_opn(offset >> PAGE_SHIFT), BELLOWS_INTENT_WRITE,
				    &frame);
	if (ret)
		return ret;
	ret = memory_cmpxchg_any(memory_address(&frame, offset), old, new, len);
	bellows_memory_release(&frame);
	return ret;
}
