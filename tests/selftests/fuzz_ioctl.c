// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls, from several threads, on all kinds of descriptors: with
 * structures that were read and then changed a little, with random numbers and
 * random memory, with guests that execute random bytes, and with descriptors
 * that other threads close meanwhile. Nothing is expected of the answers; the
 * host must live, and all must be gone at the end.
 *
 *	fuzz_ioctl [--calls N] [--seed N] [--threads N] [--device FILE]
 *
 * A seed gives each thread the same choices again, though not the same
 * interleaving. With KCOV it prints how much of the module was reached.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "kcov.h"
#include "vm.h"

#define NR_FDS		8		/* of each kind */
#define BUFFER		8192
#define OBJECT		(4 * MB)
#define MAX_THREADS	8

enum kind { VM, VCPU, MEMORY, EVENT, KINDS };

static struct {
	atomic_int fd;
	void *_Atomic map;		/* struct kvm_run, or the object */
} pool[KINDS][NR_FDS];

static int device = -1;
static unsigned long calls_wanted = 5000;

/* Shared with the parent, which reports. */
static struct {
	atomic_ulong calls, succeeded, runs;
} *count;

struct worker {
	pthread_t thread;
	unsigned int id;
	u64 random;
	u8 *buf;
	u64 *cover;
	atomic_ulong calls;
	atomic_bool finished;
};

static u64 rnd(struct worker *w, u64 n)
{
	return test_random(&w->random) % n;
}

static u64 interesting(struct worker *w)
{
	static const u64 values[] = {
		0, 1, 2, 8, 0x7f, 0x80, 0xff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL, 0xfffffffffffff000,
		0x0000800000000000, 0xffff800000000000, 0x80000011, 0xd01, 0x6a0, 0x40000000,
	};

	return rnd(w, 3) ? values[rnd(w, ARRAY_SIZE(values))] : test_random(&w->random);
}

static int call(struct worker *w, int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	atomic_fetch_add(&w->calls, 1);
	kcov_take(w->cover);
	atomic_fetch_add(&count->calls, 1);
	if (ret >= 0)
		atomic_fetch_add(&count->succeeded, 1);
	return ret;
}

/* Puts a descriptor into the pool, in place of another. */
static void put(enum kind kind, unsigned int slot, int fd, void *map, size_t size)
{
	int old_fd = atomic_exchange(&pool[kind][slot].fd, fd);
	void *old = atomic_exchange(&pool[kind][slot].map, map);

	if (old)
		munmap(old, size);
	if (old_fd > 0)
		close(old_fd);
}

static int get(struct worker *w, enum kind kind, unsigned int *slot)
{
	*slot = rnd(w, NR_FDS);
	return atomic_load(&pool[kind][*slot].fd);
}

