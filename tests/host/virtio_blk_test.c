// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's disks as a guest sees them: data, every kind of request, what a
 * guest may not do, and what happens when the file behind fails.
 */
#include <sys/resource.h>
#include "userspace/disk/disk.h"
#include "virtio_disk.h"

/* --- Data ------------------------------------------------------------------------------- */

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
			good += wait_used(0, SOON, &head, &len) && len == 1;
		memset(DATA, 0xee, 8192 * n);
		for (i = 0; i < n; i++)
			offer(i, T_READ, 16 * i, DATA + 8192 * i, 8192, 3);
		notify(0);
		for (i = 0; i < n; i++)
			good += wait_used(0, SOON, &head, &len) && len == 8193;
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
	good = wait_status(VIRTIO_STATUS_NEEDS_RESET, SOON);
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

/* What keeps the space of a file from being seen to go. NULL: nothing. */
static const char *no_holes(void)
{
	static uint8_t data[1 << 20] = { [0 ... (1 << 20) - 1] = 7 };
	const char *why = NULL;
	struct stat st;
	int fd;

	make_file(path, DISK_SIZE);
	fd = open(path, O_RDWR);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) && errno == EOPNOTSUPP)
		why = "the file system of /tmp knows no holes";
	else if (pwrite(fd, data, sizeof(data), 0) < 0 || fsync(fd) || fstat(fd, &st) ||
		 st.st_blocks < (blkcnt_t)sizeof(data) / SECTOR)
		why = "the file system of /tmp does not count what a file takes";
	close(fd);
	return why;
}

static void test_discard(void)
{
	const char *why = no_holes();
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
	if (why)
		tap_skip("discarded space goes back to the file system", why);
	else
		tap_result(good && less.st_blocks <= full.st_blocks - 1024 && less.st_size == DISK_SIZE,
			   "discarded space goes back to the file system");
	good = ask(T_READ, 0, DATA, 128 << 10, NULL) == OK && DATA[0] == 7 && DATA[(128 << 10) - 1] == 7;
	tap_result(good, "... and what was not discarded stays");
	vm_free(&guest.vm);
}

/* tmpfs cannot zero a range. */
static void test_zero_by_writing(void)
{
	char shm[64];
	bool good;

	if (access("/dev/shm", W_OK)) {
		tap_skip("where a file system cannot zero, zeros are written", "no /dev/shm");
		return;
	}
	snprintf(shm, sizeof(shm), "/dev/shm/virtio_blk_test-%d", (int)getpid());
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

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(21);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	if (no_ring()) {
		tap_skip_rest(no_ring());
		return tap_exit();
	}
	make_directory("virtio_blk_test");
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
	remove_directory();
	return tap_exit();
}
