// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's virtio devices as a guest sees them: registers, features, status,
 * interrupts; random numbers and console; and what drivers can do to them.
 */
#include <fcntl.h>
#include "random.h"
#include "userspace/virtio/console.h"
#include "userspace/virtio/rng.h"
#include "virtio_driver.h"

static struct iovec buffer(uint32_t at, uint32_t len)
{
	return (struct iovec) { guest.memory + GUEST_BUFFERS + at, len };
}

static void rng_machine(void)
{
	guest_create();
	if (virtio_rng_create(&guest.vm) || vm_start_devices(&guest.vm))
		abort();
}

static bool rng_answers(uint32_t len, uint32_t at_least)
{
	struct iovec iov = buffer(0, len);
	uint32_t head, got, i, ones = 0;

	memset(iov.iov_base, 0, len);
	add_chain(0, &iov, 0, 1);
	notify(0);
	if (!wait_used(0, SOON, &head, &got) || got < at_least || got > len)
		return false;
	for (i = 0; i < got; i++)
		ones += __builtin_popcount(((uint8_t *)iov.iov_base)[i]);
	/* Half of the bits: of 64 bytes or more, chance fails this once in 10^8 times */
	return ones > got * 3 && ones < got * 5;
}

/* --- Registers -------------------------------------------------------------------------- */

static void test_registers(void)
{
	uint16_t half = 0;
	uint8_t byte = 0;

	rng_machine();
	tap_result(reg_read(R_MAGIC) == 0x74726976 && reg_read(R_VERSION) == 2 &&
		   reg_read(R_DEVICE) == VIRTIO_TYPE_RNG && reg_read(R_STATUS) == 0 &&
		   reg_read(R_QUEUE_MAX) == 64 && reg_read(R_GENERATION) == 0 && reg_read(0xb0) == ~0u,
		   "registers say what the device is");
	reg_write(R_QUEUE, 1);
	tap_result(reg_read(R_QUEUE_MAX) == 0 && reg_read(R_QUEUE_READY) == 0,
		   "a queue that is not there has no size");
	bus_access(&guest.vm.bus, BUS_MMIO, false, guest.base + R_MAGIC, 2, &half);
	bus_access(&guest.vm.bus, BUS_MMIO, false, guest.base + R_MAGIC + 1, 1, &byte);
	byte = VIRTIO_STATUS_ACKNOWLEDGE;
	bus_access(&guest.vm.bus, BUS_MMIO, true, guest.base + R_STATUS, 1, &byte);
	tap_result(half == 0xffff && reg_read(R_STATUS) == 0 && reg_read(R_CONFIG) == 0 &&
		   reg_read(VIRTIO_MMIO_SIZE_MINUS_4) == 0,
		   "narrow accesses do nothing; configuration that is not there reads as zero");
	vm_free(&guest.vm);
}

