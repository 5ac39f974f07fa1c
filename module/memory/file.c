// SPDX-License-Identifier: GPL-2.0
/*
 * What users do with an object's descriptor: map it, and give it orders.
 *
 * User mappings consist of small pages with references, so that everything in
 * the kernel that takes a user's buffer (direct I/O, io_uring, vmsplice,
 * process_vm_readv) takes these. That fixes how a fault works:
 *
 * A frame is looked up under the block's lock and referenced, and the kernel
 * installs it later, when the lock is free again. The reference keeps the
 * frame where it is until the mapping is there and has taken it over. So no
 * state change can come in between, at the price that a discard may find a
 * fault under way and take it for a pin.
 *
 * The page of zeros has no owner that such a reference could stop. It is
 * installed here, under the block's lock, where a thread that gives the page a
 * frame comes before (and the fault finds it) or after (and removes the zeros).
 * It is mapped read-only; the write that follows ends in page_mkwrite, which
 * gives the page a frame, by which the mapping of zeros is gone, and lets the
 * access fault again. A page_mkwrite has to answer "locked" or "again": a page
 * that belongs to no file's cache would be retried for ever otherwise. The
 * kernel's own page of zeros will not do: newer kernels refuse to map it
 * shared and writable, because a pin of it sees zeros for ever.
 *
 * For the same reason newer kernels do not pin a mapping with a page_mkwrite
 * for long (registered buffers of io_uring, RDMA, VFIO). An object that wants
 * this is made PINNABLE: it has neither zeros nor a page_mkwrite in its
 * mappings, and a read allocates as a write does.
 *
 * Locks: mmap_lock, held by the kernel, then the block's. A thread that holds a
 * block's lock does not touch user memory or wait for a page lock.
 */
#include <linux/fs.h>
#include <linux/falloc.h>	/* not before the types */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "memory/file.h"
#include "memory/frame.h"
#include "memory/lookup.h"
#include "uapi/bellows.h"

/*
 * Far below where a page's count of references would overflow: mappings stop
 * here, and pins, which find the page without a fault and count 1024 each, have
 * room for a million and a half at a time. Beyond those the kernel refuses the
 * pin, as it does for any page that many pin at once.
 */
#define MAX_ZERO_REFERENCES	(1 << 29)

/*
 * Not VM_FAULT_OOM: the kernel would repeat the fault, and the reason may be
 * the cgroup's limit, which stays. A dying task gets it too, and never sees it.
 */
