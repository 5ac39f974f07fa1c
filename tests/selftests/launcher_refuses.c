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
#define RUN_FILE	"run", "--device", test_device, "--kernel"
#define RUN		RUN_FILE, KERNEL

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
	launcher_write_file("empty", "", 0);
	memset(text, '#', sizeof(text));
	launcher_write_file("text", text, sizeof(text));
	launcher_write_file("arm", &arm, sizeof(arm));
	REFUSED(66, "--kernel: missing: No such file", RUN_FILE, "missing");
	REFUSED(66, "--kernel: empty: the file is empty", RUN_FILE, "empty");
	REFUSED(66, "--kernel: /dev: is not a regular file", RUN_FILE, "/dev");
	REFUSED(66, "--kernel: /dev/zero: is not a regular file", RUN_FILE, "/dev/zero");
	REFUSED(66, "--kernel: text: is no kernel", RUN_FILE, "text");
	REFUSED(66, "--kernel: arm: ", RUN_FILE, "arm");
	REFUSED(66, "--kernel: " LAUNCHER ": is an ELF file without", RUN_FILE, LAUNCHER);
	for (off_t len = 1; len < size_of(KERNEL); len = len * 5 / 2) {
		launcher_write_kernel("part");
		x(truncate("part", len));
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
