// SPDX-License-Identifier: GPL-2.0
/*
 * What the bellows command says when something is wrong: one line on stderr that names
 * the option or the file, the documented exit code, and nothing left behind.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "launcher.h"
#include "test.h"

#define KERNEL		"kernel"

static struct said said;

static void prepare(void)
{
	launcher_need();
	launcher_write_kernel(KERNEL);
}

static off_t size_of(const char *path)
{
	struct stat st;

	x(stat(path, &st));
	return st.st_size;
}

/* What `bellows run` is asked for, and with which code and words it refuses. */
struct refusal {
	int code;
	const char *text, *args[6];	/* behind --kernel; the first is what to run, or NULL: a good one */
};

static void refused(const struct refusal *r, unsigned int n)
{
	const char *args[12] = { "run", "--device", test_device, "--kernel" };

	for (; n; n--, r++) {
		args[4] = r->args[0] ?: KERNEL;
		memcpy(args + 5, r->args + 1, sizeof(r->args) - sizeof(r->args[0]));
		launcher_refuses(r->code, r->text, args);
	}
}

#define REFUSED(...)									\
	do {										\
		static const struct refusal all[] = { __VA_ARGS__ };			\
		refused(all, ARRAY_SIZE(all));						\
	} while (0)

CASE_TIMEOUT(bad_options, "a wrong option is one line that names it, and exit code 64", 60)
{
	static const char *const commands[] = { "stop", "pause", "resume", "console", "stat" };

	prepare();
	REFUSED({ 64, "--mem: 'much'", { NULL, "--mem", "much" } },
		{ 64, "--mem: ", { NULL, "--mem", "1" } },
		{ 64, "--mem: ", { NULL, "--mem", "1025K" } },
		{ 64, "--mem: ", { NULL, "--mem", "99999999G" } },
		{ 64, "--mem: too small", { NULL, "--mem", "1M" } },
		{ 64, "--cpus: '0'", { NULL, "--cpus", "0" } },
		{ 64, "--cpus: '65'", { NULL, "--cpus", "65" } },
		{ 64, "--cpus: 'x'", { NULL, "--cpus", "x" } },
		{ 64, "--name: 'a b'", { NULL, "--name", "a b" } },
		{ 64, "--name: '../x'", { NULL, "--name", "../x" } },
		{ 64, "--console: 'vga'", { NULL, "--console", "vga" } },
		{ 64, "--net wifi: ", { NULL, "--net", "wifi" } },
		{ 64, "--net: none, and user:", { NULL, "--net", "none", "--net", "user" } },
		{ 64, "--disk kernel,format=vmdk: ", { NULL, "--disk", "kernel,format=vmdk" } },
		{ 64, "--wat: there is no such option", { NULL, "--wat" } },
		{ 64, "'more' is not an option", { NULL, "more" } },
		{ 64, "--load and --real are for --flat only", { NULL, "--real" } },
		{ 69, "/dev/nothing is not there", { NULL, "--device", "/dev/nothing" } },
		{ 69, "/dev/null", { NULL, "--device", "/dev/null" } });
	launcher_refuses(64, "--kernel FILE is needed", ARGS("run"));
	launcher_refuses(64, "--kernel: its argument is missing", ARGS("run", "--kernel"));
	launcher_refuses(64, "there is no command 'frobnicate'", ARGS("frobnicate"));
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		launcher_refuses(69, "there is no VM called nobody", ARGS(commands[i], "nobody"));
		launcher_refuses(64, "which VM?", ARGS(commands[i]));
	}
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
	launcher_write_file("empty", "", 0);
	memset(text, '#', sizeof(text));
	launcher_write_file("text", text, sizeof(text));
	launcher_write_file("arm", &arm, sizeof(arm));
	REFUSED({ 66, "--kernel: missing: No such file", { "missing" } },
		{ 66, "--kernel: empty: the file is empty", { "empty" } },
		{ 66, "--kernel: /dev: is not a regular file", { "/dev" } },
		{ 66, "--kernel: /dev/zero: is not a regular file", { "/dev/zero" } },
		{ 66, "--kernel: text: is no kernel", { "text" } },
		{ 66, "--kernel: arm: ", { "arm" } },
		{ 66, "--kernel: " LAUNCHER ": is an ELF file without", { LAUNCHER } });
	for (off_t len = 1; len < size_of(KERNEL); len = len * 5 / 2) {
		launcher_write_kernel("part");
		x(truncate("part", len));
		REFUSED({ 66, "--kernel: part: ", { "part" } });
	}
	x(truncate("text", 16 << 20));
	REFUSED({ 66, "--initrd: missing: No such file", { NULL, "--initrd", "missing" } },
		{ 66, "--initrd: empty: the file is empty", { NULL, "--initrd", "empty" } },
		{ 66, "--initrd: text: does not fit", { NULL, "--initrd", "text", "--mem", "8M" } },
		{ 66, "--module: missing: No such file", { NULL, "--module", "missing with arguments" } },
		{ 66, "--disk missing: No such file", { NULL, "--disk", "missing" } },
		{ 66, "--disk empty: empty", { NULL, "--disk", "empty" } },
		{ 66, "--disk /tmp: ", { NULL, "--disk", "/tmp" } },
		{ 66, "--disk /dev/zero: ", { NULL, "--disk", "/dev/zero" } });
	EXPECT(access("missing", F_OK), "a disk was created");
	/* A file system of a megabyte that was cut in half; a length that no disk has */
	text[1024 + 56] = 0x53;
	text[1024 + 57] = 0xef;
	memset(text + 1024 + 4, 0, 24);
	text[1024 + 5] = 4;
	launcher_write_file("half", text, sizeof(text));
	x(truncate("half", 512 << 10));
	x(truncate("text", 512 * 100 + 1));
	REFUSED({ 66, "--disk half: truncated", { NULL, "--disk", "half" } },
		{ 66, "--disk text: truncated", { NULL, "--disk", "text" } },
		{ 66, "nosuchtap", { NULL, "--net", "tap=nosuchtap" } });
	COMMAND(&said, "list");
	EXPECT(!strchr(strchr(said.out, '\n') + 1, '\n'), "a VM is left: %s", said.out);
}
