// SPDX-License-Identifier: GPL-2.0
/*
 * The bellows command as its users meet it, with a guest of a few hundred bytes: the
 * console on a pipe and on a terminal, the commands that look after a VM, multiboot
 * kernels, what it costs, and how it ends. Debian has a test of its own, as has what
 * is refused.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "launcher.h"
#include "test.h"

#define KERNEL		"kernel"
#define START_MS	20000
#define ANSWER_MS	5000
#define RUN		"run", "--device", test_device, "--kernel", KERNEL
#define CTRL_A		"\x01"

static struct launcher l;
static struct said said;

static void prepare(void)
{
	launcher_need();
	launcher_write_kernel(KERNEL);
}

/* A VM at its prompt. */
#define START(...)							\
	do {								\
		prepare();						\
		launcher_start(&l, ARGS(RUN, __VA_ARGS__));		\
		launcher_expect(&l, "guest: ready", START_MS);		\
	} while (0)

/* What is typed is answered with its code. */
static void expect_answer(const char *typed, unsigned char code)
{
	char text[16];

	launcher_type(&l, typed);
	snprintf(text, sizeof(text), "got %u\n", code);
	launcher_expect(&l, text, ANSWER_MS);
}

/* --- Starting and ending ---------------------------------------------------------------- */

CASE(multiboot, "a multiboot ELF kernel gets its command line, its memory and its modules with theirs")
{
	prepare();
	launcher_write_file("first", "first module", 12);
	launcher_write_file("second", "second", 6);
	launcher_start(&l, ARGS(RUN, "--append", "one two=3", "--module", "first a b", "--module", "second",
				"--mem", "16M"));
	launcher_expect(&l, "guest: up\n", START_MS);
	launcher_expect(&l, "cmdline: one two=3 console=ttyS0\n", ANSWER_MS);
	launcher_expect(&l, "upper memory: 15360 KiB\n", ANSWER_MS);
	launcher_expect(&l, "module: a b has 12 bytes: first module\n", ANSWER_MS);
	launcher_expect(&l, "module:  has 6 bytes: second\n", ANSWER_MS);
	launcher_expect(&l, "guest: ready\n", ANSWER_MS);
	launcher_type(&l, "e7");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 7);
}

