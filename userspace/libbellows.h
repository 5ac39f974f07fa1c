/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIBBELLOWS_H
#define LIBBELLOWS_H
/*
 * A thin library over /dev/bellows. It hides no concept, only the same ten
 * lines that every user of the ioctls would write. What fails returns a
 * negative errno; what returns a descriptor leaves closing it to the caller.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>
#include <bellows.h>

#define LIBBELLOWS_DEVICE	"/dev/bellows"

/* /dev/bellows; -EPROTO if what is there speaks another version of KVM's ABI. */
int libbellows_open(void);
/* The same of any node that speaks KVM's ABI; memory objects are Bellows' alone. */
int libbellows_open_path(const char *path);
int libbellows_host_info(int device, struct bellows_host_info *info);

/* A memory object, mapped shared into this process. */
struct libbellows_memory {
	int fd;
	uint64_t size;
	void *map;
};

int libbellows_memory_create(struct libbellows_memory *memory, int device, uint64_t size, uint64_t flags);
void libbellows_memory_destroy(struct libbellows_memory *memory);
int libbellows_memory_stat(const struct libbellows_memory *memory, struct bellows_memory_stat *stat);

int libbellows_vm_create(int device);
/* [offset, offset + size) of the memory object appears at guest-physical gpa. */
int libbellows_vm_attach(int vm, uint32_t slot, uint64_t gpa, const struct libbellows_memory *memory,
			 uint64_t offset, uint64_t size, uint32_t flags);

struct libbellows_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

/* With all CPUID features that the host offers. */
int libbellows_vcpu_create(struct libbellows_vcpu *vcpu, int device, int vm, uint32_t id);
void libbellows_vcpu_destroy(struct libbellows_vcpu *vcpu);
/* Until the next exit to userspace; 0: vcpu->run says why. */
int libbellows_vcpu_run(struct libbellows_vcpu *vcpu);
/* The address, in the run mapping, of the data of a KVM_EXIT_IO. */
void *libbellows_io_data(const struct libbellows_vcpu *vcpu);

/* Real mode, at physical address entry (below 64 KiB), as after a jump to 0:entry. */
int libbellows_vcpu_real_mode(struct libbellows_vcpu *vcpu, uint64_t entry);
/*
 * 64-bit mode at entry, interrupts off, RDI = the size of memory, the stack
 * below entry; the first 4 GiB are mapped one to one. The tables for that take
 * the LIBBELLOWS_TABLES_SIZE bytes of guest memory at LIBBELLOWS_TABLES.
 */
#define LIBBELLOWS_TABLES	0x1000
#define LIBBELLOWS_TABLES_SIZE	0x7000
int libbellows_vcpu_long_mode(struct libbellows_vcpu *vcpu, const struct libbellows_memory *memory,
			      uint64_t entry);

#endif