static void new_memory(struct worker *w)
{
	struct bellows_memory_create create = { .size = OBJECT, .flags = rnd(w, 4) ? 0 : rnd(w, 2) };
	void *map;
	int fd = -1;

	if (rnd(w, 8) == 0)
		create.size = interesting(w) & (rnd(w, 2) ? ~0xfffULL : ~0ULL);
	if (rnd(w, 16) == 0)
		create.flags = interesting(w);
	if (rnd(w, 16) == 0)
		create.reserved[rnd(w, 6)] = interesting(w);
	if (!test_is_kvm) {
		fd = call(w, device, BELLOWS_MEMORY_CREATE, &create);
		if (fd < 0)
			return;
	}
	if (!test_is_kvm && create.size < OBJECT) {
		close(fd);
		return;
	}
	map = mmap(NULL, OBJECT, PROT_READ | PROT_WRITE,
		   test_is_kvm ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	put(MEMORY, rnd(w, NR_FDS), fd, map == MAP_FAILED ? NULL : map, OBJECT);
}

static void set_slot(struct worker *w, int vm)
{
	struct kvm_userspace_memory_region r = {
		.slot = rnd(w, 6),
		.guest_phys_addr = rnd(w, 4) * OBJECT,
		.memory_size = OBJECT >> rnd(w, 3),
		.userspace_addr = (unsigned long)atomic_load(&pool[MEMORY][rnd(w, NR_FDS)].map),
	};

	if (rnd(w, 8) == 0)
		r.memory_size = 0;
	if (rnd(w, 8) == 0)
		r.flags = KVM_MEM_READONLY;
	if (rnd(w, 12) == 0)
		((u64 *)&r)[rnd(w, 4)] = interesting(w);
	call(w, vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static void new_vm(struct worker *w)
{
	int fd = call(w, device, KVM_CREATE_VM, (void *)(rnd(w, 16) ? 0 : interesting(w)));

	if (fd < 0)
		return;
	for (unsigned int i = 0; i < 3; i++)
		set_slot(w, fd);
	if (rnd(w, 2)) {
		struct kvm_pit_config pit = { .flags = rnd(w, 2) };

		call(w, fd, KVM_CREATE_IRQCHIP, NULL);
		if (rnd(w, 2))
			call(w, fd, KVM_CREATE_PIT2, &pit);
	}
	put(VM, rnd(w, NR_FDS), fd, NULL, 0);
}

static void new_vcpu(struct worker *w)
{
	unsigned int slot;
	int vm = get(w, VM, &slot), fd;
	void *map;

	if (vm <= 0)
		return;
	fd = call(w, vm, KVM_CREATE_VCPU, (void *)(rnd(w, 16) ? rnd(w, 4) : interesting(w)));
	if (fd < 0)
		return;
	if (rnd(w, 4))
		call(w, fd, KVM_SET_CPUID2, supported_cpuid());
	map = mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	put(VCPU, rnd(w, NR_FDS), fd, map == MAP_FAILED ? NULL : map, 3 * PAGE_SIZE);
}

static const struct {
	unsigned long get, set;
	unsigned int size;
} pairs[] = {
	{ KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs) },
	{ KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs) },
	{ KVM_GET_FPU, KVM_SET_FPU, sizeof(struct kvm_fpu) },
	{ KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave) },
	{ KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs) },
	{ KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events) },
	{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(struct kvm_debugregs) },
	{ KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state) },
	{ KVM_GET_MSRS, KVM_SET_MSRS, 16 * 20 },
	{ KVM_GET_CPUID2, KVM_SET_CPUID2, 40 * 20 },
	{ KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state) },
};

static void mutate(struct worker *w, u8 *buf, unsigned int size)
{
	for (u64 n = rnd(w, 4); n; n--) {
		switch (rnd(w, 4)) {
		case 0:
			buf[rnd(w, size)] ^= 1 << rnd(w, 8);
			break;
		case 1:
			buf[rnd(w, size)] = test_random(&w->random);
			break;
		default:
			((u64 *)buf)[rnd(w, size / 8 ? size / 8 : 1)] = interesting(w);
		}
	}
}

static void state_pair(struct worker *w)
{
	unsigned int slot, p = rnd(w, ARRAY_SIZE(pairs));
	int fd = get(w, VCPU, &slot);

	if (pairs[p].get == KVM_GET_MSRS) {
		struct kvm_msrs *m = (void *)w->buf;

		m->nmsrs = 1 + rnd(w, 8);
		for (unsigned int i = 0; i < m->nmsrs; i++)
			m->entries[i].index = rnd(w, 2) ? 0xc0000080 + rnd(w, 8) :
					      rnd(w, 2) ? 0x170 + rnd(w, 0x180) : interesting(w);
	} else if (pairs[p].get == KVM_GET_CPUID2) {
		((struct kvm_cpuid2 *)w->buf)->nent = rnd(w, 16) ? 100 : interesting(w);
	}
	call(w, fd, pairs[p].get, w->buf);
	mutate(w, w->buf, pairs[p].size);
	call(w, fd, pairs[p].set, w->buf);
}

/* Sets a mode by hand now and then, or few guests would execute anything. */
static void plausible_mode(struct worker *w, int fd)
{
	struct kvm_regs regs = { .rip = rnd(w, 0xf000), .rsp = 0x8000, .rflags = 2 };
	struct kvm_sregs s;

	if (call(w, fd, KVM_GET_SREGS, &s))
		return;
	s.cs.base = 0;
	s.cs.selector = 0;
	if (rnd(w, 2)) {
		s.cr0 |= CR0_PE;
		s.cs.db = 1;
		s.cs.g = 1;
		s.cs.limit = ~0U;
		s.cs.selector = 8;
	}
	call(w, fd, KVM_SET_SREGS, &s);
	call(w, fd, KVM_SET_REGS, &regs);
}

/*
 * Bochs' VMX holds host interrupts back while a guest runs that was entered with
 * IF clear: one that loops would never be left. There a guest gets one
 * instruction at a time; without an IDT no exception can end the stepping.
 */
static bool stepping;

