// SPDX-License-Identifier: GPL-2.0
/*
 * The device's ioctls and a VM's: answers, and the errors for what is wrong.
 * The errors are KVM's: this test passes on /dev/kvm as well.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "vm.h"

/* An address where nothing is mapped, and one whose page ends too early. */
#define NOWHERE		((void *)0x1000)

static void *page_end(size_t size)
{
	char *p = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	x(munmap(p + PAGE_SIZE, PAGE_SIZE));
	return p + PAGE_SIZE - size;
}

CASE(version, "the API has version 12")
{
	EXPECT_EQ(__dev_ioctl(KVM_GET_API_VERSION, 0), 12);
	EXPECT_EQ(__dev_ioctl(KVM_GET_API_VERSION, 1), -EINVAL);
}

CASE(unknown, "unknown ioctls get EINVAL from the device and a vCPU, ENOTTY from a VM")
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	EXPECT_EQ(__dev_ioctl(_IO(KVMIO, 0xff), 0), -EINVAL);
	EXPECT_EQ(__dev_ioctl(_IO('x', 1), 0), -EINVAL);
	EXPECT_EQ(__dev_ioctl(KVM_RUN, 0), -EINVAL);
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VCPU, 0), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, _IO(KVMIO, 0xff), 0), -ENOTTY);
	EXPECT_EQ(__vm_ioctl(vm, _IO('x', 1), 0), -ENOTTY);
	EXPECT_EQ(__vm_ioctl(vm, KVM_RUN, 0), -ENOTTY);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VM, 0), -ENOTTY);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_API_VERSION, 0), -ENOTTY);
	EXPECT_EQ(__vcpu_ioctl(vcpu, _IO(KVMIO, 0xff), 0), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, _IO('x', 1), 0), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_CREATE_VM, 0), -EINVAL);
}

CASE(other_calls, "descriptors refuse read, write and, but for a vCPU's, mmap")
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	int fds[] = { dev_open(), vm->fd, vcpu->fd };
	char byte = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(__x(read(fds[i], &byte, 1)), -EINVAL);
		EXPECT_EQ(__x(write(fds[i], &byte, 1)), -EINVAL);
		EXPECT(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, "descriptor %u survives exec", i);
	}
	EXPECT_EQ(__x(mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, dev_open(), 0)), -ENODEV);
	EXPECT_EQ(__x(mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, vm->fd, 0)), -ENODEV);
}

CASE(create_vm, "KVM_CREATE_VM takes type 0 only")
{
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, 100), -EINVAL);
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, -1UL), -EINVAL);
	for (unsigned int i = 0; i < 20; i++) {
		int fd = dev_ioctl(KVM_CREATE_VM, 0);

		x(close(fd));
	}
}

CASE(no_descriptors, "KVM_CREATE_VM and KVM_CREATE_VCPU without a free descriptor give EMFILE")
{
	struct vm *vm = vm_create();
	int first = x(dup(0)), last = first, fd;

	while ((fd = dup(0)) >= 0)
		last = fd;
	EXPECT_EQ(errno, EMFILE);
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, 0), -EMFILE);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, 0), -EMFILE);
	x(close(last));
	x(close(vm_ioctl(vm, KVM_CREATE_VCPU, 0)));
}

CASE(mmap_size, "a vCPU's mapping has at least two pages")
{
	EXPECT(__dev_ioctl(KVM_GET_VCPU_MMAP_SIZE, 0) >= (int)(2 * PAGE_SIZE), "too small");
	EXPECT_EQ(__dev_ioctl(KVM_GET_VCPU_MMAP_SIZE, 1), -EINVAL);
}

