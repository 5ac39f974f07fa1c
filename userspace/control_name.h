/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONTROL_NAME_H
#define CONTROL_NAME_H
/* How a control socket is called, and who may use it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_PREFIX	"bellows/"

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