static bool step(struct worker *w, int fd)
{
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_sregs s;

	if (call(w, fd, KVM_GET_SREGS, &s))
		return false;
	s.idt.limit = 0;
	return !call(w, fd, KVM_SET_SREGS, &s) && !call(w, fd, KVM_SET_GUEST_DEBUG, &d);
}

/* Another thread may unmap it meanwhile: the kernel copies, and just fails. */
static void write_to(struct worker *w, void *to, const void *bytes, size_t size)
{
	int fds[2];

	if (pipe(fds))
		return;
	if (write(fds[1], bytes, size) > 0 && read(fds[0], to, size) < 0)
		w->random++;
	close(fds[0]);
	close(fds[1]);
}

static void run_guest_bytes(struct worker *w)
{
	unsigned int slot;
	int fd = get(w, VCPU, &slot);
	u8 *memory = atomic_load(&pool[MEMORY][rnd(w, NR_FDS)].map);

	if (fd <= 0)
		return;
	if (memory) {
		u64 bytes[32];

		for (unsigned int i = 0; i < ARRAY_SIZE(bytes); i++)
			bytes[i] = test_random(&w->random);
		write_to(w, memory + rnd(w, 0xf000), bytes, sizeof(bytes));
	}
	if (rnd(w, 2))
		plausible_mode(w, fd);
	for (u64 n = 1 + rnd(w, 4); n; n--) {
		if (stepping && !step(w, fd))
			break;
		atomic_fetch_add(&count->runs, 1);
		if (call(w, fd, KVM_RUN, NULL) < 0)
			break;
	}
}

static void vcpu_misc(struct worker *w)
{
	static const unsigned long cmds[] = {
		KVM_INTERRUPT, KVM_NMI, KVM_SET_SIGNAL_MASK, KVM_SET_GUEST_DEBUG, KVM_TRANSLATE,
		KVM_GET_TSC_KHZ, KVM_SET_CPUID2, KVM_GET_XSAVE2, KVM_SET_MSRS, KVM_SET_CPUID,
		KVM_KVMCLOCK_CTRL,
	};
	unsigned int slot;
	int fd = get(w, VCPU, &slot);

	for (unsigned int i = 0; i < 64; i++)
		((u64 *)w->buf)[i] = rnd(w, 3) ? rnd(w, 256) : interesting(w);
	call(w, fd, cmds[rnd(w, ARRAY_SIZE(cmds))], w->buf);
}

static void vm_misc(struct worker *w)
{
	static const unsigned long cmds[] = {
		KVM_ENABLE_CAP, KVM_X86_SET_MSR_FILTER, KVM_SET_IDENTITY_MAP_ADDR, KVM_CHECK_EXTENSION,
		KVM_SET_TSS_ADDR, KVM_SET_BOOT_CPU_ID, KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_GET_TSC_KHZ,
	};
	unsigned int slot;
	int fd = get(w, VM, &slot);

	for (unsigned int i = 0; i < 64; i++)
		((u64 *)w->buf)[i] = rnd(w, 3) ? rnd(w, 256) : interesting(w);
	call(w, fd, cmds[rnd(w, ARRAY_SIZE(cmds))], rnd(w, 4) ? w->buf : (void *)interesting(w));
}

static int new_eventfd(struct worker *w)
{
	unsigned int slot = rnd(w, NR_FDS);

	if (atomic_load(&pool[EVENT][slot].fd) <= 0 || rnd(w, 4) == 0)
		put(EVENT, slot, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), NULL, 0);
	return atomic_load(&pool[EVENT][slot].fd);
}

