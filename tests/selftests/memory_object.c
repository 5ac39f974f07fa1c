// SPDX-License-Identifier: GPL-2.0
/* Memory objects as descriptors: making them, what they refuse, what they cost. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "object.h"

#define MAX_SIZE	(1ULL << 46)

CASE(sizes, "creation takes sizes from a page to 64 TiB, in pages")
{
	static const u64 good[] = { PAGE_SIZE, 3 * PAGE_SIZE, LARGE_SIZE, 1 * GB, MAX_SIZE };
	static const u64 bad[] = { 0, 1, PAGE_SIZE - 1, PAGE_SIZE + 1, MAX_SIZE + PAGE_SIZE,
				   1ULL << 63, ~0ULL, ~0ULL - PAGE_SIZE + 1 };

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		int fd = object_create(good[i], 0);
		struct stat st;

		x(fstat(fd, &st));
		EXPECT_EQ(st.st_size, good[i]);
		EXPECT_EQ(object_stat(fd).size, good[i]);
		EXPECT_EQ(object_stat(fd).absent, good[i] / PAGE_SIZE);
		close(fd);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(__object_create(bad[i], 0), -EINVAL);
}

CASE(flags, "creation refuses unknown flags and anything in reserved fields")
{
	u64 known = BELLOWS_MEMORY_SMALL_PAGES | BELLOWS_MEMORY_PINNABLE;
	int dev;

	for (unsigned int bit = 0; bit < 64; bit++) {
		int ret = __object_create(PAGE_SIZE, 1ULL << bit);

		if (known >> bit & 1)
			EXPECT(ret >= 0, "flag %u: %d", bit, ret);
		else
			EXPECT_EQ(ret, -EINVAL);
		if (ret >= 0)
			close(ret);
	}
	dev = x(open(test_device, O_RDWR));
	for (unsigned int i = 0; i < 6; i++) {
		struct bellows_memory_create create = { .size = PAGE_SIZE };

		create.reserved[i] = 1ULL << (i * 10);
		EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create)), -EINVAL);
	}
}

CASE(create_errors, "creation says EFAULT and EMFILE, and leaves no descriptor behind")
{
	struct bellows_memory_create create = { .size = PAGE_SIZE };
	int probe = object_create(PAGE_SIZE, 0), dev, next;
	struct rlimit limit;

	close(probe);
	dev = x(open(test_device, O_RDWR));
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, NULL)), -EFAULT);
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, -8UL)), -EFAULT);

	next = x(dup(dev));
	close(next);
	x(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = next;
	x(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create)), -EMFILE);
	limit.rlim_cur = next + 1;
	x(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, NULL)), -EFAULT);
	create.size = 1;
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create)), -EINVAL);
	create.size = PAGE_SIZE;
	EXPECT_EQ(__x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create)), next);
}

CASE(descriptor, "a descriptor closes on exec, has no offset, no read, no write, and keeps its size")
{
	int fd = object_create(4 * PAGE_SIZE, 0);
	char name[32], byte = 1;

	EXPECT_EQ(__x(fcntl(fd, F_GETFD)), FD_CLOEXEC);
	EXPECT_EQ(__x(lseek(fd, 0, SEEK_END)), -ESPIPE);
	EXPECT_EQ(__x(read(fd, &byte, 1)), -EINVAL);
	EXPECT_EQ(__x(pread(fd, &byte, 1, 0)), -ESPIPE);
	EXPECT_EQ(__x(write(fd, &byte, 1)), -EINVAL);
	EXPECT_EQ(__x(ftruncate(fd, PAGE_SIZE)), -EPERM);
	EXPECT_EQ(__x(ftruncate(fd, 8 * PAGE_SIZE)), -EPERM);
	EXPECT_EQ(object_stat(fd).size, 4 * PAGE_SIZE);
	/* Whoever is to have it is given it: it can't be opened through /proc. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT(open(name, O_RDWR) < 0);
}

CASE(ioctls, "ioctls refuse what the header rules out")
{
	int fd = object_create(4 * PAGE_SIZE, 0), null = x(open("/dev/null", O_RDWR));
	static const unsigned long cmds[] = { BELLOWS_MEMORY_INVALIDATE, BELLOWS_MEMORY_DISCARD };
	static const struct { u64 offset, length; } bad[] = {
		{ 0, 0 }, { 1, PAGE_SIZE }, { 0, 1 }, { 0, 5 * PAGE_SIZE }, { 4 * PAGE_SIZE, PAGE_SIZE },
		{ 3 * PAGE_SIZE, 2 * PAGE_SIZE }, { PAGE_SIZE, -PAGE_SIZE }, { -PAGE_SIZE, PAGE_SIZE },
		{ -PAGE_SIZE, 2 * PAGE_SIZE }, { PAGE_SIZE, 1ULL << 63 },
	};

	for (unsigned int c = 0; c < ARRAY_SIZE(cmds); c++) {
		struct bellows_memory_range range = { .length = PAGE_SIZE };

		EXPECT_EQ(__x(ioctl(fd, cmds[c], &range)), 0);
		EXPECT_EQ(__x(ioctl(fd, cmds[c], NULL)), -EFAULT);
		EXPECT_EQ(__x(ioctl(null, cmds[c], &range)), -ENOTTY);
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
			EXPECT_EQ(__object_range(fd, cmds[c], bad[i].offset, bad[i].length), -EINVAL);
		range.flags = 1;
		EXPECT_EQ(__x(ioctl(fd, cmds[c], &range)), -EINVAL);
		range.flags = 0;
		for (unsigned int i = 0; i < 5; i++) {
			range.reserved[i] = 1;
			EXPECT_EQ(__x(ioctl(fd, cmds[c], &range)), -EINVAL);
			range.reserved[i] = 0;
		}
	}
	EXPECT_EQ(__x(ioctl(fd, BELLOWS_MEMORY_STAT, NULL)), -EFAULT);
	EXPECT_EQ(__x(ioctl(null, BELLOWS_MEMORY_STAT, &bad)), -ENOTTY);
	EXPECT_EQ(__x(ioctl(fd, BELLOWS_MEMORY_CREATE, &bad)), -ENOTTY);
	EXPECT_EQ(__x(ioctl(fd, 0, NULL)), -ENOTTY);
}

CASE(falloc, "fallocate punches holes and does nothing else")
{
	int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = object_create(4 * PAGE_SIZE, 0);
	char *p = object_map(fd, 0, 4 * PAGE_SIZE);

	memset(p, 1, 4 * PAGE_SIZE);
	x(fallocate(fd, punch, PAGE_SIZE, PAGE_SIZE));
	EXPECT_EQ(p[PAGE_SIZE], 0);
	EXPECT_EQ(p[0] + p[2 * PAGE_SIZE], 2);
	/* As with files, what lies beyond the end is a hole already. */
	x(fallocate(fd, punch, 3 * PAGE_SIZE, 1 * GB));
	EXPECT_EQ(p[3 * PAGE_SIZE], 0);
	x(fallocate(fd, punch, 1 * GB, PAGE_SIZE));
	EXPECT_EQ(__x(fallocate(fd, punch, 1, PAGE_SIZE)), -EINVAL);
	EXPECT_EQ(__x(fallocate(fd, punch, 0, 1)), -EINVAL);
	EXPECT_EQ(__x(fallocate(fd, 0, 0, PAGE_SIZE)), -EOPNOTSUPP);
	EXPECT_EQ(__x(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE_SIZE)), -EOPNOTSUPP);
	EXPECT_EQ(__x(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE_SIZE)), -EOPNOTSUPP);
}

