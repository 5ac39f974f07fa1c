// SPDX-License-Identifier: GPL-2.0
/*
 * What the launcher's devices stand on: address ranges of the bus, checked access
 * to guest memory around the hole below 4 GiB, the event loop's promise that a
 * removed source is never called, and the order of a device's life.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "random.h"
#include "tap.h"
#include "userspace/vm.h"

#define LOW	0x3000
#define HIGH	0x2000

static uint8_t low[LOW], high[HIGH];

static int no_irq(struct vm *vm, unsigned int gsi, bool level)
{
	return 0;
}

static const struct vm_backend backend = { .irq = no_irq };

static uint64_t seen_offset, seen_value;
static unsigned int seen_size;

static uint64_t on_read(void *opaque, uint64_t offset, unsigned int size)
{
	seen_offset = offset;
	seen_size = size;
	return (uintptr_t)opaque;
}

static void on_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	seen_offset = offset;
	seen_size = size;
	seen_value = value;
}

static const struct bus_ops ops = { on_read, on_write };

static void test_ranges(void)
{
	struct bus bus = { };
	uint32_t value;
	uint8_t byte = 0;
	bool ok;

	ok = !bus_add(&bus, BUS_PIO, 0x3f8, 8, "b", &ops, (void *)0x11223344) &&
	     !bus_add(&bus, BUS_PIO, 0x60, 1, "a", &ops, (void *)0x55) &&
	     !bus_add(&bus, BUS_PIO, 0x64, 1, "c", NULL, NULL) &&
	     !bus_add(&bus, BUS_MMIO, -0x1000ull, 0x1000, "top", &ops, (void *)0x77);
	tap_result(ok, "ranges can be added in any order, up to the last address");
	ok = bus_add(&bus, BUS_PIO, 0x3ff, 1, "x", &ops, NULL) == -EEXIST &&
	     bus_add(&bus, BUS_PIO, 0x3f0, 9, "x", &ops, NULL) == -EEXIST &&
	     bus_add(&bus, BUS_PIO, 0, 0x10000, "x", &ops, NULL) == -EEXIST &&
	     bus_add(&bus, BUS_PIO, 0x100, 0, "x", &ops, NULL) == -EINVAL &&
	     bus_add(&bus, BUS_MMIO, -1ull, 2, "x", &ops, NULL) == -EINVAL;
	tap_result(ok, "overlapping, empty and wrapping ranges are refused");
	bus_access(&bus, BUS_PIO, false, 0x3fc, 4, &value);
	ok = value == 0x11223344 && seen_offset == 4 && seen_size == 4;
	value = 0xabcdef01;
	bus_access(&bus, BUS_PIO, true, 0x3f8, 2, &value);
	ok = ok && seen_value == 0xef01 && seen_offset == 0;
	bus_access(&bus, BUS_MMIO, false, -1ull, 1, &byte);
	tap_result(ok && byte == 0x77, "an access reaches its device with offset, size and value");
	ok = true;
	bus_access(&bus, BUS_PIO, false, 0x3fd, 4, &value);
	ok = value == 0xffffffff;
	bus_access(&bus, BUS_PIO, false, 0x64, 1, &byte);
	ok = ok && byte == 0xff;
	bus_access(&bus, BUS_PIO, false, 0x5f, 1, &byte);
	ok = ok && byte == 0xff;
	bus_access(&bus, BUS_MMIO, false, 0x3f8, 4, &value);
	tap_result(ok && value == 0xffffffff,
		   "reads give ones beyond a range's end, between ranges and in the other space");
	bus_free(&bus);
}

/* Is [gpa, gpa + len) RAM? From the definition, in wider arithmetic. */
static bool is_ram(uint64_t gpa, uint64_t len)
{
	unsigned __int128 end = (unsigned __int128)gpa + len;

	return end <= LOW || (gpa >= 0x100000000ull && end <= 0x100000000ull + HIGH);
}

static void test_memory(struct random *r)
{
	static const uint64_t near[] = { 0, LOW, 0x100000000ull, 0x100000000ull + HIGH, -0x10ull };
	uint64_t gpa, len;
	uint8_t data[LOW + HIGH];
	bool ok = true, ok_read = true;
	struct vm vm;
	int i;

	vm_init(&vm, "test", &backend);
	ok = !vm_add_memory(&vm, 0, LOW, low) && !vm_add_memory(&vm, 0x100000000ull, HIGH, high) &&
	     vm_add_memory(&vm, 0x1000, 0x1000, low) == -EINVAL &&
	     vm_add_memory(&vm, -0x1000ull, 0x2000, low) == -EINVAL;
	tap_result(ok, "memory is added in ascending order only");
	ok = true;
	for (i = 0; i < 200000; i++) {
		gpa = near[random_below(r, 5)] + random_below(r, 0x40) - 0x20;
		len = random_below(r, 8) ? random_below(r, LOW + 0x10) : -1ull - random_below(r, 0x40);
		ok = ok && (!len || (vm_memory(&vm, gpa, len) != NULL) == is_ram(gpa, len));
		if (len <= sizeof(data))
			ok_read = ok_read && (!len || (vm_read(&vm, gpa, data, len) == 0) == is_ram(gpa, len));
		else
			ok_read = ok_read && vm_read(&vm, gpa, data, len) == -EFAULT;
	}
	tap_result(ok, "an address is translated only if all of the range is RAM");
	tap_result(ok_read, "copies are refused unless all of the range is RAM");
	vm_free(&vm);
	vm_init(&vm, "test", &backend);
	vm_add_memory(&vm, 0, 0x1000, low);
	vm_add_memory(&vm, 0x1000, 0x1000, high);
	memset(low, 1, LOW);
	memset(high, 2, HIGH);
	ok = !vm_memory(&vm, 0xfff, 2) && !vm_read(&vm, 0xff0, data, 0x20) &&
	     data[0xf] == 1 && data[0x10] == 2 && !vm_write(&vm, 0xff0, "0123456789abcdef0123", 20) &&
	     !memcmp(low + 0xff0, "0123456789abcdef", 16) && !memcmp(high, "0123", 4) &&
	     vm_write(&vm, 0x1ff0, data, 0x11) == -EFAULT && high[0xff0] == 2;
	tap_result(ok, "copies go from one slot to the next, or not at all");
	vm_free(&vm);
}

