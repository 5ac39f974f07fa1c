// SPDX-License-Identifier: GPL-2.0
/*
 * A network card with one pair of queues. A frame from the guest is gathered in one
 * piece before anything looks at it, so that what is checked is what is used.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "message.h"
#include "net/net.h"
#include "virtio/net.h"

#define F_MAC		VIRTIO_FEATURE(5)
#define F_STATUS	VIRTIO_FEATURE(16)
#define STATUS_LINK_UP	1

#define QUEUE_RX	0
#define QUEUE_TX	1

static struct net *net_of(struct virtio *v)
{
	return container_of(v, struct net, v);
}

bool virtio_net_receive(struct net *net, const void *data, uint32_t len)
{
	struct vring_chain chain;
	struct vring_span in;

	if (!virtio_take(&net->v, QUEUE_RX, &chain))
		return false;
	in = vring_in(&chain);
	/* One that does not fit is lost, as on a wire. */
	if (in.size < len)
		vring_untake(&net->v.queues[QUEUE_RX].ring, &chain);
	else
		virtio_give(&net->v, QUEUE_RX, chain.head, vring_push(&in, data, len));
	return true;
}

static void send_one(struct virtio *v, struct vring_chain *chain)
{
	struct vring_span out = vring_out(chain);
	struct net *net = net_of(v);
	uint32_t size = out.size, len = vring_pull(&out, net->frame, sizeof(net->frame));

	virtio_give(v, QUEUE_TX, chain->head, 0);
	if (size < sizeof(struct net_header))
		virtio_fail(v, "a frame has no header");
	else if (size == len && len > sizeof(struct net_header))
		net->backend->send(net, net->frame, len);
}

static void kick(struct virtio *v, unsigned int q)
{
	struct net *net = net_of(v);

	if (q == QUEUE_TX)
		virtio_drain(v, q, send_one);
	else if (net->backend->room)
		net->backend->room(net);
}

/* --- Life ------------------------------------------------------------------------------- */

static void net_activate(struct virtio *v)
{
	struct net *net = net_of(v);

	if (net->backend->activate)
		net->backend->activate(net);
}

static int net_start(struct virtio *v)
{
	return net_of(v)->backend->start(net_of(v));
}

static void net_stop(struct virtio *v)
{
	net_of(v)->backend->stop(net_of(v));
}

static void net_free(struct virtio *v)
{
	struct net *net = net_of(v);

	net->backend->close(net);
	free(net);
}

#define NET_OPS(thread) {				\
	.type = VIRTIO_TYPE_NET,			\
	.n_queues = 2,					\
	.queue_size = 256,				\
	.own_thread = thread,				\
	.kick = kick,					\
	.activate = net_activate,			\
	.start = net_start,				\
	.stop = net_stop,				\
	.free = net_free,				\
}

static const struct virtio_ops loop_ops = NET_OPS(false), thread_ops = NET_OPS(true);

/* --- Options ------------------------------------------------------------------------------ */

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = n;
	return *text >= '0' && *text <= '9' && !*end && n && n <= 65535;
}

/* tcp|udp:[ADDR:]PORT:GUESTPORT */
static bool parse_forward(char *text, struct net_forward *f)
{
	char *words[4];
	unsigned int n = 0;

	for (; text && n < 4; n++)
		words[n] = strsep(&text, ":");
	*f = (struct net_forward) { .udp = !strcmp(words[0], "udp"), .host_addr = htonl(INADDR_LOOPBACK) };
	if (text || n < 3 || (!f->udp && strcmp(words[0], "tcp")))
		return false;
	if (n == 4 && *words[1] && inet_pton(AF_INET, words[1], &f->host_addr) != 1)
		return false;
	return parse_port(words[n - 2], &f->host_port) && parse_port(words[n - 1], &f->guest_port);
}

static bool parse_mac(const char *text, uint8_t *mac)
{
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &end) == 6 && !text[end] && !(mac[0] & 1);
}

static bool parse_word(struct net_options *o, char *word, uint8_t *mac)
{
	if (!strcmp(word, "user") && !o->backend) {
		o->backend = &net_slirp;
		return true;
	}
	if (!strncmp(word, "tap=", 4) && word[4] && !o->backend) {
		o->backend = &net_tap;
		o->tap = word + 4;
		return true;
	}
	if (!strncmp(word, "mac=", 4))
		return parse_mac(word + 4, mac);
	return !strncmp(word, "hostfwd=", 8) && o->backend == &net_slirp &&
	       o->n_forwards < NET_FORWARDS && parse_forward(word + 8, &o->forwards[o->n_forwards++]);
}

static bool parse_options(struct net_options *o, const char *spec, char *text, uint8_t *mac)
{
	char shown[128], *word;

	*o = (struct net_options) { .spec = spec };
	while ((word = strsep(&text, ","))) {
		snprintf(shown, sizeof(shown), "%s", word);
		if (parse_word(o, word, mac))
			continue;
		complain("--net %s: '%s' is not understood: user[,hostfwd=tcp|udp:[ADDR:]PORT:GUESTPORT]... or tap=NAME, and then perhaps mac=52:54:00:12:34:56",
			 spec, shown);
		return false;
	}
	return o->backend;
}

/* The same at each start of a VM, and different for each VM of a host. */
static void default_mac(const struct vm *vm, uint8_t *mac)
{
	uint32_t hash = 2166136261u + vm->n_virtio;
	const char *p;

	for (p = vm->name ? vm->name : ""; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619;
	memcpy(mac, (uint8_t[]) { 0x52, 0x54, 0, hash >> 16, hash >> 8, hash }, 6);
}

int virtio_net_create(struct vm *vm, const char *spec)
{
	struct net *net = calloc(1, sizeof(*net));
	char *text = strdup(spec);
	struct net_options options;
	int err = -EINVAL;

	if (!net || !text)
		goto out;
	default_mac(vm, net->config.mac);
	if (!parse_options(&options, spec, text, net->config.mac))
		goto out;
	err = -EIO;
	net->v.vm = vm;
	net->config.status = STATUS_LINK_UP;
	net->config.max_queue_pairs = 1;
	net->backend = options.backend;
	net->private = net->backend->open(net, &options);
	if (!net->private)
		goto out;
	err = virtio_init(&net->v, vm, "virtio-net", net->backend->own_thread ? &thread_ops : &loop_ops,
			  F_MAC | F_STATUS | net->backend->features, &net->config, sizeof(net->config));
	if (err)
		net->backend->close(net);
	else
		net = NULL;
out:
	free(net);
	free(text);
	return err;
}
