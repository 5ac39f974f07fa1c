// SPDX-License-Identifier: GPL-2.0
/* Machines and vCPUs: creating them, running them, and what guests ask of the host. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include "guest.h"
#include "test_list.h"
#include "vm.h"

void cpu_write_tables(struct vm *vm);

int dev_open(void)
{
	static int fd = -1;
	static pid_t owner;

	if (fd < 0 || owner != getpid()) {
		fd = open(test_device, O_RDWR | O_CLOEXEC);
		ASSERT(fd >= 0, "%s: %s", test_device, strerror(errno));
		owner = getpid();
	}
	return fd;
}

int check_extension(long cap)
{
	return dev_ioctl(KVM_CHECK_EXTENSION, cap);
}

struct kvm_cpuid2 *supported_cpuid(void)
{
	static struct kvm_cpuid2 *cpuid;

	if (!cpuid) {
		cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
		cpuid->nent = 256;
		dev_ioctl(KVM_GET_SUPPORTED_CPUID, cpuid);
	}
	return cpuid;
}

struct kvm_cpuid_entry2 *cpuid_entry(struct kvm_cpuid2 *cpuid, u32 function, u32 index)
{
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function &&
		    (e->index == index || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

bool supported_feature(u32 function, u32 index, char reg, unsigned int bit)
{
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(), function, index);
	u32 value;

	if (!e)
		return false;
	value = reg == 'a' ? e->eax : reg == 'b' ? e->ebx : reg == 'c' ? e->ecx : e->edx;
	return value & BIT(bit);
}

struct vm *vm_create(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	u64 identity_map = 0xfffbc000;

	REQUIRE_VMS();
	vm->fd = dev_ioctl(KVM_CREATE_VM, 0);
	/* Only older Intel CPUs need these, only before the first vCPU. */
	vm_ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	return vm;
}

static void load_image(struct vm *vm)
{
	for (unsigned int i = 0; i < 2 * IMAGE_PARTS; i++) {
		const struct image_part *p = i < IMAGE_PARTS ? &lib_parts[i] :
					     &test_current->parts[i - IMAGE_PARTS];

		if (p->start == p->end)
			continue;
		ASSERT((unsigned long)p->start >= IMAGE_BASE &&
		       (unsigned long)p->end <= IMAGE_END, "%p", p->end);
		memcpy(vm_host(vm, (unsigned long)p->start), p->start, p->end - p->start);
	}
}

static void map_default(struct vm *vm)
{
	u64 step = vm->mode == GUEST_PAGED32 ? 4 * MB : 2 * MB;

	for (u64 a = 0; a < GB; a += step)
		vm_map_large(vm, a, a, 2, PTE_W | PTE_U | PTE_A | PTE_D);
	for (u64 a = 3 * GB; a < 4 * GB; a += step)
		vm_map_large(vm, a, a, 2, PTE_W | PTE_U | PTE_A | PTE_D);
}

u64 vm_make_tables(struct vm *vm, enum guest_mode mode)
{
	vm->mode = mode;
	vm->pt_root = vm_page(vm);
	map_default(vm);
	return vm->pt_root;
}

struct vm *vm_new(enum guest_mode mode)
{
	struct vm *vm = vm_create();

	vm->mode = mode;
	vm->mem = mem_create(MEM_SIZE, 0);
	vm_slot(vm, 0, 0, MEM_SIZE, vm->mem->host, 0);
	vm->pt_next = PT_POOL_BASE;
	cpu_write_tables(vm);
	guest_on_tcg = test_host_is_tcg();
	if (mode >= GUEST_LONG)
		load_image(vm);
	if (mode >= GUEST_PAGED32)
		vm_make_tables(vm, mode);
	return vm;
}

/* For the message when time is up: where the vCPUs of the newest VM are. */
static struct vm *last_vm;

void vm_free(struct vm *vm)
{
	for (unsigned int i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpu[i])
			vcpu_free(vm->vcpu[i]);
	x(close(vm->fd));
	if (vm->mem)
		mem_free(vm->mem);
	if (vm == last_vm)
		last_vm = NULL;
	free(vm);
}

static void describe_all(void)
{
	for (unsigned int i = 0; last_vm && i < MAX_VCPUS; i++)
		if (last_vm->vcpu[i])
			vcpu_describe(last_vm->vcpu[i]);
}

