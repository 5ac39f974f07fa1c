// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher as its users meet it: Debian's kernel boots in a VM to a shell that
 * obeys, finds its devices without being told of them, reboots, and turns itself
 * off; other commands find the VM, stop it and let it go on; what is wrong with the
 * command line is one line that names it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/kvm.h>
#include "host.h"
#include "test.h"

#define LAUNCHER	"/bin/bellows"
#define KERNEL		"/guest/vmlinuz"
#define UNPACKED	"/guest/vmlinux"
#define INITRD		"/guest/initrd"
#define BOOT_MS		200000
#define QUIET		"loglevel=4 what="
#define MAX_ARGS	32

struct launcher {
	pid_t pid;
	int in, out;
	size_t used, seen;
	char text[1 << 20];
};

static struct launcher l;

/* The modules' ability to run an operating system, and the files, are there. */
static void need_host(void)
{
	int fd;

	REQUIRE(!access(LAUNCHER, X_OK) && !access(KERNEL, R_OK), "there is no launcher here");
	if (test_is_kvm && access(test_device, F_OK)) {
		REQUIRE(kvm_available(), "there are no modules of KVM here");
		ASSERT_EQ(kvm_load(""), 0);
	}
	fd = x(open(test_device, O_RDWR));
	REQUIRE(ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0, "there are no interrupt controllers");
	close(fd);
}

