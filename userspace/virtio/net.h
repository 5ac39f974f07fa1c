/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H
/* A network card. What it sends goes to a backend, which calls back with what it receives. */
#include <stdbool.h>
#include <stdint.h>
#include "net/net.h"
#include "virtio/virtio.h"

struct net_config {
	uint8_t mac[6];
	uint16_t status, max_queue_pairs, mtu;
};

struct net {
	struct virtio v;
	const struct net_backend *backend;
	void *private;			/* the backend's */
	struct net_config config;
	uint8_t frame[sizeof(struct net_header) + NET_FRAME_MAX];	/* lock: one from the guest */
};

/*
 * A frame for the guest, header included, with the lock held. False if there is no
 * buffer now; then backend->room() is called when there is.
 */
bool virtio_net_receive(struct net *net, const void *data, uint32_t len);

/*
 * user[,hostfwd=tcp|udp:[ADDR:]PORT:GUESTPORT]... or tap=NAME; both: [,mac=XX:XX:XX:XX:XX:XX].
 * The card belongs to the VM from then on. 0, or -errno after a message: -EINVAL if
 * spec is wrong, otherwise about this machine.
 */
int virtio_net_create(struct vm *vm, const char *spec);

#endif
