// SPDX-License-Identifier: GPL-2.0
/*
 * What the first process says, and where from: files, and the kernel's log.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <unistd.h>
#include "init.h"

#define VERDICT_PORT	0xe9
#define MARK		"test machine: log is read\n"

char nonce[64];
static int kmsg = -1;

void say(const char *kind, int test, const char *fmt, ...)
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

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void pause_ms(int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

bool write_file(const char *path, const char *text)
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

bool say_file(const char *kind, int test, const char *path)
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

void open_log(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/*
 * A message without a newline
 * stays open, and invisible, until another follows: hence the mark.
 */
void say_log(const char *kind, int test)
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

void say_kmsg(int test)
{
	say_log("kmsg", test);
}
