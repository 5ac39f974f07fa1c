// SPDX-License-Identifier: GPL-2.0
/*
 * bellows stop: asks a VM to shut down, as pressing its power button does, and waits
 * until it has. A VM that is gone has closed the connection.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

#define TIMEOUT	60

static bool wait_for_end(int fd, int seconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, seconds * 1000) > 0;
}

static int stop(const char *name, bool force, int timeout)
{
	int fd = control_connect(name);
	struct json_object *answer;
	bool ended;

	if (fd < 0) {
		complain(fd == -ECONNREFUSED ? "there is no VM called %s: 'bellows list' shows those that run" :
			 "%s: cannot connect", name);
		return EXIT_UNAVAILABLE;
	}
	answer = control_ask(fd, name, force ? "kill" : "power-button");
	if (!answer) {
		close(fd);
		return EXIT_UNAVAILABLE;
	}
	json_object_put(answer);
	ended = wait_for_end(fd, timeout);
	close(fd);
	if (ended)
		return EXIT_OK;
	complain("%s: still runs after %d s: it may ignore its power button; --force ends it at once", name, timeout);
	return EXIT_UNAVAILABLE;
}

static int run(int argc, char **argv)
{
	const char *name = NULL;
	int timeout = TIMEOUT, i;
	bool force = false;
	char *end;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--force")) {
			force = true;
		} else if (!strcmp(argv[i], "--timeout") && i + 1 < argc) {
			timeout = strtol(argv[++i], &end, 10);
			if (*end || end == argv[i] || timeout < 1 || timeout > 86400)
				return usage_error("stop", "--timeout: '%s' is no number of seconds", argv[i]);
		} else if (*argv[i] != '-' && !name) {
			name = argv[i];
		} else {
			return usage_error("stop", "'%s' is no option, or one argument too many", argv[i]);
		}
	}
	if (!name)
		return usage_error("stop", "which VM? 'bellows list' shows those that run");
	return stop(name, force, timeout);
}

const struct command command_stop = {
	.name = "stop",
	.summary = "shuts a VM down",
	.usage =
		"usage: bellows stop NAME [--timeout SECONDS] [--force]\n\n"
		"Presses the power button of the VM, and waits until it has shut down.\n\n"
		"  --timeout N   how long to wait (default 60 s)\n"
		"  --force       end it at once, as pulling the plug does\n\n"
		"Examples:\n"
		"  bellows stop web\n"
		"  bellows stop web --timeout 10 || bellows stop web --force\n",
	.run = run,
};