CASE(extensions, "KVM_CHECK_EXTENSION gives the same on a VM, and 0 for what nobody knows")
{
	static const struct { long cap; int least; } known[] = {
		{ KVM_CAP_USER_MEMORY, 1 }, { KVM_CAP_SET_TSS_ADDR, 1 }, { KVM_CAP_EXT_CPUID, 1 },
		{ KVM_CAP_MP_STATE, 1 }, { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
		{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 }, { KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
		{ KVM_CAP_VCPU_EVENTS, 1 }, { KVM_CAP_DEBUGREGS, 1 }, { KVM_CAP_XSAVE, 1 },
		{ KVM_CAP_GET_TSC_KHZ, 1 }, { KVM_CAP_READONLY_MEM, 1 }, { KVM_CAP_IMMEDIATE_EXIT, 1 },
		{ KVM_CAP_SET_GUEST_DEBUG, 1 }, { KVM_CAP_GET_MSR_FEATURES, 1 },
		{ KVM_CAP_X86_USER_SPACE_MSR, 1 }, { KVM_CAP_X86_MSR_FILTER, 1 },
		{ KVM_CAP_EXCEPTION_PAYLOAD, 1 }, { KVM_CAP_CHECK_EXTENSION_VM, 1 },
		{ KVM_CAP_ENABLE_CAP_VM, 1 }, { KVM_CAP_HLT, 1 }, { KVM_CAP_NR_MEMSLOTS, 32 },
		{ KVM_CAP_NR_VCPUS, 1 }, { KVM_CAP_MAX_VCPUS, 16 }, { KVM_CAP_MAX_VCPU_ID, 16 },
	};

	struct vm *vm = vm_create();

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		int value = check_extension(known[i].cap);

		EXPECT(value >= known[i].least, "capability %ld: %d", known[i].cap, value);
	}
	/* KVM's newer answers differ where they depend on the VM's type. */
	for (long cap = 0; cap < (test_is_kvm ? 200 : 400); cap++)
		EXPECT(__vm_ioctl(vm, KVM_CHECK_EXTENSION, cap) == check_extension(cap),
		       "capability %ld differs", cap);
	EXPECT_EQ(check_extension(100000), 0);
	EXPECT_EQ(check_extension(-1L), 0);
	EXPECT(check_extension(KVM_CAP_NR_VCPUS) <= check_extension(KVM_CAP_MAX_VCPUS), "more than possible");
	if (!test_is_kvm)
		EXPECT_EQ(check_extension(KVM_CAP_SYNC_MMU), 0);
}

static struct kvm_cpuid2 *cpuid_buffer(unsigned int n)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + n * sizeof(c->entries[0]));

	c->nent = n;
	return c;
}

CASE(cpuid_errors, "KVM_GET_SUPPORTED_CPUID says E2BIG when there is no room, and how many when there is")
{
	struct kvm_cpuid2 *big = cpuid_buffer(256), *c;

	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, big), 0);
	EXPECT(big->nent > 5 && big->nent < 256, "%u entries", big->nent);
	c = cpuid_buffer(big->nent);
	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, c), 0);
	EXPECT_EQ(c->nent, big->nent);
	for (unsigned int n = 0; n < big->nent; n++) {
		c->nent = n;
		EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, c), -E2BIG);
	}
	c->nent = 0xffffffff;
	c = realloc(c, sizeof(*c) + 256 * sizeof(c->entries[0]));
	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, c), 0);
	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, NOWHERE), -EFAULT);
	c = page_end(sizeof(*c));
	c->nent = 256;
	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, c), -EFAULT);
	EXPECT_EQ(__dev_ioctl(KVM_GET_SUPPORTED_CPUID, page_end(4)), -EFAULT);
}

/* Bits that may be offered although the CPU has none of them, or reports them by another bit. */
static u32 may_appear(u32 function, char reg)
{
	if (function == 1 && reg == 'c')
		return BIT(21) | BIT(31) | BIT(24);	/* x2APIC, hypervisor, TSC deadline: KVM's own */
	if (function == 7 && reg == 'b')
		return BIT(1);				/* TSC_ADJUST */
	if (function == 7 && reg == 'c')
		return test_is_kvm ? BIT(2) : 0;	/* UMIP, which KVM emulates */
	if (function == 7 && reg == 'd')
		return BIT(26) | BIT(27) | BIT(29) | BIT(31);
	if (function == 0x80000008 && reg == 'b')
		return BIT(12) | BIT(14) | BIT(15) | BIT(24) | BIT(26);
	return 0;
}

static void check_features(u32 function, const char *regs)
{
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(), function, 0);
	u32 a, b, c, d;

	if (!e)
		return;
	__cpuid_count(function, 0, a, b, c, d);
	for (; *regs; regs++) {
		u32 real = *regs == 'b' ? b : *regs == 'c' ? c : d;
		u32 seen = *regs == 'b' ? e->ebx : *regs == 'c' ? e->ecx : e->edx;
		u32 extra = seen & ~real & ~may_appear(function, *regs);

		EXPECT(!extra, "leaf %#x e%cx offers %#x, which the CPU has not", function, *regs, extra);
	}
}

