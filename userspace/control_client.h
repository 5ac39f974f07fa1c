/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H
/* The control socket of a VM, seen by other commands. */
struct json_object;

/* A connection, or -errno; -ECONNREFUSED: there is no such VM. */
int control_connect(const char *name);
/* Sends {"command": command}, and waits for the answer; NULL after a message. Free it with json_object_put(). */
struct json_object *control_ask(int fd, const char *name, const char *command);
/* The same with a connection of its own; what most commands do. Messages name the VM. */
struct json_object *control_command(const char *name, const char *command);
/* Calls fn with the name of each VM of this user. 0, or -errno. */
int control_each(void (*fn)(const char *name, void *opaque), void *opaque);

#endif
