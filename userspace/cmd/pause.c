// SPDX-License-Identifier: GPL-2.0
/* bellows pause. */
#include <json-c/json.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

static int run(int argc, char **argv)
{
	struct json_object *answer;

	if (argc != 2 || *argv[1] == '-')
		return usage_error("pause", "which VM? 'bellows list' shows those that run");
	answer = control_command(argv[1], "pause");
	if (!answer)
		return EXIT_UNAVAILABLE;
	json_object_put(answer);
	return EXIT_OK;
}

const struct command command_pause = {
	.name = "pause",
	.summary = "lets a VM's CPUs rest",
	.usage =
		"usage: bellows pause NAME\n\n"
		"It keeps its memory, and its disks finish what was asked of them.\n\n"
		"Example:\n"
		"  bellows pause web\n",
	.run = run,
};