/* Lines, routes, eventfds at both ends of them: plausible ones, now and then changed. */
static void irq_wires(struct worker *w)
{
	unsigned int slot;
	int vm = get(w, VM, &slot), event = new_eventfd(w);
	struct kvm_irq_level level = { .irq = rnd(w, 30), .level = rnd(w, 2) };
	struct kvm_irqfd irqfd = {
		.fd = event, .gsi = rnd(w, 30), .flags = rnd(w, 4), .resamplefd = new_eventfd(w),
	};
	struct kvm_ioeventfd bell = {
		.datamatch = rnd(w, 3), .addr = rnd(w, 2) ? rnd(w, 0x70) : 0xfec00000 + rnd(w, 32),
		.len = rnd(w, 4) ? 1 << rnd(w, 4) : 0, .fd = event, .flags = rnd(w, 8),
	};
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | rnd(w, 0x100000), .data = rnd(w, 0x200) | rnd(w, 2) << 15,
	};
	u64 one = 1;

	switch (rnd(w, 6)) {
	case 0:
		mutate(w, (u8 *)&level, rnd(w, 8) ? 1 : sizeof(level));
		call(w, vm, rnd(w, 2) ? KVM_IRQ_LINE : KVM_IRQ_LINE_STATUS, &level);
		break;
	case 1:
		mutate(w, (u8 *)&irqfd, rnd(w, 8) ? 1 : sizeof(irqfd));
		call(w, vm, KVM_IRQFD, &irqfd);
		break;
	case 2:
		mutate(w, (u8 *)&bell, rnd(w, 8) ? 1 : sizeof(bell));
		call(w, vm, KVM_IOEVENTFD, &bell);
		break;
	case 3:
		call(w, vm, KVM_SIGNAL_MSI, &msi);
		break;
	default:
		if (write(event, &one, 8) < 0)
			w->random++;		/* just closed */
	}
}

static void irq_routes(struct worker *w)
{
	struct kvm_irq_routing *table = (void *)w->buf;
	unsigned int slot;
	int vm = get(w, VM, &slot);

	memset(table, 0, BUFFER);
	table->nr = rnd(w, 40);
	for (unsigned int i = 0; i < table->nr; i++) {
		struct kvm_irq_routing_entry *e = &table->entries[i];

		e->gsi = rnd(w, 8) ? i : rnd(w, 4100);
		e->type = 1 + rnd(w, 2);
		if (e->type == KVM_IRQ_ROUTING_IRQCHIP) {
			e->u.irqchip.irqchip = rnd(w, 3);
			e->u.irqchip.pin = rnd(w, rnd(w, 8) ? 8 : 26);
		} else {
			e->u.msi.address_lo = 0xfee00000;
			e->u.msi.data = rnd(w, 256);
		}
	}
	if (rnd(w, 4) == 0)
		mutate(w, w->buf, sizeof(*table) + 16);
	call(w, vm, KVM_SET_GSI_ROUTING, table);
}

static void irq_state(struct worker *w)
{
	static const struct {
		unsigned long get, set;
		unsigned int size;
	} states[] = {
		{ KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip) },
		{ KVM_GET_PIT2, KVM_SET_PIT2, sizeof(struct kvm_pit_state2) },
		{ KVM_GET_PIT, KVM_SET_PIT, sizeof(struct kvm_pit_state) },
		{ KVM_REINJECT_CONTROL, KVM_REINJECT_CONTROL, sizeof(struct kvm_reinject_control) },
		{ KVM_CREATE_PIT2, KVM_CREATE_IRQCHIP, sizeof(struct kvm_pit_config) },
	};
	unsigned int slot, i = rnd(w, ARRAY_SIZE(states));
	int vm = get(w, VM, &slot);

	((struct kvm_irqchip *)w->buf)->chip_id = rnd(w, 16) ? rnd(w, 3) : interesting(w);
	call(w, vm, states[i].get, w->buf);
	mutate(w, w->buf + 8, states[i].size - 8);
	call(w, vm, states[i].set, w->buf);
}

static void memory_misc(struct worker *w)
{
	static const unsigned long cmds[] = {
		BELLOWS_MEMORY_STAT, BELLOWS_MEMORY_INVALIDATE, BELLOWS_MEMORY_DISCARD,
	};
	struct bellows_memory_range r = {
		.offset = rnd(w, OBJECT / PAGE_SIZE) * PAGE_SIZE,
		.length = (1 + rnd(w, 64)) * PAGE_SIZE,
	};
	unsigned int slot;
	int fd = get(w, MEMORY, &slot);

	if (rnd(w, 8) == 0)
		((u64 *)&r)[rnd(w, 8)] = interesting(w);
	memcpy(w->buf, &r, sizeof(r));
	call(w, fd, cmds[rnd(w, ARRAY_SIZE(cmds))], w->buf);
}

static void anything(struct worker *w)
{
	unsigned int slot;
	int fd = rnd(w, 8) ? get(w, rnd(w, KINDS), &slot) : device;
	unsigned int type = rnd(w, 2) ? KVMIO : BELLOWS_IOCTL_TYPE;
	unsigned long cmd = _IOC(rnd(w, 4), type, rnd(w, 256), rnd(w, 4) ? rnd(w, 1024) : rnd(w, 16384));

	/* Known numbers are the business of the others: this one would make VMs without end. */
	if (cmd == KVM_CREATE_VM || cmd == KVM_CREATE_VCPU || cmd == BELLOWS_MEMORY_CREATE ||
	    cmd == KVM_RUN)
		return;
	mutate(w, w->buf, 512);
	call(w, fd, cmd, rnd(w, 4) ? w->buf : (void *)interesting(w));
}

