// SPDX-License-Identifier: GPL-2.0
/* bellows list: the VMs of this user. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "control_client.h"
#include "exit_codes.h"
#include "message.h"

#define MIB	(1 << 20)

struct list {
	struct json_object *all;
};

/* A VM that ends in between is not an error. */
static void collect(const char *name, void *opaque)
{
	struct list *list = opaque;
	int fd = control_connect(name);
	struct json_object *status;

	if (fd < 0)
		return;
	status = control_ask(fd, name, "status");
	close(fd);
	if (!status)
		return;
	json_object_object_del(status, "ok");
	json_object_array_add(list->all, status);
}

static long long number(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;
}

static const char *text(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : "?";
}

static void print_table(struct json_object *all)
{
	struct json_object *o;
	size_t i;

	printf("%-20s %-8s %4s %9s %9s %8s %9s\n", "NAME", "STATE", "CPUS", "MEMORY", "USED", "PID", "SECONDS");
	for (i = 0; i < json_object_array_length(all); i++) {
		o = json_object_array_get_idx(all, i);
		printf("%-20s %-8s %4lld %6lld MiB %5lld MiB %8lld %9lld\n", text(o, "name"), text(o, "state"),
		       number(o, "cpus"), number(o, "memory") / MIB, number(o, "memory_used") / MIB,
		       number(o, "pid"), number(o, "seconds"));
	}
}

static int run(int argc, char **argv)
{
	struct list list = { json_object_new_array() };
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	int err;

	if (argc > 1 && !json)
		return usage_error("list", "'%s' is not an option", argv[1]);
	err = control_each(collect, &list);
	if (err) {
		complain("cannot look for VMs: %s", strerror(-err));
		return EXIT_SYSTEM;
	}
	if (json)
		printf("%s\n", json_object_to_json_string_ext(list.all, JSON_C_TO_STRING_PRETTY));
	else
		print_table(list.all);
	json_object_put(list.all);
	return EXIT_OK;
}

const struct command command_list = {
	.name = "list",
	.summary = "lists the VMs that run",
	.usage =
		"usage: bellows list [--json]\n\n"
		"  --json   an array of objects; sizes in bytes\n\n"
		"Example:\n"
		"  bellows list --json | jq '.[].name'\n",
	.run = run,
};
