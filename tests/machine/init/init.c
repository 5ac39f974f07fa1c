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
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define VERDICT_PORT	0xe9
#define EXIT_PORT	0xf4
#define EXIT_CODE	0x29	/* the emulator makes 2 * code + 1 of it */
#define LINE		1024
#define MAX_ARGS	64
#define MARK		"test machine: log is read\n"
#define MODULE_FILE	"/lib/modules/bellows.ko"
#define MODULE_SYS	"/sys/module/bellows"
#define AUDIT_FILE	"/sys/kernel/debug/bellows/audit"
#define KMEMLEAK_FILE	"/sys/kernel/debug/kmemleak"

static char nonce[64];
static int restarts_wanted, restarts;
static char params[2 * LINE];
static bool have_module;
static int kmsg = -1;

/* A report line leaves through the port at once: nothing is buffered. */
static void say(const char *kind, int test, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const char *kind, int test, const char *fmt, ...)
{
	static unsigned long seq;
	char text[2 * LINE], line[3 * LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (!isprint((unsigned char)*p) && *p != '\t')
			*p = '?';
	n = snprintf(line, sizeof(line), "%s %lu %s %d %s\n", nonce, seq++, kind,
		     test, text);
	outsb(VERDICT_PORT, line, n);
}

/*
 * How often the machine has restarted, for a test that restarts it: in bytes of
 * the battery-backed memory that nobody else uses, which keep over a reset and
 * over another kernel. A fresh machine has something else there than two
 * characters of this start's number.
 */
#define CMOS_FREE	0x48

static unsigned char cmos_read(int at)
{
	outb(CMOS_FREE + at, 0x70);
	return inb(0x71);
}

static void cmos_write(int at, unsigned char value)
{
	outb(CMOS_FREE + at, 0x70);
	outb(value, 0x71);
}

static void read_restarts(void)
{
	if (cmos_read(0) == nonce[0] && cmos_read(1) == nonce[1])
		restarts = cmos_read(2);
}

static void count_restart(void)
{
	cmos_write(0, nonce[0]);
	cmos_write(1, nonce[1]);
	cmos_write(2, restarts + 1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_ms(int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) >= 0;
	if (!done)
		say("note", -1, "%s: %s", path, strerror(errno));
	close(fd);
	return done;
}

/* Tells a file line by line; false when there is no such file. */
static bool say_file(const char *kind, int test, const char *path)
{
	char line[LINE];
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		say(kind, test, "%s", line);
	}
	fclose(f);
	return true;
}

/*
 * What the kernel logged since the last call. A message without a newline
 * stays open, and invisible, until another follows: hence the mark.
 */
static void say_log(const char *kind, int test)
{
	char rec[8192];
	ssize_t n;

	write_file("/dev/kmsg", "<6>" MARK);

	for (;;) {
		n = read(kmsg, rec, sizeof(rec) - 1);
		if (n < 0 && errno == EPIPE) {
			say("lost", test, "kernel messages were overwritten before they were read");
			continue;
		}
		if (n <= 0)
			return;
		rec[n] = 0;
		char *text = strchr(rec, ';');

		if (!text)
			continue;
		text[1 + strcspn(text + 1, "\n")] = 0;
		if (strncmp(text + 1, MARK, strlen(MARK) - 1))
			say(kind, test, "%d %s", atoi(rec) & 7, text + 1);
	}
}

static void say_kmsg(int test)
{
	say_log("kmsg", test);
}

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

/* Threads that exit drop their files from a worker: the count needs a moment. */
static void say_use_count(int test)
{
	char buf[32];
	long count = 0;

	for (int i = 0; i < 300; i++) {
		FILE *f = fopen(MODULE_SYS "/refcnt", "re");

		if (!f)
			return;
		count = fgets(buf, sizeof(buf), f) ? atol(buf) : 0;
		fclose(f);
		if (!count)
			return;
		pause_ms(10);
	}
	say("fault", test, "the module is still used %ld times after the test", count);
}

/* Objects alive in the module's own slab caches, after per-CPU caches are flushed. */
static long slab_objects(char *names, size_t size)
{
	long total = 0;
	glob_t g;

	names[0] = 0;
	if (glob("/sys/kernel/slab/bellows*", 0, NULL, &g))
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char path[256], buf[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "%s/shrink", g.gl_pathv[i]);
		write_file(path, "1");
		snprintf(path, sizeof(path), "%s/objects", g.gl_pathv[i]);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(buf, sizeof(buf), f) && atol(buf)) {
			total += atol(buf);
			snprintf(names + strlen(names), size - strlen(names), " %s=%ld",
				 strrchr(g.gl_pathv[i], '/') + 1, atol(buf));
		}
		fclose(f);
	}
	globfree(&g);
	return total;
}

