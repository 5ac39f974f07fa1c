// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation in the life of a VM fails once, from its creation to its end,
 * and each copy from and to user space. Whatever failed must have said so, left
 * counts and translations in order, and work when it is tried again.
 */
#define _GNU_SOURCE
#include "fail.h"
#include "vm.h"

#define SIZE	0x10000ULL
#define MOVED	0x10000ULL
#define CODE	0x1000ULL

/* Real mode: stores a byte in each of eight pages, and says so at a port. */
static const u8 code[] = {
	0x31, 0xdb,			/* xor bx, bx */
	0xc6, 0x87, 0x00, 0x08, 0x5a,	/* mov byte [bx + 0x800], 0x5a */
	0x81, 0xc3, 0x00, 0x10,		/* add bx, 0x1000 */
	0x81, 0xfb, 0x00, 0x80,		/* cmp bx, 0x8000 */
	0x72, 0xf1,			/* jb */
	0xb0, 0x01, 0xe6, 0x80,		/* out 0x80, al */
	0xeb, 0xfe,
};

static struct {
	bool chips;
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	char *memory;
} s;

static int region(u64 gpa, u64 size)
{
	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (unsigned long)s.memory,
	};

	return __x(ioctl(s.vm, KVM_SET_USER_MEMORY_REGION, &r));
}

static int create_vm(void)
{
	s.vm = __x(ioctl(dev_open(), KVM_CREATE_VM, 0));
	return s.vm < 0 ? s.vm : 0;
}

static int create_chips(void)
{
	return s.chips ? __x(ioctl(s.vm, KVM_CREATE_IRQCHIP, 0)) : 0;
}

static int attach(void)
{
	return region(0, SIZE);
}

static int create_vcpu(void)
{
	s.vcpu = __x(ioctl(s.vm, KVM_CREATE_VCPU, 0));
	return s.vcpu < 0 ? s.vcpu : 0;
}

static int map_run(void)
{
	void *p = mmap(NULL, s.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, s.vcpu, 0);

	if (p == MAP_FAILED)
		return -errno;
	s.run = p;
	return 0;
}

static int set_cpuid(void)
{
	return __x(ioctl(s.vcpu, KVM_SET_CPUID2, supported_cpuid()));
}

static int filter_msrs(void)
{
	static u8 bitmap[32];
	struct kvm_msr_filter filter = {
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = 0x10, .nmsrs = 256, .bitmap = bitmap,
		},
	};

	return __x(ioctl(s.vm, KVM_X86_SET_MSR_FILTER, &filter));
}

static int start_at(u64 base)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	int r = __x(ioctl(s.vcpu, KVM_GET_SREGS, &sregs));

	if (r)
		return r;
	sregs.cs.base = base;
	sregs.cs.selector = base >> 4;
	sregs.ds.base = base;
	sregs.ds.selector = base >> 4;
	r = __x(ioctl(s.vcpu, KVM_SET_SREGS, &sregs));
	return r ?: __x(ioctl(s.vcpu, KVM_SET_REGS, &regs));
}

static int start(void)
{
	return start_at(0);
}

static int run(void)
{
	int r = __x(ioctl(s.vcpu, KVM_RUN, 0));

	if (r)
		return r;
	ASSERT_EQ(s.run->exit_reason, KVM_EXIT_IO);
	ASSERT_EQ(s.run->io.port, 0x80);
	return 0;
}

static int move(void)
{
	return region(MOVED, SIZE);
}

static int start_moved(void)
{
	return start_at(MOVED);
}

static int detach(void)
{
	return region(MOVED, 0);
}

static int (* const steps[])(void) = {
	create_vm, create_chips, attach, create_vcpu, map_run, set_cpuid, filter_msrs, start, run,
	move, start_moved, run, detach,
};

/* Steps that failed, each for a reason; all worked at the second attempt. */
static unsigned int live_once(void)
{
	unsigned int failures = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i]();

		if (!r)
			continue;
		failures++;
		ASSERT(disarm(), "step %zu failed without a reason: %d", i, r);
		EXPECT(r == -ENOMEM || r == -EFAULT || r == -ENFILE, "step %zu: %d", i, r);
		expect_audit_ok();
		r = steps[i]();
		ASSERT(!r, "step %zu does not work the second time: %d", i, r);
	}
	return failures;
}

static void end(void)
{
	munmap(s.run, s.run_size);
	close(s.vcpu);
	close(s.vm);
}

static void scenario(bool chips)
{
	unsigned int n, met = 0, seen, failures = 0;
	bool failed;

	REQUIRE(!test_is_kvm, "this is about the module under test");
	fail_set_up();
	s.chips = chips;
	s.run_size = dev_ioctl(KVM_GET_VCPU_MMAP_SIZE, 0);
	supported_cpuid();
	for (n = 1; n < 600; n++) {
		int object = object_create(SIZE, BELLOWS_MEMORY_SMALL_PAGES);

		s.memory = object_map(object, 0, SIZE);
		close(object);
		memcpy(s.memory + CODE, code, sizeof(code));
		arm(n);
		seen = live_once();
		failures += seen;
		failed = disarm() || seen;
		met += failed;
		for (unsigned int page = 0; page < 8; page++)
			EXPECT_EQ(s.memory[page * PAGE_SIZE + 0x800], 0x5a);
		expect_audit_ok();
		end();
		munmap(s.memory, SIZE);
		if (!failed)
			break;
	}
	test_diag("%u of %u met a failure, %u were seen by the user", met, n, failures);
	EXPECT(n > 20 && n < 600 && failures > 10);
}

CASE_TIMEOUT(bare, "every allocation of a VM and a vCPU fails once", 240)
{
	scenario(false);
}

CASE_TIMEOUT(with_chips, "every allocation of a VM with interrupt controllers fails once", 240)
{
	scenario(true);
}
