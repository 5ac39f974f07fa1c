// SPDX-License-Identifier: GPL-2.0
/*
 * A network without privileges: libslirp is router, DHCP and DNS server of the guest,
 * and turns its connections into sockets of this process. The guest is 10.0.2.15, the
 * host 10.0.2.2, the name server 10.0.2.3.
 *
 * libslirp must be called by one thread, and wants to say before each sleep what it
 * waits for, so that it has a thread of its own; that also waits for the guest's queues.
 * What it sends goes first into a list of our own, since it may do so at any call; the
 * device's lock is taken afterwards to give it to the guest. While the guest has no room,
 * libslirp is not asked for more: its sockets fill up, and TCP slows the sender down.
 *
 * libslirp takes apart what an untrusted guest made up. Frames that it is known not to
 * stand do not reach it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "message.h"
#include "net/net.h"
#include "thread.h"
#include "virtio/net.h"

#define BACKLOG_MAX	1024	/* frames */
#define POLLS_MAX	1024
#define OWN_POLLS	3	/* end, and the two queues */

struct frame {
	struct frame *next;
	uint32_t len;
	struct net_header header;
	uint8_t data[];
};

struct timer {
	SlirpTimerCb callback;
	void *opaque;
	int64_t expires;	/* ms, or -1 */
	struct timer *next;
};

/* All but end is the thread's. */
struct slirp_net {
	struct net *net;
	Slirp *slirp;
	pthread_t thread;
	bool running;
	int end;		/* an eventfd */
	struct frame *first, **last;
	unsigned int n_frames;
	struct timer *timers;
	struct pollfd polls[POLLS_MAX];
	unsigned int n_polls;
};

/* --- What libslirp calls --------------------------------------------------------------- */

static int64_t now_ns(void *opaque)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static ssize_t on_packet(const void *data, size_t len, void *opaque)
{
	struct slirp_net *s = opaque;
	struct frame *frame = NULL;

	if (s->n_frames < BACKLOG_MAX && len <= NET_FRAME_MAX)
		frame = malloc(sizeof(*frame) + len);
	if (!frame)
		return len;	/* lost, as on a wire */
	frame->next = NULL;
	frame->len = sizeof(frame->header) + len;
	frame->header = (struct net_header) { .num_buffers = 1 };
	memcpy(frame->data, data, len);
	*s->last = frame;
	s->last = &frame->next;
	s->n_frames++;
	return len;
}

static void on_guest_error(const char *text, void *opaque)
{
	struct slirp_net *s = opaque;

	vm_warn(s->net->v.vm, "virtio-net: %s", text);
}

static void *timer_new(SlirpTimerCb callback, void *callback_opaque, void *opaque)
{
	struct slirp_net *s = opaque;
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		abort();	/* libslirp allows no failure */
	*timer = (struct timer) { callback, callback_opaque, -1, s->timers };
	s->timers = timer;
	return timer;
}

static void timer_free(void *which, void *opaque)
{
	struct slirp_net *s = opaque;
	struct timer **p;

	for (p = &s->timers; *p; p = &(*p)->next) {
		if (*p == which) {
			*p = (*p)->next;
			break;
		}
	}
	free(which);
}

static void timer_mod(void *which, int64_t expires, void *opaque)
{
	((struct timer *)which)->expires = expires;
}

static void no_fd(int fd, void *opaque)
{
}

static void no_notify(void *opaque)
{
	/* Only this thread calls libslirp, and it asks before it sleeps. */
}

static const SlirpCb callbacks = {
	.send_packet = on_packet,
	.guest_error = on_guest_error,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_fd,
	.unregister_poll_fd = no_fd,
	.notify = no_notify,
};

/* --- The thread -------------------------------------------------------------------------- */

