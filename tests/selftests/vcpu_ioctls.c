// SPDX-License-Identifier: GPL-2.0
/* Bad input to descriptors of vCPUs and VMs: for each call the errno that KVM gives. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "guest.h"
#include "vm.h"

static void leave(u64 arg)
{
	for (;;)
		outb(0x80, 0);
}

static const struct {
	const char *name;
	unsigned long cmd;
} pointers[] = {
#define P(x) { #x, x }
	P(KVM_GET_REGS), P(KVM_SET_REGS), P(KVM_GET_SREGS), P(KVM_SET_SREGS), P(KVM_GET_FPU),
	P(KVM_SET_FPU), P(KVM_GET_XSAVE), P(KVM_SET_XSAVE), P(KVM_GET_XCRS), P(KVM_SET_XCRS),
	P(KVM_GET_MSRS), P(KVM_SET_MSRS), P(KVM_SET_CPUID2), P(KVM_GET_CPUID2),
	P(KVM_GET_VCPU_EVENTS), P(KVM_SET_VCPU_EVENTS), P(KVM_GET_DEBUGREGS),
	P(KVM_SET_DEBUGREGS), P(KVM_GET_MP_STATE), P(KVM_SET_MP_STATE), P(KVM_INTERRUPT),
	P(KVM_SET_SIGNAL_MASK), P(KVM_SET_GUEST_DEBUG), P(KVM_TRANSLATE), P(KVM_SET_CPUID),
};

/* The same for a VM that has all chips. */
static const struct {
	const char *name;
	unsigned long cmd;
} vm_pointers[] = {
	P(KVM_SET_USER_MEMORY_REGION), P(KVM_SET_IDENTITY_MAP_ADDR), P(KVM_ENABLE_CAP),
	P(KVM_X86_SET_MSR_FILTER), P(KVM_GET_CLOCK), P(KVM_SET_CLOCK), P(KVM_GET_IRQCHIP),
	P(KVM_SET_IRQCHIP), P(KVM_IRQ_LINE), P(KVM_IRQ_LINE_STATUS), P(KVM_SIGNAL_MSI),
	P(KVM_SET_GSI_ROUTING), P(KVM_IRQFD), P(KVM_IOEVENTFD), P(KVM_CREATE_PIT2),
	P(KVM_GET_PIT), P(KVM_SET_PIT), P(KVM_GET_PIT2), P(KVM_SET_PIT2), P(KVM_REINJECT_CONTROL),
};

CASE(bad_pointers, "a pointer to nothing is EFAULT, for every call that takes one")
{
	struct vcpu *vcpu = long_guest(leave, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
		int ret = __vcpu_ioctl(vcpu, pointers[i].cmd, (void *)8);

		EXPECT(ret == -EFAULT, "%s: %d", pointers[i].name, ret);
		ret = __vcpu_ioctl(vcpu, pointers[i].cmd, (void *)0xffff800000000000);
		EXPECT(ret == -EFAULT, "%s, kernel address: %d", pointers[i].name, ret);
	}
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

CASE(bad_vm_pointers, "the same for the calls of a VM, and of a vCPU with an APIC")
{
	struct kvm_pit_config pit = { };
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	vm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL);
	vm_ioctl(vm, KVM_CREATE_PIT2, &pit);
	for (unsigned int i = 0; i < ARRAY_SIZE(vm_pointers); i++) {
		int ret = __vm_ioctl(vm, vm_pointers[i].cmd, (void *)8);

		EXPECT(ret == -EFAULT, "%s: %d", vm_pointers[i].name, ret);
		ret = __vm_ioctl(vm, vm_pointers[i].cmd, (void *)0xffff800000000000);
		EXPECT(ret == -EFAULT, "%s, kernel address: %d", vm_pointers[i].name, ret);
	}
	vcpu = vcpu_create(vm, 0);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_LAPIC, (void *)8), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_LAPIC, (void *)8), -EFAULT);
	vm_free(vm);
}

CASE(half_pointers, "a structure that ends in a page that is not there is EFAULT, and nothing is done")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	char *two = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_regs before, after;

	x(munmap(two + PAGE_SIZE, PAGE_SIZE));
	vcpu_regs(vcpu, &before);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_REGS, two + PAGE_SIZE - 16), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_REGS, two + PAGE_SIZE - 16), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_SREGS, two + PAGE_SIZE - 16), -EFAULT);
	vcpu_regs(vcpu, &after);
	EXPECT(!memcmp(&before, &after, sizeof(before)), "registers changed");
	vm_free(vcpu->vm);
}

