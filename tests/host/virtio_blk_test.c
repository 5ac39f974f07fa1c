// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's disks as a guest sees them: data, every kind of request, what a
 * guest may not do, and what happens when the file behind fails.
 */
#include <fcntl.h>
#include <liburing.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "userspace/disk.h"
#include "userspace/options.h"
#include "random.h"
#include "virtio_driver.h"

#define SECTOR		512
#define DISK_SIZE	(4u << 20)
#define DATA		(guest.memory + GUEST_BUFFERS)
#define HEADERS		(guest.memory + 0x800000)
#define NO_ANSWER	255

enum { T_READ = 0, T_WRITE = 1, T_FLUSH = 4, T_ID = 8, T_DISCARD = 11, T_ZERO = 13 };
enum { OK = 0, IOERR = 1, UNSUPPORTED = 2 };

static char directory[32], path[64], path2[64];
static uint8_t model[DISK_SIZE];

/* Header, status and range of request n */
struct request {
	uint32_t type, reserved;
	uint64_t sector;
	struct { uint64_t sector; uint32_t n, flags; } range;
	uint8_t status;
} __attribute__((aligned(64)));

static struct request *request(unsigned int n)
{
	return (struct request *)HEADERS + n;
}

/* Offers request n, whose data, if any, are len bytes at data, in pieces of random size. */
static void offer(unsigned int n, uint32_t type, uint64_t sector, uint8_t *data, uint32_t len,
		  unsigned int pieces)
{
	struct request *r = request(n);
	struct iovec iov[12] = { { r, 16 } };
	unsigned int i, used = 1;

	*r = (struct request) { .type = type, .sector = sector, .status = NO_ANSWER,
				.range = { sector, len / SECTOR, 0 } };
	if (type == T_DISCARD || type == T_ZERO) {
		iov[used++] = (struct iovec) { &r->range, 16 };
	} else {
		for (i = 0; i < pieces && len; i++) {
			uint32_t part = i + 1 == pieces ? len : len / 3 + 1;

			iov[used++] = (struct iovec) { data, part };
			data += part;
			len -= part;
		}
	}
	iov[used] = (struct iovec) { &r->status, 1 };
	add_chain(0, iov, type == T_READ || type == T_ID ? 1 : used, used + 1);
}

static uint8_t ask(uint32_t type, uint64_t sector, uint8_t *data, uint32_t len, uint32_t *written)
{
	uint32_t head, done;

	offer(0, type, sector, data, len, 1 + sector % 4);
	notify(0);
	if (!wait_used(0, 5000, &head, &done))
		return NO_ANSWER;
	if (written)
		*written = done;
	return request(0)->status;
}

static bool machine(const char *spec)
{
	guest_create();
	return !virtio_blk_create(&guest.vm, spec) && !vm_start_devices(&guest.vm) &&
	       bring_up(1, ~0ull, 128);
}

static void make_file(const char *name, uint64_t size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		abort();
	close(fd);
}

static void read_file(uint8_t *to)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, to, DISK_SIZE, 0) != DISK_SIZE)
		abort();
	close(fd);
}

/* --- Data ------------------------------------------------------------------------------- */

/* Random requests against a model; every kind that changes data. */
static bool random_requests(struct random *r, unsigned int n)
{
	uint32_t sector, len, written;
	unsigned int i;

	for (i = 0; i < n; i++) {
		len = SECTOR * (1 + random_below(r, 60));
		sector = random_below(r, (DISK_SIZE - len) / SECTOR + 1);
		switch (random_below(r, 5)) {
		case 0:
			if (ask(T_READ, sector, DATA, len, &written) != OK || written != len + 1 ||
			    memcmp(DATA, model + SECTOR * sector, len))
				return false;
			break;
		case 1:
			if (ask(T_ZERO, sector, NULL, len, NULL) != OK)
				return false;
			memset(model + SECTOR * sector, 0, len);
			break;
		case 2:
			if (ask(T_FLUSH, 0, NULL, 0, NULL) != OK)
				return false;
			break;
		default:
			random_bytes(r, DATA, len);
			memcpy(model + SECTOR * sector, DATA, len);
			if (ask(T_WRITE, sector, DATA, len, &written) != OK || written != 1)
				return false;
		}
	}
	return true;
}

