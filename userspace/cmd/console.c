// SPDX-License-Identifier: GPL-2.0
/*
 * bellows console: this terminal becomes the VM's console, beside others that may
 * be. Ctrl-A x leaves it and lets the VM run.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

#define ESCAPE	1	/* Ctrl-A */

static struct termios saved;
static bool raw;

static void restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	raw = false;
}

static void make_raw(void)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return;
	t = saved;
	cfmakeraw(&t);
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
	atexit(restore);
}

/* Takes our keys out of what was typed; false: the user wants to leave. */
static bool filter(char *data, ssize_t *len)
{
	static bool escaped;
	ssize_t i, n = 0;

	for (i = 0; i < *len; i++) {
		if (raw && !escaped && data[i] == ESCAPE) {
			escaped = true;
			continue;
		}
		if (escaped && data[i] == 'x')
			return false;
		data[n++] = escaped && data[i] == 'a' ? ESCAPE : data[i];
		escaped = false;
	}
	*len = n;
	return true;
}

/* From one descriptor to the other; 0: the end. */
static ssize_t pass(int from, int to, bool typed)
{
	char data[1024];
	ssize_t n = read(from, data, sizeof(data)), done, at;

	if (n <= 0)
		return n < 0 && errno == EINTR ? 1 : 0;
	if (typed && !filter(data, &n))
		return 0;
	for (at = 0; at < n; at += done) {
		done = write(to, data + at, n - at);
		if (done < 0)
			return 0;
	}
	return 1;
}

static int relay(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return EXIT_SYSTEM;
		if (p[0].revents && !pass(fd, STDOUT_FILENO, false))
			return EXIT_OK;		/* the VM has ended */
		if (!p[1].revents)
			continue;
		if (pass(STDIN_FILENO, fd, true))
			continue;
		if (raw)
			return EXIT_OK;
		p[1].fd = -1;			/* the end of a file: still show the output */
	}
}

static int run(int argc, char **argv)
{
	struct json_object *answer;
	int fd, code;

	if (argc != 2 || *argv[1] == '-')
		return usage_error("console", "which VM? 'bellows list' shows those that run");
	fd = control_connect(argv[1]);
	if (fd < 0) {
		complain(fd == -ECONNREFUSED ? "there is no VM called %s: 'bellows list' shows those that run" :
			 "%s: cannot connect", argv[1]);
		return EXIT_UNAVAILABLE;
	}
	answer = control_ask(fd, argv[1], "console");
	if (!answer) {
		close(fd);
		return EXIT_UNAVAILABLE;
	}
	json_object_put(answer);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval) { }, sizeof(struct timeval));
	if (isatty(STDIN_FILENO))
		complain("this is the console of %s; Ctrl-A x leaves it", argv[1]);
	make_raw();
	code = relay(fd);
	restore();
	close(fd);
	return code;
}

const struct command command_console = {
	.name = "console",
	.summary = "connects this terminal to a VM's console",
	.usage =
		"usage: bellows console NAME\n\n"
		"Ctrl-A x leaves the console, Ctrl-A a sends Ctrl-A. The VM goes on.\n\n"
		"Example:\n"
		"  bellows run --kernel vmlinuz --name web --console none &\n"
		"  bellows console web\n",
	.run = run,
};
