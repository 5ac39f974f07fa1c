/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H
/*
 * The control socket of a VM: what both ends agree on.
 *
 * It is a socket of the abstract namespace, so that nothing is left behind when a
 * VM ends in whatever way, and that of two VMs with one name the second cannot
 * start. Such a socket has no permissions: both ends ask the kernel for the other
 * end's user, and talk to their own user and to root only.
 *
 * A request is one line of JSON, {"command": "..."} with its arguments beside it; so
 * is its answer, {"ok": true, ...} or {"ok": false, "error": "..."}. After an
 * answer to "console" the connection carries the console's bytes, both ways. A line
 * that is too long or is no JSON object ends the connection, after an answer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_PREFIX	"bellows/"
#define CONTROL_LINE	4096

/* In the abstract namespace: the first byte of the path is zero. */
static inline socklen_t control_address(struct sockaddr_un *address, uid_t user, const char *name)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, CONTROL_PREFIX "%u/%s",
		 (unsigned int)user, name);
	return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address->sun_path + 1);
}

static inline bool control_peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == getuid() || peer.uid == 0);
}

#endif