static void test_data(struct random *r)
{
	static uint8_t file[DISK_SIZE];
	const char *id = "12345678901234567890";
	uint64_t capacity = 0;
	char spec[100];

	memset(model, 0, sizeof(model));
	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	bus_access(&guest.vm.bus, BUS_MMIO, false, guest.base + R_CONFIG, 8, &capacity);
	tap_result(capacity == DISK_SIZE / SECTOR && reg_read(R_CONFIG + 20) == SECTOR,
		   "the disk has the file's size");
	tap_result(random_requests(r, scaled(400)), "reads give what was written or zeroed");
	read_file(file);
	tap_result(!memcmp(file, model, DISK_SIZE), "the file holds the same");
	DATA[0] = 0xff;
	tap_result(ask(T_ID, 0, DATA, 20, NULL) == OK && !DATA[0],
		   "a disk without a serial number has none");
	vm_free(&guest.vm);
	snprintf(spec, sizeof(spec), "%s,serial=%s", path, id);
	tap_result(machine(spec) && ask(T_ID, 0, DATA, 20, NULL) == OK && !memcmp(DATA, id, 20),
		   "the serial number is the user's");
	vm_free(&guest.vm);
}

static void test_parallel(struct random *r)
{
	unsigned int i, n = 20, round, good = 0, rounds = scaled(40);
	uint32_t head, len;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < n; i++) {
			memset(DATA + 8192 * i, 1 + i + round, 8192);
			offer(i, T_WRITE, 16 * i, DATA + 8192 * i, 8192, 2);
		}
		notify(0);
		for (i = 0; i < n; i++)
			good += wait_used(0, 2000, &head, &len) && len == 1;
		memset(DATA, 0xee, 8192 * n);
		for (i = 0; i < n; i++)
			offer(i, T_READ, 16 * i, DATA + 8192 * i, 8192, 3);
		notify(0);
		for (i = 0; i < n; i++)
			good += wait_used(0, 2000, &head, &len) && len == 8193;
		for (i = 0; i < n; i++)
			good += DATA[8192 * i] == (uint8_t)(1 + i + round) && DATA[8192 * i + 8191] == DATA[8192 * i];
	}
	tap_result(good == 3 * n * rounds, "twenty requests at once, %u times, each with its own data", rounds);
	tap_result(guest.raised[guest.gsi] > 0, "interrupts came");
	vm_free(&guest.vm);
}

/* --- What a guest may not do ------------------------------------------------------------- */

static void test_refused(void)
{
	static const struct { uint32_t type; uint64_t sector; uint32_t len; uint8_t status; } cases[] = {
		{ T_READ, DISK_SIZE / SECTOR, SECTOR, IOERR },
		{ T_WRITE, DISK_SIZE / SECTOR - 1, 2 * SECTOR, IOERR },
		{ T_WRITE, ~0ull, SECTOR, IOERR },
		{ T_READ, 1ull << 55, SECTOR, IOERR },
		{ T_READ, 0, 100, IOERR },
		{ T_WRITE, 0, SECTOR + 1, IOERR },
		{ T_ZERO, DISK_SIZE / SECTOR - 1, 2 * SECTOR, IOERR },
		{ T_ZERO, 0, 0, IOERR },
		{ T_DISCARD, ~0ull, SECTOR, IOERR },
		{ 2, 0, SECTOR, UNSUPPORTED },
		{ 99, 0, 0, UNSUPPORTED },
		{ T_WRITE, 0, 0, OK },
		{ T_READ, DISK_SIZE / SECTOR, 0, OK },
	};
	unsigned int i, good = 0, n = sizeof(cases) / sizeof(*cases);
	struct stat st;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	memset(DATA, 1, 4096);
	for (i = 0; i < n; i++) {
		uint8_t status = ask(cases[i].type, cases[i].sector, DATA, cases[i].len, NULL);

		good += status == cases[i].status;
		if (status != cases[i].status)
			tap_note("request %u: status %u", i, status);
	}
	stat(path, &st);
	tap_result(good == n && st.st_size == DISK_SIZE && !st.st_blocks,
		   "%u of %u wrong requests get the right error, and change nothing", good, n);
	vm_free(&guest.vm);
}

