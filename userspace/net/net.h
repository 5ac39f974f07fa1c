/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NET_H
#define NET_H
/* What is at the other end of a network card's cable. */
#include <stdbool.h>
#include <stdint.h>

/* Before each frame in a queue, and on a tap that is set up for it. */
struct net_header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

#define NET_FRAME_MAX	65535

struct net;
struct net_options;

struct net_backend {
	/* NULL after a message */
	void *(*open)(struct net *net, const struct net_options *options);
	uint64_t features;		/* besides those of every card */
	bool own_thread;
	int (*start)(struct net *net);
	/* The driver agreed to features. May be NULL. */
	void (*activate)(struct net *net);
	/* A frame from the guest, its header in front; with the device's lock held. */
	void (*send)(struct net *net, const uint8_t *data, uint32_t len);
	/* There is room for frames to the guest; with the lock held. May be NULL. */
	void (*room)(struct net *net);
	void (*stop)(struct net *net);
	void (*close)(struct net *net);
};

extern const struct net_backend net_slirp, net_tap;

#define NET_FORWARDS	16

struct net_forward {
	bool udp;
	uint32_t host_addr;		/* network order */
	uint16_t host_port, guest_port;
};

struct net_options {
	const struct net_backend *backend;
	const char *spec;		/* for messages */
	char *tap;
	struct net_forward forwards[NET_FORWARDS];
	unsigned int n_forwards;
};

#endif