CASE(cpuid_contents, "KVM_GET_SUPPORTED_CPUID offers what the CPU has, and no virtualization")
{
	struct kvm_cpuid_entry2 *e;
	u32 a, b, c, d;

	check_features(1, "cd");
	check_features(7, "bcd");
	check_features(0x80000001, "cd");
	check_features(0x80000008, "b");
	if (!test_is_kvm) {
		EXPECT(!supported_feature(1, 0, 'c', 5), "VMX is offered");
		EXPECT(!supported_feature(0x80000001, 0, 'c', 2), "SVM is offered");
		EXPECT(!supported_feature(1, 0, 'c', 3), "MONITOR is offered");
	}
	EXPECT(supported_feature(1, 0, 'd', 0) && supported_feature(1, 0, 'd', 6), "no FPU or PAE");
	EXPECT(supported_feature(0x80000001, 0, 'd', 29), "no long mode");
	e = cpuid_entry(supported_cpuid(), 0, 0);
	__cpuid(0, a, b, c, d);
	ASSERT(e, "no leaf 0");
	EXPECT(e->eax <= a && e->ebx == b && e->ecx == c && e->edx == d, "another vendor");
	e = cpuid_entry(supported_cpuid(), 0x80000008, 0);
	__cpuid(0x80000008, a, b, c, d);
	ASSERT(e, "no leaf 0x80000008");
	EXPECT((e->eax & 0xff) <= (a & 0xff) && (e->eax & 0xff) >= 32, "address width %u", e->eax & 0xff);
	e = cpuid_entry(supported_cpuid(), 13, 0);
	if (e && HAS_XSAVE) {
		u64 real;

		asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
		real = a | (u64)d << 32;
		EXPECT((e->eax & 3) == 3, "no x87 and SSE state");
		EXPECT(!((e->eax | (u64)e->edx << 32) & ~real), "state that the host does not enable");
		EXPECT(e->ebx >= 576 && e->ebx == e->ecx, "size %u, %u", e->ebx, e->ecx);
	}
}

CASE(cpuid_twice, "KVM_GET_SUPPORTED_CPUID lists nothing twice")
{
	struct kvm_cpuid2 *c = supported_cpuid();

	for (unsigned int i = 0; i < c->nent; i++) {
		for (unsigned int j = 0; j < i; j++)
			EXPECT(c->entries[i].function != c->entries[j].function ||
			       c->entries[i].index != c->entries[j].index,
			       "leaf %#x.%u", c->entries[i].function, c->entries[i].index);
	}
}

static struct kvm_msr_list *msr_list(unsigned long cmd)
{
	struct kvm_msr_list head = { .nmsrs = 0 }, *list;

	EXPECT_EQ(__dev_ioctl(cmd, &head), head.nmsrs ? -E2BIG : 0);
	list = calloc(1, sizeof(*list) + head.nmsrs * 4);
	list->nmsrs = head.nmsrs;
	EXPECT_EQ(__dev_ioctl(cmd, list), 0);
	EXPECT_EQ(list->nmsrs, head.nmsrs);
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		for (unsigned int j = 0; j < i; j++)
			EXPECT(list->indices[i] != list->indices[j], "MSR %#x twice", list->indices[i]);
	}
	return list;
}

static void list_errors(unsigned long cmd, unsigned int n)
{
	struct kvm_msr_list *list = page_end(sizeof(*list));

	EXPECT_EQ(__dev_ioctl(cmd, NOWHERE), -EFAULT);
	list->nmsrs = n - 1;
	EXPECT_EQ(__dev_ioctl(cmd, list), -E2BIG);
	EXPECT_EQ(list->nmsrs, n);
	EXPECT_EQ(__dev_ioctl(cmd, list), -EFAULT);
}

CASE(msr_list_errors, "the lists of MSRs say how long they are with E2BIG")
{
	list_errors(KVM_GET_MSR_INDEX_LIST, msr_list(KVM_GET_MSR_INDEX_LIST)->nmsrs);
	list_errors(KVM_GET_MSR_FEATURE_INDEX_LIST, msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST)->nmsrs);
}