struct counter {
	struct loop_source source;
	unsigned int calls;
};

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct counter *c = container_of(source, struct counter, source);

	__atomic_fetch_add(&c->calls, 1, __ATOMIC_SEQ_CST);
}

/* Sources that are always ready, removed and freed while the loop runs. */
static void test_loop(void)
{
	struct loop *loop = loop_create();
	uint64_t one = 1;
	unsigned int calls = 0;
	struct counter *c;
	bool ok = true;
	int i;

	ok = !loop_start(loop);
	for (i = 0; i < 2000; i++) {
		c = calloc(1, sizeof(*c));
		c->source = (struct loop_source) { eventfd(0, EFD_NONBLOCK), on_ready };
		ok = ok && write(c->source.fd, &one, sizeof(one)) == sizeof(one);
		ok = ok && !loop_add(loop, &c->source, EPOLLIN);
		while (!__atomic_load_n(&c->calls, __ATOMIC_SEQ_CST))
			sched_yield();
		loop_remove(loop, &c->source);
		calls += c->calls;
		memset(&c->source, 0, sizeof(c->source));
		free(c);
	}
	tap_result(ok && calls >= 2000, "a source is called until it is removed, and not after");
	loop_free(loop);
}

static char order[64];

static void note(struct device *d, char what)
{
	size_t len = strlen(order);

	order[len++] = what;
	order[len] = *d->name;
}

static int dev_start(struct device *d)
{
	note(d, '+');
	return *d->name == 'x' ? -EIO : 0;
}

static void dev_stop(struct device *d)
{
	note(d, '-');
}

static void dev_free(struct device *d)
{
	note(d, '.');
}

static void test_life(void)
{
	static const struct device_ops life = { .start = dev_start, .stop = dev_stop, .free = dev_free };
	struct device a, b, x;
	struct vm vm;
	uint64_t base;
	unsigned int gsi, i;
	bool ok = true;

	vm_init(&vm, "test", &backend);
	vm_add_device(&vm, &a, "a", &life);
	vm_add_device(&vm, &b, "b", &life);
	ok = !vm_start_devices(&vm);
	for (i = 0; i < VM_VIRTIO_DEVICES; i++)
		ok = ok && !vm_virtio_place(&vm, &base, &gsi) && gsi == 16 + i &&
		     base == 0xd0000000 + i * 0x1000;
	ok = ok && vm_virtio_place(&vm, &base, &gsi) == -ENOSPC;
	vm_end(&vm, VM_EXITED, 7);
	vm_end(&vm, VM_DIED, 8);
	ok = ok && vm.end == VM_EXITED && vm.end_code == 7;
	/* One that reboots goes on, unless somebody stops it in between. */
	vm.end = VM_REBOOTS;
	vm_end(&vm, VM_DIED, 8);
	vm_run_again(&vm);
	ok = ok && vm.end == VM_RUNS;
	vm_end(&vm, VM_REBOOTS, 0);
	vm_end(&vm, VM_STOPPED, 15);
	vm_run_again(&vm);
	ok = ok && vm.end == VM_STOPPED && vm.end_code == 15;
	vm_free(&vm);
	tap_result(ok && !strcmp(order, "+b+a-b-a.b.a"), "devices start, stop and go, each once: %s", order);
	order[0] = 0;
	memset(order, 0, sizeof(order));
	vm_init(&vm, "test", &backend);
	vm_add_device(&vm, &a, "a", &life);
	vm_add_device(&vm, &x, "x", &life);
	ok = vm_start_devices(&vm) == -EIO;
	vm_free(&vm);
	tap_result(ok && !strcmp(order, "+x.x.a"), "what did not start is freed, not stopped: %s", order);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	random_seed(&r, seed);
	tap_note("SEED=%llu", (unsigned long long)seed);
	tap_plan(11);
	test_ranges();
	test_memory(&r);
	test_loop();
	test_life();
	return tap_exit();
}
