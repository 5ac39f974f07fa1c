// SPDX-License-Identifier: GPL-2.0
/* bellows resume. */
#include <json-c/json.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

static int run(int argc, char **argv)
{
	struct json_object *answer;

	if (argc != 2 || *argv[1] == '-')
		return usage_error("resume", "which VM? 'bellows list' shows those that run");
	answer = control_command(argv[1], "resume");
	if (!answer)
		return EXIT_UNAVAILABLE;
	json_object_put(answer);
	return EXIT_OK;
}

const struct command command_resume = {
	.name = "resume",
	.summary = "lets a paused VM go on",
	.usage =
		"usage: bellows resume NAME\n\n"
		"A VM that runs is not disturbed.\n\n"
		"Example:\n"
		"  bellows resume web\n",
	.run = run,
};
