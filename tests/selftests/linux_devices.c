// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's devices as Debian's kernel finds them where something is unusual: the
 * console is a virtio device, or the disk's file cannot grow any more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "launcher.h"
#include "test.h"

#define KERNEL		"/guest/vmlinux"
#define APPEND		"loglevel=4 what=shell"
#define BOOT_MS		200000

static struct launcher l;

#define START(...)							\
	launcher_start(&l, ARGS("run", "--device", test_device, "--kernel", KERNEL, "--initrd", "/guest/initrd", \
				__VA_ARGS__))

static void need_host(void)
{
	launcher_need();
	REQUIRE(!access(KERNEL, R_OK), "there is no kernel for a guest here");
}

/* Written by a command, and then read back by another kind of access. */
#define WRITE_AND_CHECK(offset)								\
	"yes bellows | head -c 1048576 >/tmp/data; "					\
	"dd if=/tmp/data of=/dev/vda bs=64k seek=" #offset " conv=fsync,notrunc 2>/dev/null; "	\
	"echo 3 >/proc/sys/vm/drop_caches; "						\
	"dd if=/dev/vda bs=64k skip=" #offset " count=16 2>/dev/null | cmp - /tmp/data && echo sa''me\n"

CASE_TIMEOUT(virtio_console, "with --console virtio the guest's console is hvc0, in both directions", 300)
{
	need_host();
	START("--mem", "128M", "--console", "virtio", "--append", APPEND);
	launcher_expect(&l, "guest: up ", BOOT_MS);
	launcher_type(&l, "echo con''sole=$(cat /sys/class/tty/console/active)\n");
	launcher_expect(&l, "console=hvc0", 60000);
	launcher_type(&l, "yes 0123456789abcdef | head -n 300; echo d''one\n");
	launcher_expect(&l, "done", 60000);
	launcher_type(&l, "poweroff -f\n");
	ASSERT_EQ(launcher_finish(&l, 60000), 0);
}

CASE_TIMEOUT(full_disk, "where the host's disk is full the guest gets EIO, the user one line, and what was flushed stays", 300)
{
	char *data = malloc(1 << 20);
	int fd, warnings = 0;
	size_t lost = 0;

	need_host();
	x(mkdir("small", 0700));
	x(mount("none", "small", "tmpfs", 0, "size=3m"));
	fd = x(open("small/disk.img", O_RDWR | O_CREAT, 0600));
	x(ftruncate(fd, 64 << 20));
	START("--mem", "128M", "--disk", "small/disk.img", "--append", APPEND);
	launcher_expect(&l, "guest: up ", BOOT_MS);
	launcher_type(&l, WRITE_AND_CHECK(0));
	launcher_expect(&l, "same", 60000);
	launcher_type(&l, "dd if=/dev/zero of=/dev/vda bs=64k seek=32 count=64 conv=fsync,notrunc || echo ref''used\n");
	launcher_type(&l, "dmesg | grep -c 'I/O error.* vda' | sed s/^/err''ors=/\n");
	launcher_expect(&l, "refused", 60000);
	launcher_expect(&l, "errors=", 60000);
	EXPECT(l.text[l.seen] != '0', "the guest saw no error");
	launcher_type(&l, "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=64k count=16 2>/dev/null | cmp - /tmp/data && echo ke''pt\n");
	launcher_expect(&l, "kept", 60000);
	launcher_type(&l, "poweroff -f\n");
	ASSERT_EQ(launcher_finish(&l, 60000), 0);
	for (char *p = l.text; (p = strstr(p, "small/disk.img: ")); p++)
		warnings++;
	EXPECT(warnings >= 1 && warnings <= 16, "%d lines name the file", warnings);
	ASSERT_EQ(pread(fd, data, 1 << 20, 0), 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		lost += data[i] != "bellows\n"[i % 8];
	EXPECT_EQ(lost, 0);
	close(fd);
	x(umount("small"));
}