CASE(msr_list_real, "each MSR of the list can be read from a vCPU, and written back")
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);

	EXPECT(list->nmsrs > 10, "only %u MSRs", list->nmsrs);
	vcpu_set_cpuid(vcpu, supported_cpuid());
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		u64 value;

		EXPECT(__vcpu_get_msr(vcpu, list->indices[i], &value) == 1,
		       "MSR %#x cannot be read", list->indices[i]);
		/* Some of KVM's paravirtual MSRs refuse the value they read as. */
		EXPECT(__vcpu_set_msr(vcpu, list->indices[i], value) == 1 ||
		       (test_is_kvm && list->indices[i] >> 16 == 0x4b56),
		       "MSR %#x cannot be written back", list->indices[i]);
	}
}

CASE(msr_features, "KVM_GET_MSRS on the device reads feature MSRs and stops at the first unknown one")
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + 256 * sizeof(msrs->entries[0]));

	for (unsigned int i = 0; i < list->nmsrs; i++)
		msrs->entries[i].index = list->indices[i];
	msrs->nmsrs = list->nmsrs;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), list->nmsrs);
	msrs->nmsrs = list->nmsrs + 2;
	msrs->entries[1].index = 0xdeadbeef;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), 1);
	msrs->nmsrs = 0;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), 0);
	msrs->nmsrs = 256;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), -E2BIG);
	msrs->nmsrs = 0xffffffff;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), -E2BIG);
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, NOWHERE), -EFAULT);
	msrs = page_end(sizeof(*msrs));
	msrs->nmsrs = 1;
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSRS, msrs), -EFAULT);
	EXPECT_EQ(__dev_ioctl(KVM_SET_MSRS, msrs), -EINVAL);
}

CASE(create_vcpu, "KVM_CREATE_VCPU refuses a number twice, or too large")
{
	struct vm *vm = vm_create();
	int fd = vm_ioctl(vm, KVM_CREATE_VCPU, 0);

	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, 0), -EEXIST);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, check_extension(KVM_CAP_MAX_VCPU_ID)), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, 0xffffffffUL), -EINVAL);
	x(close(vm_ioctl(vm, KVM_CREATE_VCPU, check_extension(KVM_CAP_MAX_VCPU_ID) - 1)));
	/* Closed is not gone. */
	x(close(fd));
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, 0), -EEXIST);
}

CASE(max_vcpus, "as many vCPUs as KVM_CAP_MAX_VCPUS says can be created, and not one more")
{
	REQUIRE(!test_is_kvm, "KVM's 1024 are too many for this machine");
	struct vm *vm = vm_create();
	int max = check_extension(KVM_CAP_MAX_VCPUS);

	for (int i = 0; i < max; i++)
		x(close(vm_ioctl(vm, KVM_CREATE_VCPU, i)));
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_VCPU, max), -EINVAL);
}

CASE(tss_addr, "KVM_SET_TSS_ADDR wants room for three pages below 4 GiB")
{
	struct vm *vm = vm_create();

	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL), 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_TSS_ADDR, 0xffffd001UL), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_TSS_ADDR, 1UL << 32), -EINVAL);
}

CASE(identity_map, "KVM_SET_IDENTITY_MAP_ADDR comes before the first vCPU")
{
	struct vm *vm = vm_create();
	u64 addr = 0xfffbc000;

	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr), 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, NOWHERE), -EFAULT);
	vcpu_create(vm, 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr), -EINVAL);
}

CASE(enable_cap, "KVM_ENABLE_CAP refuses flags, unknown capabilities and unknown bits")
{
	struct vm *vm = vm_create();
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { 7 } };

	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), 0);
	cap.args[0] = 8;
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.args[0] = 1;
	cap.flags = 1;
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.flags = 0;
	cap.cap = KVM_CAP_EXCEPTION_PAYLOAD;
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), 0);
	cap.cap = KVM_CAP_USER_MEMORY;
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.cap = 100000;
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_ENABLE_CAP, NOWHERE), -EFAULT);
}

