/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H
/*
 * Machines, on the host's side. x() asserts, __x() returns a negative errno.
 *
 * The tests speak KVM's ABI and run on /dev/kvm as well as on /dev/bellows. The
 * one difference, where guest memory comes from, is hidden in mem_create().
 */
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include "bellows.h"
#include "layout.h"
#include "test.h"
#include "x86.h"

/* Guest memory: a memory object and an mmap of it; on KVM anonymous memory. */
struct mem {
	int fd;			/* -1 on KVM */
	size_t size;
	void *host;
};

enum guest_mode {
	GUEST_NONE,		/* nothing is set up: the state after reset */
	GUEST_REAL,		/* segments 0, CR0.PE clear */
	GUEST_PROT32,		/* flat segments, no paging */
	GUEST_PAGED32,		/* 2-level tables */
	GUEST_PAE,
	GUEST_LONG,		/* 4-level tables */
	GUEST_LONG5,
};

#define MAX_SLOTS	64
#define MAX_VCPUS	64

struct vm;

struct vcpu {
	struct vm *vm;
	int fd;
	unsigned int id;
	struct kvm_run *run;
	size_t run_size;
};

struct vm {
	int fd;
	enum guest_mode mode;
	struct mem *mem;			/* slot 0, from address 0 */
	u64 pt_root;
	u64 pt_next;				/* next free page of the pool */
	struct {
		u64 gpa, size;
		void *host;
	} slot[MAX_SLOTS];
	struct vcpu *vcpu[MAX_VCPUS];
};

/* Device */
int dev_open(void);				/* one fd per process */
int check_extension(long cap);
#define __dev_ioctl(cmd, arg)		__x(ioctl(dev_open(), cmd, arg))
#define dev_ioctl(cmd, arg)		x(ioctl(dev_open(), cmd, arg))
#define __vm_ioctl(vm, cmd, arg)	__x(ioctl((vm)->fd, cmd, arg))
#define vm_ioctl(vm, cmd, arg)		x(ioctl((vm)->fd, cmd, arg))
#define __vcpu_ioctl(vcpu, cmd, arg)	__x(ioctl((vcpu)->fd, cmd, arg))
#define vcpu_ioctl(vcpu, cmd, arg)	x(ioctl((vcpu)->fd, cmd, arg))
/* The CPUID that KVM_GET_SUPPORTED_CPUID offers. Do not free. */
struct kvm_cpuid2 *supported_cpuid(void);
/* Looks for an entry; NULL when there is none. */
struct kvm_cpuid_entry2 *cpuid_entry(struct kvm_cpuid2 *cpuid, u32 function, u32 index);
/* A register bit of the supported CPUID: reg is 'a' to 'd'. */
bool supported_feature(u32 function, u32 index, char reg, unsigned int bit);
#define HAS_LA57	supported_feature(7, 0, 'c', 16)
#define HAS_XSAVE	supported_feature(1, 0, 'c', 26)
#define HAS_AVX		supported_feature(1, 0, 'c', 28)
#define HAS_PCID	supported_feature(1, 0, 'c', 17)
#define HAS_INVPCID	supported_feature(7, 0, 'b', 10)
#define HAS_SMEP	supported_feature(7, 0, 'b', 7)
#define HAS_SMAP	supported_feature(7, 0, 'b', 20)
#define HAS_FSGSBASE	supported_feature(7, 0, 'b', 0)
#define HAS_UMIP	supported_feature(7, 0, 'c', 2)
#define HAS_PKU		supported_feature(7, 0, 'c', 3)
#define HAS_RDTSCP	supported_feature(0x80000001, 0, 'd', 27)
#define HAS_GB_PAGES	supported_feature(0x80000001, 0, 'd', 26)

/* Memory */
#define MEM_SMALL_PAGES	1
struct mem *mem_create(size_t size, unsigned int flags);
void mem_free(struct mem *mem);
/* Drops all translations; contents stay. On KVM by what makes it do the same. */
void mem_invalidate(struct mem *mem, u64 offset, u64 length);
/* The range reads as zero afterwards. */
void mem_discard(struct mem *mem, u64 offset, u64 length);

/* Machines */
struct vm *vm_create(void);			/* just the fd */
/* With 16 MiB at 0, the program's image, tables for the mode; vCPUs follow. */
struct vm *vm_new(enum guest_mode mode);
void vm_free(struct vm *vm);			/* vCPUs and memory too */
int __vm_slot(struct vm *vm, unsigned int slot, u64 gpa, u64 size, void *host, u32 flags);
void vm_slot(struct vm *vm, unsigned int slot, u64 gpa, u64 size, void *host, u32 flags);
void *vm_host(struct vm *vm, u64 gpa);		/* the host's view of guest physical memory */
/* Copies code for 16-bit and 32-bit guests to BLOB_BASE. */
#define vm_load_blob(vm, blob)	memcpy(vm_host(vm, BLOB_BASE), blob, sizeof(blob))
/* Does "the other CPU" exist on this host? */
unsigned int host_cpus(void);
void pin_to_cpu(unsigned int cpu);

