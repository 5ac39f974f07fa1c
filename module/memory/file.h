/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_FILE_H
#define BELLOWS_MEMORY_FILE_H
/* The file operations of a memory object that users call. */
#include <linux/fs.h>

int memory_mmap(struct file *file, struct vm_area_struct *vma);
long memory_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long memory_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

#endif
