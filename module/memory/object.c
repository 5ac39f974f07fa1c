// SPDX-License-Identifier: GPL-2.0
/*
 * The memory object as a file: making it, finding it, holding it.
 *
 * Every object has an inode of its own, since its user mappings are found
 * through the inode: on one that objects shared, removing the mappings of one
 * would remove all others' too. So there is a little file system that cannot be
 * seen or mounted. It exists while an object does, and it holds a reference to
 * the module, which therefore outlives the last object by itself.
 *
 * The object lives as long as its file: descriptors, user mappings and memory
 * slots each hold the file. When the file goes, nothing maps the object any
 * more, and its frames go back to the host.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include "compat.h"
#include "memory/file.h"
#include "memory/frame.h"
#include "memory/lookup.h"
#include "memory/object.h"
#include "uapi/bellows.h"

#define MEMORY_FS_MAGIC		0x424c574d
#define MAX_SIZE		(1ULL << 46)
#define KNOWN_FLAGS		(BELLOWS_MEMORY_SMALL_PAGES | BELLOWS_MEMORY_PINNABLE)

DEFINE_MUTEX(memory_list_lock);
LIST_HEAD(memory_list);

static struct vfsmount *memory_mnt;
static int memory_mnt_users;

static int memory_init_fs_context(struct fs_context *fc)
{
	if (!init_pseudo(fc, MEMORY_FS_MAGIC))
		return -ENOMEM;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type memory_fs = {
	.owner = THIS_MODULE,
	.name = "bellows-memory",
	.init_fs_context = memory_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* The size is for life. */
static int memory_setattr(bellows_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	if (attr->ia_valid & ATTR_SIZE)
		return -EPERM;
	return simple_setattr(idmap, dentry, attr);
}

static const struct inode_operations memory_inode_ops = {
	.setattr = memory_setattr,
};

static bool memory_args_are_good(const struct bellows_memory_create *args)
{
	return args->size && args->size <= MAX_SIZE && PAGE_ALIGNED(args->size) &&
	       !(args->flags & ~KNOWN_FLAGS) &&
	       !memchr_inv(args->reserved, 0, sizeof(args->reserved));
}

static struct bellows_memory *memory_alloc(const struct bellows_memory_create *args)
{
	struct bellows_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);

	if (!memory)
		return NULL;
	memory->npages = args->size >> PAGE_SHIFT;
	memory->flags = args->flags;
	memory->memcg = get_mem_cgroup_from_mm(current->mm);
	xa_init_flags(&memory->blocks, XA_FLAGS_ACCOUNT);
	init_rwsem(&memory->mappers_lock);
	INIT_LIST_HEAD(&memory->mappers);
	return memory;
}

static void memory_free(struct bellows_memory *memory)
{
	mem_cgroup_put(memory->memcg);
	kfree(memory);
}

static struct file *memory_file(struct bellows_memory *memory)
{
	struct inode *inode;
	struct file *file;

	inode = alloc_anon_inode(memory_mnt->mnt_sb);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_mode |= S_IFREG;
	inode->i_op = &memory_inode_ops;
	i_size_write(inode, memory->npages << PAGE_SHIFT);
	file = alloc_file_pseudo(inode, memory_mnt, memory_fs.name, O_RDWR, &memory_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}
	/* Closing the file drops it. */
	__module_get(memory_fops.owner);
	file->private_data = memory;
	memory->mapping = file->f_mapping;
	return file;
}

struct bellows_memory *bellows_memory_new(const struct bellows_memory_create *args)
{
	struct bellows_memory *memory;
	struct file *file;
	int err;

	if (!memory_args_are_good(args))
		return ERR_PTR(-EINVAL);
	memory = memory_alloc(args);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	err = simple_pin_fs(&memory_fs, &memory_mnt, &memory_mnt_users);
	if (err)
		goto out_free;
	file = memory_file(memory);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto out_fs;
	}
	memory->file = file;
	mutex_lock(&memory_list_lock);
	list_add_tail(&memory->link, &memory_list);
	mutex_unlock(&memory_list_lock);
	return memory;

