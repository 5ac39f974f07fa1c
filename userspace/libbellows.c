// SPDX-License-Identifier: GPL-2.0
/*
 * The library's calls, in the order in which a program needs them: device,
 * memory, VM, vCPU, and the two states a vCPU can be started in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "libbellows.h"

#define MAX_CPUID	256

static int call(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static int call_value(int fd, unsigned long cmd, unsigned long arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int libbellows_open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (call_value(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		close(fd);
		return -EPROTO;
	}
	return fd;
}

int libbellows_open(void)
{
	return libbellows_open_path(LIBBELLOWS_DEVICE);
}

int libbellows_host_info(int device, struct bellows_host_info *info)
{
	return call(device, BELLOWS_HOST_INFO, info);
}

int libbellows_memory_create(struct libbellows_memory *memory, int device, uint64_t size, uint64_t flags)
{
	struct bellows_memory_create args = { .size = size, .flags = flags };
	int fd = call(device, BELLOWS_MEMORY_CREATE, &args);
	void *map;

	if (fd < 0)
		return fd;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	*memory = (struct libbellows_memory) { .fd = fd, .size = size, .map = map };
	return 0;
}

void libbellows_memory_destroy(struct libbellows_memory *memory)
{
	munmap(memory->map, memory->size);
	close(memory->fd);
}

int libbellows_memory_stat(const struct libbellows_memory *memory, struct bellows_memory_stat *stat)
{
	return call(memory->fd, BELLOWS_MEMORY_STAT, stat);
}

int libbellows_vm_create(int device)
{
	return call_value(device, KVM_CREATE_VM, 0);
}

int libbellows_vm_attach(int vm, uint32_t slot, uint64_t gpa, const struct libbellows_memory *memory,
			 uint64_t offset, uint64_t size, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory->map + offset,
	};

	return call(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int offer_all_features(int device, int vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int err;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = MAX_CPUID;
	err = call(device, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (!err)
		err = call(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return err;
}

int libbellows_vcpu_create(struct libbellows_vcpu *vcpu, int device, int vm, uint32_t id)
{
	int size = call_value(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;
	int fd, err;

	if (size < 0)
		return size;
	fd = call_value(vm, KVM_CREATE_VCPU, id);
	if (fd < 0)
		return fd;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	*vcpu = (struct libbellows_vcpu) { .fd = fd, .run = run, .run_size = size };
	err = offer_all_features(device, fd);
	if (err)
		libbellows_vcpu_destroy(vcpu);
	return err;
}

void libbellows_vcpu_destroy(struct libbellows_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
}

int libbellows_vcpu_run(struct libbellows_vcpu *vcpu)
{
	return call_value(vcpu->fd, KVM_RUN, 0);
}

void *libbellows_io_data(const struct libbellows_vcpu *vcpu)
{
	return (char *)vcpu->run + vcpu->run->io.data_offset;
}

int libbellows_vcpu_real_mode(struct libbellows_vcpu *vcpu, uint64_t entry)
{
	struct kvm_regs regs = { .rip = entry, .rflags = 2 };
	struct kvm_sregs sregs;
	int err;

	if (entry > 0xffff)
		return -EINVAL;
	err = call(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (err)
		return err;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	err = call(vcpu->fd, KVM_SET_SREGS, &sregs);
	if (err)
		return err;
	return call(vcpu->fd, KVM_SET_REGS, &regs);
}

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_NE		(1u << 5)
#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define CR4_OSFXSR	(1u << 9)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define PTE_TABLE	0x3ull		/* present, writable */
#define PTE_LARGE	0x83ull

/* A table of 512 entries each: one of level 4, one of level 3, four of level 2; then the GDT. */
static uint64_t write_tables(const struct libbellows_memory *memory)
{
	uint64_t *level4 = (uint64_t *)((char *)memory->map + LIBBELLOWS_TABLES);
	uint64_t *level3 = level4 + 512, *level2 = level3 + 512, *gdt = level2 + 4 * 512;
	uint64_t i;

	level4[0] = (LIBBELLOWS_TABLES + 0x1000) | PTE_TABLE;
	for (i = 0; i < 4; i++)
		level3[i] = (LIBBELLOWS_TABLES + 0x2000 + i * 0x1000) | PTE_TABLE;
	for (i = 0; i < 4 * 512; i++)
		level2[i] = (i << 21) | PTE_LARGE;
	gdt[1] = 0x00af9b000000ffff;	/* 64-bit code */
	gdt[2] = 0x00cf93000000ffff;	/* data */
	return LIBBELLOWS_TABLES + 0x6000;
}

int libbellows_vcpu_long_mode(struct libbellows_vcpu *vcpu, const struct libbellows_memory *memory,
			      uint64_t entry)
{
	struct kvm_segment code = { .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
				    .limit = 0xffffffff };
	struct kvm_segment data = { .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
				    .limit = 0xffffffff };
	struct kvm_regs regs = { .rip = entry, .rsp = entry, .rdi = memory->size, .rflags = 2 };
	struct kvm_sregs sregs;
	int err;

	if (memory->size < LIBBELLOWS_TABLES + LIBBELLOWS_TABLES_SIZE)
		return -EINVAL;
	err = call(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (err)
		return err;
	sregs.gdt.base = write_tables(memory);
	sregs.gdt.limit = 3 * 8 - 1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = LIBBELLOWS_TABLES;
	sregs.cr4 = CR4_PAE | CR4_OSFXSR;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	err = call(vcpu->fd, KVM_SET_SREGS, &sregs);
	if (err)
		return err;
	return call(vcpu->fd, KVM_SET_REGS, &regs);
}
