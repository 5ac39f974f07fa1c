// SPDX-License-Identifier: GPL-2.0
/* KVM_IOEVENTFD: which writes of a guest signal an eventfd instead of leaving it, and which do not. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/eventfd.h>
#include "device.h"
#include "guest.h"
#include "vm.h"

#define PORT	0x510
#define DOOR	(MMIO_BASE + 0x100)
#define RAM	0x900000UL

#define PIO	KVM_IOEVENTFD_FLAG_PIO
#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define REMOVE	KVM_IOEVENTFD_FLAG_DEASSIGN

static int new_eventfd(void)
{
	return x(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

/* How often it was signalled since the last time. */
static u64 rung(int fd)
{
	u64 n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static int __bell(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 value)
{
	struct kvm_ioeventfd args = {
		.datamatch = value, .addr = addr, .len = len, .fd = fd, .flags = flags
	};

	return __vm_ioctl(vm, KVM_IOEVENTFD, &args);
}

static void bell(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 value)
{
	ASSERT_EQ(__bell(vm, fd, addr, len, flags, value), 0);
}

static void out_sizes(u64 arg)
{
	outb(PORT, 1);
	GUEST_SYNC(1);
	outw(PORT, 2);
	GUEST_SYNC(2);
	outl(PORT, 3);
	GUEST_SYNC(3);
}

/* The guest's next stage, with the port's exits that came before it. */
static unsigned int exits_to(struct vcpu *vcpu, u64 stage)
{
	unsigned int n = 0;
	struct ucall uc;

	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
			n++;
			memset(vcpu->run->mmio.data, 0, 8);
			continue;
		}
		__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
		if (vcpu->run->io.port == PORT) {
			n += vcpu->run->io.count;
			continue;
		}
		if (vcpu_ucall(vcpu, &uc))
			break;
	}
	ASSERT_EQ(uc.cmd, UCALL_SYNC);
	ASSERT_EQ(uc.args[0], stage);
	return n;
}

static void run_sizes(u32 len)
{
	struct vcpu *vcpu = long_guest(out_sizes, 0);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, PORT, len, PIO, 0);
	for (u32 stage = 1; stage <= 3; stage++) {
		bool mine = !len || len == 1U << (stage - 1);

		EXPECT_EQ(exits_to(vcpu, stage), !mine);
		EXPECT_EQ(rung(fd), mine);
	}
	bell(vcpu->vm, fd, PORT, len, PIO | REMOVE, 0);
	close(fd);
	vm_free(vcpu->vm);
}

CASE(pio, "an OUT of the registered width signals and does not leave the guest, others leave it")
{
	run_sizes(1);
	run_sizes(2);
	run_sizes(4);
}

CASE(pio_any, "length 0 takes an OUT of any width")
{
	run_sizes(0);
}

static void out_values(u64 n)
{
	for (u64 i = 0; i < n; i++)
		outw(PORT, i);
	GUEST_SYNC(1);
}

CASE(pio_match, "with a value to match, each write signals the eventfd that waits for it, others leave")
{
	struct vcpu *vcpu = long_guest(out_values, 6);
	int a = new_eventfd(), b = new_eventfd();

	bell(vcpu->vm, a, PORT, 2, PIO | MATCH, 1);
	bell(vcpu->vm, b, PORT, 2, PIO | MATCH, 4);
	bell(vcpu->vm, a, PORT, 2, PIO | MATCH, 5);
	EXPECT_EQ(exits_to(vcpu, 1), 3);
	EXPECT_EQ(rung(a), 2);
	EXPECT_EQ(rung(b), 1);
	vm_free(vcpu->vm);
}

static void in_port(u64 arg)
{
	GUEST_ASSERT_EQ(inb(PORT), 0);
	GUEST_SYNC(1);
}

CASE(pio_in, "an IN from a doorbell goes to userspace")
{
	struct vcpu *vcpu = long_guest(in_port, 0);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, PORT, 0, PIO, 0);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	*((u8 *)vcpu->run + vcpu->run->io.data_offset) = 0;
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 0);
	vm_free(vcpu->vm);
}

static void string_out(u64 n)
{
	u64 rsi = RAM;

	for (u64 i = 0; i < n; i++)
		((volatile u8 *)RAM)[i] = i;
	asm volatile("rep outsb" : "+S"(rsi), "+c"(n) : "d"(PORT) : "memory");
	GUEST_SYNC(1);
}

CASE(pio_string, "REP OUTS signals once per element")
{
	struct vcpu *vcpu = long_guest(string_out, 100);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, PORT, 1, PIO, 0);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 100);
	vm_free(vcpu->vm);
}

