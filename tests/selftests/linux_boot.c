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

#define KERNEL		"/guest/vmlinuz"
#define UNPACKED	"/guest/vmlinux"
#define INITRD		"/guest/initrd"
#define BOOT_MS		200000
/* What Debian's kernel can do without where it takes long. */
#define IN_HASTE	"cryptomgr.notests lpj=1000000 initcall_blacklist=load_system_certificate_list," \
			"crypto_kdf108_init,init_kprobe_trace,cubictcp_register,slab_sysfs_init"
#define RUN		"run", "--device", test_device, "--initrd", INITRD

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

static void need_host(void)
{
	launcher_need();
	REQUIRE(!access(KERNEL, R_OK), "there is no kernel for a guest here");
}

static const char *append(const char *what)
{
	const char *slow = getenv("BELLOWS_SLOW");
	static char line[512];

	snprintf(line, sizeof(line), "loglevel=4 what=%s %s", what, slow && atoi(slow) > 1 ? IN_HASTE : "");
	return line;
}

CASE_TIMEOUT(boots, "a bzImage boots, a command that is typed runs, and the VM powers off", 300)
{
	need_host();
	START("--kernel", KERNEL, "--mem", "192M",
	      "--append", append("shell"), "--memory-stats");
	expect_text("guest: up ", BOOT_MS);
	expect_text("cpus=1", 1000);
	type("echo answer=$((6*7))\n");
	expect_text("answer=42", 60000);
	type("grep -c GenuineIntel\\\\\\|AuthenticAMD /proc/cpuinfo; poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
	ASSERT(strstr(l.text, "guest memory: 192 MiB"), "no statistics");
}

CASE_TIMEOUT(finds_devices, "two CPUs start, disk, network and random numbers are found, and data stay on the disk", 300)
{
	static char data[8192];
	int fd;

	need_host();
	fd = x(open("disk.img", O_RDWR | O_CREAT | O_TRUNC, 0600));
	x(ftruncate(fd, 4 << 20));
	ASSERT_EQ(pwrite(fd, "written by the host\n", 20, 4096), 20);
	START("--kernel", UNPACKED, "--mem", "192M",
	      "--cpus", "2", "--disk", "disk.img", "--net", "user", "--append", append("shell"));
	expect_text("guest: up ", BOOT_MS);
	expect_text("cpus=2", 1000);
	type("dd if=/dev/vda bs=4096 skip=1 count=1 2>/dev/null | head -n 1\n");
	expect_text("written by the host", 60000);
	type("echo written by the guest | dd of=/dev/vda bs=4096 seek=2 conv=fsync,notrunc\n");
	type("ls /sys/class/net; cat /sys/class/misc/hw_random/rng_current\n");
	expect_text("eth0", 60000);
	expect_text("virtio_rng", 60000);
	type("poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
	ASSERT_EQ(pread(fd, data, sizeof(data), 8192), 8192);
	ASSERT(!memcmp(data, "written by the guest\n", 21), "the disk has '%.30s'", data);
}

CASE_TIMEOUT(controlled, "a VM is found by its name, rests while it is paused, reboots, and is stopped", 300)
{
	need_host();
	START("--kernel", UNPACKED, "--mem", "128M",
	      "--name", "clock", "--append", append("tick"));
	expect_text("guest: tick 3", BOOT_MS);
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
	need_host();
	START("--kernel", UNPACKED, "--mem", "128M",
	      "--name", "again", "--append", append("reboot"));
	expect_text("guest: up ", BOOT_MS);
	expect_text("guest: up ", BOOT_MS);
	COMMAND(&said, "stop", "again", "--force");
	EXPECT_EQ(said.code, 0);
	EXPECT_EQ(finish(20000), 0);
}

/* Written by a command, and then read back by another kind of access. */
#define WRITE_AND_CHECK(offset)								\
	"yes bellows | head -c 1048576 >/tmp/data; "					\
	"dd if=/tmp/data of=/dev/vda bs=64k seek=" #offset " conv=fsync,notrunc 2>/dev/null; "	\
	"echo 3 >/proc/sys/vm/drop_caches; "						\
	"dd if=/dev/vda bs=64k skip=" #offset " count=16 2>/dev/null | cmp - /tmp/data && echo sa''me\n"

CASE_TIMEOUT(qcow2, "a qcow2 image is a disk like any other", 300)
{
	need_host();
	REQUIRE(!access("/guest/disk.qcow2", R_OK), "qemu-utils is not installed");
	START("--kernel", UNPACKED, "--mem", "128M", "--disk", "/guest/disk.qcow2,format=qcow2", "--append",
	      append("shell"));
	expect_text("guest: up ", BOOT_MS);
	type("echo si''ze=$(cat /sys/block/vda/size)\n");
	expect_text("size=131072", 60000);
	type(WRITE_AND_CHECK(100));
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
	need_host();
	REQUIRE(!module_load("/guest/modules/tun.ko", "") || !access("/dev/net/tun", F_OK), "there is no tun module");
	make_tap("tap7", "10.77.0.1");
	START("--kernel", UNPACKED, "--mem", "128M", "--net", "tap=tap7", "--append", append("shell"));
	expect_text("guest: up ", BOOT_MS);
	type("ip addr add 10.77.0.2/8 dev eth0; ip link set eth0 up; ping -c 3 -s 1400 10.77.0.1; echo pi''ng=$?\n");
	expect_text("ping=0", 60000);
	type("poweroff -f\n");
	ASSERT_EQ(finish(60000), 0);
}

/* One line, which names the file, and the documented exit code. */
static void expect_refusal(int code, const char *text, const char *const *args)
{
	char *end;

	launcher_command(&said, args);
	end = strchr(said.err, '\n');
	EXPECT(said.code == code && strstr(said.err, text) && end && !end[1], "'%s': exit code %d, said: %s", text,
	       said.code, said.err);
}

#define REFUSED(code, text, ...)	expect_refusal(code, text, ARGS("run", "--device", test_device, __VA_ARGS__))

CASE_TIMEOUT(damaged_kernels, "a kernel that is cut off, or too large for the memory, is one line that says so", 120)
{
	static const off_t sizes[] = { 1, 512, 1023, 4096, 20000, 1 << 20 };
	char *data = malloc(1 << 20), path[64];

	need_host();
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
		const char *from = i % 2 ? UNPACKED : KERNEL;
		int in = x(open(from, O_RDONLY)), out;

		snprintf(path, sizeof(path), "cut%u", i);
		out = x(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
		ASSERT_EQ(read(in, data, sizes[i / 2]), sizes[i / 2]);
		ASSERT_EQ(write(out, data, sizes[i / 2]), sizes[i / 2]);
		close(in);
		close(out);
		REFUSED(66, path, "--kernel", path);
	}
	REFUSED(64, "--mem: too small for the kernel", "--kernel", KERNEL, "--mem", "16M");
	REFUSED(64, "--mem: too small for the kernel", "--kernel", UNPACKED, "--mem", "16M");
	REFUSED(66, "--kernel: " INITRD ": is no kernel", "--kernel", INITRD);
	REFUSED(66, "--initrd: " UNPACKED ": does not fit", "--kernel", KERNEL, "--initrd", UNPACKED, "--mem", "80M");
}