struct vcpu *vcpu_create(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = vm_ioctl(vm, KVM_CREATE_VCPU, (unsigned long)id);
	vcpu->run_size = dev_ioctl(KVM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	ASSERT(vcpu->run != MAP_FAILED, "%s", strerror(errno));
	if (id < MAX_VCPUS)
		vm->vcpu[id] = vcpu;
	last_vm = vm;
	test_on_timeout = describe_all;
	return vcpu;
}

void vcpu_set_cpuid(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid)
{
	vcpu_ioctl(vcpu, KVM_SET_CPUID2, cpuid);
}

struct vcpu *vcpu_new(struct vm *vm, void (*fn)(u64 arg), u64 arg)
{
	unsigned int id = 0;
	struct vcpu *vcpu;

	while (id < MAX_VCPUS && vm->vcpu[id])
		id++;
	vcpu = vcpu_create(vm, id);
	vcpu_set_cpuid(vcpu, supported_cpuid());
	vcpu_set_mode(vcpu, vm->mode);
	vcpu_call(vcpu, fn, arg);
	return vcpu;
}

void vcpu_free(struct vcpu *vcpu)
{
	x(munmap(vcpu->run, vcpu->run_size));
	x(close(vcpu->fd));
	if (vcpu->id < MAX_VCPUS)
		vcpu->vm->vcpu[vcpu->id] = NULL;
	free(vcpu);
}

struct one_msr {
	struct kvm_msrs header;
	struct kvm_msr_entry entry;
};

int __vcpu_get_msr(struct vcpu *vcpu, u32 msr, u64 *value)
{
	struct one_msr m = { .header.nmsrs = 1, .entry.index = msr };
	int ret = __vcpu_ioctl(vcpu, KVM_GET_MSRS, &m);

	*value = m.entry.data;
	return ret;
}

int __vcpu_set_msr(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct one_msr m = { .header.nmsrs = 1, .entry.index = msr, .entry.data = value };

	return __vcpu_ioctl(vcpu, KVM_SET_MSRS, &m);
}

u64 vcpu_get_msr(struct vcpu *vcpu, u32 msr)
{
	u64 value;
	int ret = __vcpu_get_msr(vcpu, msr, &value);

	ASSERT(ret == 1, "MSR 0x%x: %d", msr, ret);
	return value;
}

void vcpu_set_msr(struct vcpu *vcpu, u32 msr, u64 value)
{
	int ret = __vcpu_set_msr(vcpu, msr, value);

	ASSERT(ret == 1, "MSR 0x%x = 0x%llx: %d", msr, value, ret);
}

int __vcpu_run(struct vcpu *vcpu)
{
	return __vcpu_ioctl(vcpu, KVM_RUN, NULL);
}

void vcpu_run(struct vcpu *vcpu)
{
	int ret;

	do {
		ret = __vcpu_run(vcpu);
	} while (ret == -EINTR && !vcpu->run->immediate_exit);
	if (ret)
		vcpu_describe(vcpu);
	ASSERT(!ret, "KVM_RUN: %s", strerror(-ret));
}

const char *exit_name(u32 reason)
{
#define NAME(x) case KVM_EXIT_##x: return #x
	switch (reason) {
	NAME(UNKNOWN);
	NAME(EXCEPTION);
	NAME(IO);
	NAME(HYPERCALL);
	NAME(DEBUG);
	NAME(HLT);
	NAME(MMIO);
	NAME(IRQ_WINDOW_OPEN);
	NAME(SHUTDOWN);
	NAME(FAIL_ENTRY);
	NAME(INTR);
	NAME(SET_TPR);
	NAME(TPR_ACCESS);
	NAME(NMI);
	NAME(INTERNAL_ERROR);
	NAME(SYSTEM_EVENT);
	NAME(X86_RDMSR);
	NAME(X86_WRMSR);
	default:
		return "?";
	}
}

static void describe_exit(struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		test_diag("%s port 0x%x, %u times %u bytes", run->io.direction ? "out" : "in",
			  run->io.port, run->io.count, run->io.size);
		break;
	case KVM_EXIT_MMIO:
		test_diag("%s of %u bytes at 0x%llx", run->mmio.is_write ? "write" : "read",
			  run->mmio.len, run->mmio.phys_addr);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		test_diag("suberror %u, data 0x%llx 0x%llx 0x%llx", run->internal.suberror,
			  run->internal.data[0], run->internal.data[1], run->internal.data[2]);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		test_diag("hardware reason 0x%llx", run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_UNKNOWN:
		test_diag("hardware exit reason 0x%llx", run->hw.hardware_exit_reason);
		break;
	}
}

void vcpu_describe(struct vcpu *vcpu)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	test_diag("vcpu %u: exit %u (%s)", vcpu->id, vcpu->run->exit_reason,
		  exit_name(vcpu->run->exit_reason));
	describe_exit(vcpu->run);
	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) || ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return;
	test_diag("rip %04x:%llx rsp %llx rflags %llx cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx",
		  s.cs.selector, r.rip, r.rsp, r.rflags, s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
	test_diag("rax %llx rbx %llx rcx %llx rdx %llx rsi %llx rdi %llx rbp %llx r8 %llx",
		  r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8);
}