CASE(wrong_type, "a call on a descriptor of another kind is ENOTTY or EINVAL, as KVM has it")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_regs regs = { };
	int e = eventfd(0, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
		int ret = __vm_ioctl(vcpu->vm, pointers[i].cmd, &regs);

		EXPECT(ret == -ENOTTY, "%s on a VM: %d", pointers[i].name, ret);
		if (pointers[i].cmd == KVM_GET_MSRS)
			continue;	/* the device has it, too */
		ret = __dev_ioctl(pointers[i].cmd, &regs);
		EXPECT(ret == -EINVAL, "%s on the device: %d", pointers[i].name, ret);
		ret = __x(ioctl(e, pointers[i].cmd, &regs));
		EXPECT(ret == -ENOTTY, "%s on an eventfd: %d", pointers[i].name, ret);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(vm_pointers); i++) {
		int ret = __vcpu_ioctl(vcpu, vm_pointers[i].cmd, &regs);

		EXPECT(ret == -EINVAL, "%s on a vCPU: %d", vm_pointers[i].name, ret);
		ret = __dev_ioctl(vm_pointers[i].cmd, &regs);
		EXPECT(ret == -EINVAL, "%s on the device: %d", vm_pointers[i].name, ret);
	}
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_CREATE_VCPU, 1UL), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_CREATE_VM, 0UL), -EINVAL);
	vm_free(vcpu->vm);
}

CASE(unknown, "calls that do not exist, or with another size, are EINVAL")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	char buf[4096] = {};

	EXPECT_EQ(__vcpu_ioctl(vcpu, _IO(KVMIO, 0xff), buf), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, _IOW(KVMIO, 0x82, u64), buf), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, _IO(0x62, 1), buf), -EINVAL);	/* another driver's */
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_RUN, 1UL), -EINVAL);
	vm_free(vcpu->vm);
}

CASE(debugregs, "KVM_SET_DEBUGREGS: bits 32 and up of DR6 and DR7, and flags, are EINVAL")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_debugregs good, d;

	vcpu_ioctl(vcpu, KVM_GET_DEBUGREGS, &good);
	d = good;
	d.dr6 |= 1ULL << 32;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &d), -EINVAL);
	d = good;
	d.dr7 |= 1ULL << 32;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &d), -EINVAL);
	d = good;
	d.flags = 1;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &d), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &good), 0);
	vm_free(vcpu->vm);
}

CASE(translate, "KVM_TRANSLATE follows the guest's tables")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_translation t = { .linear_address = 0x40001234 };

	vm_map(vcpu->vm, 0x40001000, 0x900000, PAGE_SIZE, PTE_W);
	vcpu_ioctl(vcpu, KVM_TRANSLATE, &t);
	EXPECT_EQ(t.valid, 1);
	EXPECT_EQ(t.physical_address, 0x900234);
	t = (struct kvm_translation){ .linear_address = 0x40002000 };
	vcpu_ioctl(vcpu, KVM_TRANSLATE, &t);
	EXPECT_EQ(t.valid, 0);
	vm_free(vcpu->vm);
}

CASE(mmaps, "mmap of a vCPU: its size and no more, shared")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	volatile char *p;

	p = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(((struct kvm_run *)p)->exit_reason, KVM_EXIT_IO);
	x(munmap((void *)p, vcpu->run_size));
	vm_free(vcpu->vm);
}

CASE(run_struct, "nonsense in struct kvm_run does no harm")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_run *run = vcpu->run;
	u64 state = 42;

	for (int i = 0; i < 200; i++) {
		u8 *p = (u8 *)run;

		/* Everything but request_interrupt_window and immediate_exit */
		for (unsigned int k = 8; k < vcpu->run_size; k++)
			if (!(k & 7) || test_random(&state) % 64 == 0)
				p[k] = test_random(&state);
		run->cr8 = 0;
		run->kvm_valid_regs = 0;
		run->kvm_dirty_regs = 0;
		vcpu_run(vcpu);
		EXPECT(run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_SET_TPR,
		       "%s", exit_name(run->exit_reason));
	}
	vm_free(vcpu->vm);
}
