// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher as its users meet it: Debian's kernel boots in a VM to a shell that
 * obeys, finds its devices without being told of them, reboots, and turns itself
 * off; other commands find the VM, stop it and let it go on; a damaged kernel is one line
 * that names it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "host.h"
#include "launcher.h"
#include "test.h"

#define RUN		"run", "--device", test_device, "--initrd", LINUX_INITRD

static struct launcher l;
static struct said said;

#define START(...)	launcher_start(&l, ARGS(RUN, __VA_ARGS__))

static void type(const char *text)
{
	launcher_type(&l, text);
}

static void expect_text(const char *text, u64 ms)
{
	launcher_expect(&l, text, ms);
}

static int finish(u64 ms)
{
	return launcher_finish(&l, ms);
}

CASE_TIMEOUT(boots, "a bzImage boots, a command that is typed runs, and the VM powers off", 300)
{
	linux_need();
	START("--kernel", LINUX_KERNEL, "--mem", "192M", "--net", "none",
	      "--append", linux_append("shell"), "--memory-stats");
	expect_text("guest: up ", LINUX_BOOT_MS);
	expect_text("cpus=1", 1000);
	type("echo answer=$((6*7))\n");
	expect_text("answer=42", 60000);
	type("echo net''works: $(ls /sys/class/net)\n");
	expect_text("networks: lo\r", 60000);
	type("grep -c GenuineIntel\\\\\\|AuthenticAMD /proc/cpuinfo; poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
	ASSERT(strstr(l.text, "guest memory: 192 MiB"), "no statistics");
}

CASE_TIMEOUT(finds_devices, "two CPUs, disk, random numbers, the host's clock and, unasked for, a network are found; data stay on the disk", 300)
{
	static char data[8192];
	int fd;

	linux_need();
	fd = x(open("disk.img", O_RDWR | O_CREAT | O_TRUNC, 0600));
	x(ftruncate(fd, 4 << 20));
	ASSERT_EQ(pwrite(fd, "written by the host\n", 20, 4096), 20);
	START("--kernel", LINUX_UNPACKED, "--mem", "192M",
	      "--cpus", "2", "--disk", "disk.img", "--append", linux_append("shell"));
	expect_text("guest: up ", LINUX_BOOT_MS);
	expect_text("cpus=2", 1000);
	type("dd if=/dev/vda bs=4096 skip=1 count=1 2>/dev/null | head -n 1\n");
	expect_text("written by the host", 60000);
	type("echo written by the guest | dd of=/dev/vda bs=4096 seek=2 conv=fsync,notrunc\n");
	type("ls /sys/class/net; cat /sys/class/misc/hw_random/rng_current\n");
	expect_text("eth0", 60000);
	expect_text("virtio_rng", 60000);
	type("cat /sys/devices/system/clocksource/clocksource0/available_clocksource\n");
	expect_text("kvm-clock", 60000);
	type("poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
	ASSERT_EQ(pread(fd, data, sizeof(data), 8192), 8192);
	ASSERT(!memcmp(data, "written by the guest\n", 21), "the disk has '%.30s'", data);
}

CASE_TIMEOUT(controlled, "a VM is found by its name, rests while it is paused, reboots, and is stopped", 300)
{
	linux_need();
	START("--kernel", LINUX_UNPACKED, "--mem", "128M",
	      "--name", "clock", "--append", linux_append("tick"));
	expect_text("guest: tick 3", LINUX_BOOT_MS);
	COMMAND(&said, "list");
	EXPECT(!said.code && strstr(said.out, "clock") && strstr(said.out, "running"), "list: %s", said.out);
	COMMAND(&said, "pause", "clock");
	EXPECT_EQ(said.code, 0);
	launcher_is_silent(&l, 1000);
	l.seen = l.used;
	EXPECT(launcher_is_silent(&l, 3000), "a paused guest says something");
	COMMAND(&said, "resume", "clock");
	EXPECT_EQ(said.code, 0);
	expect_text("guest: tick ", 30000);
	COMMAND(&said, "stop", "clock", "--force");
	EXPECT_EQ(said.code, 0);
	EXPECT_EQ(finish(20000), 0);
}

CASE_TIMEOUT(reboots, "a guest that reboots boots again, and ends there if that is wanted", 300)
{
	linux_need();
	START("--kernel", LINUX_UNPACKED, "--mem", "128M",
	      "--name", "again", "--append", linux_append("reboot"));
	expect_text("guest: up ", LINUX_BOOT_MS);
	expect_text("guest: up ", LINUX_BOOT_MS);
	COMMAND(&said, "stop", "again", "--force");
	EXPECT_EQ(said.code, 0);
	EXPECT_EQ(finish(20000), 0);
}

CASE_TIMEOUT(qcow2, "a qcow2 image is a disk like any other", 300)
{
	linux_need();
	REQUIRE(!access("/guest/disk.qcow2", R_OK), "qemu-utils is not installed");
	START("--kernel", LINUX_UNPACKED, "--mem", "128M", "--disk", "/guest/disk.qcow2,format=qcow2", "--append",
	      linux_append("shell"));
	expect_text("guest: up ", LINUX_BOOT_MS);
	type("echo si''ze=$(cat /sys/block/vda/size)\n");
	expect_text("size=131072", 60000);
	type(LINUX_WRITE_AND_CHECK(100));
	expect_text("same", 60000);
	type("poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
}

static void make_tap(const char *name, const char *address)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = x(open("/dev/net/tun", O_RDWR | O_CLOEXEC)), s = x(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.ifr_name, name);
	x(ioctl(fd, TUNSETIFF, &r));
	x(ioctl(fd, TUNSETPERSIST, 1));
	close(fd);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	x(ioctl(s, SIOCSIFFLAGS, &r));
	inet_pton(AF_INET, address, &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	x(ioctl(s, SIOCSIFADDR, &r));
	close(s);
}

CASE_TIMEOUT(tap, "a tap interface joins the guest with the host's network", 300)
{
	linux_need();
	REQUIRE(!module_load("/guest/modules/tun.ko", "") || !access("/dev/net/tun", F_OK), "there is no tun module");
	make_tap("tap7", "10.77.0.1");
	START("--kernel", LINUX_UNPACKED, "--mem", "128M", "--net", "tap=tap7", "--append", linux_append("shell"));
	expect_text("guest: up ", LINUX_BOOT_MS);
	type("ip addr add 10.77.0.2/8 dev eth0; ip link set eth0 up; ping -c 3 -s 1400 10.77.0.1; echo pi''ng=$?\n");
	expect_text("ping=0", 60000);
	type("poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
}

#define REFUSED(code, text, ...)	launcher_refuses(code, text, ARGS("run", "--device", test_device, __VA_ARGS__))

/* The file "cut": the first bytes of another. */
static void cut_off(const char *path, off_t size)
{
	int fd = x(open(path, O_RDONLY));
	char *data = malloc(size);

	ASSERT_EQ(read(fd, data, size), size);
	close(fd);
	launcher_write_file("cut", data, size);
	free(data);
}

CASE_TIMEOUT(damaged_files, "a kernel or RAM disk that is cut off, foreign, or too large for the memory, is one line that says so", 120)
{
	static const off_t sizes[] = { 1, 512, 1023, 4096, 20000, 1 << 20 };

	linux_need();
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		cut_off(LINUX_KERNEL, sizes[i]);
		REFUSED(66, "--kernel: cut: ", "--kernel", "cut");
		cut_off(LINUX_UNPACKED, sizes[i]);
		REFUSED(66, "--kernel: cut: ", "--kernel", "cut");
		cut_off(LINUX_INITRD, sizes[i]);
		REFUSED(66, "--initrd: cut: is ", "--kernel", LINUX_UNPACKED, "--initrd", "cut", "--mem", "256M");
	}
	REFUSED(64, "--mem: too small for the kernel", "--kernel", LINUX_KERNEL, "--mem", "16M");
	REFUSED(64, "--mem: too small for the kernel", "--kernel", LINUX_UNPACKED, "--mem", "16M");
	REFUSED(66, "--kernel: " LINUX_INITRD ": is no kernel", "--kernel", LINUX_INITRD);
	REFUSED(66, "--initrd: " LINUX_UNPACKED ": does not fit", "--kernel", LINUX_KERNEL, "--initrd", LINUX_UNPACKED, "--mem", "80M");
	REFUSED(66, "--initrd: " LINUX_KERNEL ": is no initial RAM disk", "--kernel", LINUX_UNPACKED, "--initrd", LINUX_KERNEL,
		"--mem", "256M");
}