CASE(pio_string_match, "of a REP OUTS, what matches at its start signals and the rest reaches userspace")
{
	struct vcpu *vcpu = long_guest(string_out, 10);
	int fd = new_eventfd();

	if (test_is_kvm)
		SKIP("KVM drops the elements after those that matched");
	bell(vcpu->vm, fd, PORT, 1, PIO | MATCH, 0);
	bell(vcpu->vm, fd, PORT, 1, PIO | MATCH, 1);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	EXPECT_EQ(vcpu->run->io.count, 8);
	for (u32 i = 0; i < vcpu->run->io.count; i++)
		EXPECT_EQ(((u8 *)vcpu->run + vcpu->run->io.data_offset)[i], i + 2);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 2);
	vm_free(vcpu->vm);
}

static void mmio_sizes(u64 arg)
{
	*(volatile u8 *)DOOR = 1;
	GUEST_SYNC(1);
	*(volatile u16 *)DOOR = 2;
	GUEST_SYNC(2);
	*(volatile u32 *)DOOR = 3;
	GUEST_SYNC(3);
	*(volatile u64 *)DOOR = 0x1122334455667788;
	GUEST_SYNC(4);
	*(volatile u64 *)(DOOR - 8) = 5;
	GUEST_SYNC(5);
	GUEST_ASSERT_EQ(*(volatile u32 *)DOOR, 0);
	GUEST_SYNC(6);
}

static void run_mmio(u32 len, u32 flags, u64 value)
{
	static const u64 values[] = { 1, 2, 3, 0x1122334455667788 };
	struct vcpu *vcpu = long_guest(mmio_sizes, 0);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, DOOR, len, flags, value);
	for (u32 stage = 1; stage <= 6; stage++) {
		bool mine = stage <= 4 && (!len || len == 1U << (stage - 1)) &&
			    (!(flags & MATCH) || value == values[stage - 1]);

		EXPECT_EQ(exits_to(vcpu, stage), !mine);
		EXPECT_EQ(rung(fd), mine);
	}
	vm_free(vcpu->vm);
	close(fd);
}

CASE(mmio, "a store of the registered width signals, other widths, neighbours and loads leave")
{
	for (u32 len = 1; len <= 8; len *= 2)
		run_mmio(len, 0, 0);
}

CASE(mmio_any, "length 0 takes a store of any width")
{
	run_mmio(0, 0, 0);
}

CASE(mmio_match, "stores are compared with the value in full")
{
	run_mmio(2, MATCH, 2);
	run_mmio(2, MATCH, 0x10002);
	run_mmio(8, MATCH, 0x1122334455667788);
	run_mmio(8, MATCH, 0x0122334455667788);
}

static void straddle(u64 arg)
{
	u64 v[2] = { 7, 8 };

	asm volatile("movups (%0), %%xmm0; movups %%xmm0, (%1)" :: "r"(v), "r"(DOOR) : "memory");
	GUEST_SYNC(1);
}

CASE(mmio_halves, "of a store of 16 bytes each half goes to who has it")
{
	struct vcpu *vcpu = long_guest(straddle, 0);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, DOOR, 8, 0, 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, DOOR + 8);
	EXPECT_EQ(vcpu->run->mmio.len, 8);
	EXPECT_EQ(*(u64 *)vcpu->run->mmio.data, 8);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 1);
	vm_free(vcpu->vm);
	if (test_is_kvm)		/* after an exit it asks nobody in the kernel */
		return;
	vcpu = long_guest(straddle, 0);
	bell(vcpu->vm, fd, DOOR + 8, 8, 0, 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, DOOR);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 1);
	vm_free(vcpu->vm);
}

static void out_forever(u64 arg)
{
	for (;;) {
		outb(PORT, 1);
		GUEST_SYNC(1);
	}
}

CASE(deassign, "after it was taken away the write leaves the guest again")
{
	struct vcpu *vcpu = long_guest(out_forever, 0);
	int fd = new_eventfd();

	EXPECT_EQ(exits_to(vcpu, 1), 1);
	bell(vcpu->vm, fd, PORT, 1, PIO, 0);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 1);
	bell(vcpu->vm, fd, PORT, 1, PIO | REMOVE, 0);
	EXPECT_EQ(exits_to(vcpu, 1), 1);
	EXPECT_EQ(rung(fd), 0);
	vm_free(vcpu->vm);
}

CASE(closed, "a closed eventfd is no longer signalled to anybody, and nothing else happens")
{
	struct vcpu *vcpu = long_guest(out_forever, 0);
	int fd = new_eventfd();

	bell(vcpu->vm, fd, PORT, 1, PIO, 0);
	close(fd);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	vm_free(vcpu->vm);
}

