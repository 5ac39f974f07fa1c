// SPDX-License-Identifier: GPL-2.0
/*
 * The bellows command as its users meet it, with a guest of a few hundred bytes: the
 * console on a pipe and on a terminal, the commands that look after a VM, multiboot
 * kernels, what it costs, how it ends, and what it says when something is wrong.
 * Debian has a test of its own.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "launcher.h"
#include "multiboot32.h"
#include "test.h"

#define KERNEL		"kernel"
#define BASE		0x100000
#define CODE_OFFSET	4096
#define START_MS	20000
#define ANSWER_MS	5000
#define RUN		"run", "--device", test_device, "--kernel", KERNEL
#define CTRL_A		"\x01"

static struct launcher l;
static struct said said;

/* --- The guest ------------------------------------------------------------------------- */

struct image {
	union {
		struct {
			Elf32_Ehdr head;
			Elf32_Phdr segment;
		};
		char page[CODE_OFFSET];
	};
	unsigned char code[sizeof(blob_multiboot32)];
};

static struct image image;

static void make_image(void)
{
	image.head = (Elf32_Ehdr) {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_entry = BASE,
		.e_phoff = sizeof(Elf32_Ehdr), .e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1,
	};
	image.segment = (Elf32_Phdr) {
		.p_type = PT_LOAD, .p_offset = CODE_OFFSET, .p_vaddr = BASE, .p_paddr = BASE,
		.p_filesz = sizeof(image.code), .p_memsz = sizeof(image.code), .p_flags = PF_R | PF_W | PF_X,
	};
	memcpy(image.code, blob_multiboot32, sizeof(image.code));
}

