// SPDX-License-Identifier: GPL-2.0
/*
 * What is looked at around a program: what it left behind, where it hangs, and
 * what the module says of itself. Judging is done outside.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "init.h"

/* Threads that exit drop their files from a worker: the count needs a moment. */
void say_use_count(int test)
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
long slab_objects(char *names, size_t size)
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

void say_charged(int test)
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

/*
 * Where every thread of a program that does not end is waiting. What the
 * kernel answers to the request for backtraces is no complaint of its own.
 */
void say_stacks(const struct program *p)
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

void say_kunit(void)
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
void say_leaks(void)
{
	if (access(KMEMLEAK_FILE, W_OK))
		return;
	pause_ms(6000);
	if (!write_file(KMEMLEAK_FILE, "scan") || !write_file(KMEMLEAK_FILE, "scan"))
		return;
	say_file("leak", -1, KMEMLEAK_FILE);
	say("leaks-read", -1, "ok");
}

/* Addresses that a debugger needs; then time for it to stop the machine. */
void say_sections(void)
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
