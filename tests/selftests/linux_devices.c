// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's devices as Debian's kernel finds them where something is unusual: the
 * console is a virtio device; the disk's file cannot grow any more, or what is under
 * it fails; there are as many CPUs as a machine is said to have.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "host.h"
#include "launcher.h"
#include "test.h"

#define DISK_SIZE	(64 << 20)
#define BELLOWS		"bellows\n"	/* what a disk is filled with */

static struct launcher l;

/* A guest at its prompt. */
#define START(...)								\
	do {									\
		linux_need();							\
		launcher_start(&l, ARGS("run", "--device", test_device, "--kernel", LINUX_UNPACKED, \
					"--initrd", LINUX_INITRD, "--net", "none", "--append", \
					linux_append("shell"), __VA_ARGS__));	\
		launcher_expect(&l, "guest: up ", LINUX_BOOT_MS);		\
	} while (0)

/* What is typed, and what must come of it. */
static void ask(const char *line, const char *answer)
{
	launcher_type(&l, line);
	launcher_expect(&l, answer, LINUX_MS);
}

static void finish(void)
{
	launcher_type(&l, "poweroff -f\n");
	ASSERT_EQ(launcher_finish(&l, LINUX_MS), 0);
}

/* The guest's kernel has noted errors of its disk. */
static void expect_errors(void)
{
	ask("dmesg | grep -c 'I/O error.* vda' | sed s/^/err''ors=/\n", "errors=");
	while (!strchr(l.text + l.seen, '\n') && launcher_more(&l, test_ms() + 1000))
		;
	EXPECT(atoi(l.text + l.seen) > 0, "the guest saw no error: %.20s", l.text + l.seen);
}

/* The first megabyte is what the guest wrote. */
static void expect_kept(const char *path)
{
	const size_t size = 1 << 20;
	char *data = malloc(size);
	int fd = x(open(path, O_RDONLY | O_CLOEXEC));
	size_t lost = 0;

	ASSERT_EQ(pread(fd, data, size, 0), size);
	close(fd);
	for (size_t i = 0; i < size; i++)
		lost += data[i] != BELLOWS[i % 8];
	free(data);
	EXPECT_EQ(lost, 0);
}

static void make_disk(const char *path)
{
	int fd = x(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));

	x(ftruncate(fd, DISK_SIZE));
	close(fd);
}

static long blocks_of(const char *path)
{
	struct stat st;

	x(stat(path, &st));
	return st.st_blocks;
}

CASE_TIMEOUT(virtio_console, "with --console virtio the guest's console is hvc0, in both directions", 300)
{
	unsigned int lines = 0;
	const char *p;

	START("--mem", "128M", "--console", "virtio");
	ask("echo con''sole=$(cat /sys/class/tty/console/active)\n", "console=hvc0");
	/* For a reader that pauses, behind a small pipe, nothing is lost. */
	x(fcntl(l.out, F_SETPIPE_SZ, 4096));
	p = l.text + l.seen;
	launcher_type(&l, "yes 0123456789abcdef | head -n 4000; echo d''one\n");
	usleep(3000000);
	launcher_expect(&l, "done", LINUX_MS);
	while ((p = strstr(p, "0123456789abcdef\r\n"))) {
		p += 18;
		lines++;
	}
	EXPECT_EQ(lines, 4000);
	finish();
}

CASE_TIMEOUT(many_cpus, "32 CPUs start, each with a timer that goes on", 400)
{
	START("--mem", "256M", "--cpus", "32");
	launcher_expect(&l, "cpus=32", 1000);
	/* An idle CPU needs no timer, so each gets a reason for one. */
	launcher_type(&l, "sleeps() { n=0; while [ $n -lt 32 ]; do taskset -c $n sleep 0.1; n=$((n + 1)); done; }\n");
	launcher_type(&l, "timers() { grep LOC: /proc/interrupts; sleeps; grep LOC: /proc/interrupts; }\n");
	/* How many columns of the second reading are larger than those of the first */
	launcher_type(&l, "going='{ for (n = 2; n < 34; n++) { more += NR == 2 && $n > old[n]; old[n] = $n } }'\n");
	ask("timers | awk \"$going END { print more }\" | sed s/^/go''ing=/\n", "going=32");
	finish();
}