out_fs:
	simple_release_fs(&memory_mnt, &memory_mnt_users);
out_free:
	memory_free(memory);
	return ERR_PTR(err);
}

int bellows_memory_create(const struct bellows_memory_create *args)
{
	struct bellows_memory *memory;
	int fd = get_unused_fd_flags(O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fd;
	memory = bellows_memory_new(args);
	if (IS_ERR(memory)) {
		put_unused_fd(fd);
		return PTR_ERR(memory);
	}
	fd_install(fd, memory->file);
	return fd;
}

static int memory_release(struct inode *inode, struct file *file)
{
	struct bellows_memory *memory = file->private_data;

	mutex_lock(&memory_list_lock);
	list_del(&memory->link);
	mutex_unlock(&memory_list_lock);
	memory_free_blocks(memory);
	memory_free(memory);
	simple_release_fs(&memory_mnt, &memory_mnt_users);
	return 0;
}

const struct file_operations memory_fops = {
	.owner = THIS_MODULE,
	.mmap = memory_mmap,
	.unlocked_ioctl = memory_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.fallocate = memory_fallocate,
	.fsync = noop_fsync,		/* for msync(): there is nothing behind the memory */
	.release = memory_release,
};

struct bellows_memory *memory_of_file(const struct file *file)
{
	return file && file->f_op == &memory_fops ? file->private_data : NULL;
}

struct bellows_memory *bellows_memory_get(struct bellows_memory *memory)
{
	get_file(memory->file);
	return memory;
}

void bellows_memory_put(struct bellows_memory *memory)
{
	fput(memory->file);
}

u64 bellows_memory_npages(const struct bellows_memory *memory)
{
	return memory->npages;
}

int bellows_memory_from_fd(int fd, struct bellows_memory **memory)
{
	struct file *file = fget(fd);

	if (!file)
		return -EBADF;
	*memory = memory_of_file(file);
	if (*memory)
		return 0;
	fput(file);
	return -EINVAL;
}

/* The object's page at addr, in one of its mappings. */
static struct bellows_memory *memory_mapped_at(unsigned long addr, opn_t *opn, unsigned long *end)
{
	struct bellows_memory *memory;
	struct vm_area_struct *vma;

	lockdep_assert_held(&current->mm->mmap_lock);
	vma = vma_lookup(current->mm, addr);
	memory = vma ? memory_of_file(vma->vm_file) : NULL;
	if (!memory)
		return NULL;
	*opn = to_opn(vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT));
	*end = vma->vm_end;
	return memory;
}

/* The kernel may have cut a mapping into pieces (mprotect), so several are fine if they fit. */
int bellows_memory_from_mmap(unsigned long uaddr, u64 size, struct bellows_memory **memory,
			     opn_t *start)
{
	unsigned long addr, next, end = uaddr + size;
	int err = -EINVAL;
	opn_t opn;

	if (!size || !PAGE_ALIGNED(uaddr | size) || end <= uaddr)
		return -EINVAL;
	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	*memory = memory_mapped_at(uaddr, start, &next);
	if (!*memory)
		goto out;
	for (addr = next; addr < end; addr = next) {
		if (memory_mapped_at(addr, &opn, &next) != *memory ||
		    opn.v != start->v + ((addr - uaddr) >> PAGE_SHIFT))
			goto out;
	}
	bellows_memory_get(*memory);
	err = 0;
out:
	mmap_read_unlock(current->mm);
	return err;
}

int bellows_memory_init(void)
{
	int err = frame_init();

	if (err)
		return err;
	err = memory_blocks_init();
	if (err)
		frame_exit();
	return err;
}

void bellows_memory_exit(void)
{
	memory_blocks_exit();
	frame_exit();
}