CASE(huge, "an object of 64 TiB costs microseconds, and a page at its end costs a page")
{
	u64 start, small, ms, n = test_scale(100), overhead;
	int fd, first = object_create(PAGE_SIZE, 0);
	char *p;

	/* The first object of all also makes the file system they live in. */
	start = test_ms();
	for (u64 i = 0; i < n; i++)
		close(object_create(PAGE_SIZE, 0));
	small = test_ms() - start;
	start = test_ms();
	for (u64 i = 0; i < n; i++)
		close(object_create(MAX_SIZE, 0));
	ms = test_ms() - start;
	EXPECT(ms <= 3 * small + 20, "%llu ms, and %llu for as many of a page", ms, small);
	test_diag("%llu us to create and close", ms * 1000 / n);
	EXPECT(ms < test_at_most(20) * n, "%llu ms for %llu objects", ms, n);
	close(first);

	fd = object_create(MAX_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	overhead = object_stat(fd).metadata;
	EXPECT(overhead < 2048, "%llu bytes for an empty object", overhead);
	p = object_map(fd, MAX_SIZE - PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(*p, 0);
	*p = 1;
	EXPECT_EQ(object_private(fd), 1);
	EXPECT_EQ(object_stat(fd).absent, MAX_SIZE / PAGE_SIZE - 1);
	overhead = object_stat(fd).metadata - overhead;
	EXPECT(overhead > PAGE_SIZE && overhead < PAGE_SIZE + 1024, "%llu bytes for one page", overhead);

	/* Ranges cost what is in them. */
	start = test_ms();
	object_invalidate(fd, 0, MAX_SIZE);
	EXPECT_EQ(*p, 1);
	object_discard(fd, 0, MAX_SIZE);
	EXPECT(test_ms() - start < test_at_most(1000));
	EXPECT_EQ(*p, 0);
	EXPECT_EQ(object_private(fd), 0);
}

CASE(metadata, "what describes an object is counted, and goes with what it describes")
{
	int fd = object_create(8 * LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p = object_map(fd, 0, 8 * LARGE_SIZE);
	u64 empty = object_stat(fd).metadata, one, all;

	p[0] = 1;
	one = object_stat(fd).metadata - empty;
	p[PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).metadata - empty, one);
	for (unsigned int i = 0; i < 8; i++)
		p[i * LARGE_SIZE] = 1;
	all = object_stat(fd).metadata - empty;
	EXPECT_EQ(all, 8 * one);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(object_stat(fd).metadata - empty, 7 * one);
	object_discard(fd, 0, 8 * LARGE_SIZE);
	EXPECT_EQ(object_stat(fd).metadata, empty);
}

CASE(ahead, "pages written in order get frames eight at a time, and a discard gives back the rest")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p = object_map(fd, 0, LARGE_SIZE);

	p[0] = 1;
	p[2 * PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).ahead, 0);
	p[PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).ahead, 8);
	EXPECT_EQ(object_private(fd), 3);
	for (unsigned int i = 3; i < 10; i++)
		p[i * PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).ahead, 0);
	p[10 * PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).ahead, 8);
	for (unsigned int i = 0; i <= 10; i++)
		EXPECT_EQ(p[i * PAGE_SIZE], 1);
	object_discard(fd, 3 * PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(object_stat(fd).ahead, 0);
	EXPECT_EQ(object_private(fd), 10);
	for (unsigned int i = 11; i < LARGE_SIZE / PAGE_SIZE; i++)
		p[i * PAGE_SIZE] = 1;
	p[3 * PAGE_SIZE] = 1;
	EXPECT_EQ(object_stat(fd).ahead, 0);
	EXPECT_EQ(object_private(fd), LARGE_SIZE / PAGE_SIZE);
}