static void write_file(const char *name, const void *data, size_t size)
{
	int fd = x(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	ASSERT_EQ(write(fd, data, size), size);
	close(fd);
}

static void prepare(void)
{
	launcher_need();
	make_image();
	write_file(KERNEL, &image, sizeof(image));
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
	write_file("first", "first module", 12);
	write_file("second", "second", 6);
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
		EXPECT(n > 0 || (n < 0 && errno == ECONNRESET) || n == 0, "length %zu: no answer", len);
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
	write_file("initrd", &image, sizeof(image));
	x(truncate("initrd", 4 << 20));
	write_file("disk", "", 0);
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

/* --- What is refused ----------------------------------------------------------------------- */

/* One line on stderr with this text, this exit code, no VM, no new file. */
static void expect_refusal(int code, const char *text, const char *const *args)
{
	char *end;

	launcher_command(&said, args);
	EXPECT(said.code == code, "%s: exit code %d; said: %s", text, said.code, said.err);
	end = strchr(said.err, '\n');
	EXPECT(!strncmp(said.err, "bellows: ", 9) && strstr(said.err, text) && end &&
	       (!end[1] || !strncmp(end + 1, "Try 'bellows help", 17)), "'%s' is not what was said: %s", text, said.err);
	EXPECT(!said.out[0], "on stdout: %s", said.out);
}

#define REFUSED(code, text, ...)	expect_refusal(code, text, ARGS(__VA_ARGS__))
#define RUN_FILE			"run", "--device", test_device, "--kernel"

CASE_TIMEOUT(bad_options, "a wrong option is one line that names it, and exit code 64", 60)
{
	prepare();
	REFUSED(64, "--kernel FILE is needed", "run");
	REFUSED(64, "--mem: 'much'", RUN, "--mem", "much");
	REFUSED(64, "--mem: ", RUN, "--mem", "1");
	REFUSED(64, "--mem: ", RUN, "--mem", "1025K");
	REFUSED(64, "--mem: ", RUN, "--mem", "99999999G");
	REFUSED(64, "--mem: too small", RUN, "--mem", "1M");
	REFUSED(64, "--cpus: '0'", RUN, "--cpus", "0");
	REFUSED(64, "--cpus: '65'", RUN, "--cpus", "65");
	REFUSED(64, "--cpus: 'x'", RUN, "--cpus", "x");
	REFUSED(64, "--name: 'a b'", RUN, "--name", "a b");
	REFUSED(64, "--name: '../x'", RUN, "--name", "../x");
	REFUSED(64, "--console: 'vga'", RUN, "--console", "vga");
	REFUSED(64, "--net wifi: ", RUN, "--net", "wifi");
	REFUSED(64, "--disk kernel,format=vmdk: ", RUN, "--disk", "kernel,format=vmdk");
	REFUSED(64, "--wat: there is no such option", RUN, "--wat");
	REFUSED(64, "--kernel: its argument is missing", "run", "--kernel");
	REFUSED(64, "'more' is not an option", RUN, "more");
	REFUSED(64, "--load and --real are for --flat only", RUN, "--real");
	REFUSED(69, "/dev/nothing is not there", "run", "--device", "/dev/nothing", "--kernel", KERNEL);
	REFUSED(69, "/dev/null", "run", "--device", "/dev/null", "--kernel", KERNEL);
	REFUSED(69, "there is no VM called nobody", "stop", "nobody");
	REFUSED(69, "there is no VM called nobody", "pause", "nobody");
	REFUSED(69, "there is no VM called nobody", "resume", "nobody");
	REFUSED(69, "there is no VM called nobody", "console", "nobody");
	REFUSED(69, "there is no VM called nobody", "stat", "nobody", "--json");
	COMMAND(&said, "frobnicate");
	EXPECT(said.code == 64 && strstr(said.err, "there is no command 'frobnicate'"), "said: %s", said.err);
}

CASE(help, "every command explains itself, with an example, in two ways")
{
	static const char *const commands[] = { "run", "list", "stat", "pause", "resume", "stop", "console", "host" };
	static struct said other;

	REQUIRE(!access(LAUNCHER, X_OK), "there is no launcher here");
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		COMMAND(&said, "help", commands[i]);
		COMMAND(&other, commands[i], "--help");
		EXPECT(!said.code && !other.code && !strcmp(said.out, other.out), "%s: %s", commands[i], other.err);
		EXPECT(strstr(said.out, "usage: bellows ") && strstr(said.out, "Example"), "%s: %s", commands[i], said.out);
	}
	COMMAND(&said, "help");
	EXPECT(!said.code, "said: %s", said.err);
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		EXPECT(strstr(said.out, commands[i]), "help lacks %s", commands[i]);
	COMMAND(&said, "pause", "--now");
	EXPECT_EQ(said.code, 64);
}

CASE_TIMEOUT(bad_files, "a file that is missing, empty, damaged or of another kind is one line that names it, and exit code 66", 90)
{
	static char text[8192];
	Elf64_Ehdr arm = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			   .e_machine = EM_AARCH64 };

	prepare();
	write_file("empty", "", 0);
	memset(text, '#', sizeof(text));
	write_file("text", text, sizeof(text));
	write_file("arm", &arm, sizeof(arm));
	REFUSED(66, "--kernel: missing: No such file", RUN_FILE, "missing");
	REFUSED(66, "--kernel: empty: the file is empty", RUN_FILE, "empty");
	REFUSED(66, "--kernel: /dev: is not a regular file", RUN_FILE, "/dev");
	REFUSED(66, "--kernel: /dev/zero: is not a regular file", RUN_FILE, "/dev/zero");
	REFUSED(66, "--kernel: text: is no kernel", RUN_FILE, "text");
	REFUSED(66, "--kernel: arm: ", RUN_FILE, "arm");
	REFUSED(66, "--kernel: " LAUNCHER ": is an ELF file without", RUN_FILE, LAUNCHER);
	for (size_t len = 1; len < sizeof(image); len = len * 5 / 2) {
		write_file("part", &image, len);
		REFUSED(66, "--kernel: part: ", RUN_FILE, "part");
	}
	REFUSED(66, "--initrd: missing: No such file", RUN, "--initrd", "missing");
	REFUSED(66, "--initrd: empty: the file is empty", RUN, "--initrd", "empty");
	REFUSED(66, "--module: missing: No such file", RUN, "--module", "missing with arguments");
	x(truncate("text", 16 << 20));
	REFUSED(66, "--initrd: text: does not fit", RUN, "--initrd", "text", "--mem", "8M");
	REFUSED(66, "missing: ", RUN, "--disk", "missing");
	REFUSED(66, "empty", RUN, "--disk", "empty");
	REFUSED(66, "/tmp", RUN, "--disk", "/tmp");
	REFUSED(66, "/dev/zero", RUN, "--disk", "/dev/zero");
	EXPECT(access("missing", F_OK), "a disk was created");
	x(truncate("text", 512 * 100 + 1));
	REFUSED(66, "text", RUN, "--disk", "text");
	REFUSED(66, "nosuchtap", RUN, "--net", "tap=nosuchtap");
	COMMAND(&said, "list");
	EXPECT(!strchr(strchr(said.out, '\n') + 1, '\n'), "a VM is left: %s", said.out);
}