static void test_no_status(void)
{
	struct iovec iov[2] = { { HEADERS, 16 }, { DATA, SECTOR } };
	const char *text;
	bool good;

	if (!machine(path))
		abort();
	capture();
	*request(0) = (struct request) { .type = T_WRITE };
	add_chain(0, iov, 2, 2);
	notify(0);
	good = wait_status(VIRTIO_STATUS_NEEDS_RESET, 1000);
	text = captured_text();
	tap_result(good && lines_of(text) == 1, "a request without a place for its status stops the device");
	tap_result(bring_up(1, ~0ull, 128) && ask(T_READ, 0, DATA, SECTOR, NULL) == OK, "... until it is reset");
	vm_free(&guest.vm);
}

static void test_read_only(void)
{
	char spec[80];

	make_file(path, DISK_SIZE);
	chmod(path, 0400);
	snprintf(spec, sizeof(spec), "%s,readonly", path);
	if (!machine(spec))
		abort();
	tap_result(offered_features() & 32 && ask(T_READ, 0, DATA, SECTOR, NULL) == OK &&
		   ask(T_WRITE, 0, DATA, SECTOR, NULL) == IOERR && ask(T_ZERO, 0, NULL, SECTOR, NULL) == IOERR &&
		   ask(T_FLUSH, 0, NULL, 0, NULL) == OK, "a read-only disk can be read and flushed only");
	vm_free(&guest.vm);
	chmod(path, 0600);
}

/* Neither a filter of system calls nor we would see them. */
static void test_ring(void)
{
	struct iovec iov = { DATA, 4096 };
	unsigned int i, bad = 0;
	struct io_uring ring;

	make_file(path, DISK_SIZE);
	guest_create();
	if (disk_ring_init(&ring))
		abort();
	for (i = 0; i < 5; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct io_uring_cqe *cqe;
		int fd = open(path, O_RDWR);

		if (i == 0)
			io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
		else if (i == 1)
			io_uring_prep_unlinkat(sqe, AT_FDCWD, path, 0);
		else if (i == 2)
			io_uring_prep_connect(sqe, fd, NULL, 0);
		else if (i == 3)
			io_uring_prep_splice(sqe, fd, 0, fd, 8192, 4096, 0);
		else
			io_uring_prep_readv(sqe, fd, &iov, 1, 0);
		io_uring_submit(&ring);
		bad += io_uring_wait_cqe(&ring, &cqe) || cqe->res != (i < 4 ? -EACCES : 4096);
		io_uring_cqe_seen(&ring, cqe);
		close(fd);
	}
	io_uring_queue_exit(&ring);
	vm_free(&guest.vm);
	tap_result(!bad, "files by name, sockets and pipes are out of reach of the ring (%u)", bad);
}

/* --- Space ----------------------------------------------------------------------------------- */

