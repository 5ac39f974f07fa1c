// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM costs the host besides the guest's memory: the module's structures, vCPUs,
 * interrupt controllers, nested tables, descriptions of memory objects. A bar for each:
 * 1 MiB, and 0.3 % of guest memory that is backed by frames of 2 MiB, 0.6 % of what is
 * backed by small ones.
 *
 * Nothing in the kernel counts exactly that. It is what is missing from the host's free
 * memory when VMs have touched all they have, less the frames their objects say they
 * have; and since free memory moves by itself, the least of a few attempts counts.
 */
#define _GNU_SOURCE
#include "guest.h"
#include "irqchip.h"
#include "object.h"
#include "vm.h"

#define RAM_BASE	0x2000000ULL
#define MAX_VMS		16
#define ATTEMPTS	4

/* Rests when what others gave back has come. */
static u64 settled_memory(void)
{
	u64 before, now = free_memory();

	for (unsigned int i = 0; i < 50; i++) {
		before = now;
		usleep(30000);
		now = free_memory();
		if (now - before + MB / 8 < MB / 4)
			break;
	}
	return now;
}

static void touch_all(u64 size)
{
	for (u64 at = RAM_BASE; at < RAM_BASE + size; at += PAGE_SIZE)
		*(volatile u64 *)at = at;
	GUEST_SYNC(1);
	for (;;)
		hlt();
}

struct guest_machine {
	struct vm *vm;
	struct mem *ram;
};

static struct guest_machine make(u64 size, unsigned int flags, unsigned int cpus)
{
	struct guest_machine g = { .vm = irqchip_vm() };
	struct kvm_pit_config pit = { };
	struct vcpu *first;

	vm_ioctl(g.vm, KVM_CREATE_PIT2, &pit);
	if (size) {
		g.ram = mem_create(size, flags);
		vm_slot(g.vm, 1, RAM_BASE, size, g.ram->host, 0);
	}
	first = vcpu_new(g.vm, touch_all, size);
	for (unsigned int i = 1; i < cpus; i++)
		vcpu_set_cpuid(vcpu_create(g.vm, i), supported_cpuid());
	vcpu_run_to_sync(first, 1);
	return g;
}

static void destroy(struct guest_machine *g)
{
	vm_free(g->vm);
	if (g->ram)
		mem_free(g->ram);
}

struct cost {
	s64 bytes;		/* besides frames of guests */
	u64 frames;		/* of guests, in bytes */
	u64 large;		/* of them in large pages */
};

static struct cost measure(unsigned int vms, u64 size, unsigned int flags, unsigned int cpus)
{
	struct guest_machine g[MAX_VMS];
	struct cost c = { };
	u64 before, after;

	before = settled_memory();
	for (unsigned int i = 0; i < vms; i++)
		g[i] = make(size, flags, cpus);
	after = settled_memory();
	for (unsigned int i = 0; i < vms; i++) {
		struct bellows_memory_stat low = object_stat(g[i].vm->mem->fd);
		struct bellows_memory_stat ram = g[i].ram ? object_stat(g[i].ram->fd) :
						 (struct bellows_memory_stat) { };

		c.frames += (low.private_pages + ram.private_pages) * PAGE_SIZE;
		c.large += (low.large + ram.large) * PAGE_SIZE;
	}
	c.bytes = (s64)(before - after) - (s64)c.frames;
	for (unsigned int i = 0; i < vms; i++)
		destroy(&g[i]);
	return c;
}

static struct cost least(unsigned int vms, u64 size, unsigned int flags, unsigned int cpus, s64 enough)
{
	struct cost best = { .bytes = 1ULL << 62 }, c;

	for (unsigned int i = 0; i < ATTEMPTS && best.bytes > enough; i++) {
		c = measure(vms, size, flags, cpus);
		if (c.bytes < best.bytes)
			best = c;
	}
	return best;
}

static void need_memory(u64 size)
{
	REQUIRE_VMS();
	REQUIRE(!test_is_kvm, "KVM has no memory objects");
	REQUIRE(free_memory() > size + 64 * MB, "too little memory");
}

/* What exists once for all VMs is not counted. */
static void warm_up(void)
{
	struct guest_machine g = make(2 * MB, 0, 4);

	destroy(&g);
}

CASE_TIMEOUT(idle, "a VM of 4 vCPUs that touched little costs at most 1 MiB", 90)
{
	const unsigned int vms = 8;
	struct cost c;

	need_memory(vms * 4 * MB);
	warm_up();
	c = least(vms, 0, 0, 4, vms * MB);
	test_diag("%lld KiB a VM, besides %llu KiB of its memory", c.bytes / vms >> 10, c.frames / vms >> 10);
	EXPECT(c.bytes > 0, "cannot be: %lld", c.bytes);
	EXPECT(c.bytes <= (s64)(vms * MB), "%lld KiB a VM", c.bytes / vms >> 10);
}

static void check_share(unsigned int flags, unsigned int permille_tenths)
{
	const u64 size = test_on_machine("bochs-vmx") || test_on_machine("bochs-svm") ? 64 * MB : 192 * MB;
	s64 bar, empty;
	struct cost c;

	need_memory(size);
	warm_up();
	empty = least(1, 0, flags, 1, 0).bytes;
	bar = MB + size * permille_tenths / 10000;
	c = least(1, size, flags, 1, bar);
	test_diag("%lld KiB for %llu MiB, %llu MiB of it in large pages; %lld KiB without it", c.bytes >> 10,
		  c.frames >> 20, c.large >> 20, empty >> 10);
	EXPECT(c.frames >= size, "only %llu bytes are there", c.frames);
	if (flags & MEM_SMALL_PAGES)
		EXPECT(c.large < 16 * MB, "%llu bytes in large pages", c.large);
	else
		EXPECT(c.large >= size, "%llu bytes in large pages", c.large);
	EXPECT(c.bytes > 0, "cannot be: %lld", c.bytes);
	EXPECT(c.bytes <= bar, "%lld KiB, at most %lld", c.bytes >> 10, bar >> 10);
	/* The share alone, with what a count of free pages may be wrong by. */
	EXPECT(c.bytes - empty <= (s64)(size * permille_tenths / 10000) + (s64)MB / 2, "%lld KiB for %llu MiB",
	       (c.bytes - empty) >> 10, size >> 20);
}

CASE_TIMEOUT(large_frames, "guest memory in frames of 2 MiB costs at most 0.3 % of its size", 90)
{
	check_share(0, 30);
}

CASE_TIMEOUT(small_frames, "guest memory in frames of 4 KiB costs at most 0.6 % of its size", 90)
{
	check_share(MEM_SMALL_PAGES, 60);
}
