// SPDX-License-Identifier: GPL-2.0
/*
 * A tap interface of the host, which its administrator has made and perhaps given to
 * this user ('ip tuntap add NAME mode tap user USER'). Frames carry the header of virtio
 * on both sides, so that the host's kernel or its network card does checksums and
 * segmentation; the kernel checks the header.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "message.h"
#include "net/net.h"
#include "virtio/net.h"

#define F_CSUM		VIRTIO_FEATURE(0)
#define F_GUEST_CSUM	VIRTIO_FEATURE(1)
#define F_HOST_TSO4	VIRTIO_FEATURE(11)
#define F_HOST_TSO6	VIRTIO_FEATURE(12)
#define FRAMES_AT_ONCE	64

struct tap {
	struct loop_source source;
	struct net *net;
	bool listening;			/* lock */
	uint32_t held;			/* lock: a frame that found no buffer, or 0 */
	uint8_t frame[sizeof(struct net_header) + NET_FRAME_MAX];	/* lock */
};

static void listen_to_host(struct tap *tap, bool on)
{
	if (tap->listening != on)
		loop_modify(tap->net->v.vm->loop, &tap->source, on ? EPOLLIN : 0);
	tap->listening = on;
}

static void receive_frames(struct tap *tap)
{
	unsigned int budget = FRAMES_AT_ONCE;
	ssize_t n;

	while (budget--) {
		n = tap->held ? tap->held : read(tap->source.fd, tap->frame, sizeof(tap->frame));
		if (n <= (ssize_t)sizeof(struct net_header))
			break;
		((struct net_header *)tap->frame)->num_buffers = 1;
		if (!virtio_net_receive(tap->net, tap->frame, n)) {
			tap->held = n;
			listen_to_host(tap, false);
			return;
		}
		tap->held = 0;
	}
	listen_to_host(tap, true);
}

static void on_readable(struct loop_source *source, uint32_t events)
{
	struct tap *tap = container_of(source, struct tap, source);
	struct virtio *v = &tap->net->v;

	pthread_mutex_lock(&v->lock);
	if (virtio_live(v)) {
		receive_frames(tap);
		virtio_settle(v);
	} else {
		tap->held = 0;
		listen_to_host(tap, false);
	}
	pthread_mutex_unlock(&v->lock);
}

static void tap_room(struct net *net)
{
	receive_frames(net->private);
}

static void tap_send(struct net *net, const uint8_t *data, uint32_t len)
{
	struct tap *tap = net->private;

	/* What the host does not take is lost, as on a wire. */
	if (write(tap->source.fd, data, len) < 0 && errno == EIO)
		vm_warn(net->v.vm, "virtio-net: the tap interface is down");
}

static void tap_activate(struct net *net)
{
	struct tap *tap = net->private;

	tap->held = 0;
	ioctl(tap->source.fd, TUNSETOFFLOAD, virtio_has(&net->v, F_GUEST_CSUM) ? TUN_F_CSUM : 0);
}

static int tap_start(struct net *net)
{
	struct tap *tap = net->private;
	int err = loop_add(net->v.vm->loop, &tap->source, 0);

	if (err)
		complain("virtio-net: %s", strerror(-err));
	return err;
}

static void tap_stop(struct net *net)
{
	struct tap *tap = net->private;

	loop_remove(net->v.vm->loop, &tap->source);
}

static void tap_close(struct net *net)
{
	struct tap *tap = net->private;

	close(tap->source.fd);
	free(tap);
}

static int open_tap(const char *name, const char *spec)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd, size = sizeof(struct net_header);

	if (strlen(name) >= sizeof(ifr.ifr_name)) {
		complain("--net %s: '%s' is too long for the name of an interface", spec, name);
		return -1;
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		complain("--net %s: /dev/net/tun: %s", spec, strerror(errno));
		return -1;
	}
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &size)) {
		complain("--net %s: %s: %s%s", spec, name, strerror(errno), errno == EPERM ?
			 " (as root: ip tuntap add NAME mode tap user USER)" : "");
		close(fd);
		return -1;
	}
	return fd;
}

static void *tap_open(struct net *net, const struct net_options *options)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap) {
		complain("--net %s: out of memory", options->spec);
		return NULL;
	}
	tap->net = net;
	tap->source = (struct loop_source) { open_tap(options->tap, options->spec), on_readable };
	if (tap->source.fd < 0) {
		free(tap);
		return NULL;
	}
	return tap;
}

const struct net_backend net_tap = {
	.open = tap_open,
	.features = F_CSUM | F_GUEST_CSUM | F_HOST_TSO4 | F_HOST_TSO6,
	.start = tap_start,
	.activate = tap_activate,
	.send = tap_send,
	.room = tap_room,
	.stop = tap_stop,
	.close = tap_close,
};
