// SPDX-License-Identifier: GPL-2.0
/*
 * The VM's end of its control socket. It is served by the loop's thread, which never
 * waits: not for a client, whose answers are short enough for a socket's buffer, and
 * not for vCPUs, which come to rest on their own.
 *
 * A client that follows the console too slowly loses output; one that misbehaves
 * loses its connection.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "control.h"
#include "control_protocol.h"
#include "exit_codes.h"
#include "message.h"
#include "pc/pc.h"

#define MAX_CLIENTS	16
#define MAX_DEPTH	4

struct client {
	struct loop_source source;
	struct control *control;
	struct terminal_follower follower;
	bool console;
	size_t used;
	char line[CONTROL_LINE];
};

struct control {
	struct loop_source source;
	struct machine *machine;
	struct terminal *terminal;
	const char *name;
	struct timespec begin;
	struct client *clients[MAX_CLIENTS];
};

static void close_client(struct client *c)
{
	struct control *control = c->control;
	unsigned int i;

	if (c->console)
		terminal_unfollow(control->terminal, &c->follower);
	loop_remove(control->machine->vm.loop, &c->source);
	close(c->source.fd);
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (control->clients[i] == c)
			control->clients[i] = NULL;
	}
	free(c);
}

/* Returns false if the client is not there any more. */
static bool answer(struct client *c, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	size_t len = strlen(text);
	char line[CONTROL_LINE];
	bool ok = len + 1 < sizeof(line);

	if (ok) {
		memcpy(line, text, len);
		line[len] = '\n';
		ok = send(c->source.fd, line, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len + 1;
	}
	json_object_put(o);
	return ok;
}

static struct json_object *good(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(true));
	return o;
}

static struct json_object *bad(const char *why)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(false));
	json_object_object_add(o, "error", json_object_new_string(why));
	return o;
}

static void put_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void put_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *do_status(struct control *control)
{
	struct machine *m = control->machine;
	struct json_object *o = good();
	uint64_t used, large;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	put_text(o, "name", control->name);
	put_text(o, "state", machine_state(m));
	put_number(o, "pid", getpid());
	put_text(o, "device", m->device_path);
	put_number(o, "cpus", m->n_cpus);
	put_number(o, "memory", m->memory.size);
	if (!machine_memory_used(m, &used, &large)) {
		put_number(o, "memory_used", used);
		put_number(o, "memory_large_pages", large);
	}
	put_number(o, "exits", machine_exits(m));
	put_number(o, "seconds", now.tv_sec - control->begin.tv_sec);
	return o;
}

static struct json_object *do_pause(struct control *control)
{
	machine_ask_pause(control->machine, true);
	return good();
}

static struct json_object *do_resume(struct control *control)
{
	machine_ask_pause(control->machine, false);
	return good();
}

static struct json_object *do_power_button(struct control *control)
{
	acpi_pm_press(&control->machine->vm);
	return good();
}

static struct json_object *do_kill(struct control *control)
{
	vm_end(&control->machine->vm, VM_STOPPED, 0);
	return good();
}