CASE(ends, "how the guest ends is the exit code: off, its own code, a triple fault; a signal; a halt for ever")
{
	static const struct {
		const char *typed;
		int sig, code;
		const char *text;
	} ways[] = {
		{ "o", 0, 0, NULL },
		{ "e5", 0, 5, NULL },
		{ "3", 0, 70, "triple fault" },
		{ NULL, SIGTERM, 143, NULL },
		{ NULL, SIGINT, 130, NULL },
		{ NULL, SIGHUP, 129, NULL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		START("--mem", "8M");
		if (ways[i].typed)
			launcher_type(&l, ways[i].typed);
		else
			kill(l.pid, ways[i].sig);
		EXPECT_EQ(launcher_finish(&l, ANSWER_MS), ways[i].code);
		EXPECT(!ways[i].text || strstr(l.text, ways[i].text), "%u: said: %s", i, l.text);
	}
}

CASE(reboots, "a reset boots the kernel again, from its file; with --no-reboot it is the end")
{
	START("--mem", "8M");
	for (unsigned int i = 0; i < 3; i++) {
		launcher_type(&l, "r");
		launcher_expect(&l, "guest: ready", START_MS);
	}
	expect_answer("z", 'z');
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	START("--mem", "8M", "--no-reboot");
	launcher_type(&l, "r");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

/* --- Consoles --------------------------------------------------------------------------- */

static bool is_raw(int tty)
{
	struct termios t;

	x(tcgetattr(tty, &t));
	return !(t.c_lflag & (ECHO | ICANON | ISIG)) && !(t.c_oflag & OPOST);
}

static void start_on_tty(void)
{
	prepare();
	launcher_start_on_tty(&l, ARGS(RUN, "--mem", "8M", "--name", "tty"));
	launcher_expect(&l, "guest: ready", START_MS);
}

CASE(terminal, "on a terminal every key is the guest's but Ctrl-A, and the terminal is as before afterwards")
{
	struct termios before, after;

	start_on_tty();
	EXPECT(is_raw(l.tty), "the terminal is not raw");
	expect_answer("\x03", 3);		/* Ctrl-C */
	expect_answer("\x1a", 26);		/* Ctrl-Z */
	expect_answer(CTRL_A "a", 1);
	launcher_type(&l, CTRL_A "?");
	launcher_expect(&l, "end the VM", ANSWER_MS);
	launcher_type(&l, CTRL_A "p");
	launcher_expect(&l, "guest: the button was pressed", ANSWER_MS);
	before = (struct termios) { };
	launcher_type(&l, CTRL_A "x");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);

	start_on_tty();
	launcher_type(&l, "o");
	x(tcgetattr(l.tty, &before));
	while (waitpid(l.pid, NULL, WNOHANG) == 0)
		usleep(10000);
	x(tcgetattr(l.tty, &after));
	EXPECT(after.c_lflag & ECHO && after.c_lflag & ICANON && after.c_oflag & OPOST,
	       "the terminal stays raw: %#x", after.c_lflag);
}

CASE(signalled, "a launcher that is ended by a signal gives the terminal back")
{
	struct termios t;

	start_on_tty();
	EXPECT(is_raw(l.tty), "the terminal is not raw");
	kill(l.pid, SIGTERM);
	while (waitpid(l.pid, NULL, WNOHANG) == 0)
		usleep(10000);
	x(tcgetattr(l.tty, &t));
	EXPECT(t.c_lflag & ECHO && t.c_lflag & ICANON && t.c_oflag & OPOST, "the terminal stays raw");
}

CASE(console, "bellows console reads and types beside the VM's own terminal, and leaves it running")
{
	static struct launcher c;

	START("--mem", "8M", "--name", "web");
	prepare();
	launcher_start_on_tty(&c, ARGS("console", "web"));
	launcher_expect(&c, "Ctrl-A x leaves it", START_MS);
	while (!is_raw(c.tty))
		usleep(10000);
	launcher_type(&c, "x");
	launcher_expect(&c, "got 120", ANSWER_MS);
	launcher_expect(&l, "got 120", ANSWER_MS);
	launcher_type(&c, CTRL_A "a");
	launcher_expect(&c, "got 1\n", ANSWER_MS);
	expect_answer("y", 'y');
	launcher_expect(&c, "got 121", ANSWER_MS);
	launcher_type(&c, CTRL_A "x");
	EXPECT_EQ(launcher_finish(&c, ANSWER_MS), 0);
	expect_answer("z", 'z');
	/* One that stays to the end is told of it by that. */
	launcher_start_on_tty(&c, ARGS("console", "web"));
	launcher_expect(&c, "Ctrl-A x leaves it", START_MS);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	EXPECT_EQ(launcher_finish(&c, ANSWER_MS), 0);
}

CASE(no_console, "with --console none a VM says nothing and hears nothing, but bellows console reaches it")
{
	static struct launcher c;

	prepare();
	launcher_start(&l, ARGS(RUN, "--mem", "8M", "--name", "mute", "--console", "none"));
	for (unsigned int i = 0; i < 500; i++) {
		COMMAND(&said, "stat", "mute");
		if (!said.code)
			break;
		usleep(20000);
	}
	ASSERT_EQ(said.code, 0);
	launcher_start(&c, ARGS("console", "mute"));
	usleep(200000);
	launcher_type(&c, "q");
	launcher_expect(&c, "got 113", START_MS);
	launcher_type(&c, "o");
	EXPECT_EQ(launcher_finish(&c, ANSWER_MS), 0);
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	/* The smallest kernels have no filters, and that is told. */
	EXPECT(!l.used || strstr(l.text, "no seccomp filters"), "said: %s", l.text);
}

/* --- Commands ----------------------------------------------------------------------------- */

/* The number behind a key of one object of JSON. */
static long long json_number(const char *text, const char *key)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), "\"%s\":", key);
	at = strstr(text, name);
	return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

