/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBD_SERVER_H
#define NBD_SERVER_H
/* A qemu-nbd of our own that serves one image, and the connection to it. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nbd_server {
	pid_t pid;
	int socket, errors;	/* errors: its stderr */
	uint64_t size;
	bool read_only, can_trim, can_zero;
};

/* 0, or -1 after a message. */
int nbd_server_start(struct nbd_server *server, const char *path, bool read_only);
/* Closes the connection and waits until the image is closed. */
void nbd_server_stop(struct nbd_server *server);

#endif