/*
 * Each program runs in a memory cgroup of its own. What kernel memory outside
 * of slabs is still charged to it when all its processes are gone is a leak:
 * frames of guests are charged to whoever made them.
 */
#define CGROUP		"/sys/fs/cgroup/program"
#define LEAK_LIMIT	(40 * 1024)

static long charged(void)
{
	char line[LINE];
	long value, total = 0;
	FILE *f = fopen(CGROUP "/memory.stat", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "kernel %ld", &value) == 1)
			total += value;
		if (sscanf(line, "slab %ld", &value) == 1)
			total -= value;
	}
	if (f)
		fclose(f);
	return total;
}

static void say_charged(int test)
{
	long left = 0;

	/* Newer kernels add up what CPUs have counted only every two seconds. */
	for (int i = 0; i < 300; i++) {
		left = charged();
		if (left <= LEAK_LIMIT)
			break;
		pause_ms(20);
	}
	if (left > LEAK_LIMIT)
		say("fault", test, "%ld KiB of kernel memory are still charged to the test",
		    left / 1024);
	if (rmdir(CGROUP) && errno != ENOENT)
		say("fault", test, "the test's cgroup cannot be removed: %s", strerror(errno));
}

struct program {
	int test;
	double timeout;
	bool unloaded;
	char *args[MAX_ARGS + 1];
};

/*
 * Where every thread of a program that does not end is waiting. What the
 * kernel answers to the request for backtraces is no complaint of its own.
 */
static void say_stacks(const struct program *p)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		char path[300];
		glob_t g;

		if (!isdigit(d->d_name[0]) || atoi(d->d_name) == 1)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/exe", d->d_name);
		char exe[256];

		if (readlink(path, exe, sizeof(exe)) <= 0)
			continue;	/* a kernel thread */
		snprintf(path, sizeof(path), "/proc/%s/task/*", d->d_name);
		if (glob(path, 0, NULL, &g))
			continue;
		for (size_t i = 0; i < g.gl_pathc && i < 20; i++) {
			char file[320];

			say("stack", p->test, "%s:", g.gl_pathv[i]);
			snprintf(file, sizeof(file), "%s/syscall", g.gl_pathv[i]);
			say_file("stack", p->test, file);
			snprintf(file, sizeof(file), "%s/stack", g.gl_pathv[i]);
			say_file("stack", p->test, file);
		}
		globfree(&g);
	}
	if (proc)
		closedir(proc);
	say_kmsg(p->test);
	write_file("/proc/sysrq-trigger", "l");
	pause_ms(100);
	say_log("stack", p->test);
}

static pid_t spawn(const struct program *p, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	iopl(0);
	write_file(CGROUP "/cgroup.procs", "0");
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/tmp"))
		_exit(126);
	execv(p->args[0], p->args);
	dprintf(1, "Bail out! cannot start %s: %s\n", p->args[0], strerror(errno));
	_exit(127);
}

/* Passes whole lines on, keeps the rest in buf. */
static void say_lines(int test, char *buf, size_t *len, bool end)
{
	char *nl;

	while ((nl = memchr(buf, '\n', *len)) || *len == LINE - 1 || (end && *len)) {
		size_t n = nl ? (size_t)(nl - buf) : *len, used = nl ? n + 1 : n;

		say("out", test, "%.*s", (int)n, buf);
		*len -= used;
		memmove(buf, buf + used, *len);
	}
}

/* True when a program of the test is left that even SIGKILL does not end. */
static bool kill_all(void)
{
	double end = now() + 10;

	while (now() < end) {
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return false;
		pause_ms(10);
	}
	return true;
}

/* Reads output until the program ends or its time is over; the wait status or -1. */
static int follow(const struct program *p, pid_t pid, int fd)
{
	double deadline = now() + p->timeout;
	char buf[LINE];
	size_t len = 0;
	bool open = true, done = false;
	int status = -1;

	while (!done) {
		struct pollfd pfd = { .fd = open ? fd : -1, .events = POLLIN };

		if (now() > deadline)
			break;
		poll(&pfd, 1, 20);
		done = waitpid(pid, &status, WNOHANG) == pid;
		for (;;) {
			ssize_t n = open ? read(fd, buf + len, LINE - 1 - len) : -1;

			if (!n)
				open = false;
			if (n <= 0)
				break;
			len += n;
			say_lines(p->test, buf, &len, false);
		}
	}
	say_lines(p->test, buf, &len, true);
	return done ? status : -1;
}