CASE_TIMEOUT(full_disk, "where the host's disk is full the guest gets EIO, the user a few lines, and what was flushed stays", 300)
{
	int warnings = 0;
	long full;

	x(mkdir("small", 0700));
	x(mount("none", "small", "tmpfs", 0, "size=3m"));
	make_disk("small/disk.img");
	START("--mem", "128M", "--disk", "small/disk.img");
	ask(LINUX_WRITE_AND_CHECK(0), "same");
	ask("dd if=/dev/zero of=/dev/vda bs=64k seek=32 count=64 conv=fsync,notrunc || echo ref''used\n", "refused");
	expect_errors();
	/* More errors than anybody wants to be told of */
	ask("n=0; while [ $n -lt 40 ]; do dd if=/dev/zero of=/dev/vda bs=4k seek=$((1200 + n)) count=1 conv=fsync,notrunc; "
	    "n=$((n + 1)); done 2>/dev/null; echo of''ten\n", "often");
	ask(LINUX_CHECK(0, ke''pt), "kept");
	/* What the guest discards makes room again. */
	full = blocks_of("small/disk.img");
	ask("blkdiscard -o 2097152 -l 4194304 /dev/vda && echo dis''carded\n", "discarded");
	EXPECT(blocks_of("small/disk.img") <= full - 2048, "%ld blocks of %ld are left", blocks_of("small/disk.img"), full);
	ask(LINUX_WRITE_AND_CHECK(100), "same");
	finish();
	for (char *p = l.text; (p = strstr(p, "small/disk.img: ")); p++)
		warnings++;
	EXPECT(warnings >= 1 && warnings <= 20, "%d lines name the file", warnings);
	expect_kept("small/disk.img");
	x(umount("small"));
}

/* --- A disk that fails ------------------------------------------------------------------- */

static int mapper;

/* One request to the device mapper: with a table of one target, if a type is given. */
static void map(unsigned long request, unsigned int flags, const char *type, const char *arguments)
{
	struct {
		struct dm_ioctl io;
		struct dm_target_spec target;
		char arguments[64];
	} r = {
		.io = { .version = { DM_VERSION_MAJOR }, .data_size = sizeof(r), .data_start = sizeof(r.io),
			.target_count = !!type, .flags = flags, .name = "bellows" },
		.target = { .length = DISK_SIZE / 512 },
	};

	if (type) {
		strcpy(r.target.target_type, type);
		strcpy(r.arguments, arguments);
	}
	x(ioctl(mapper, request, &r));
}

static void set_table(const char *type, const char *arguments)
{
	/* Without writing out what waits for that */
	map(DM_DEV_SUSPEND, DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG, NULL, NULL);
	map(DM_TABLE_LOAD, 0, type, arguments);
	map(DM_DEV_SUSPEND, 0, NULL, NULL);
}

/*
 * A loop device on the file "back", as text for a table: of a disk that fails never. As little as
 * most targets does that one promise never to wait.
 */
static int make_loop(char *table, size_t size)
{
	int control = x(open("/dev/loop-control", O_RDWR | O_CLOEXEC)), number = x(ioctl(control, LOOP_CTL_GET_FREE));
	int back, loop;
	char path[32];

	make_disk("back");
	back = x(open("back", O_RDWR | O_CLOEXEC));
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	loop = x(open(path, O_RDWR | O_CLOEXEC));
	x(ioctl(loop, LOOP_SET_FD, back));
	snprintf(table, size, "7:%d 0 3600 0", number);
	close(back);
	close(control);
	return loop;
}

CASE_TIMEOUT(failing_disk, "a disk that fails gives the guest EIO; what was flushed is there when it works again, and no flush claims more", 300)
{
	static const char *const lines[] = {
		"/dev/dm-0: flushing failed: Input/output error", "/dev/dm-0: reading failed: Input/output error"
	};
	char table[32];
	int loop;

	linux_need();
	module_load("/guest/modules/loop.ko", "");
	module_load("/guest/modules/dm-mod.ko", "");
	module_load("/guest/modules/dm-flakey.ko", "");
	REQUIRE(!access("/dev/mapper/control", F_OK) && !access("/dev/loop-control", F_OK), "there is no device mapper here");
	mapper = x(open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
	loop = make_loop(table, sizeof(table));
	map(DM_DEV_CREATE, 0, NULL, NULL);
	set_table("flakey", table);

	START("--mem", "128M", "--disk", "/dev/dm-0");
	ask(LINUX_WRITE_AND_CHECK(0), "same");
	/* Written, but not flushed, and then it is too late. */
	ask("dd if=/tmp/data of=/dev/vda bs=64k seek=200 conv=notrunc; sync; echo wri''tten\n", "written");
	set_table("error", "");
	ask("dd if=/dev/zero of=/dev/vda count=0 conv=fsync,notrunc || echo unfl''ushed\n", "unflushed");
	ask("dd if=/dev/vda of=/dev/null bs=64k skip=500 count=1 || echo un''readable\n", "unreadable");
	ask("dd if=/tmp/data of=/dev/vda bs=64k seek=250 conv=fsync,notrunc || echo ref''used\n", "refused");
	expect_errors();
	set_table("flakey", table);
	/* What was lost in between the guest cannot know: it must not believe that it is safe. */
	ask("dd if=/tmp/data of=/dev/vda bs=64k seek=300 conv=fsync,notrunc || echo un''safe\n", "unsafe");
	ask(LINUX_CHECK(0, ke''pt), "kept");
	finish();
	expect_kept("back");
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++)
		EXPECT(strstr(l.text, lines[i]), "no line '%s'", lines[i]);
	map(DM_DEV_REMOVE, 0, NULL, NULL);
	x(ioctl(loop, LOOP_CLR_FD));
	close(loop);
}
