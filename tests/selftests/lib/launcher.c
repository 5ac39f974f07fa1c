// SPDX-License-Identifier: GPL-2.0
/* Driving the bellows command: pipes or a terminal, waiting for texts, exit codes. */
#define _GNU_SOURCE
#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "host.h"
#include "launcher.h"
#include "multiboot32.h"
#include "test.h"

#define MAX_ARGS	40
#define COMMAND_MS	20000
#define SHOWN		1500

u64 launcher_ms(u64 ms)
{
	const char *slow = getenv("BELLOWS_SLOW");
	unsigned int factor = slow ? atoi(slow) : 1;

	return ms * (factor > 1 ? factor : 1);
}

void launcher_need(void)
{
	int fd;

	REQUIRE_VMS();
	REQUIRE(!access(LAUNCHER, X_OK), "there is no launcher here");
	if (test_is_kvm && access(test_device, F_OK)) {
		REQUIRE(kvm_available(), "there are no modules of KVM here");
		ASSERT_EQ(kvm_load(""), 0);
	}
	fd = x(open(test_device, O_RDWR));
	REQUIRE(ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0, "there are no interrupt controllers");
	close(fd);
}

static void run(const char *const *args, int in, int out, int err)
{
	const char *argv[MAX_ARGS] = { LAUNCHER };
	int n = 1;

	while (args[n - 1]) {
		argv[n] = args[n - 1];
		n++;
	}
	signal(SIGALRM, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execv(LAUNCHER, (char **)argv);
	_exit(127);
}

void launcher_start(struct launcher *l, const char *const *args)
{
	int in[2], out[2];

	x(pipe2(in, O_CLOEXEC));
	x(pipe2(out, O_CLOEXEC));
	free(l->text);
	*l = (struct launcher) { .in = in[1], .out = out[0], .tty = -1, .text = calloc(1, LAUNCHER_TEXT) };
	ASSERT(l->text);
	l->pid = x(fork());
	if (!l->pid)
		run(args, in[0], out[1], out[1]);
	close(in[0]);
	close(out[1]);
}

void launcher_start_on_tty(struct launcher *l, const char *const *args)
{
	int master = x(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), tty;

	x(grantpt(master));
	x(unlockpt(master));
	tty = x(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
	free(l->text);
	*l = (struct launcher) { .in = master, .out = master, .tty = tty, .text = calloc(1, LAUNCHER_TEXT) };
	ASSERT(l->text);
	l->pid = x(fork());
	if (!l->pid) {
		setsid();
		ioctl(tty, TIOCSCTTY, 0);
		run(args, tty, tty, tty);
	}
}

static void show_end(struct launcher *l)
{
	char *p = l->text + (l->used > SHOWN ? l->used - SHOWN : 0), *line;

	while ((line = strsep(&p, "\n")))
		test_diag("said: %.200s", line);
}

bool launcher_more(struct launcher *l, u64 end)
{
	struct pollfd p = { .fd = l->out, .events = POLLIN };
	u64 now = test_ms();
	ssize_t n;

	if (now >= end || poll(&p, 1, end - now) <= 0)
		return false;
	n = read(l->out, l->text + l->used, LAUNCHER_TEXT - l->used - 1);
	if (n <= 0)
		return false;
	/* A port that is being probed may say anything. */
	for (; n; n--, l->used++) {
		if (!l->text[l->used])
			l->text[l->used] = '.';
	}
	return true;
}

void launcher_expect(struct launcher *l, const char *text, u64 ms)
{
	u64 end = test_ms() + launcher_ms(ms);
	char *at;

	while (!(at = strstr(l->text + l->seen, text))) {
		if (launcher_more(l, end))
			continue;
		show_end(l);
		kill(l->pid, SIGKILL);
		ASSERT(false, "'%s' did not come", text);
	}
	l->seen = at - l->text + strlen(text);
}

bool launcher_is_silent(struct launcher *l, u64 ms)
{
	u64 end = test_ms() + ms;

	while (launcher_more(l, end))
		;
	for (size_t i = l->seen; i < l->used; i++) {
		if (!isspace(l->text[i]))
			return false;
	}
	return true;
}

void launcher_type(struct launcher *l, const char *text)
{
	ASSERT_EQ(write(l->in, text, strlen(text)), strlen(text));
}

static int wait_for(int pid, u64 end, int *status)
{
	int ret;

	while (!(ret = waitpid(pid, status, WNOHANG)) && test_ms() < end)
		usleep(10000);
	return ret;
}

int launcher_finish(struct launcher *l, u64 ms)
{
	u64 end = test_ms() + launcher_ms(ms);
	int status = 0;

	/* A terminal's other end is open here, too: it does not end by itself. */
	while (l->tty < 0 && launcher_more(l, end))
		;
	if (wait_for(l->pid, end, &status) != l->pid) {
		show_end(l);
		kill(l->pid, SIGKILL);
		ASSERT(false, "the launcher does not end");
	}
	while (l->tty >= 0 && launcher_more(l, test_ms() + 50))
		;
	close(l->in);
	if (l->tty >= 0)
		close(l->tty);
	else
		close(l->out);
	ASSERT(WIFEXITED(status), "the launcher ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void collect(int fd, char *text, size_t size)
{
	ssize_t n = x(pread(fd, text, size - 1, 0));

	text[n] = 0;
	close(fd);
}

void launcher_command(struct said *said, const char *const *args)
{
	int out = x(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	int err = x(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	int nothing = x(open("/dev/null", O_RDONLY | O_CLOEXEC)), status, pid = x(fork());

	if (!pid)
		run(args, nothing, out, err);
	close(nothing);
	if (wait_for(pid, test_ms() + launcher_ms(COMMAND_MS), &status) != pid) {
		kill(pid, SIGKILL);
		x(waitpid(pid, &status, 0));
	}
	collect(out, said->out, sizeof(said->out));
	collect(err, said->err, sizeof(said->err));
	ASSERT(WIFEXITED(status), "bellows %s: ended by signal %d; said: %s%s", args[0], WTERMSIG(status),
	       said->out, said->err);
	said->code = WEXITSTATUS(status);
}

void launcher_refuses(int code, const char *text, const char *const *args)
{
	static struct said said;
	const char *end;

	launcher_command(&said, args);
	end = strchr(said.err, '\n');
	EXPECT(said.code == code && strstr(said.err, text), "not %d and '%s': exit code %d; said: %s", code, text,
	       said.code, said.err);
	EXPECT(!strncmp(said.err, "bellows: ", 9) && end && !end[1], "'%s': not one line: %s", text, said.err);
	EXPECT(!said.out[0], "'%s': on stdout: %s", text, said.out);
}

/* --- Linux ----------------------------------------------------------------------------- */

/* What Debian's kernel can do without where it takes long. */
#define IN_HASTE	"cryptomgr.notests lpj=1000000 initcall_blacklist=load_system_certificate_list," \
			"crypto_kdf108_init,init_kprobe_trace,cubictcp_register,slab_sysfs_init"

void linux_need(void)
{
	launcher_need();
	REQUIRE(!access(LINUX_KERNEL, R_OK), "there is no kernel for a guest here");
}

const char *linux_append(const char *what)
{
	const char *slow = getenv("BELLOWS_SLOW");
	static char line[512];

	snprintf(line, sizeof(line), "loglevel=4 what=%s %s", what, slow && atoi(slow) > 1 ? IN_HASTE : "");
	return line;
}

/* --- A small guest -------------------------------------------------------------------------------------------------------------------------------------------- */

#define BASE		0x100000
#define CODE_OFFSET	4096

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

void launcher_write_file(const char *path, const void *data, size_t size)
{
	int fd = x(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	ASSERT_EQ(write(fd, data, size), size);
	close(fd);
}

void launcher_write_kernel(const char *path)
{
	static struct image image;

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
	launcher_write_file(path, &image, sizeof(image));
}
