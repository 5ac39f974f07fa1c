/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef BELLOWS_UAPI_H
#define BELLOWS_UAPI_H
/*
 * What /dev/bellows offers beyond KVM's ABI. Machines (VMs, vCPUs, struct
 * kvm_run) are driven with the ioctls of <linux/kvm.h>; this header adds
 * memory: objects that hold guest memory as a file.
 *
 * Rules that hold for every structure here: fields have fixed widths and
 * natural alignment; reserved fields must be zero (-EINVAL otherwise); unknown
 * flags give -EINVAL; the size is part of the ioctl number.
 */
#include <linux/ioctl.h>
#include <linux/types.h>

#define BELLOWS_IOCTL_TYPE	0xBE

/**
 * struct bellows_host_info - what this machine offers to VMs
 * @backend:       "vmx" or "svm"; empty where the CPU has neither, or not enough of it.
 * @why:           where VMs are impossible: what is missing, for people; otherwise empty.
 * @nested_levels: levels of the nested page tables; 0 without them.
 * @maxphyaddr:    bits of a guest-physical address.
 * @xcr0:          extended state components a guest may enable.
 * @reserved:      zero.
 *
 * An empty @why does not promise that KVM_CREATE_VM succeeds: another
 * hypervisor may hold the CPUs at that time (-EBUSY).
 */
struct bellows_host_info {
	char backend[16];
	char why[128];
	__u32 nested_levels;
	__u32 maxphyaddr;
	__u64 xcr0;
	__u64 reserved[8];
};

/**
 * BELLOWS_HOST_INFO - what this machine offers (ioctl on /dev/bellows)
 * Errors: -EFAULT.
 */
#define BELLOWS_HOST_INFO	_IOR(BELLOWS_IOCTL_TYPE, 0x08, struct bellows_host_info)

/* struct bellows_memory_create.flags */
#define BELLOWS_MEMORY_SMALL_PAGES	(1ULL << 0)	/* back with 4 KiB frames only; default: 2 MiB where possible */
#define BELLOWS_MEMORY_PINNABLE		(1ULL << 1)	/* mmaps may be pinned for long, see below */

/**
 * struct bellows_memory_create - parameters of BELLOWS_MEMORY_CREATE
 * @size:     bytes; a multiple of 4096, from 4096 to 1 << 46.
 * @flags:    BELLOWS_MEMORY_*; 0 for the defaults.
 * @reserved: zero.
 */
struct bellows_memory_create {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

/**
 * BELLOWS_MEMORY_CREATE - make a memory object (ioctl on /dev/bellows)
 *
 * Returns a new file descriptor (close-on-exec). The object reads as zeros and
 * costs no memory until it is touched. Map it with mmap(MAP_SHARED), at any
 * offset that is a multiple of the page size; attach it to a VM by giving an
 * address inside such a mapping to KVM_SET_USER_MEMORY_REGION. Its frames are
 * charged to the memory cgroup of the caller of this ioctl, whichever process
 * touches them. A frame is in the RSS of a process only while an mmap of that
 * process maps it: what a guest touches is in no process's.
 *
 * mmap knows MAP_SHARED only (MAP_PRIVATE: -EINVAL), no PROT_EXEC (-EPERM), and
 * nothing beyond the object's end (-EINVAL). Reading an absent page through an
 * mmap costs nothing; an access for which there is no frame gets SIGBUS. Pages of
 * an mmap can be used for direct I/O and io_uring, but newer kernels refuse to pin
 * them for long (registered buffers of io_uring, RDMA, VFIO: -EFAULT), unless the
 * object is BELLOWS_MEMORY_PINNABLE; then reading an absent page through an mmap
 * allocates a frame, as it does in a memfd. (io_uring before 6.5 registers no file's
 * memory except tmpfs's: -EOPNOTSUPP.)
 *
 * The size is for life (ftruncate: -EPERM); there is no file offset (lseek:
 * -ESPIPE), no read and no write (-EINVAL). fallocate(FALLOC_FL_PUNCH_HOLE |
 * FALLOC_FL_KEEP_SIZE) is BELLOWS_MEMORY_DISCARD; other modes: -EOPNOTSUPP.
 *
 * Errors: -EINVAL size, flags or reserved are not as described; -ENOMEM;
 * -EMFILE, -ENFILE; -EFAULT the argument cannot be read.
 */
#define BELLOWS_MEMORY_CREATE	_IOW(BELLOWS_IOCTL_TYPE, 0x00, struct bellows_memory_create)

/**
 * struct bellows_memory_stat - what a memory object holds now
 * @size:      bytes, as created.
 * @absent:    pages that cost nothing and read as zero.
 * @private_pages: pages with a frame of their own.
 * @large:     of @private_pages, those in whole, contiguous 2 MiB blocks, which one
 *             large entry of a nested page table can map.
 * @mappers:   registered mappers: VM slots that cache translations to the object.
 * @pinned:    times a page was left alone because there was another reference to it.
 * @metadata:  bytes of kernel memory that describe the object: itself, its blocks,
 *             their tables; not the inner nodes of the index of blocks.
 * @ahead:     frames taken eight at a time, because pages are being written in order,
 *             as long as one of the eight has no page yet. Those are in no other count.
 * @reserved:  zero.
 *
 * All page counts are in units of 4096 bytes.
 */
struct bellows_memory_stat {
	__u64 size;
	__u64 absent;
	__u64 private_pages;
	__u64 large;
	__u64 mappers;
	__u64 pinned;
	__u64 metadata;
	__u64 ahead;
	__u64 reserved[8];
};

/**
 * BELLOWS_MEMORY_STAT - statistics (ioctl on a memory object)
 * Errors: -EFAULT.
 */
#define BELLOWS_MEMORY_STAT	_IOR(BELLOWS_IOCTL_TYPE, 0x01, struct bellows_memory_stat)

/**
 * struct bellows_memory_range - a range of an object, in bytes
 * @offset, @length: multiples of 4096, inside the object; length is not zero.
 * @flags, @reserved: zero.
 */
struct bellows_memory_range {
	__u64 offset;
	__u64 length;
	__u64 flags;
	__u64 reserved[5];
};

/**
 * BELLOWS_MEMORY_INVALIDATE - drop every translation of a range (ioctl on a memory object)
 *
 * Nested tables and user mappings of the range are emptied and TLBs flushed;
 * contents stay. For tests and measurements: the next access faults again.
 * Errors: -EINVAL, -EFAULT, -EINTR (a fatal signal).
 */
#define BELLOWS_MEMORY_INVALIDATE _IOW(BELLOWS_IOCTL_TYPE, 0x02, struct bellows_memory_range)

/**
 * BELLOWS_MEMORY_DISCARD - forget the contents of a range (ioctl on a memory object)
 *
 * The pages become absent: they read as zero and their frames return to the
 * host. A page that is referenced elsewhere (O_DIRECT under way) keeps its
 * frame and its contents and is counted in struct bellows_memory_stat.pinned.
 * An access at the same time comes before or after, page by page.
 * Errors: -EINVAL; -EFAULT; -EINTR (a fatal signal); -ENOMEM (only where a part
 * of a 2 MiB block is discarded): what comes before is discarded, the rest is not.
 */
#define BELLOWS_MEMORY_DISCARD	_IOW(BELLOWS_IOCTL_TYPE, 0x03, struct bellows_memory_range)

#endif
