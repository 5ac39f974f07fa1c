// SPDX-License-Identifier: GPL-2.0
/* bellows stat: what there is to know about one VM. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

static void print_line(const char *key, struct json_object *value)
{
	char label[64];
	size_t i;

	snprintf(label, sizeof(label), "%s", key);
	for (i = 0; label[i]; i++) {
		if (label[i] == '_')
			label[i] = ' ';
	}
	if (!strncmp(key, "memory", 6))
		printf("%-20s %lld KiB\n", label, (long long)json_object_get_int64(value) >> 10);
	else
		printf("%-20s %s\n", label, json_object_get_string(value));
}

static int run(int argc, char **argv)
{
	struct json_object *status;
	const char *name = NULL;
	bool json = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (*argv[i] != '-' && !name)
			name = argv[i];
		else
			return usage_error("stat", "'%s' is one argument too many", argv[i]);
	}
	if (!name)
		return usage_error("stat", "which VM? 'bellows list' shows those that run");
	status = control_command(name, "status");
	if (!status)
		return EXIT_UNAVAILABLE;
	json_object_object_del(status, "ok");
	if (json) {
		printf("%s\n", json_object_to_json_string_ext(status, JSON_C_TO_STRING_PRETTY));
	} else {
		json_object_object_foreach(status, key, value)
			print_line(key, value);
	}
	json_object_put(status);
	return EXIT_OK;
}

const struct command command_stat = {
	.name = "stat",
	.summary = "shows the state of a VM",
	.usage =
		"usage: bellows stat NAME [--json]\n\n"
		"  --json   an object; sizes in bytes\n\n"
		"Example:\n"
		"  bellows stat web --json | jq .memory_used\n",
	.run = run,
};