CASE(other_mm, "a child after fork gets EIO from a VM and its vCPUs, the parent does not")
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct kvm_regs regs;
	int status;
	pid_t pid = x(fork());

	if (!pid) {
		bool good = __vm_ioctl(vm, KVM_CREATE_VCPU, 1) == -EIO &&
			    __vm_ioctl(vm, KVM_CHECK_EXTENSION, 0) == -EIO &&
			    __vm_ioctl(vm, _IO(KVMIO, 0xff), 0) == -EIO &&
			    __vcpu_ioctl(vcpu, KVM_RUN, 0) == -EIO &&
			    __vcpu_ioctl(vcpu, KVM_GET_REGS, &regs) == -EIO;

		_exit(!good);
	}
	x(waitpid(pid, &status, 0));
	EXPECT_EQ(status, 0);
	vcpu_ioctl(vcpu, KVM_GET_REGS, &regs);
	x(close(vm_ioctl(vm, KVM_CREATE_VCPU, 1)));
}

CASE(vcpu_outlives, "a vCPU goes on working when its VM's descriptor is closed")
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);
	struct kvm_regs regs;

	x(close(vm->fd));
	x(close(dev_open()));
	vcpu_ioctl(vcpu, KVM_GET_REGS, &regs);
	vcpu_ioctl(vcpu, KVM_SET_REGS, &regs);
	x(close(vcpu->fd));
}

/* An ioctl as a 32-bit program makes it; arg must be below 4 GiB. */
static long compat_ioctl(int fd, unsigned long cmd, unsigned long arg)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(54), "b"(fd), "c"((u32)cmd), "d"((u32)arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void no_compat(int sig)
{
	(void)sig;
	SKIP("this kernel runs no 32-bit programs");
}

struct compat_filter {
	u32 flags;
	struct { u32 flags, nmsrs, base, bitmap; } ranges[KVM_MSR_FILTER_MAX_RANGES];
};

CASE(compat, "32-bit programs can use the ioctls, the MSR filter with its pointers included")
{
	struct compat_filter *filter;
	struct vm *vm;

	signal(SIGSEGV, no_compat);
	vm = vm_create();
	filter = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT(filter != MAP_FAILED, "%s", strerror(errno));
	REQUIRE(compat_ioctl(dev_open(), KVM_GET_API_VERSION, 0) != -ENOSYS,
		"this kernel runs no 32-bit programs");
	EXPECT_EQ(compat_ioctl(dev_open(), KVM_GET_API_VERSION, 0), 12);
	EXPECT_EQ(compat_ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), 1);
	filter->flags = KVM_MSR_FILTER_DEFAULT_DENY;
	filter->ranges[0].flags = KVM_MSR_FILTER_READ;
	filter->ranges[0].nmsrs = 8;
	filter->ranges[0].bitmap = (u32)(unsigned long)(filter + 1);
	EXPECT_EQ(compat_ioctl(vm->fd, _IOW(KVMIO, 0xc6, struct compat_filter), (unsigned long)filter), 0);
	filter->ranges[0].bitmap = 0x1000;
	EXPECT_EQ(compat_ioctl(vm->fd, _IOW(KVMIO, 0xc6, struct compat_filter), (unsigned long)filter),
		  -EFAULT);
	EXPECT_EQ(compat_ioctl(vm->fd, _IO(KVMIO, 0xff), 0), -ENOTTY);
}

CASE(host_info, "BELLOWS_HOST_INFO describes the host, and says why nothing when VMs are possible")
{
	REQUIRE(!test_is_kvm, "KVM has no such ioctl");
	struct bellows_host_info info;

	memset(&info, 0xff, sizeof(info));
	EXPECT_EQ(__dev_ioctl(BELLOWS_HOST_INFO, &info), 0);
	EXPECT(!strcmp(info.backend, test_host_is_amd() ? "svm" : "vmx"), "backend '%s'", info.backend);
	EXPECT(!info.why[0], "why: %s", info.why);
	EXPECT(info.nested_levels == 4 || info.nested_levels == 5, "%u levels", info.nested_levels);
	EXPECT(info.maxphyaddr >= 32 && info.maxphyaddr <= 52, "%u bits", info.maxphyaddr);
	for (unsigned int i = 0; i < ARRAY_SIZE(info.reserved); i++)
		EXPECT_EQ(info.reserved[i], 0);
	EXPECT_EQ(__dev_ioctl(BELLOWS_HOST_INFO, NOWHERE), -EFAULT);
}