CASE(list_and_stat, "list and stat show the VMs of this user, as tables and as JSON; nothing is left of one that ended")
{
	COMMAND(&said, "list");
	EXPECT_EQ(said.code, 0);
	EXPECT(strstr(said.out, "NAME") && !strchr(strchr(said.out, '\n') + 1, '\n'), "list: %s", said.out);
	COMMAND(&said, "list", "--json");
	EXPECT(!strncmp(said.out, "[", 1) && !strchr(said.out, '{'), "list: %s", said.out);

	START("--mem", "8M", "--cpus", "2", "--name", "two");
	COMMAND(&said, "list");
	EXPECT(strstr(said.out, "two ") && strstr(said.out, "running") && strstr(said.out, "8 MiB"), "list: %s", said.out);
	COMMAND(&said, "list", "--json");
	EXPECT(strstr(said.out, "\"two\""), "list: %s", said.out);
	EXPECT_EQ(json_number(said.out, "cpus"), 2);
	EXPECT_EQ(json_number(said.out, "memory"), 8 << 20);
	EXPECT_EQ(json_number(said.out, "pid"), l.pid);
	COMMAND(&said, "stat", "two");
	EXPECT(strstr(said.out, "memory") && strstr(said.out, "8192 KiB"), "stat: %s", said.out);
	COMMAND(&said, "stat", "two", "--json");
	EXPECT_EQ(said.code, 0);
	EXPECT(json_number(said.out, "exits") > 0 && json_number(said.out, "memory_used") > 0 &&
	       json_number(said.out, "memory_used") <= 8 << 20, "stat: %s", said.out);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	COMMAND(&said, "list");
	EXPECT(!strstr(said.out, "two"), "list: %s", said.out);
	COMMAND(&said, "stat", "two");
	EXPECT_EQ(said.code, 69);
	EXPECT(strstr(said.err, "there is no VM called two"), "said: %s", said.err);
}