/* Runs the launcher with a list of arguments that NULL ends. */
static void start(const char *const *args)
{
	const char *argv[MAX_ARGS] = { LAUNCHER };
	int in[2], out[2], n = 1;

	while (args[n - 1]) {
		argv[n] = args[n - 1];
		n++;
	}
	x(pipe2(in, O_CLOEXEC));
	x(pipe2(out, O_CLOEXEC));
	l = (struct launcher) { .in = in[1], .out = out[0] };
	l.pid = x(fork());
	if (!l.pid) {
		signal(SIGALRM, SIG_DFL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execv(LAUNCHER, (char **)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
}

#define START(...)	start((const char *const[]) { __VA_ARGS__, NULL })

static void show_end(void)
{
	char *p = l.text + (l.used > 1500 ? l.used - 1500 : 0), *line;

	while ((line = strsep(&p, "\n")))
		test_diag("guest: %.200s", line);
}

/* More output; false at its end. */
static bool more(u64 end)
{
	struct pollfd p = { .fd = l.out, .events = POLLIN };
	u64 now = test_ms();
	ssize_t n;

	if (now >= end || poll(&p, 1, end - now) <= 0)
		return false;
	n = read(l.out, l.text + l.used, sizeof(l.text) - l.used - 1);
	if (n <= 0)
		return false;
	/* A port that is being probed may say anything. */
	for (; n; n--, l.used++) {
		if (!l.text[l.used])
			l.text[l.used] = '.';
	}
	return true;
}

/* Waits for a text in the output behind what was waited for before. */
static void expect_text(const char *text, u64 ms)
{
	u64 end = test_ms() + ms;
	char *at;

	while (!(at = strstr(l.text + l.seen, text))) {
		if (more(end))
			continue;
		show_end();
		kill(l.pid, SIGKILL);
		ASSERT(false, "'%s' did not come", text);
	}
	l.seen = at - l.text + strlen(text);
}

static void type(const char *text)
{
	ASSERT_EQ(write(l.in, text, strlen(text)), strlen(text));
}

static int finish(u64 ms)
{
	u64 end = test_ms() + ms;
	int status;

	while (more(end))
		;
	if (test_ms() >= end) {
		show_end();
		kill(l.pid, SIGKILL);
	}
	x(waitpid(l.pid, &status, 0));
	ASSERT(WIFEXITED(status), "the launcher ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* A command's output and exit code, without a VM of ours. */
static int command(const char *const *args)
{
	struct launcher vm = l;
	int code;

	start(args);
	close(l.in);
	code = finish(20000);
	close(l.out);
	memcpy(vm.text + sizeof(vm.text) / 2, l.text, l.used + 1);
	l = vm;
	return code;
}

#define COMMAND(...)	command((const char *const[]) { __VA_ARGS__, NULL })
#define SAID		(l.text + sizeof(l.text) / 2)

CASE_TIMEOUT(boots, "a bzImage boots, a command that is typed runs, and the VM powers off", 300)
{
	need_host();
	START("run", "--device", test_device, "--kernel", KERNEL, "--initrd", INITRD, "--mem", "192M",
	      "--append", QUIET "shell", "--memory-stats");
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
	START("run", "--device", test_device, "--kernel", UNPACKED, "--initrd", INITRD, "--mem", "192M",
	      "--cpus", "2", "--disk", "disk.img", "--net", "user", "--append", QUIET "shell");
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
	char tick[32];
	unsigned int n;

	need_host();
	START("run", "--device", test_device, "--kernel", UNPACKED, "--initrd", INITRD, "--mem", "128M",
	      "--name", "clock", "--append", QUIET "tick");
	expect_text("guest: tick 3", BOOT_MS);
	EXPECT_EQ(COMMAND("list"), 0);
	EXPECT(strstr(SAID, "clock") && strstr(SAID, "running"), "list: %s", SAID);
	EXPECT_EQ(COMMAND("pause", "clock"), 0);
	sleep(1);
	EXPECT_EQ(COMMAND("stat", "clock", "--json"), 0);
	EXPECT(strstr(SAID, "\"paused\"") && strstr(SAID, "134217728"), "stat: %s", SAID);
	while (more(test_ms() + 1000))
		;
	n = l.used;
	sleep(2);
	EXPECT(!more(test_ms() + 1000) && l.used == n, "a paused guest says something");
	EXPECT_EQ(COMMAND("run", "--device", test_device, "--kernel", KERNEL, "--name", "clock"), 64);
	EXPECT(strstr(SAID, "--name: a VM called clock runs already"), "said: %s", SAID);
	EXPECT_EQ(COMMAND("resume", "clock"), 0);
	snprintf(tick, sizeof(tick), "guest: tick ");
	l.seen = l.used;
	expect_text(tick, 30000);
	EXPECT_EQ(COMMAND("stop", "clock", "--force"), 0);
	EXPECT_EQ(finish(20000), 0);
	EXPECT_EQ(COMMAND("stat", "clock"), 69);
}

CASE_TIMEOUT(reboots, "a guest that reboots boots again, and ends there if that is wanted", 300)
{
	need_host();
	START("run", "--device", test_device, "--kernel", UNPACKED, "--initrd", INITRD, "--mem", "128M",
	      "--name", "again", "--append", QUIET "reboot");
	expect_text("guest: up ", BOOT_MS);
	expect_text("guest: up ", BOOT_MS);
	EXPECT_EQ(COMMAND("stop", "again", "--force"), 0);
	EXPECT_EQ(finish(20000), 0);
}

/* One line, which names the option, and the documented exit code. */
static void expect_refusal(int code, const char *text, const char *const *args)
{
	char *end;

	EXPECT_EQ(command(args), code);
	end = strchr(SAID, '\n');
	EXPECT(strstr(SAID, text) && end && (!end[1] || !strncmp(end + 1, "Try 'bellows help", 17)),
	       "said: %s", SAID);
}

#define REFUSED(code, text, ...)	expect_refusal(code, text, (const char *const[]) { __VA_ARGS__, NULL })
#define RUN				"run", "--device", test_device, "--kernel"

CASE_TIMEOUT(refuses, "what is wrong with the command line or a file is one line that names it", 120)
{
	need_host();
	close(x(open("empty", O_WRONLY | O_CREAT, 0600)));
	REFUSED(64, "--kernel FILE is needed", "run");
	REFUSED(64, "--mem: 'much'", RUN, KERNEL, "--mem", "much");
	REFUSED(64, "--cpus: '0'", RUN, KERNEL, "--cpus", "0");
	REFUSED(64, "--wat: there is no such option", RUN, KERNEL, "--wat");
	REFUSED(66, "--kernel: nothing: No such file", RUN, "nothing");
	REFUSED(66, "--kernel: empty: the file is empty", RUN, "empty");
	REFUSED(66, "--kernel: /dev: is not a regular file", RUN, "/dev");
	REFUSED(66, "--kernel: " INITRD ": is no kernel", RUN, INITRD);
	REFUSED(66, "--kernel: " LAUNCHER ": is an ELF file without", RUN, LAUNCHER);
	REFUSED(66, "--initrd: nothing: No such file", RUN, KERNEL, "--initrd", "nothing");
	REFUSED(64, "--mem: too small for the kernel", RUN, KERNEL, "--mem", "16M");
	REFUSED(66, "nothing: ", RUN, KERNEL, "--disk", "nothing");
	REFUSED(69, "/dev/nothing is not there", "run", "--device", "/dev/nothing", "--kernel", KERNEL);
	REFUSED(69, "there is no VM called nobody", "stop", "nobody");
}
