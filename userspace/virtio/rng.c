// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers from the host's kernel. A guest can ask without end, so that one
 * request gets a limited answer; the driver asks again for more.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include "message.h"
#include "virtio/rng.h"
#include "virtio/virtio.h"

#define MAX_ANSWER	4096

static void serve(struct virtio *v, struct vring_chain *chain)
{
	struct vring_span in = vring_in(chain);
	uint8_t data[256];
	uint32_t done = 0;
	ssize_t n;

	while (in.size && done < MAX_ANSWER) {
		n = getrandom(data, in.size < sizeof(data) ? in.size : sizeof(data), 0);
		if (n <= 0)
			break;
		done += vring_push(&in, data, n);
	}
	virtio_give(v, 0, chain->head, done);
}

static void kick(struct virtio *v, unsigned int q)
{
	virtio_drain(v, q, serve);
}

static void rng_free(struct virtio *v)
{
	free(v);
}

static const struct virtio_ops rng_ops = {
	.type = VIRTIO_TYPE_RNG,
	.n_queues = 1,
	.queue_size = 64,
	.kick = kick,
	.free = rng_free,
};

int virtio_rng_create(struct vm *vm)
{
	struct virtio *v = calloc(1, sizeof(*v));
	int err;

	if (!v) {
		complain("virtio-rng: out of memory");
		return -ENOMEM;
	}
	err = virtio_init(v, vm, "virtio-rng", &rng_ops, 0, NULL, 0);
	if (err)
		free(v);
	return err;
}
