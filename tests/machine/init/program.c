// SPDX-License-Identifier: GPL-2.0
/*
 * Runs one program of the plan: starts it, passes on what it prints, ends what
 * it leaves running, and has its traces looked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

static bool restarts_wanted;
static int restarts;

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

void expect_restarts(void)
{
	restarts_wanted = true;
	if (cmos_read(0) == nonce[0] && cmos_read(1) == nonce[1])
		restarts = cmos_read(2);
}

static void count_restart(void)
{
	cmos_write(0, nonce[0]);
	cmos_write(1, nonce[1]);
	cmos_write(2, restarts + 1);
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

void run_program(const struct program *p)
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

bool parse_program(char *rest, struct program *p)
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