/* Every call there is, on descriptors of the wrong kind, too. */
static void any_known(struct worker *w)
{
	static const unsigned long cmds[] = {
		KVM_GET_API_VERSION, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID,
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, BELLOWS_HOST_INFO,
		KVM_CREATE_IRQCHIP, KVM_CREATE_PIT, KVM_CREATE_PIT2, KVM_SET_BOOT_CPU_ID,
		KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_SET_USER_MEMORY_REGION, KVM_SET_TSS_ADDR,
		KVM_SET_IDENTITY_MAP_ADDR, KVM_CHECK_EXTENSION, KVM_GET_TSC_KHZ, KVM_ENABLE_CAP,
		KVM_X86_SET_MSR_FILTER, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, KVM_GET_IRQCHIP,
		KVM_SET_IRQCHIP, KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI, KVM_IRQFD, KVM_IOEVENTFD,
		KVM_GET_PIT, KVM_SET_PIT, KVM_GET_PIT2, KVM_SET_PIT2, KVM_REINJECT_CONTROL,
		KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_GET_FPU, KVM_SET_FPU,
		KVM_GET_XSAVE, KVM_GET_XSAVE2, KVM_SET_XSAVE, KVM_GET_XCRS, KVM_SET_XCRS,
		KVM_GET_MSRS, KVM_SET_MSRS, KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2,
		KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
		KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_INTERRUPT,
		KVM_NMI, KVM_SET_SIGNAL_MASK, KVM_SET_GUEST_DEBUG, KVM_TRANSLATE, KVM_KVMCLOCK_CTRL,
		BELLOWS_MEMORY_STAT, BELLOWS_MEMORY_INVALIDATE, BELLOWS_MEMORY_DISCARD,
	};
	unsigned int slot;
	int fd = rnd(w, 8) ? get(w, rnd(w, KINDS), &slot) : device;

	mutate(w, w->buf, BUFFER);
	call(w, fd, cmds[rnd(w, ARRAY_SIZE(cmds))],
	     rnd(w, 8) ? w->buf + rnd(w, 2) * (BUFFER - rnd(w, 64)) : (void *)interesting(w));
}

/* What userspace shares with a vCPU changes while it runs, too. */
static void scribble(struct worker *w)
{
	u8 *run = atomic_load(&pool[VCPU][rnd(w, NR_FDS)].map);
	u64 bytes[8];

	if (!run)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(bytes); i++)
		bytes[i] = interesting(w);
	write_to(w, run + rnd(w, rnd(w, 2) ? 512 : 3 * PAGE_SIZE - 64), bytes, 1 + rnd(w, 64));
}

/* Mappings of any descriptor that come, are advised of, and go; holes. */
static void map_briefly(struct worker *w)
{
	static const int advice[] = { MADV_DONTNEED, MADV_WILLNEED, MADV_COLD, MADV_REMOVE, MADV_POPULATE_WRITE };
	unsigned int slot;
	int fd = get(w, rnd(w, KINDS), &slot);
	size_t size = (1 + rnd(w, 600)) * PAGE_SIZE;
	off_t at = rnd(w, 16) ? rnd(w, 1024) * PAGE_SIZE : interesting(w);
	void *p = mmap(NULL, size, rnd(w, 8), rnd(w, 8) ? MAP_SHARED : MAP_PRIVATE, fd, at);

	if (rnd(w, 4) == 0 && fallocate(fd, rnd(w, 8), at, size))
		w->random++;
	if (p == MAP_FAILED)
		return;
	madvise(p, size, advice[rnd(w, ARRAY_SIZE(advice))]);
	munmap(p, size);
}

static void drop(struct worker *w)
{
	enum kind kind = rnd(w, KINDS);

	put(kind, rnd(w, NR_FDS), 0, NULL, kind == MEMORY ? OBJECT : 3 * PAGE_SIZE);
}

static void system_misc(struct worker *w)
{
	static const unsigned long cmds[] = {
		KVM_GET_API_VERSION, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE,
		KVM_GET_SUPPORTED_CPUID, KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST,
		KVM_GET_MSRS, BELLOWS_HOST_INFO,
	};

	mutate(w, w->buf, 64);
	call(w, device, cmds[rnd(w, ARRAY_SIZE(cmds))], rnd(w, 4) ? w->buf : (void *)rnd(w, 256));
}