static vm_fault_t memory_fault_failed(int err)
{
	return err == -ENOENT ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

static enum bellows_intent memory_fault_intent(const struct bellows_memory *memory,
					       unsigned int flags)
{
	if (flags & FAULT_FLAG_WRITE || memory->flags & BELLOWS_MEMORY_PINNABLE ||
	    page_ref_count(frame_zero_page) > MAX_ZERO_REFERENCES)
		return BELLOWS_INTENT_WRITE;
	return BELLOWS_INTENT_READ;
}

static vm_fault_t memory_insert_zeros(struct vm_fault *vmf, const struct bellows_frame *frame)
{
	lockdep_assert_held(&frame->block->lock);
	switch (vm_insert_page(vmf->vma, vmf->address & PAGE_MASK, frame_zero_page)) {
	case 0:
	case -EBUSY:	/* another thread was here */
		return VM_FAULT_NOPAGE;
	case -ENOMEM:	/* of a page table: as for any other mapping */
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t memory_fault(struct vm_fault *vmf)
{
	struct bellows_memory *memory = vmf->vma->vm_file->private_data;
	struct bellows_frame frame;
	vm_fault_t ret = 0;
	int err;

	err = bellows_memory_lookup(memory, to_opn(vmf->pgoff),
				    memory_fault_intent(memory, vmf->flags), &frame);
	if (err)
		return memory_fault_failed(err);
	if (frame.writable) {
		memory_own_frame(&frame);
		vmf->page = mpn_to_page(frame.mpn);
		get_page(vmf->page);
		set_page_private(vmf->page, (unsigned long)memory);
	} else {
		ret = memory_insert_zeros(vmf, &frame);
	}
	bellows_memory_release(&frame);
	return ret;
}

/* Looks at the page again, for writing: 0, if vmf->page is its frame. */
static vm_fault_t memory_make_own(struct bellows_memory *memory, struct vm_fault *vmf)
{
	struct bellows_frame frame;
	bool own;
	int err;

	err = bellows_memory_lookup(memory, to_opn(vmf->pgoff), BELLOWS_INTENT_WRITE, &frame);
	if (err)
		return memory_fault_failed(err);
	own = mpn_to_page(frame.mpn) == vmf->page;
	bellows_memory_release(&frame);
	return own ? 0 : VM_FAULT_NOPAGE;
}

/*
 * vmf->page is mapped, or about to be, and referenced. If it is the page's own
 * frame it may become writable, and stays the frame as long as the reference.
 * What has the object's mark was its own frame when the fault found it, and
 * still is: making it another's means to remove the mapping first, and then the
 * reference is found. So there is no need to look again.
 */
static vm_fault_t memory_page_mkwrite(struct vm_fault *vmf)
{
	struct bellows_memory *memory = vmf->vma->vm_file->private_data;
	vm_fault_t ret = 0;

	if (page_private(vmf->page) != (unsigned long)memory)
		ret = memory_make_own(memory, vmf);
	if (ret)
		return ret;
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct memory_vm_ops = {
	.fault = memory_fault,
	.page_mkwrite = memory_page_mkwrite,
};

static const struct vm_operations_struct memory_pinnable_vm_ops = {
	.fault = memory_fault,
};

/*
 * MIXEDMAP: the page of zeros is inserted by hand. DONTEXPAND: there is nothing
 * behind the end. DONTDUMP: a dump would touch every page of a guest.
 */
int memory_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bellows_memory *memory = file->private_data;

	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff >= memory->npages || vma_pages(vma) > memory->npages - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = memory->flags & BELLOWS_MEMORY_PINNABLE ? &memory_pinnable_vm_ops :
								&memory_vm_ops;
	return 0;
}

static int memory_stat(struct bellows_memory *memory, void __user *arg)
{
	u64 nr_private = memory_counted(memory, COUNT_PRIVATE);
	struct bellows_memory_stat stat = {
		.size = memory->npages << PAGE_SHIFT,
		.absent = memory->npages - nr_private,
		.private_pages = nr_private,
		.large = memory_counted(memory, COUNT_LARGE),
		.mappers = READ_ONCE(memory->nr_mappers),
		.pinned = memory_counted(memory, COUNT_LEFT),
		.ahead = memory_counted(memory, COUNT_AHEAD),
		.metadata = sizeof(*memory) +
			    memory_counted(memory, COUNT_BLOCKS) *
				sizeof(struct mem_block) +
			    memory_counted(memory, COUNT_TABLES) *
				BELLOWS_BLOCK_PAGES * sizeof(u64),
	};

	return copy_to_user(arg, &stat, sizeof(stat)) ? -EFAULT : 0;
}

static int memory_get_range(const struct bellows_memory *memory, const void __user *arg,
			    opn_t *start, u64 *npages)
{
	u64 size = memory->npages << PAGE_SHIFT;
	struct bellows_memory_range range;

	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	if (!PAGE_ALIGNED(range.offset | range.length) || !range.length || range.flags ||
	    memchr_inv(range.reserved, 0, sizeof(range.reserved)) ||
	    range.offset > size || range.length > size - range.offset)
		return -EINVAL;
	*start = to_opn(range.offset >> PAGE_SHIFT);
	*npages = range.length >> PAGE_SHIFT;
	return 0;
}

long memory_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bellows_memory *memory = file->private_data;
	u64 npages;
	opn_t start;
	int err;

	switch (cmd) {
	case BELLOWS_MEMORY_STAT:
		return memory_stat(memory, (void __user *)arg);
	case BELLOWS_MEMORY_INVALIDATE:
		err = memory_get_range(memory, (void __user *)arg, &start, &npages);
		return err ?: memory_invalidate(memory, start, npages);
	case BELLOWS_MEMORY_DISCARD:
		err = memory_get_range(memory, (void __user *)arg, &start, &npages);
		return err ?: memory_discard(memory, start, npages);
	default:
		return -ENOTTY;
	}
}

/* The standard name of a discard; madvise(MADV_REMOVE) comes here too. */
long memory_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct bellows_memory *memory = file->private_data;
	u64 size = memory->npages << PAGE_SHIFT;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(offset | len))
		return -EINVAL;
	if (offset >= size)
		return 0;
	len = min_t(u64, len, size - offset);
	return memory_discard(memory, to_opn(offset >> PAGE_SHIFT), len >> PAGE_SHIFT);
}
