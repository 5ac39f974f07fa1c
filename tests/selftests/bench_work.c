// SPDX-License-Identifier: GPL-2.0
/*
 * What work costs in a guest: the launcher boots the host's kernel in a VM, whose init
 * works and says so. Costs are those of the host's CPU while it was not idle, from the
 * first RUN to init, and from each word of init's to the next.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>
#include "bench.h"

#define LAUNCHER	"/bin/bellows"
#define KERNEL		"/guest/vmlinux"
#define INITRD		"/guest/work"
#define BOOT_SECONDS	400
#define START		"  starting"	/* the launcher's last word before RUN */
#define MAX_WORD	32

/* What takes long in an emulator and says nothing about a hypervisor is left out. */
#define ARGUMENTS	"quiet panic=-1 cryptomgr.notests random.trust_cpu=on "		\
			"initcall_blacklist=load_system_certificate_list,crypto_kdf108_init,"	\
			"init_kprobe_trace,cubictcp_register,slab_sysfs_init"

static const char *const works[] = { "boot-debian", "fork-loop", "pipe-pingpong", "memory-loop" };

/* The guest follows the host's setting. */
static const char *arguments(void)
{
	static char text[512];
	char line[4096] = "";
	FILE *f = fopen("/proc/cmdline", "re");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%s%s", ARGUMENTS,
		 strstr(line, "mitigations=off") ? " mitigations=off" : "");
	return text;
}

/* Its output, both kinds of it. */
static FILE *launch(pid_t *pid)
{
	int out[2];

	x(pipe2(out, O_CLOEXEC));
	*pid = x(fork());
	if (!*pid) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		execl(LAUNCHER, LAUNCHER, "run", "--device", test_device, "--net", "none", "--kernel", KERNEL,
		      "--initrd", INITRD, "--mem", "256M", "--progress", "--no-reboot",
		      "--no-socket", "--append", arguments(), NULL);
		_exit(127);
	}
	close(out[1]);
	return fdopen(out[0], "re");
}

/* Words come in their order; everything else is the guest's talk. */
static unsigned int follow(FILE *f)
{
	struct bench_moment last = { }, now;
	char line[512], word[MAX_WORD];
	unsigned int done = 0, count;

	while (done < ARRAY_SIZE(works) && fgets(line, sizeof(line), f)) {
		char *at = strchr(line, '@');

		if (strstr(line, START))
			bench_moment(&last);
		if (!at || !last.ticks || sscanf(at, "@%31s %u", word, &count) != 2 ||
		    strcmp(word, works[done])) {
			test_diag("guest: %s", line);
			continue;
		}
		bench_moment(&now);
		bench_report(works[done++], bench_between(&last, &now) / count);
		last = now;
	}
	return done;
}

static u64 work(void)
{
	unsigned int done;
	int status;
	pid_t pid;
	FILE *f;

	REQUIRE(!test_is_kvm || !test_on_machine("bochs-svm"), "on KVM, no guest boots here");
	REQUIRE(!access(LAUNCHER, X_OK) && !access(KERNEL, R_OK), "there is no launcher here");
	f = launch(&pid);
	done = follow(f);
	x(waitpid(pid, &status, 0));
	ASSERT(!status, "the launcher ends with %x", status);
	ASSERT_EQ(done, ARRAY_SIZE(works));
	return BENCH_REPORTED;
}

static const struct bench_row rows[] = {
	{ "boot-debian", .measure = work, .seconds = BOOT_SECONDS },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, ARRAY_SIZE(rows));
}