static bool features_ok_with(uint64_t features)
{
	reg_write(R_STATUS, 0);
	reg_write(R_STATUS, 3);
	accept_features(features);
	reg_write(R_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
	return reg_read(R_STATUS) & VIRTIO_STATUS_FEATURES_OK;
}

static void test_status(void)
{
	unsigned int i, good;
	const char *text;
	uint64_t all;

	rng_machine();
	all = offered_features();
	tap_result(!features_ok_with(all & ~VIRTIO_F_VERSION_1) && !features_ok_with(all | 1ull << 62) &&
		   !features_ok_with(VIRTIO_F_VERSION_1 | 1) && features_ok_with(all) &&
		   features_ok_with(VIRTIO_F_VERSION_1),
		   "features are agreed only if they were offered, with version 1 among them");
	accept_features(all);
	reg_write(R_STATUS, 15);
	tap_result(reg_read(R_STATUS) == 15, "a driver can start the device");
	reg_write(R_STATUS, 0);
	reg_write(R_STATUS, 3);
	capture();
	reg_write(R_STATUS, 7);
	text = captured_text();
	tap_result(reg_read(R_STATUS) == (3 | VIRTIO_STATUS_NEEDS_RESET) && lines_of(text) == 1 &&
		   strstr(text, "agreed on features"),
		   "starting without features needs a reset");
	reg_write(R_STATUS, 0);
	tap_result(reg_read(R_STATUS) == 0 && bring_up(1, ~0ull, 16) && rng_answers(64, 64),
		   "after the reset the device works");
	reg_write(R_QUEUE, 0);
	reg_write(R_DESC, 0xdead0000);
	reg_write(R_QUEUE_SIZE, 3);
	for (i = good = 0; i < 20; i++)
		good += rng_answers(64, 64);
	tap_result(reg_read(R_QUEUE_READY) == 1 && good == 20, "a queue in use cannot be moved");
	vm_reset_devices(&guest.vm);
	tap_result(reg_read(R_STATUS) == 0 && reg_read(R_QUEUE_READY) == 0 && !guest.line[guest.gsi],
		   "a reset of the machine resets the device");
	vm_free(&guest.vm);
}

static void test_bad_queue(void)
{
	const char *text;

	rng_machine();
	features_ok_with(VIRTIO_F_VERSION_1);
	capture();
	reg_write(R_QUEUE, 0);
	reg_write(R_QUEUE_SIZE, 16 + (1 << 16));
	reg_write(R_QUEUE_READY, 1);
	text = captured_text();
	tap_result(reg_read(R_STATUS) & VIRTIO_STATUS_NEEDS_RESET && reg_read(R_QUEUE_READY) == 0 &&
		   lines_of(text) == 1, "a queue of an impossible size needs a reset");
	features_ok_with(VIRTIO_F_VERSION_1);
	capture();
	reg_write(R_QUEUE_SIZE, 16);
	reg_write(R_DESC + 4, 1);
	reg_write(R_QUEUE_READY, 1);
	text = captured_text();
	tap_result(reg_read(R_STATUS) & VIRTIO_STATUS_NEEDS_RESET && lines_of(text) == 1,
		   "a queue outside of memory needs a reset");
	vm_free(&guest.vm);
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static void test_interrupts(void)
{
	struct iovec iov = buffer(0, 16);
	uint32_t head, len;
	bool good;

	guest.with_ioeventfd = true;
	rng_machine();
	good = bring_up(1, 0, 16) && rng_answers(64, 64) && wait_line(true, SOON);
	good &= reg_read(R_ISR) == VIRTIO_ISR_QUEUE;
	add_chain(0, &iov, 0, 1);
	notify(0);
	good &= wait_used(0, SOON, &head, &len) && guest.line[guest.gsi];
	reg_write(R_ACK, VIRTIO_ISR_CONFIG);
	good &= guest.line[guest.gsi];
	reg_write(R_ACK, VIRTIO_ISR_QUEUE);
	tap_result(good && !guest.line[guest.gsi] && reg_read(R_ISR) == 0,
		   "the line is up until all of its causes are acknowledged");

	guest.queues[0].avail[0] = 1;
	good = rng_answers(64, 64);
	/* The device holds its lock from the answer to the interrupt; a register waits for it. */
	good &= reg_read(R_ISR) == 0;
	tap_result(good && !guest.line[guest.gsi], "a driver that wants no interrupt gets none");
	tap_result(guest.kick_fds[0] >= 0, "notifications come through the kernel where it can");
	vm_free(&guest.vm);
	tap_result(guest.kick_fds[0] < 0, "the kernel is told when the device goes");
	guest.with_ioeventfd = false;
}

static void test_broken_ring(void)
{
	struct iovec iov = buffer(0, 16);
	const char *text;
	bool failed;

	rng_machine();
	bring_up(1, ~0ull, 16);
	capture();
	add_chain(0, &iov, 0, 1);
	guest.queues[0].desc[0].addr = ~0ull - 4;
	notify(0);
	failed = wait_status(VIRTIO_STATUS_NEEDS_RESET, SOON);
	guest.queues[0].desc[0].addr = guest_gpa(iov.iov_base);
	notify(0);
	notify(0);
	usleep(20000);
	text = captured_text();
	tap_result(failed && guest.queues[0].used[1] == 0 && lines_of(text) == 1 &&
		   strstr(text, "outside of memory"),
		   "a broken ring stops the device with one line in the log");
	tap_result(guest.line[guest.gsi] && reg_read(R_ISR) == VIRTIO_ISR_CONFIG,
		   "the driver is told by a configuration interrupt");
	tap_result(bring_up(1, ~0ull, 16) && rng_answers(100, 100), "after a reset it works again");
	vm_free(&guest.vm);
}

/* --- Random numbers, console ------------------------------------------------------------------- */

static void test_rng(void)
{
	struct iovec iov[2] = { buffer(0, 8), buffer(0, 0) };
	uint32_t head, len;
	bool good;

	rng_machine();
	bring_up(1, ~0ull, 64);
	tap_result(rng_answers(1, 1) || rng_answers(64, 64), "random numbers look random");
	good = rng_answers(1 << 20, 4096);
	tap_result(good && ((uint32_t *)(guest.queues[0].used + 2))[2 * (guest.queues[0].seen - 1) + 1] == 4096,
		   "a request for very much gets a limited answer");
	add_chain(0, iov, 1, 1);
	notify(0);
	good = wait_used(0, SOON, &head, &len) && len == 0;
	tap_result(good && rng_answers(64, 64), "a request without room is answered with nothing");
	vm_free(&guest.vm);
}

static bool console_sends(const char *text, unsigned int pieces)
{
	uint32_t n = strlen(text), each = n / pieces, i, head, len;
	struct iovec iov[8];

	memcpy(guest.memory + GUEST_BUFFERS, text, n);
	for (i = 0; i < pieces; i++)
		iov[i] = buffer(each * i, i + 1 < pieces ? each : n - each * i);
	add_chain(1, iov, pieces, pieces);
	notify(1);
	return wait_used(1, SOON, &head, &len) && len == 0;
}

static void test_console(void)
{
	int to_guest[2], from_guest[2];
	char text[64] = "";
	struct iovec iov = buffer(0x1000, 64);
	uint32_t head, len;
	bool good;

	if (pipe(to_guest) || pipe(from_guest))
		abort();
	guest_create();
	if (virtio_console_create(&guest.vm, to_guest[0], from_guest[1]) || vm_start_devices(&guest.vm))
		abort();
	bring_up(2, ~0ull, 16);
	good = console_sends("hello, world", 3) && read(from_guest[0], text, sizeof(text)) == 12;
	tap_result(good && !strcmp(text, "hello, world"), "what the guest writes comes out");

	good = write(to_guest[1], "yes", 3) == 3;
	usleep(10000);
	add_chain(0, &iov, 0, 1);
	notify(0);
	good &= wait_used(0, SOON, &head, &len) && len == 3 && !memcmp(iov.iov_base, "yes", 3);
	add_chain(0, &iov, 0, 1);
	notify(0);
	usleep(10000);
	good &= write(to_guest[1], "no", 2) == 2 && wait_used(0, SOON, &head, &len) && len == 2;
	tap_result(good && !memcmp(iov.iov_base, "no", 2), "what is typed reaches the guest, also before it listens");
	vm_free(&guest.vm);

	/* Nobody reads: the pipe is full, and the guest waits while other devices work. */
	guest_create();
	if (virtio_console_create(&guest.vm, -1, from_guest[1]) || virtio_rng_create(&guest.vm) ||
	    vm_start_devices(&guest.vm))
		abort();
	bring_up(2, ~0ull, 16);
	iov = buffer(0, 1 << 20);
	memset(iov.iov_base, 'x', iov.iov_len);
	add_chain(1, &iov, 1, 1);
	notify(1);
	good = !wait_used(1, 50, &head, &len);
	guest.base += VM_VIRTIO_STRIDE;
	good &= bring_up(1, ~0ull, 16) && rng_answers(64, 64);
	guest.base -= VM_VIRTIO_STRIDE;
	tap_result(good, "a reader that does not read holds up nobody else");
	reg_write(R_STATUS, 0);
	tap_result(reg_read(R_STATUS) == 0, "... nor a reset");
	close(from_guest[0]);
	bring_up(2, ~0ull, 16);
	signal(SIGPIPE, SIG_IGN);
	tap_result(console_sends("lost", 1), "output that nobody can read any more is dropped");
	vm_free(&guest.vm);
	close(from_guest[1]);
	close(to_guest[0]);
	close(to_guest[1]);
}

static void test_console_end(void)
{
	struct timespec before, after;
	struct iovec iov = buffer(0, 64);
	int to_guest[2], null = open("/dev/null", O_RDWR);
	uint32_t head, len;
	double used;
	bool good;

	if (pipe(to_guest))
		abort();
	guest_create();
	if (virtio_console_create(&guest.vm, to_guest[0], null) || vm_start_devices(&guest.vm))
		abort();
	bring_up(2, ~0ull, 16);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	good = write(to_guest[1], "early", 5) == 5;
	notify(0);
	usleep(300000);
	add_chain(0, &iov, 0, 1);
	notify(0);
	good &= wait_used(0, SOON, &head, &len) && len == 5;
	add_chain(0, &iov, 0, 1);
	notify(0);
	close(to_guest[1]);
	good &= !wait_used(0, 300, &head, &len);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	used = after.tv_sec - before.tv_sec + (after.tv_nsec - before.tv_nsec) / 1e9;
	iov = buffer(0, 1 << 20);
	add_chain(1, &iov, 1, 1);
	notify(1);
	/* A loop that turns takes all of the 0.6 s, or on a busy machine its share of them. */
	tap_result(good && used < 0.15 && wait_used(1, SOON, &head, &len),
		   "input that waits or has ended costs nothing (%.3f s of CPU), and output goes on", used);
	vm_free(&guest.vm);
	close(to_guest[0]);
	close(null);
}

/* --- Any driver ------------------------------------------------------------------------------------ */

static void random_write(struct random *r)
{
	static const uint16_t registers[] = {
		R_OFFERED_SELECT, R_ACCEPTED, R_ACCEPTED_SELECT, R_QUEUE, R_QUEUE_SIZE, R_QUEUE_READY,
		R_NOTIFY, R_ACK, R_STATUS, R_DESC, R_DESC + 4, R_DRIVER, R_DRIVER + 4, R_USED, R_USED + 4,
	};
	uint32_t offset = random_below(r, 12) ? registers[random_below(r, 15)] : random_below(r, 0x200);
	uint64_t value = random_below(r, 3) ? random_below(r, 16) : random_u64(r);
	unsigned int size = random_below(r, 8) ? 4 : 1u << random_below(r, 4);

	if (size > VIRTIO_MMIO_SIZE_MINUS_4 + 4 - offset)
		return;
	bus_access(&guest.vm.bus, BUS_MMIO, random_below(r, 4), guest.base + offset, size, &value);
}

static void random_ring(struct random *r)
{
	struct guest_queue *queue = &guest.queues[random_below(r, 2)];
	struct guest_desc *d = &queue->desc[random_below(r, 16)];

	d->addr = random_below(r, 10) ? GUEST_BUFFERS + random_below(r, 1 << 20) :
		random_below(r, 2) ? GUEST_RINGS + random_below(r, 0x20000) : random_u64(r);
	d->len = random_below(r, 10) ? random_below(r, 8192) : random_u64(r);
	d->flags = random_below(r, 10) ? random_below(r, 4) : random_u64(r);
	d->next = random_below(r, 16);
	queue->avail[2 + random_below(r, 16)] = random_below(r, 16);
	queue->avail[1] += random_below(r, 3);
	queue->avail[2 + 16] = random_u64(r);
}

static void test_any_driver(struct random *r)
{
	unsigned long i, rounds = scaled(60000);
	unsigned int up = 0, device;
	int null = open("/dev/null", O_RDWR);
	bool good;

	guest_create();
	if (virtio_rng_create(&guest.vm) || virtio_console_create(&guest.vm, null, null) ||
	    vm_start_devices(&guest.vm))
		abort();
	capture();
	for (i = 0; i < rounds; i++) {
		guest.base = VM_VIRTIO_BASE + VM_VIRTIO_STRIDE * random_below(r, 2);
		if (!random_below(r, 30))
			up += bring_up(guest.base == VM_VIRTIO_BASE ? 1 : 2, random_u64(r), 16);
		random_ring(r);
		if (random_below(r, 3))
			notify(random_below(r, 2));
		else
			random_write(r);
	}
	for (device = 0, good = true; device < 2; device++) {
		guest.base = VM_VIRTIO_BASE + VM_VIRTIO_STRIDE * device;
		good &= bring_up(device + 1, ~0ull, 16);
		good &= device ? console_sends("still here", 1) : rng_answers(64, 64);
	}
	good &= lines_of(captured_text()) <= 20;
	guest.base = VM_VIRTIO_BASE;
	tap_result(good && up > rounds / 100,
		   "%lu random accesses and rings later the devices work, and the log is short", i);
	vm_free(&guest.vm);
	close(null);
}

static void test_too_many(void)
{
	unsigned int i, made = 0;
	const char *text;

	guest_create();
	capture();
	for (i = 0; i < VM_VIRTIO_DEVICES + 2; i++)
		made += !virtio_rng_create(&guest.vm);
	text = captured_text();
	tap_result(made == VM_VIRTIO_DEVICES && lines_of(text) == 2, "one device too many is refused");
	vm_free(&guest.vm);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(29);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	test_registers();
	test_status();
	test_bad_queue();
	test_interrupts();
	test_broken_ring();
	test_rng();
	test_console();
	test_console_end();
	test_any_driver(&r);
	test_too_many();
	munmap(guest.memory, GUEST_SIZE);
	return tap_exit();
}