static const struct {
	void (*fn)(struct worker *w);
	unsigned int weight;
} actions[] = {
	{ state_pair, 22 }, { run_guest_bytes, 8 }, { vcpu_misc, 14 }, { vm_misc, 7 },
	{ irq_wires, 8 }, { irq_routes, 2 }, { irq_state, 4 }, { memory_misc, 7 }, { anything, 4 },
	{ any_known, 7 }, { scribble, 4 }, { map_briefly, 3 }, { system_misc, 4 },
	{ new_vcpu, 2 }, { new_vm, 1 }, { new_memory, 1 }, { drop, 1 },
};

static void one_action(struct worker *w)
{
	u64 r = rnd(w, 100);

	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++) {
		if (r < actions[i].weight) {
			actions[i].fn(w);
			return;
		}
		r -= actions[i].weight;
	}
	if (rnd(w, 8) == 0) {		/* slots come and go, not too often */
		unsigned int slot;

		set_slot(w, get(w, VM, &slot));
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	w->cover = kcov_start();
	while (atomic_load(&count->calls) < calls_wanted)
		one_action(w);
	atomic_store(&w->finished, true);
	return NULL;
}

static void on_signal(int sig)
{
}

/*
 * Guests that loop must not: a thread whose call is the one of a millisecond ago is
 * interrupted, and now and then one in the middle of something else. More signals
 * than that would be most of what a slow host does.
 */
static void interrupt_until_finished(struct worker *w, unsigned int threads)
{
	unsigned long seen[MAX_THREADS] = { };
	unsigned int left, turn = 0;

	do {
		usleep(1000);
		turn++;
		left = 0;
		for (unsigned int i = 0; i < threads; i++) {
			unsigned long calls = atomic_load(&w[i].calls);

			if (atomic_load(&w[i].finished))
				continue;
			left++;
			if (calls == seen[i] || turn % 16 == i)
				pthread_kill(w[i].thread, SIGUSR1);
			seen[i] = calls;
		}
	} while (left);
}

static void fuzz(u64 seed, unsigned int threads)
{
	static struct worker w[MAX_THREADS];
	struct sigaction a = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &a, NULL);
	device = dev_open();
	supported_cpuid();
	for (unsigned int i = 0; i < threads; i++) {
		w[i].id = i;
		w[i].random = seed * 1000003 + i;
		w[i].buf = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (unsigned int k = 0; k < 3; k++) {
			new_memory(&w[i]);
			new_vm(&w[i]);
			new_vcpu(&w[i]);
		}
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	interrupt_until_finished(w, threads);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(w[i].thread, NULL);
	_exit(0);
}

/* The fuzzing happens in a child, so that whatever ends it is seen. */
int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "calls", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' }, { "device", required_argument, NULL, 'd' },
		{ }
	};
	unsigned int threads = 3;
	u64 seed = time(NULL);
	int o, status;

	calls_wanted = test_scale(20000);
	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (o == 'c')
			calls_wanted = strtoul(optarg, NULL, 0);
		else if (o == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (o == 't' && atoi(optarg) > 0 && atoi(optarg) <= MAX_THREADS)
			threads = atoi(optarg);
		else if (o == 'd')
			test_device = optarg;
		else
			return 2;
	}
	test_is_kvm = strstr(test_device, "kvm");
	stepping = test_on_machine("bochs-vmx") || test_on_machine("bochs-vmx-noad");
	if (stepping)
		threads = 1;	/* another one could undo it before the guest runs */
	count = kcov_shared(sizeof(*count));
	printf("TAP version 13\n1..1\n# seed %llu, %lu calls, %u threads\n", seed, calls_wanted, threads);
	fflush(stdout);
	kcov_find_module(test_is_kvm ? "kvm" : "bellows");
	pid_t pid = fork();

	if (!pid)
		fuzz(seed, threads);
	waitpid(pid, &status, 0);
	if (status)
		printf("# the fuzzing process ended with status 0x%x\n", status);
	printf("# %lu calls, %lu succeeded, %lu of them KVM_RUN\n", count->calls, count->succeeded,
	       count->runs);
	kcov_print();
	status = status || count->calls < calls_wanted;
	printf("%sok 1 - random calls end, and the host lives\n", status ? "not " : "");
	return status;
}
