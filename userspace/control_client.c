// SPDX-License-Identifier: GPL-2.0
/* The commands' end of a VM's control socket. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "control_client.h"
#include "control_protocol.h"
#include "message.h"

#define PATIENCE	10	/* seconds for an answer */

int control_connect(const char *name)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un address;
	socklen_t len = control_address(&address, getuid(), name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, len) && control_peer_is_ours(fd))
		return fd;
	err = errno ? -errno : -EACCES;
	close(fd);
	return err;
}

/* Byte by byte: behind the line may be what is not ours. */
static int read_line(int fd, char *line, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1) {
		n = recv(fd, line + used, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		if (line[used] == '\n') {
			line[used] = 0;
			return 0;
		}
		used++;
	}
	return -EMSGSIZE;
}

struct json_object *control_ask(int fd, const char *name, const char *command)
{
	struct json_object *o, *value;
	char line[CONTROL_LINE];
	int len = snprintf(line, sizeof(line), "{\"command\": \"%s\"}\n", command);
	int err = 0;

	if (send(fd, line, len, MSG_NOSIGNAL) != len)
		err = -errno;
	if (!err)
		err = read_line(fd, line, sizeof(line));
	if (err) {
		complain("%s: the VM does not answer: %s", name,
			 err == -EAGAIN ? "it may be stopped or busy" : strerror(-err));
		return NULL;
	}
	o = json_tokener_parse(line);
	if (o && json_object_object_get_ex(o, "ok", &value) && json_object_get_boolean(value))
		return o;
	complain("%s: %s", name, o && json_object_object_get_ex(o, "error", &value) ?
		 json_object_get_string(value) : "the VM's answer makes no sense");
	json_object_put(o);
	return NULL;
}

struct json_object *control_command(const char *name, const char *command)
{
	int fd = control_connect(name);
	struct json_object *answer;

	if (fd == -ECONNREFUSED)
		complain("there is no VM called %s: 'bellows list' shows those that run", name);
	else if (fd < 0)
		complain("%s: %s", name, strerror(-fd));
	if (fd < 0)
		return NULL;
	answer = control_ask(fd, name, command);
	close(fd);
	return answer;
}

int control_each(void (*fn)(const char *name, void *opaque), void *opaque)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512], prefix[64];
	char *name;

	if (!f)
		return -errno;
	snprintf(prefix, sizeof(prefix), " @" CONTROL_PREFIX "%u/", (unsigned int)getuid());
	while (fgets(line, sizeof(line), f)) {
		/* Connections have the name, too; only a listener has this flag. */
		if (!strstr(line, " 00010000 "))
			continue;
		name = strstr(line, prefix);
		if (!name)
			continue;
		name += strlen(prefix);
		name[strcspn(name, "\n")] = 0;
		fn(name, opaque);
	}
	fclose(f);
	return 0;
}