static void test_discard(void)
{
	struct stat full, less;
	bool good;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	memset(DATA, 7, 1 << 20);
	good = ask(T_WRITE, 0, DATA, 1 << 20, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == OK;
	stat(path, &full);
	good &= ask(T_DISCARD, 256, NULL, 512 << 10, NULL) == OK;
	stat(path, &less);
	tap_result(good && less.st_blocks <= full.st_blocks - 1024 && less.st_size == DISK_SIZE,
		   "discarded space goes back to the file system");
	good = ask(T_READ, 0, DATA, 128 << 10, NULL) == OK && DATA[0] == 7 && DATA[(128 << 10) - 1] == 7;
	tap_result(good, "... and what was not discarded stays");
	vm_free(&guest.vm);
}

/* tmpfs cannot zero a range. */
static void test_zero_by_writing(void)
{
	static const char shm[] = "/dev/shm/virtio_blk_test";
	bool good;

	make_file(shm, DISK_SIZE);
	if (!machine(shm))
		abort();
	memset(DATA, 7, 1 << 20);
	good = ask(T_WRITE, 0, DATA, 1 << 20, NULL) == OK;
	good &= ask(T_ZERO, 8, NULL, 300 << 10, NULL) == OK;
	good &= ask(T_READ, 0, DATA, 1 << 20, NULL) == OK;
	memset(DATA + (1 << 20), 0, 300 << 10);
	tap_result(good && DATA[4095] == 7 && !memcmp(DATA + 4096, DATA + (1 << 20), 300 << 10) &&
		   DATA[4096 + (300 << 10)] == 7, "where a file system cannot zero, zeros are written");
	vm_free(&guest.vm);
	unlink(shm);
}

/* --- Failure ---------------------------------------------------------------------------------- */

static void test_full(void)
{
	struct rlimit old, limit;
	const char *text;
	bool good, error;

	make_file(path, DISK_SIZE);
	if (truncate(path, DISK_SIZE))
		abort();
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit) { DISK_SIZE / 2, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (!machine(path))
		abort();
	memset(DATA, 9, 8192);
	good = ask(T_WRITE, 0, DATA, 8192, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == OK;
	capture();
	error = ask(T_WRITE, DISK_SIZE / SECTOR / 2, DATA, 8192, NULL) == IOERR;
	text = captured_text();
	tap_result(good && error && strstr(text, path) && lines_of(text) == 1,
		   "a write for which there is no room fails in the guest, and is reported");
	memset(DATA, 0, 8192);
	good = ask(T_READ, 0, DATA, 8192, NULL) == OK && DATA[0] == 9 && DATA[8191] == 9;
	good &= ask(T_WRITE, 100, DATA, 8192, NULL) == OK;
	tap_result(good, "... and the rest of the disk still works");
	vm_free(&guest.vm);
	setrlimit(RLIMIT_FSIZE, &old);
}

/* The descriptor of the disk's file, in this process. */
static int find_descriptor(void)
{
	char link[64], name[64];
	ssize_t n;
	int fd;

	for (fd = 3; fd < 256; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, name, sizeof(name) - 1);
		if (n > 0 && n == (ssize_t)strlen(path) && !memcmp(name, path, n))
			return fd;
	}
	abort();
}

/* A pipe takes the file's place for one flush, which it cannot do. */
static void test_flush_fails(void)
{
	int fd, saved, fds[2];
	bool good;

	make_file(path, DISK_SIZE);
	if (!machine(path) || pipe(fds))
		abort();
	good = ask(T_WRITE, 0, DATA, 8192, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == OK;
	fd = find_descriptor();
	/* With it io_uring gives up where a file's device may have to wait */
	good &= !(fcntl(fd, F_GETFL) & O_NONBLOCK);
	saved = dup(fd);
	dup2(fds[0], fd);
	capture();
	good &= ask(T_FLUSH, 0, NULL, 0, NULL) == IOERR;
	dup2(saved, fd);
	good &= ask(T_WRITE, 0, DATA, 8192, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == IOERR;
	good &= ask(T_FLUSH, 0, NULL, 0, NULL) == IOERR;
	captured_text();
	tap_result(good, "after a failed flush no later one claims that all is safe");
	vm_free(&guest.vm);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void test_truncated(void)
{
	bool good;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	good = ask(T_READ, 4096, DATA, 8192, NULL) == OK;
	if (truncate(path, 4096ull * SECTOR + 4096))
		abort();
	capture();
	good &= ask(T_READ, 4096, DATA, 8192, NULL) == IOERR;
	captured_text();
	tap_result(good, "a file that is cut under the guest gives errors, not made-up data");
	vm_free(&guest.vm);
}

static void test_reset(void)
{
	unsigned int round, i, late = 0, down = 0;
	uint16_t used;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 20; i++)
			offer(i, i % 4 ? T_READ : T_FLUSH, 16 * i, DATA + (64 << 10) * i, i % 4 ? 64 << 10 : 0, 2);
		notify(0);
		reg_write(R_STATUS, 0);
		down += reg_read(R_STATUS) == 0;
		used = guest.queues[0].used[1];
		memset(DATA, 0x55, 20 * (64 << 10));
		usleep(1000);
		for (i = 0; i < 20 * (64 << 10); i += 4096)
			late += DATA[i] != 0x55;
		late += guest.queues[0].used[1] != used;
		bring_up(1, ~0ull, 128);
	}
	tap_result(!late && down == 50, "after a reset no request touches memory any more");
	vm_free(&guest.vm);
}

/* Chains of anything, with headers that are often nearly right. */
static void random_chain(struct random *r)
{
	static const uint32_t types[] = { T_READ, T_WRITE, T_FLUSH, T_ID, T_DISCARD, T_ZERO, 2, 99 };
	struct guest_queue *queue = &guest.queues[0];
	struct request *q = request(random_below(r, 64));
	unsigned int i, n = 2 + random_below(r, 5), head = queue->free, n_out = 1 + random_below(r, n - 1);

	*q = (struct request) { .type = types[random_below(r, 8)], .range.n = random_below(r, 5000) };
	q->sector = random_below(r, 4) ? random_below(r, DISK_SIZE / SECTOR + 4) : random_u64(r);
	q->range.sector = q->sector;
	q->range.flags = random_below(r, 3);
	for (i = 0; i < n; i++) {
		struct guest_desc *d = &queue->desc[(head + i) % queue->size];

		d->addr = GUEST_BUFFERS + random_below(r, 1 << 20);
		d->len = random_below(r, 3) ? SECTOR * random_below(r, 20) : random_below(r, 5000);
		d->flags = (i + 1 < n ? 1 : 0) | (i >= n_out ? 2 : 0);
		d->next = (head + i + 1) % queue->size;
		if (!random_below(r, 200))
			random_bytes(r, d, sizeof(*d));
	}
	queue->free = (head + n) % queue->size;
	if (random_below(r, 20)) {
		queue->desc[head].addr = guest_gpa(q);
		queue->desc[head].len = 16;
	}
	queue->avail[2 + queue->avail[1] % queue->size] = head;
	__atomic_store_n(&queue->avail[1], queue->avail[1] + 1, __ATOMIC_RELEASE);
}

static void test_any_driver(struct random *r)
{
	unsigned long i, rounds = scaled(20000);
	unsigned int served = 0, up = 0;
	uint32_t head, len;
	struct stat st;
	bool good;

	make_file(path, DISK_SIZE);
	if (!machine(path))
		abort();
	capture();
	for (i = 0; i < rounds; i++) {
		random_chain(r);
		notify(0);
		/* A few at once */
		while ((uint16_t)(guest.queues[0].avail[1] - guest.queues[0].seen) > i % 8) {
			if (wait_used(0, 1, &head, &len))
				served++;
			else if (reg_read(R_STATUS) & VIRTIO_STATUS_NEEDS_RESET)
				break;
		}
		if (reg_read(R_STATUS) & VIRTIO_STATUS_NEEDS_RESET || !random_below(r, 500))
			up += bring_up(1, ~0ull, 128);
	}
	good = bring_up(1, ~0ull, 128) && ask(T_WRITE, 0, DATA, 8192, NULL) == OK;
	good &= lines_of(captured_text()) <= 20 && !stat(path, &st) && st.st_size == DISK_SIZE;
	tap_note("%u requests were answered, %u resets", served, up);
	tap_result(good && served > rounds / 4 && up, "%lu random requests later the disk works and has its size", i);
	vm_free(&guest.vm);
}

/* --- Options and files -------------------------------------------------------------------------- */

static bool refuses(const char *spec, int err, const char *says)
{
	struct vm vm = { 0 };
	const char *text;
	bool good;
	int got;

	vm_init(&vm, "other", &guest_backend);
	capture();
	got = virtio_blk_create(&vm, spec);
	text = captured_text();
	good = got && (!err || got == err) && lines_of(text) == 1 && strstr(text, "--disk") && strstr(text, says);
	if (!good)
		tap_note("%s: %d, %s", spec, got, text);
	vm_free(&vm);
	return good;
}

static void make_content(const void *data, size_t len)
{
	int fd;

	make_file(path, DISK_SIZE);
	fd = open(path, O_WRONLY);
	if (write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static bool refuses_content(const void *data, size_t len, const char *says)
{
	make_content(data, len);
	return refuses(path, 0, says);
}

static bool accepts_content(const void *data, size_t len)
{
	bool good;

	make_content(data, len);
	good = machine(path);
	vm_free(&guest.vm);
	return good;
}

static void put(uint8_t *to, uint64_t value, unsigned int bytes)
{
	memcpy(to, &value, bytes);
}

/* Disks that end before what is on them does, by a sector, and the same without that. */
static void test_cut_off(void)
{
	static uint8_t mbr[512], gpt[1024], ext[2048], text[512];
	char spec[100];
	bool good;

	put(mbr + 510, 0xaa55, 2);
	mbr[446 + 4] = 0x83;
	put(mbr + 446 + 8, 2048, 4);
	put(mbr + 446 + 12, DISK_SIZE / SECTOR - 2047, 4);
	good = refuses_content(mbr, sizeof(mbr), "truncated: it has 4194304 bytes, but its partitions need 4194816");
	snprintf(spec, sizeof(spec), "%s,format=raw", path);
	good &= machine(spec);
	vm_free(&guest.vm);
	memcpy(text, mbr, 512);
	memset(text + 446, 'x', 64);
	put(mbr + 446 + 12, DISK_SIZE / SECTOR - 2048, 4);
	good &= accepts_content(mbr, sizeof(mbr)) && accepts_content(text, sizeof(text));
	mbr[446 + 4] = 0xee;
	memcpy(gpt, mbr, 512);
	memcpy(gpt + 512, "EFI PART", 8);
	put(gpt + 512 + 32, DISK_SIZE / SECTOR, 8);
	good &= refuses_content(gpt, sizeof(gpt), "its partitions need 4194816");
	put(gpt + 512 + 32, ~0ull, 8);
	good &= refuses_content(gpt, sizeof(gpt), "its partitions need");
	put(gpt + 512 + 32, DISK_SIZE / SECTOR - 1, 8);
	good &= accepts_content(gpt, sizeof(gpt));
	put(ext + 1024 + 56, 0xef53, 2);
	put(ext + 1024 + 24, 2, 4);
	put(ext + 1024 + 4, DISK_SIZE / 4096 + 1, 4);
	good &= refuses_content(ext, sizeof(ext), "its file system's blocks need 4198400");
	put(ext + 1024 + 4, DISK_SIZE / 4096, 4);
	put(ext + 1024 + 336, 1, 4);
	good &= accepts_content(ext, sizeof(ext));
	put(ext + 1024 + 96, 0x80, 4);
	good &= refuses_content(ext, sizeof(ext), "its file system's blocks need 17592190238720");
	tap_result(good, "disks that were cut off are refused, unless the user says raw");
}

static void test_options(void)
{
	char spec[200];
	bool good;

	snprintf(spec, sizeof(spec), "%s,format=vdi", path);
	good = refuses(spec, -EINVAL, "format=vdi");
	snprintf(spec, sizeof(spec), "%s,serial=123456789012345678901", path);
	good &= refuses(spec, -EINVAL, "serial=");
	snprintf(spec, sizeof(spec), "%s,", path);
	good &= refuses(spec, -EINVAL, "''") && refuses("", -EINVAL, "no file");
	tap_result(good, "wrong options are refused in one line");

	good = refuses("/nonexistent", 0, "No such file") && refuses(directory, 0, "directory");
	good &= refuses("/dev/null", 0, "neither a file");
	make_file(path, 0);
	good &= refuses(path, 0, "empty");
	make_file(path, 1000);
	good &= refuses(path, 0, "not a multiple of 512");
	tap_result(good, "files that are no disks are refused in one line");

	good = refuses_content("QFI\xfb", 4, "format=qcow2") && refuses_content("KDMV", 4, "qemu-img convert") &&
		refuses_content("\x1f\x8b\x08", 3, "gzip");
	snprintf(spec, sizeof(spec), "%s,format=raw", path);
	good &= machine(spec);
	vm_free(&guest.vm);
	tap_result(good, "images of other formats are refused, unless the user says raw");

	make_file(path, DISK_SIZE);
	snprintf(spec, sizeof(spec), "%s,readonly", path);
	good = machine(path) && refuses(path, 0, "in use") && refuses(spec, 0, "in use");
	vm_free(&guest.vm);
	good &= machine(spec) && refuses(path, 0, "in use");
	vm_free(&guest.vm);
	tap_result(good, "a disk that another VM uses is refused");

	snprintf(spec, sizeof(spec), "%s/a,b", directory);
	make_file(spec, DISK_SIZE);
	snprintf(path2, sizeof(path2), "%s/a,,b", directory);
	tap_result(machine(path2), "a comma in a name is written twice");
	vm_free(&guest.vm);
	unlink(spec);
}

/* --- qcow2 ------------------------------------------------------------------------------------------ */

static bool shell(const char *command)
{
	return system(command) == 0;
}

/* Of the only child that there is. */
static bool signal_server(int signal)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	int pid = 0, n = file ? fscanf(file, "%d", &pid) : 0;

	if (file)
		fclose(file);
	return n == 1 && !kill(pid, signal);
}

static void test_server_dies(const char *qcow)
{
	uint32_t head, len;
	bool good;

	good = machine(qcow) && ask(T_READ, 0, DATA, 4096, NULL) == OK;
	capture();
	good &= signal_server(SIGSTOP);
	offer(0, T_WRITE, 0, DATA, 8192, 2);
	offer(1, T_FLUSH, 0, NULL, 0, 1);
	notify(0);
	good &= !wait_used(0, 50, &head, &len) && signal_server(SIGKILL);
	good &= wait_used(0, 5000, &head, &len) && wait_used(0, 5000, &head, &len);
	good &= request(0)->status == IOERR && request(1)->status == IOERR;
	good &= ask(T_READ, 0, DATA, 4096, NULL) == IOERR;
	vm_free(&guest.vm);
	good &= !!strstr(captured_text(), "the guest gets errors from now on");
	tap_result(good, "a server that dies gives errors to the guest");
}

/* Images of several kinds are taken whole, and refused in half. */
static void test_cut_off_images(const char *qcow)
{
	static const char *const options[] = {
		"compat=1.1", "compat=0.10", "refcount_bits=1", "refcount_bits=64", "cluster_size=512", "cluster_size=2M",
		"preallocation=metadata",
	};
	char command[300];
	struct stat st;
	unsigned int i, good = 0, n = sizeof(options) / sizeof(*options);
	bool ok;

	for (i = 0; i < n; i++) {
		unlink(qcow);
		snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 -o %s %s 16M", options[i], qcow);
		ok = shell(command) && machine(qcow);
		memset(DATA, 7, 1 << 20);
		ok = ok && ask(T_WRITE, 2048, DATA, 1 << 20, NULL) == OK;
		vm_free(&guest.vm);
		ok = ok && machine(qcow) && ask(T_READ, 2048, DATA, 4096, NULL) == OK && DATA[0] == 7;
		vm_free(&guest.vm);
		ok = ok && !stat(qcow, &st) && !truncate(qcow, st.st_size / 2) && refuses(qcow, 0, "truncated");
		ok = ok && !truncate(qcow, 200) && refuses(qcow, 0, "truncated");
		if (!ok)
			tap_note("%s", options[i]);
		good += ok;
	}
	tap_result(good == n, "%u of %u images are taken whole, and refused when they are cut off", good, n);
}

/* Where a file system fills the disk, in whatever kind of file. */
static void test_root(const char *qcow)
{
	static const struct { const char *magic; unsigned int at; } systems[] = {
		{ "\x53\xef", 0x438 }, { "_BHRfS_M", 0x10040 }, { "XFSB", 0 },
	};
	static const char *const options[] = { "compat=1.1", "cluster_size=512", "compat=0.10" };
	char command[300], spec[100];
	unsigned int i, bad = 0;
	int fd;

	snprintf(spec, sizeof(spec), "%s,readonly", qcow);
	for (i = 0; i < 3; i++) {
		make_file(path, DISK_SIZE);
		snprintf(command, sizeof(command), "qemu-img convert -f raw -O qcow2 -o %s %s %s", options[i], path, qcow);
		bad += strcmp(root_of_disk(path), "/dev/vda1") || !shell(command) || strcmp(root_of_disk(spec), "/dev/vda1");
		fd = open(path, O_WRONLY);
		bad += pwrite(fd, systems[i].magic, strlen(systems[i].magic), systems[i].at) < 0;
		close(fd);
		bad += strcmp(root_of_disk(path), "/dev/vda") || !shell(command) || strcmp(root_of_disk(spec), "/dev/vda");
	}
	tap_result(!bad, "a file system is found where it fills the disk, in files and images (%u)", bad);
	unlink(qcow);
}

static void test_qcow2(struct random *r)
{
	static uint8_t file[DISK_SIZE];
	char command[300], qcow[80];
	bool good;

	if (!shell("command -v qemu-img >/dev/null && command -v qemu-nbd >/dev/null")) {
		tap_skip("qcow2", "no qemu-utils");
		tap_skip("qcow2, discard", "no qemu-utils");
		tap_skip("qcow2, server killed", "no qemu-utils");
		tap_skip("qcow2, cut off", "no qemu-utils");
		tap_skip("qcow2, root", "no qemu-utils");
		tap_skip("qcow2, bad image", "no qemu-utils");
		return;
	}
	snprintf(qcow, sizeof(qcow), "%s/d.qcow2", directory);
	snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 %s %u", qcow, DISK_SIZE);
	memset(model, 0, sizeof(model));
	good = shell(command) && machine(qcow) && random_requests(r, scaled(200));
	good &= ask(T_READ, DISK_SIZE / SECTOR, DATA, SECTOR, NULL) == IOERR;
	vm_free(&guest.vm);
	snprintf(command, sizeof(command), "qemu-img convert -f qcow2 -O raw %s %s", qcow, path);
	good &= shell(command);
	read_file(file);
	tap_result(good && !memcmp(file, model, DISK_SIZE), "a qcow2 image holds what was written");

	good = machine(qcow) && ask(T_DISCARD, 0, NULL, 1 << 20, NULL) == OK &&
		ask(T_READ, 0, DATA, 4096, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == OK;
	vm_free(&guest.vm);
	tap_result(good, "... can be discarded and flushed");
	test_server_dies(qcow);
	test_cut_off_images(qcow);
	test_root(qcow);
	make_file(path, DISK_SIZE);
	snprintf(command, sizeof(command), "%s,format=qcow2", path);
	tap_result(refuses(command, 0, "qcow2"), "what is no qcow2 image is refused with its server's reason");
	unlink(qcow);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(33);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	signal(SIGPIPE, SIG_IGN);
	strcpy(directory, "/tmp/virtio_blk_test-XXXXXX");
	if (!mkdtemp(directory))
		abort();
	snprintf(path, sizeof(path), "%s/disk", directory);
	test_data(&r);
	test_parallel(&r);
	test_refused();
	test_no_status();
	test_read_only();
	test_ring();
	test_discard();
	test_zero_by_writing();
	test_full();
	test_flush_fails();
	test_truncated();
	test_reset();
	test_any_driver(&r);
	test_options();
	test_cut_off();
	test_qcow2(&r);
	munmap(guest.memory, GUEST_SIZE);
	unlink(path);
	rmdir(directory);
	return tap_exit();
}