CASE(joined, "a large frame of which a process had pages is given back as one, or page by page around a pin")
{
	int fd = object_create(LARGE_SIZE, 0), pipes[2];
	char *p = object_map(fd, 0, LARGE_SIZE);
	struct iovec part = { p + 5 * PAGE_SIZE, PAGE_SIZE };
	bool large;

	for (unsigned int round = 0; round < 20; round++) {
		p[round * PAGE_SIZE] = round + 1;
		large = object_stat(fd).large;
		object_discard(fd, 0, LARGE_SIZE);
		EXPECT_EQ(object_private(fd), 0);
		EXPECT_EQ(p[round * PAGE_SIZE], 0);
	}
	x(pipe2(pipes, O_CLOEXEC));
	memset(part.iov_base, 7, PAGE_SIZE);
	ASSERT_EQ(vmsplice(pipes[1], &part, 1, 0), PAGE_SIZE);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(object_private(fd), 1);
	EXPECT_EQ(p[5 * PAGE_SIZE], 7);
	close(pipes[0]);
	close(pipes[1]);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(object_private(fd), 0);
	if (!large)
		test_diag("there was no large frame to split");
}

static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	ASSERT_EQ(sendmsg(socket, &msg, 0), 1);
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	ASSERT_EQ(recvmsg(socket, &msg, 0), 1);
	ASSERT(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

CASE(passing, "a descriptor that was passed on holds the object when its creator has gone")
{
	int pair[2], status, fd;
	pid_t pid;
	char *p;

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "no sockets in this kernel");
	pid = x(fork());
	if (!pid) {
		fd = object_create(LARGE_SIZE, 0);
		p = object_map(fd, 0, LARGE_SIZE);
		strcpy(p + PAGE_SIZE, "from the creator");
		send_fd(pair[1], fd);
		_exit(0);
	}
	fd = receive_fd(pair[0]);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
	p = object_map(fd, 0, LARGE_SIZE);
	EXPECT(!strcmp(p + PAGE_SIZE, "from the creator"));
	p[0] = 1;
	EXPECT(object_private(fd) >= 2);
}

CASE(many, "hundreds of objects come and go, each with its own contents")
{
	unsigned int n = test_scale(300);
	int *fd = calloc(n, sizeof(*fd));
	unsigned int *p;

	for (unsigned int i = 0; i < n; i++) {
		fd[i] = object_create(PAGE_SIZE, 0);
		p = (void *)object_map(fd[i], 0, PAGE_SIZE);
		*p = i;
		munmap(p, PAGE_SIZE);
	}
	for (unsigned int i = 0; i < n; i += 2)
		object_discard(fd[i], 0, PAGE_SIZE);
	for (unsigned int i = 0; i < n; i++) {
		p = (void *)object_map(fd[i], 0, PAGE_SIZE);
		EXPECT_EQ(*p, i & 1 ? i : 0);
		munmap(p, PAGE_SIZE);
		close(fd[i]);
	}
	expect_audit_ok();
}