static const struct {
	const char *name;
	struct json_object *(*fn)(struct control *control);
} commands[] = {
	{ "status", do_status },
	{ "pause", do_pause },
	{ "resume", do_resume },
	{ "power-button", do_power_button },
	{ "kill", do_kill },
	{ "console", NULL },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void to_client(struct terminal_follower *follower, const void *data, size_t len)
{
	struct client *c = container_of(follower, struct client, follower);

	if (!data) {
		c->console = answer(c, good());
		return;
	}
	if (send(c->source.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;		/* too slow, or gone: the loop will notice */
}

static bool start_console(struct client *c)
{
	c->follower.output = to_client;
	terminal_follow(c->control->terminal, &c->follower);
	if (!c->console)
		terminal_unfollow(c->control->terminal, &c->follower);
	return c->console;
}

/* One line, without its end. False: the connection is to be closed. */
static bool serve(struct client *c, const char *line, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	struct json_object *o, *name;
	const char *command = NULL;
	unsigned int i = N_COMMANDS;
	bool ok;

	if (!tokener)
		return false;
	o = json_tokener_parse_ex(tokener, line, len);
	ok = o && json_tokener_get_error(tokener) == json_tokener_success &&
	     json_tokener_get_parse_end(tokener) == len && json_object_is_type(o, json_type_object);
	json_tokener_free(tokener);
	if (!ok) {
		json_object_put(o);
		answer(c, bad("not a JSON object"));
		return false;
	}
	if (json_object_object_get_ex(o, "command", &name) && json_object_is_type(name, json_type_string))
		command = json_object_get_string(name);
	for (i = 0; command && i < N_COMMANDS; i++) {
		if (!strcmp(commands[i].name, command))
			break;
	}
	json_object_put(o);
	if (!command || i == N_COMMANDS)
		return answer(c, bad(command ? "there is no such command" : "no command is named"));
	return commands[i].fn ? answer(c, commands[i].fn(c->control)) : start_console(c);
}

/* Whole lines of what has arrived. False: close. */
static bool serve_lines(struct client *c)
{
	size_t len;
	char *end;

	while (!c->console && (end = memchr(c->line, '\n', c->used))) {
		len = end - c->line;
		if (!serve(c, c->line, len))
			return false;
		c->used -= len + 1;
		memmove(c->line, end + 1, c->used);
	}
	if (c->console) {
		terminal_type(c->control->terminal, c->line, c->used);
		c->used = 0;
	} else if (c->used == sizeof(c->line)) {
		answer(c, bad("the line is too long"));
		return false;
	}
	return true;
}

static void on_client(struct loop_source *source, uint32_t events)
{
	struct client *c = container_of(source, struct client, source);
	ssize_t n = recv(source->fd, c->line + c->used, sizeof(c->line) - c->used, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->used += n;
	if (n <= 0 || !serve_lines(c))
		close_client(c);
}

static void on_connection(struct loop_source *source, uint32_t events)
{
	struct control *control = container_of(source, struct control, source);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;
	unsigned int i = 0;

	if (fd < 0)
		return;
	while (i < MAX_CLIENTS && control->clients[i])
		i++;
	c = i < MAX_CLIENTS && control_peer_is_ours(fd) ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->control = control;
	c->source = (struct loop_source) { fd, on_client };
	if (loop_add(control->machine->vm.loop, &c->source, EPOLLIN)) {
		close(fd);
		free(c);
		return;
	}
	control->clients[i] = c;
}

static int listen_at(const char *name)
{
	struct sockaddr_un address;
	socklen_t len = control_address(&address, getuid(), name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, len) && !listen(fd, MAX_CLIENTS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int control_create(struct control **control, struct machine *machine, struct terminal *terminal,
		   const char *name)
{
	struct control *c = calloc(1, sizeof(*c));
	int fd = c ? listen_at(name) : -ENOMEM;

	if (fd == -EADDRINUSE)
		complain("--name: a VM called %s runs already: choose another name, or end it with 'bellows stop %s'",
			 name, name);
	else if (fd < 0)
		complain("cannot open the control socket: %s", strerror(-fd));
	if (fd < 0) {
		free(c);
		return fd == -EADDRINUSE ? EXIT_USAGE : EXIT_SYSTEM;
	}
	c->source = (struct loop_source) { fd, on_connection };
	c->machine = machine;
	c->terminal = terminal;
	c->name = name;
	clock_gettime(CLOCK_MONOTONIC, &c->begin);
	*control = c;
	if (!loop_add(machine->vm.loop, &c->source, EPOLLIN))
		return 0;
	complain("cannot wait for commands: %s", strerror(errno));
	return EXIT_SYSTEM;
}

void control_free(struct control *control)
{
	unsigned int i;

	if (!control)
		return;
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (control->clients[i])
			close_client(control->clients[i]);
	}
	loop_remove(control->machine->vm.loop, &control->source);
	close(control->source.fd);
	free(control);
}