/* Page tables of the guest */
u64 vm_page(struct vm *vm);			/* a zeroed page of the pool */
/* New tables with the default mappings, current from now on: their root. Sets the VM's mode. */
u64 vm_make_tables(struct vm *vm, enum guest_mode mode);
void vm_map(struct vm *vm, u64 va, u64 gpa, u64 size, u64 flags);	/* 4 KiB entries; flags of the last level */
void vm_map_large(struct vm *vm, u64 va, u64 gpa, unsigned int level, u64 flags); /* 2: 2 or 4 MiB, 3: 1 GiB */
u64 *vm_pte(struct vm *vm, u64 va, unsigned int level);	/* the entry as it is; makes the tables above it */
unsigned int vm_levels(const struct vm *vm);

/* vCPUs */
struct vcpu *vcpu_create(struct vm *vm, unsigned int id);	/* the state after reset */
/* Ready to run fn(arg) in the VM's mode, with the supported CPUID. */
struct vcpu *vcpu_new(struct vm *vm, void (*fn)(u64 arg), u64 arg);
void vcpu_set_mode(struct vcpu *vcpu, enum guest_mode mode);	/* registers for it */
void vcpu_call(struct vcpu *vcpu, void (*fn)(u64 arg), u64 arg); /* from the start of the stack */
void vcpu_free(struct vcpu *vcpu);
void vcpu_set_cpuid(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid);

static inline void vcpu_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	vcpu_ioctl(vcpu, KVM_GET_REGS, regs);
}

static inline void vcpu_set_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	vcpu_ioctl(vcpu, KVM_SET_REGS, regs);
}

static inline void vcpu_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	vcpu_ioctl(vcpu, KVM_GET_SREGS, sregs);
}

static inline void vcpu_set_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	vcpu_ioctl(vcpu, KVM_SET_SREGS, sregs);
}

int __vcpu_get_msr(struct vcpu *vcpu, u32 msr, u64 *value);	/* 1, 0: no such MSR, -errno */
int __vcpu_set_msr(struct vcpu *vcpu, u32 msr, u64 value);
u64 vcpu_get_msr(struct vcpu *vcpu, u32 msr);
void vcpu_set_msr(struct vcpu *vcpu, u32 msr, u64 value);

int __vcpu_run(struct vcpu *vcpu);		/* 0 or -errno */
void vcpu_run(struct vcpu *vcpu);
const char *exit_name(u32 reason);
/* What the guest did, for messages. */
void vcpu_describe(struct vcpu *vcpu);
void __vcpu_expect_exit(struct vcpu *vcpu, u32 reason, const char *file, int line);
/* Runs, and asserts that the guest left for this reason. */
#define vcpu_run_to(vcpu, reason)					\
	do {								\
		vcpu_run(vcpu);						\
		__vcpu_expect_exit(vcpu, reason, __FILE__, __LINE__);	\
	} while (0)

/*
 * Is the current exit the guest's call to us? Fails the case when the guest's
 * assertion failed or an exception was not expected; prints what it prints
 * (and then says UCALL_NONE).
 */
u64 vcpu_ucall(struct vcpu *vcpu, struct ucall *uc);
/* Runs to the guest's next UCALL_SYNC or UCALL_DONE; any other exit fails the case. */
u64 vcpu_next(struct vcpu *vcpu, struct ucall *uc);
void __vcpu_run_to_sync(struct vcpu *vcpu, u64 stage, const char *file, int line);
void __vcpu_run_to_done(struct vcpu *vcpu, const char *file, int line);
#define vcpu_run_to_sync(vcpu, stage)	__vcpu_run_to_sync(vcpu, stage, __FILE__, __LINE__)
#define vcpu_run_to_done(vcpu)		__vcpu_run_to_done(vcpu, __FILE__, __LINE__)

/* vm_new(GUEST_LONG), one vCPU at fn. */
struct vcpu *long_guest(void (*fn)(u64 arg), u64 arg);
/* For a case that is one guest function which runs to its end. */
void run_guest(void (*fn)(u64 arg), u64 arg);

/* A variable of this program, as the guest has it. */
#define GUEST_VAR(vm, var)	(*(__typeof__(var) *)vm_host(vm, (u64)(unsigned long)&(var)))

#endif
