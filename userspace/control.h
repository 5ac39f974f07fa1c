/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONTROL_H
#define CONTROL_H
/*
 * The control socket of a VM, seen from both ends.
 *
 * It is a socket of the abstract namespace, so that nothing is left behind when a
 * VM ends in whatever way, and that of two VMs with one name the second cannot
 * start. Such a socket has no permissions: both ends ask the kernel who the other
 * is, and talk to their own user and to root only.
 *
 * A request is one line of JSON, {"command": "..."} with its arguments beside it; so
 * is its answer, {"ok": true, ...} or {"ok": false, "error": "..."}. After an
 * answer to "console" the connection carries the console's bytes, both ways. A line
 * that is too long or is no JSON object ends the connection, after an answer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>
#include "machine.h"
#include "terminal.h"

#define CONTROL_LINE	4096

struct control;

/* Listens; EXIT_* after a message. name is that of the VM. */
int control_create(struct control **control, struct machine *machine, struct terminal *terminal,
		   const char *name);
/* With the loop at rest. */
void control_free(struct control *control);

/* --- The other end ---------------------------------------------------------------------- */

/* A connection, or -errno; -ECONNREFUSED: there is no such VM. */
int control_connect(const char *name);
/* Sends {"command": command}, and waits for the answer; NULL after a message. Free it with json_object_put(). */
struct json_object *control_ask(int fd, const char *name, const char *command);
/* The same with a connection of its own; what most commands do. Messages name the VM. */
struct json_object *control_command(const char *name, const char *command);
/* Calls fn with the name of each VM of this user. 0, or -errno. */
int control_each(void (*fn)(const char *name, void *opaque), void *opaque);

#endif