void __vcpu_expect_exit(struct vcpu *vcpu, u32 reason, const char *file, int line)
{
	struct ucall uc;

	if (vcpu->run->exit_reason == reason)
		return;
	vcpu_ucall(vcpu, &uc);
	vcpu_describe(vcpu);
	test_fail(file, line, true, "exit %s, not %s", exit_name(vcpu->run->exit_reason),
		  exit_name(reason));
}

/* Guests pass addresses in their data segment; only real mode's has a base. */
static void *guest_pointer(struct vcpu *vcpu, u64 address)
{
	static char none[1];
	struct kvm_sregs sregs;

	vcpu_sregs(vcpu, &sregs);
	return address ? vm_host(vcpu->vm, sregs.cs.base + address) : none;
}

u64 vcpu_ucall(struct vcpu *vcpu, struct ucall *uc)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	uc->cmd = UCALL_NONE;
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != UCALL_PORT ||
	    run->io.direction != KVM_EXIT_IO_OUT)
		return UCALL_NONE;
	vcpu_regs(vcpu, &regs);
	*uc = *(struct ucall *)guest_pointer(vcpu, (u32)regs.rdi);
	switch (uc->cmd) {
	case UCALL_ABORT:
		test_fail(guest_pointer(vcpu, uc->args[0]), uc->args[1], true,
			  "guest %u: %s: 0x%llx against 0x%llx", vcpu->id,
			  (char *)guest_pointer(vcpu, uc->args[2]), uc->args[3], uc->args[4]);
		break;
	case UCALL_TRAP:
		vcpu_describe(vcpu);
		test_fail("guest", 0, true,
			  "guest %u: unexpected exception %llu, error 0x%llx, rip 0x%llx, cr2 0x%llx, rsp 0x%llx, rflags 0x%llx",
			  vcpu->id, uc->args[0], uc->args[1], uc->args[2], uc->args[3],
			  uc->args[4], uc->args[5]);
		break;
	case UCALL_PRINT: {
		char text[256];

		snprintf(text, sizeof(text), guest_pointer(vcpu, uc->args[0]), uc->args[1],
			 uc->args[2], uc->args[3], uc->args[4], uc->args[5]);
		test_diag("guest %u: %s", vcpu->id, text);
		uc->cmd = UCALL_NONE;
		break;
	}
	}
	return uc->cmd;
}

u64 vcpu_next(struct vcpu *vcpu, struct ucall *uc)
{
	do {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_IO && vcpu_ucall(vcpu, uc))
			return uc->cmd;
	} while (vcpu->run->exit_reason == KVM_EXIT_IO && vcpu->run->io.port == UCALL_PORT);
	vcpu_describe(vcpu);
	ASSERT(false, "the guest left for something else than a call");
	return 0;
}

void __vcpu_run_to_sync(struct vcpu *vcpu, u64 stage, const char *file, int line)
{
	struct ucall uc;

	vcpu_next(vcpu, &uc);
	if (uc.cmd != UCALL_SYNC || uc.args[0] != stage)
		test_fail(file, line, true, "guest came to command %llu, stage %llu, not to stage %llu",
			  uc.cmd, uc.args[0], stage);
}

void __vcpu_run_to_done(struct vcpu *vcpu, const char *file, int line)
{
	struct ucall uc;

	vcpu_next(vcpu, &uc);
	if (uc.cmd != UCALL_DONE)
		test_fail(file, line, true, "guest came to stage %llu, not to its end", uc.args[0]);
}

struct vcpu *long_guest(void (*fn)(u64 arg), u64 arg)
{
	return vcpu_new(vm_new(GUEST_LONG), fn, arg);
}

void run_guest(void (*fn)(u64 arg), u64 arg)
{
	struct vcpu *vcpu = long_guest(fn, arg);

	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

unsigned int host_cpus(void)
{
	cpu_set_t set;

	x(sched_getaffinity(0, sizeof(set), &set));
	return CPU_COUNT(&set);
}

void pin_to_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	x(sched_setaffinity(0, sizeof(set), &set));
}
