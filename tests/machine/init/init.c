// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only process of a test machine.
 *
 * It loads the module, runs the programs named in /plan one after the other
 * and tells the machine's owner, the runner outside, everything that happened.
 * What it says decides whether the tests passed, so nobody else must be able
 * to say it: it speaks on port 0xe9, an output channel of the emulator that
 * the kernel does not know, and opens each line with a number the runner chose
 * for this boot and a sequence number. A kernel message, a test's output or a
 * guest that reached a real port cannot forge a line, and a lost line shows.
 *
 *	NONCE SEQ KIND TEST TEXT
 *
 * It is a C program and not a script because one of the emulators executes
 * fifty million instructions in a second: starting a shell is felt there.
 *
 * After each program it kills whatever the program left, reads the kernel log,
 * the module's audit and its use count. Judging is done outside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

#define EXIT_PORT	0xf4
#define EXIT_CODE	0x29	/* the emulator makes 2 * code + 1 of it */
#define MODULE_FILE	"/lib/modules/bellows.ko"

static char params[2 * LINE];
static bool have_module;

static int load_module(const char *file, const char *args)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return errno;
	ret = syscall(SYS_finit_module, fd, args, 0) ? errno : 0;
	close(fd);
	return ret;
}

static int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

static bool change_module(bool load)
{
	int err = load ? load_module(MODULE_FILE, params) : unload_module("bellows");

	say(load ? "load" : "unload", -1, "%d %s", err, err ? strerror(err) : "ok");
	say_kmsg(-1);
	return !err;
}

static void mount_all(void)
{
	mkdir("/tmp", 0777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	mkdir("/dev/shm", 0777);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
}

/* One ends QEMU, the other Bochs; a machine with neither is powered off. */
static void leave(void)
{
	pause_ms(20);
	outb(EXIT_CODE, EXIT_PORT);
	asm volatile("xchg %bx, %bx");
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void greet(void)
{
	struct utsname u;
	char line[LINE];
	FILE *f = fopen("/proc/cpuinfo", "re");
	const char *ext = "none";

	uname(&u);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5))
			continue;
		if (strstr(line, " vmx"))
			ext = "vmx";
		if (strstr(line, " svm"))
			ext = "svm";
		break;
	}
	if (f)
		fclose(f);
	say("hello", -1, "%s %s %d", u.release, ext, get_nprocs());
}

static void exec_shell(const char *command)
{
	setenv("PS1", "\\u@\\h:\\w# ", 1);
	setenv("TERM", "linux", 1);
	if (*command)
		execl("/bin/busybox", "sh", "-c", command, (char *)NULL);
	else
		execl("/bin/busybox", "sh", (char *)NULL);
	_exit(127);
}

/*
 * A shell on the console, or one command in it, until it ends. When the leader
 * of a terminal's session ends, the terminal drops what it has not yet sent:
 * hence a leader that waits for it.
 */
static void run_shell(const char *command)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		int fd = open("/dev/ttyS0", O_RDWR);

		setsid();
		iopl(0);
		ioctl(fd, TIOCSCTTY, 1);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		pid = fork();
		if (!pid)
			exec_shell(command);
		signal(SIGINT, SIG_IGN);
		signal(SIGQUIT, SIG_IGN);
		waitpid(pid, &status, 0);
		tcdrain(0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	}
	while (waitpid(-1, &status, 0) != pid)
		;
	pause_ms(50);	/* the last bytes are in the port itself */
	say("shell-end", -1, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

static void run_plan(FILE *plan)
{
	char line[2 * LINE];
	struct program p;
	bool loaded = false;

	while (fgets(line, sizeof(line), plan)) {
		if (!strncmp(line, "env ", 4)) {
			line[strcspn(line, "\n")] = 0;
			putenv(strdup(line + 4));
		} else if (!strncmp(line, "load ", 5)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(params, sizeof(params), "%s", line + 5);
			if (access(KMEMLEAK_FILE, W_OK) == 0)
				write_file(KMEMLEAK_FILE, "clear");
			have_module = true;
			loaded = change_module(true);
			say_kunit();
			say_kmsg(-1);
			if (!loaded)
				return;
		} else if (!strncmp(line, "insmod ", 7)) {
			line[strcspn(line, "\n")] = 0;
			say("note", -1, "%s: %s", line, strerror(load_module(line + 7, "")));
		} else if (!strncmp(line, "restarts ", 9)) {
			expect_restarts();
		} else if (!strncmp(line, "sections", 8)) {
			say_sections();
		} else if (!strncmp(line, "shell", 5)) {
			line[strcspn(line, "\n")] = 0;
			run_shell(line + 5 + strspn(line + 5, " "));
		} else if (!strncmp(line, "test ", 5) && parse_program(line + 5, &p)) {
			if (have_module && loaded == p.unloaded)
				loaded = change_module(!loaded) ? !loaded : loaded;
			run_program(&p);
		}
	}
	if (loaded)
		change_module(false);
	if (have_module)
		say_leaks();
	say_kmsg(-1);
}

int main(int argc, char **argv)
{
	FILE *plan;

	mount_all();
	iopl(3);
	if (argc > 1 && !strcmp(argv[1], "leave"))
		leave();
	plan = fopen("/plan", "re");
	if (!plan || fscanf(plan, "nonce %63s\n", nonce) != 1)
		leave();
	setenv("PATH", "/bin:/sbin", 1);
	setenv("HOME", "/tmp", 1);
	signal(SIGPIPE, SIG_IGN);
	if (sethostname("emulated", 8))
		say("note", -1, "sethostname: %s", strerror(errno));
	open_log();
	greet();
	say_kmsg(-2);
	run_plan(plan);
	say("done", -1, "ok");
	leave();
}