CASE(bad, "wrong lengths, flags, ranges and descriptors get KVM's errors")
{
	struct vm *vm = vm_create();
	int fd = new_eventfd(), other = x(dup(0));

	EXPECT_EQ(__bell(vm, fd, PORT, 3, PIO, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, PORT, 16, PIO, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, ~0ULL, 4, 0, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, ~0ULL - 7, 8, 0, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, PORT, 1, 1 << 5, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, PORT, 1, 1U << 31, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, PORT, 0, PIO | MATCH, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, -1, PORT, 1, PIO, 0), -EBADF);
	EXPECT_EQ(__bell(vm, 1000, PORT, 1, PIO, 0), -EBADF);
	EXPECT_EQ(__bell(vm, other, PORT, 1, PIO, 0), -EINVAL);
	EXPECT_EQ(__bell(vm, fd, PORT, 1, PIO | REMOVE, 0), -ENOENT);
	EXPECT_EQ(__bell(vm, -1, PORT, 1, PIO | REMOVE, 0), -EBADF);
	EXPECT_EQ(__vm_ioctl(vm, KVM_IOEVENTFD, (void *)8), -EFAULT);
	vm_free(vm);
}

CASE(collision, "two that one write could signal are refused, others may share an address")
{
	struct vm *vm = vm_create();
	int a = new_eventfd(), b = new_eventfd();

	bell(vm, a, PORT, 2, PIO | MATCH, 1);
	bell(vm, b, PORT, 2, PIO | MATCH, 2);
	bell(vm, b, PORT, 4, PIO | MATCH, 1);
	bell(vm, b, PORT, 2, 0, 1);			/* an address, not a port */
	EXPECT_EQ(__bell(vm, b, PORT, 2, PIO | MATCH, 1), -EEXIST);
	EXPECT_EQ(__bell(vm, b, PORT, 2, PIO, 0), -EEXIST);
	EXPECT_EQ(__bell(vm, b, PORT, 0, PIO, 0), -EEXIST);
	bell(vm, b, PORT, 1, PIO, 0);
	EXPECT_EQ(__bell(vm, a, PORT, 1, PIO | MATCH, 7), -EEXIST);
	/* Of the wrong one nothing is taken away. */
	EXPECT_EQ(__bell(vm, b, PORT, 2, PIO | MATCH | REMOVE, 1), -ENOENT);
	EXPECT_EQ(__bell(vm, a, PORT, 2, PIO | REMOVE, 1), -ENOENT);
	EXPECT_EQ(__bell(vm, a, PORT, 4, PIO | MATCH | REMOVE, 1), -ENOENT);
	bell(vm, a, PORT, 2, PIO | MATCH | REMOVE, 1);
	bell(vm, a, PORT, 2, PIO | MATCH, 1);
	vm_free(vm);
}

CASE(many, "as many as fit are found at their addresses, in whatever order they came")
{
	struct vcpu *vcpu = long_guest(out_values, 64);
	struct vm *vm = vcpu->vm;
	int fd = new_eventfd(), ret = 0;
	const char *kernel = getenv("BELLOWS_KERNEL"), *slow = getenv("BELLOWS_SLOW");
	/* Each looks at all others: minutes, where checks look over every shoulder. */
	bool quick = !(slow && atoi(slow)) && !(kernel && strstr(kernel, "debug"));
	unsigned int n;

	for (n = 0; n < 512; n++)
		bell(vm, fd, MMIO_BASE + (n * 37 % 512) * 8, n % 2 ? 4 : 8, 0, 0);
	for (n = 0; n < 64; n++)
		bell(vm, fd, PORT, 2, PIO | MATCH, 63 - n);
	EXPECT_EQ(exits_to(vcpu, 1), 0);
	EXPECT_EQ(rung(fd), 64);
	if (!test_is_kvm && quick) {
		for (n = 0; n < 8192 && !ret; n++)
			ret = __bell(vm, fd, MMIO_BASE + 0x100000 + n * 8, 4, 0, 0);
		EXPECT_EQ(ret, -ENOSPC);
		bell(vm, fd, MMIO_BASE, 8, REMOVE, 0);
		bell(vm, fd, MMIO_BASE, 8, 0, 0);
	}
	vm_free(vm);
}

static struct vm *churn_vm;
static bool churn_stop;

static void *churn(void *arg)
{
	int fd = new_eventfd();

	while (!READ_ONCE(churn_stop)) {
		bell(churn_vm, fd, PORT, 1, PIO, 0);
		bell(churn_vm, fd, PORT, 1, PIO | REMOVE, 0);
	}
	close(fd);
	return NULL;
}

CASE(race, "a doorbell comes and goes while a guest writes to it")
{
	struct vcpu *vcpu = long_guest(out_forever, 0);
	pthread_t thread;

	churn_vm = vcpu->vm;
	ASSERT_EQ(pthread_create(&thread, NULL, churn, NULL), 0);
	for (unsigned long n = test_scale(2000); n; n--)
		EXPECT(exits_to(vcpu, 1) <= 1);
	WRITE_ONCE(churn_stop, true);
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
}

CASE(caps, "the capabilities say so")
{
	EXPECT_EQ(check_extension(KVM_CAP_IOEVENTFD), 1);
	EXPECT_EQ(check_extension(KVM_CAP_IOEVENTFD_ANY_LENGTH), 1);
}