static const struct { int slirp; short poll; } events[] = {
	{ SLIRP_POLL_IN, POLLIN }, { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

#define N_EVENTS	(sizeof(events) / sizeof(events[0]))

static int add_poll(int fd, int wanted, void *opaque)
{
	struct slirp_net *s = opaque;
	struct pollfd *p;
	unsigned int i;

	if (s->n_polls == POLLS_MAX)
		return -1;
	p = &s->polls[s->n_polls];
	*p = (struct pollfd) { .fd = fd };
	for (i = 0; i < N_EVENTS; i++)
		p->events |= wanted & events[i].slirp ? events[i].poll : 0;
	return s->n_polls++;
}

static int get_events(int index, void *opaque)
{
	struct slirp_net *s = opaque;
	unsigned int i;
	int got = 0;

	for (i = 0; i < N_EVENTS && index >= 0; i++)
		got |= s->polls[index].revents & events[i].poll ? events[i].slirp : 0;
	return got;
}

/* Takes the device's lock. */
static void deliver(struct slirp_net *s)
{
	struct virtio *v = &s->net->v;
	struct frame *frame;

	pthread_mutex_lock(&v->lock);
	/* A guest that does not listen misses what is said. */
	while ((frame = s->first) && (!virtio_live(v) || virtio_net_receive(s->net, &frame->header, frame->len))) {
		s->first = frame->next;
		if (!s->first)
			s->last = &s->first;
		s->n_frames--;
		free(frame);
	}
	virtio_settle(v);
	pthread_mutex_unlock(&v->lock);
}

static void run_timers(struct slirp_net *s)
{
	int64_t now = now_ns(s) / 1000000;
	struct timer *timer, *next;

	for (timer = s->timers; timer; timer = next) {
		next = timer->next;
		if (timer->expires < 0 || timer->expires > now)
			continue;
		timer->expires = -1;
		timer->callback(timer->opaque);
	}
}

/* Milliseconds until something is due; -1: for ever. */
static int sleep_time(struct slirp_net *s, uint32_t timeout)
{
	int64_t now = now_ns(s) / 1000000, ms = timeout > INT32_MAX ? -1 : (int64_t)timeout;
	struct timer *timer;

	for (timer = s->timers; timer; timer = timer->next) {
		int64_t left = timer->expires > now ? timer->expires - now : 0;

		if (timer->expires >= 0 && (ms < 0 || left < ms))
			ms = left;
	}
	return ms;
}

static bool sleep_and_serve(struct slirp_net *s)
{
	struct virtio *v = &s->net->v;
	uint32_t timeout = UINT32_MAX;
	bool asked = !s->first;
	int n;

	s->polls[0] = (struct pollfd) { .fd = s->end, .events = POLLIN };
	s->polls[1] = (struct pollfd) { .fd = virtio_kick_fd(v, 0), .events = POLLIN };
	s->polls[2] = (struct pollfd) { .fd = virtio_kick_fd(v, 1), .events = POLLIN };
	s->n_polls = OWN_POLLS;
	if (asked)
		slirp_pollfds_fill(s->slirp, &timeout, add_poll, s);
	n = poll(s->polls, s->n_polls, sleep_time(s, timeout));
	if (asked)
		slirp_pollfds_poll(s->slirp, n < 0, get_events, s);
	run_timers(s);
	if (n > 0 && s->polls[1].revents)
		virtio_kicked(v, 0);
	if (n > 0 && s->polls[2].revents)
		virtio_kicked(v, 1);
	if (s->first)
		deliver(s);
	return n <= 0 || !s->polls[0].revents;
}

static void *run(void *arg)
{
	struct slirp_net *s = arg;

	while (sleep_and_serve(s))
		;
	return NULL;
}

/*
 * Putting fragments together is where libslirp 4.7 lets a guest choose a pointer that
 * it follows. Few programs send fragments; losing them is the lesser evil. An IPv6
 * network is not set up.
 */
static bool is_safe(const uint8_t *frame, uint32_t len)
{
	enum { TYPE = 12, VERSION = 14, FRAGMENT = 20, MIN_LEN = 34 };
	const bool ipv4 = len > VERSION && frame[TYPE] == 8 && frame[TYPE + 1] == 0;
	const bool arp = len > VERSION && frame[TYPE] == 8 && frame[TYPE + 1] == 6;

	/* More fragments follow, or this is not the first: all but the bit "do not fragment". */
	return arp || (ipv4 && len >= MIN_LEN && !(frame[FRAGMENT] & 0xbf) && !frame[FRAGMENT + 1]);
}

/* In the thread, from a kick. The header asks for nothing, since nothing was offered. */
static void slirp_send(struct net *net, const uint8_t *data, uint32_t len)
{
	struct slirp_net *s = net->private;

	data += sizeof(struct net_header);
	len -= sizeof(struct net_header);
	if (is_safe(data, len))
		slirp_input(s->slirp, data, len);
}

/* --- Life ------------------------------------------------------------------------------------ */

static int slirp_start(struct net *net)
{
	struct slirp_net *s = net->private;
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = thread_start(&s->thread, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->running = !err;
	if (err)
		complain("virtio-net: cannot start a thread: %s", strerror(err));
	return -err;
}

static void slirp_stop(struct net *net)
{
	struct slirp_net *s = net->private;

	if (!s->running)
		return;
	eventfd_write(s->end, 1);
	pthread_join(s->thread, NULL);
	s->running = false;
}

static void slirp_close(struct net *net)
{
	struct slirp_net *s = net->private;
	struct frame *frame;

	if (s->slirp)
		slirp_cleanup(s->slirp);
	while ((frame = s->first)) {
		s->first = frame->next;
		free(frame);
	}
	while (s->timers)
		timer_free(s->timers, s);
	if (s->end >= 0)
		close(s->end);
	free(s);
}

static bool add_forwards(struct slirp_net *s, const struct net_options *options)
{
	const struct in_addr guest = { 0 };	/* the address that DHCP gives first */
	unsigned int i;

	for (i = 0; i < options->n_forwards; i++) {
		const struct net_forward *f = &options->forwards[i];
		struct in_addr host = { f->host_addr };

		if (slirp_add_hostfwd(s->slirp, f->udp, host, f->host_port, guest, f->guest_port)) {
			complain("--net %s: port %u of the host: %s", options->spec, f->host_port,
				 strerror(errno));
			return false;
		}
	}
	return true;
}

static void *slirp_open(struct net *net, const struct net_options *options)
{
	struct slirp_net *s = calloc(1, sizeof(*s));
	SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork.s_addr = htonl(0x0a000200),
		.vnetmask.s_addr = htonl(0xffffff00),
		.vhost.s_addr = htonl(0x0a000202),
		.vnameserver.s_addr = htonl(0x0a000203),
		.vdhcp_start.s_addr = htonl(0x0a00020f),
	};

	net->private = s;
	if (s) {
		s->net = net;
		s->last = &s->first;
		s->end = eventfd(0, EFD_CLOEXEC);
		s->slirp = slirp_new(&config, &callbacks, s);
	}
	if (!s || s->end < 0 || !s->slirp)
		complain("--net %s: cannot set up libslirp", options->spec);
	else if (add_forwards(s, options))
		return s;
	if (s)
		slirp_close(net);
	return NULL;
}

const struct net_backend net_slirp = {
	.open = slirp_open,
	.own_thread = true,
	.start = slirp_start,
	.send = slirp_send,
	.stop = slirp_stop,
	.close = slirp_close,
};