static void run_program(const struct program *p)
{
	char names[LINE];
	double begin = now();
	int fds[2], status;
	long slabs = slab_objects(names, sizeof(names));
	pid_t pid;

	say("begin", p->test, "%s", p->args[0]);
	if (restarts_wanted) {
		snprintf(names, sizeof(names), "%d", restarts);
		setenv("BELLOWS_RESTARTS", names, 1);
		count_restart();
	}
	if (pipe2(fds, O_CLOEXEC))
		return;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	mkdir(CGROUP, 0755);
	pid = spawn(p, fds[1]);
	close(fds[1]);
	status = follow(p, pid, fds[0]);
	if (status < 0)
		say_stacks(p);
	close(fds[0]);
	if (kill_all())
		say("fault", p->test, "a process of the test cannot be killed");
	say_use_count(p->test);
	say_charged(p->test);
	if (slab_objects(names, sizeof(names)) > slabs) {
		pause_ms(500);	/* objects freed by RCU */
		if (slab_objects(names, sizeof(names)) > slabs)
			say("fault", p->test, "objects left in slab caches:%s", names);
	}
	say_file("audit", p->test, AUDIT_FILE);
	say_kmsg(p->test);
	if (status < 0)
		say("end", p->test, "timeout 0 %.3f", now() - begin);
	else if (WIFSIGNALED(status))
		say("end", p->test, "signal %d %.3f", WTERMSIG(status), now() - begin);
	else
		say("end", p->test, "exit %d %.3f", WEXITSTATUS(status), now() - begin);
}

static bool change_module(bool load)
{
	int err = load ? load_module(MODULE_FILE, params) : unload_module("bellows");

	say(load ? "load" : "unload", -1, "%d %s", err, err ? strerror(err) : "ok");
	say_kmsg(-1);
	return !err;
}

static void say_kunit(void)
{
	glob_t g;

	if (glob("/sys/kernel/debug/kunit/*/results", 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		say("suite", -1, "%s", g.gl_pathv[i]);
		say_file("kunit", -1, g.gl_pathv[i]);
	}
	globfree(&g);
}

/* Objects younger than five seconds are never reported. */
static void say_leaks(void)
{
	if (access(KMEMLEAK_FILE, W_OK))
		return;
	pause_ms(6000);
	if (!write_file(KMEMLEAK_FILE, "scan") || !write_file(KMEMLEAK_FILE, "scan"))
		return;
	say_file("leak", -1, KMEMLEAK_FILE);
	say("leaks-read", -1, "ok");
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

/* The rest of a plan line: "test NUMBER SECONDS loaded|unloaded FILE ARGS". */
static bool parse_program(char *rest, struct program *p)
{
	char *save, *word = strtok_r(rest, " \n", &save);
	int n = 0;

	memset(p, 0, sizeof(*p));
	if (!word)
		return false;
	p->test = atoi(word);
	word = strtok_r(NULL, " \n", &save);
	p->timeout = word ? atof(word) : 0;
	word = strtok_r(NULL, " \n", &save);
	p->unloaded = word && !strcmp(word, "unloaded");
	while (n < MAX_ARGS && (word = strtok_r(NULL, " \n", &save)))
		p->args[n++] = word;
	return n > 0;
}

/* Addresses that a debugger needs; then time for it to stop the machine. */
static void say_sections(void)
{
	static const char *const names[] = { ".text", ".init.text", ".exit.text", ".noinstr.text",
					     ".rodata", ".data", ".bss", ".data..read_mostly",
					     NULL };

	for (int i = 0; names[i]; i++) {
		char path[256], addr[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), MODULE_SYS "/sections/%s", names[i]);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(addr, sizeof(addr), f))
			say("section", -1, "%s %s", names[i], strtok(addr, "\n"));
		fclose(f);
	}
	say("stop", -1, "ok");
	pause_ms(2000);
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
			restarts_wanted = atoi(line + 9);
			read_restarts();
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
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	greet();
	say_kmsg(-2);
	run_plan(plan);
	say("done", -1, "ok");
	leave();
}
