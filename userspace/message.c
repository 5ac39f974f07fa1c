// SPDX-License-Identifier: GPL-2.0
/*
 * Messages go out as one write each, so that those of several threads, and the
 * guest's output on stdout, do not mix within a line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "exit_codes.h"
#include "message.h"

#define LINE	1024

bool message_raw;

void complain(const char *fmt, ...)
{
	char line[LINE] = "bellows: ";
	size_t head = strlen(line), len;
	va_list ap;
	int n;

	fflush(stdout);
	va_start(ap, fmt);
	n = vsnprintf(line + head, sizeof(line) - head - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = strlen(line);
	if (message_raw)
		line[len++] = '\r';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* stderr is closed: there is no other place */
}

int usage_error(const char *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain("%s; see 'bellows help %s'", text, command);
	return EXIT_USAGE;
}