CASE(host, "host shows what VMs can have here, and that there can be some now")
{
	long long cpus;

	REQUIRE(!test_is_kvm, "it is about Bellows");
	prepare();
	COMMAND(&said, "host");
	EXPECT_EQ(said.code, 0);
	EXPECT(strstr(said.out, "virtualization  ") && strstr(said.out, "VMs             yes\n"), "host: %s", said.out);
	ASSERT(strstr(said.out, "vCPUs           "), "host: %s", said.out);
	cpus = strtoll(strstr(said.out, "vCPUs           ") + 16, NULL, 10);
	EXPECT(cpus >= 1 && cpus <= 64, "host: %s", said.out);
	EXPECT(!said.err[0], "host: %s", said.err);
	/* ... beside one that runs, too */
	START("--mem", "8M");
	COMMAND(&said, "host");
	EXPECT_EQ(said.code, 0);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(pause_and_resume, "a paused VM does nothing until it is resumed, however often either is said")
{
	START("--mem", "8M", "--name", "clock");
	launcher_type(&l, "t");
	launcher_expect(&l, "tick 3\n", START_MS);
	for (unsigned int i = 0; i < 3; i++) {
		COMMAND(&said, "pause", "clock");
		EXPECT_EQ(said.code, 0);
		launcher_is_silent(&l, 300);
		l.seen = l.used;
		EXPECT(launcher_is_silent(&l, 700), "a paused guest says something");
		COMMAND(&said, "stat", "clock", "--json");
		EXPECT(strstr(said.out, "\"paused\""), "stat: %s", said.out);
		COMMAND(&said, "pause", "clock");
		EXPECT_EQ(said.code, 0);
		COMMAND(&said, "resume", "clock");
		EXPECT_EQ(said.code, 0);
		launcher_expect(&l, "tick ", ANSWER_MS);
		COMMAND(&said, "resume", "clock");
		EXPECT_EQ(said.code, 0);
		launcher_expect(&l, "tick ", ANSWER_MS);
	}
	/* The power button and the plug work at rest, too. */
	COMMAND(&said, "pause", "clock");
	COMMAND(&said, "stop", "clock", "--force");
	EXPECT_EQ(said.code, 0);
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(sleeps, "a guest that puts itself to sleep does nothing until its power button is pressed, or it is resumed")
{
	START("--mem", "8M", "--cpus", "2", "--name", "bed");
	for (unsigned int i = 0; i < 4; i++) {
		launcher_type(&l, "s");
		EXPECT(launcher_is_silent(&l, 500), "a sleeping guest says something");
		COMMAND(&said, "stat", "bed", "--json");
		EXPECT(strstr(said.out, "\"asleep\""), "stat: %s", said.out);
		COMMAND(&said, i & 1 ? "resume" : "stop", "bed", i & 1 ? NULL : "--timeout", "1");
		EXPECT_EQ(said.code, i & 1 ? 0 : 69);
		launcher_expect(&l, "guest: awake", ANSWER_MS);
		if (!(i & 1))
			launcher_expect(&l, "guest: the button was pressed", ANSWER_MS);
		expect_answer("z", 'z');
	}
	/* The button wakes who sleeps, and not who was paused, in his sleep or not. */
	launcher_type(&l, "s");
	EXPECT(launcher_is_silent(&l, 500), "a sleeping guest says something");
	COMMAND(&said, "pause", "bed");
	COMMAND(&said, "stop", "bed", "--timeout", "1");
	EXPECT(launcher_is_silent(&l, 500), "a paused guest says something");
	COMMAND(&said, "resume", "bed");
	launcher_expect(&l, "guest: awake", ANSWER_MS);
	launcher_expect(&l, "guest: the button was pressed", ANSWER_MS);
	expect_answer("z", 'z');
	COMMAND(&said, "pause", "bed");
	COMMAND(&said, "stop", "bed", "--timeout", "1");
	EXPECT(launcher_is_silent(&l, 500), "a paused guest says something");
	COMMAND(&said, "stop", "bed", "--force");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(stop, "stop presses the power button and waits; a guest that ignores it goes on until --force")
{
	START("--mem", "8M", "--name", "deaf");
	COMMAND(&said, "stop", "deaf", "--timeout", "1");
	EXPECT_EQ(said.code, 69);
	EXPECT(strstr(said.err, "deaf: still runs after 1 s"), "said: %s", said.err);
	launcher_expect(&l, "guest: the button was pressed", ANSWER_MS);
	expect_answer("z", 'z');
	COMMAND(&said, "stop", "deaf", "--force");
	EXPECT_EQ(said.code, 0);
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(names, "a second VM of a name is refused, and the first goes on; the name is free when it has ended")
{
	START("--mem", "8M", "--name", "one");
	COMMAND(&said, RUN, "--mem", "8M", "--name", "one");
	EXPECT_EQ(said.code, 64);
	EXPECT(strstr(said.err, "--name: a VM called one runs already"), "said: %s", said.err);
	expect_answer("z", 'z');
	kill(l.pid, SIGKILL);
	x(waitpid(l.pid, NULL, 0));
	START("--mem", "8M", "--name", "one");
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

/* --- The control socket ------------------------------------------------------------------- */

static socklen_t address_of(const char *name, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un) { .sun_family = AF_UNIX };
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "bellows/%u/%s", getuid(), name);
}

static int connect_to(const char *name)
{
	struct timeval patience = { .tv_sec = 10 };
	int fd = x(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sockaddr_un a;
	socklen_t len = address_of(name, &a);

	x(connect(fd, (struct sockaddr *)&a, len));
	x(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	return fd;
}

CASE(taken, "a name whose socket belongs to something else is refused; commands do not wait for that for ever")
{
	int fd = x(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sockaddr_un a;
	socklen_t len = address_of("taken", &a);

	prepare();
	x(bind(fd, (struct sockaddr *)&a, len));
	x(listen(fd, 1));
	COMMAND(&said, RUN, "--mem", "8M", "--name", "taken");
	EXPECT_EQ(said.code, 64);
	EXPECT(strstr(said.err, "--name: a VM called taken runs already"), "said: %s", said.err);
	COMMAND(&said, "stat", "taken");
	EXPECT_EQ(said.code, 69);
	EXPECT(strstr(said.err, "taken: the VM does not answer"), "said: %s", said.err);
}

CASE_TIMEOUT(control, "messages of any length and content are answered or dropped, and the VM goes on", 60)
{
	static const size_t lengths[] = { 0, 1, 2, 100, 4000, 4094, 4095, 4096, 4097, 5000, 65536, 1 << 20 };
	char *line = malloc((1 << 20) + 1), answer[4096];
	u64 seed = 1;
	ssize_t n;
	int fd;

	START("--mem", "8M", "--name", "target");
	for (unsigned int i = 0; i < ARRAY_SIZE(lengths) * 3; i++) {
		size_t len = lengths[i / 3];

		for (size_t j = 0; j < len; j++)
			line[j] = i % 3 == 0 ? 'x' : i % 3 == 1 ? "{[\"command\": ]}"[j % 15] : (char)test_random(&seed);
		for (size_t j = 0; j < len; j++)
			line[j] += line[j] == '\n';
		line[len] = '\n';
		fd = connect_to("target");
		/* The VM may close before it has read all of it. */
		send(fd, line, len + 1, MSG_NOSIGNAL);
		n = recv(fd, answer, sizeof(answer) - 1, 0);
		/* A line that is not read to its end may take the answer with it. */
		EXPECT(n > 0 || (len >= 4096 && (!n || errno == ECONNRESET)), "length %zu: no answer", len);
		answer[n > 0 ? n : 0] = 0;
		EXPECT(n <= 0 || strstr(answer, "\"ok\":false"), "length %zu: %s", len, answer);
		close(fd);
	}
	/* An unfinished line holds nobody up. */
	fd = connect_to("target");
	x(send(fd, "{\"command\"", 10, MSG_NOSIGNAL));
	COMMAND(&said, "stat", "target");
	EXPECT_EQ(said.code, 0);
	close(fd);
	expect_answer("z", 'z');
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

/* --- What it reports, and what it costs ------------------------------------------------------ */

/* The number between two texts in the launcher's own lines. */
static long number_between(const char *before, const char *after)
{
	const char *at = l.text;
	char *end;
	long value;

	while ((at = strstr(at, before))) {
		at += strlen(before);
		value = strtol(at, &end, 10);
		if (end != at && !strncmp(end, after, strlen(after)))
			return value;
	}
	ASSERT(false, "no number between '%s' and '%s' in: %s", before, after, l.text);
	return -1;
}

CASE(reports, "--progress shows the phases, --memory-stats what memory was used, --stats the exits; on stderr")
{
	long used, large, own;

	prepare();
	launcher_start(&l, ARGS(RUN, "--mem", "64M", "--progress", "--memory-stats", "--stats"));
	launcher_expect(&l, " s  loaded kernel, ", START_MS);
	launcher_expect(&l, " s  starting", ANSWER_MS);
	launcher_expect(&l, "guest: ready", START_MS);
	launcher_type(&l, "m");
	launcher_expect(&l, "guest: touched ", ANSWER_MS);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	EXPECT(strstr(l.text, " s  ended"), "said: %s", l.text);
	EXPECT(strstr(l.text, "exits to this program: "), "said: %s", l.text);
	used = number_between("guest memory: 64 MiB, of which ", " KiB cost memory");
	/* A quarter of 63 MiB up to 16.75 MiB, less the first eight */
	EXPECT(used >= 8960 && used <= 65536, "%ld KiB used", used);
	if (!test_is_kvm) {
		large = number_between("bellows:   ", " KiB in large pages, ");
		EXPECT(large <= used && large >= used - 4096, "%ld of %ld KiB in large pages", large, used);
	}
	own = number_between("this program: ", " KiB of its own");
	EXPECT(own > 0 && own <= 5120, "%ld KiB", own);
}

/* What a file says, as text. */
static const char *contents(const char *path)
{
	static char text[1024];
	int fd = x(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = x(read(fd, text, sizeof(text) - 1));

	close(fd);
	text[n] = 0;
	return text;
}

CASE(reports_to_file, "--memory-stats=FILE writes the report to a file, which is replaced, and to none if no guest runs")
{
	static char before[200] = { [0 ... 199] = '#' };
	const char *text;
	long long used;

	prepare();
	launcher_write_file("report", before, sizeof(before));
	launcher_refuses(66, "--memory-stats: missing/report: No such file",
			 ARGS(RUN, "--mem", "8M", "--memory-stats=missing/report"));
	launcher_refuses(64, "--memory-stats=: the name of a file", ARGS(RUN, "--mem", "8M", "--memory-stats="));
	launcher_refuses(66, "--disk missing", ARGS(RUN, "--mem", "8M", "--memory-stats=report", "--disk", "missing"));
	EXPECT(!strncmp(contents("report"), before, sizeof(before)), "a VM that was refused wrote: %s", contents("report"));

	START("--mem", "8M", "--memory-stats=report");
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
	EXPECT(!strstr(l.text, "guest memory"), "said: %s", l.text);
	text = contents("report");
	EXPECT(*text == '{' && !strcmp(text + strlen(text) - 2, "}\n"), "wrote: %s", text);
	EXPECT_EQ(json_number(text, "memory"), 8 << 20);
	used = json_number(text, "memory_used");
	EXPECT(used > 0 && used <= 8 << 20, "wrote: %s", text);
	EXPECT(test_is_kvm || (json_number(text, "memory_large_pages") >= 0 && json_number(text, "memory_large_pages") <= used),
	       "wrote: %s", text);
	EXPECT(json_number(text, "own") > 0 && json_number(text, "own") <= 5 << 20, "wrote: %s", text);
}

struct costs {
	long dirty;		/* besides guest RAM */
	long guest;		/* of guest RAM, what this process maps */
};

/* In KiB. */
static struct costs costs_of(int pid)
{
	struct costs c = { };
	bool guest = false;
	char path[64], line[512];
	unsigned long begin, end;
	FILE *f;
	long kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	ASSERT(f, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			guest = strstr(line, "bellows-memory");
		else if (guest && sscanf(line, "Rss: %ld", &kib) == 1)
			c.guest += kib;
		else if (!guest && sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			c.dirty += kib;
	}
	fclose(f);
	return c;
}

CASE(costs, "an idle VM's launcher has at most 5 MiB of its own, and maps next to nothing of the guest's memory")
{
	struct costs c;

	REQUIRE(!test_is_kvm, "KVM's guest memory is the launcher's own");
	prepare();
	launcher_write_file("initrd", "x", 1);
	x(truncate("initrd", 4 << 20));
	launcher_write_file("disk", "", 0);
	x(truncate("disk", 8 << 20));
	launcher_start(&l, ARGS(RUN, "--mem", "256M", "--cpus", "4", "--initrd", "initrd", "--disk", "disk",
				"--net", "user"));
	launcher_expect(&l, "guest: ready", START_MS);
	c = costs_of(l.pid);
	test_diag("%ld KiB private and dirty, %ld KiB of guest memory mapped", c.dirty, c.guest);
	EXPECT(c.dirty > 0 && c.dirty <= 5120, "%ld KiB private and dirty", c.dirty);
	EXPECT(c.guest <= 256, "%ld KiB of guest memory mapped", c.guest);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

/* --- Privileges --------------------------------------------------------------------------- */

static long status_field(int pid, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	ASSERT(f, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, field, strlen(field)))
			value = strtol(line + strlen(field), NULL, 10);
	}
	fclose(f);
	return value;
}

CASE(confined, "once a guest runs, the launcher's system calls are filtered")
{
	REQUIRE(status_field(getpid(), "Seccomp:") >= 0, "the kernel has no seccomp filters");
	START("--mem", "8M");
	EXPECT_EQ(status_field(l.pid, "Seccomp:"), 2);
	EXPECT_EQ(status_field(l.pid, "NoNewPrivs:"), 1);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(unprivileged, "any user may run a VM where the device allows it, and is told so where it does not")
{
	struct stat st;

	prepare();
	x(chmod(".", 0777));
	x(stat(test_device, &st));
	REQUIRE((st.st_mode & 0777) == 0666, "the device has mode %o", st.st_mode & 0777);
	x(setgid(1000));
	x(setuid(1000));
	launcher_start(&l, ARGS(RUN, "--mem", "8M", "--name", "user", "--net", "user"));
	launcher_expect(&l, "guest: ready", START_MS);
	COMMAND(&said, "list");
	EXPECT(strstr(said.out, "user "), "list: %s", said.out);
	launcher_type(&l, "o");
	EXPECT_EQ(launcher_finish(&l, ANSWER_MS), 0);
}

CASE(not_allowed, "who may not open the device is told so")
{
	struct stat st;

	prepare();
	x(stat(test_device, &st));
	x(chmod(test_device, 0600));
	if (!x(fork())) {
		x(setuid(1000));
		COMMAND(&said, RUN, "--mem", "8M");
		_exit(said.code == 69 && strstr(said.err, "permission denied") ? 0 : 1);
	}
	int status;

	x(wait(&status));
	x(chmod(test_device, st.st_mode & 0777));
	EXPECT_EQ(status, 0);
}
