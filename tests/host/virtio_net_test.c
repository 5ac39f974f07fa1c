// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's network card: a guest of a few packets talks through libslirp to
 * sockets of this process, and through a tap to a kernel's network stack.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "random.h"
#include "userspace/virtio/net.h"
#include "virtio_driver.h"

#define HEADER		12
#define RX_BUFFERS	32
#define RX_SIZE		2048
#define RX		(guest.memory + GUEST_BUFFERS)
#define TX		(guest.memory + 0x800000)
#define NO_OFFLOAD	~0x3ull

struct ethernet {
	uint8_t to[6], from[6];
	uint16_t type;
} __attribute__((packed));

struct arp {
	uint16_t hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t operation;
	uint8_t sender_mac[6];
	uint32_t sender;
	uint8_t target_mac[6];
	uint32_t target;
} __attribute__((packed));

struct udp_packet {
	uint8_t version, tos;
	uint16_t len, id, fragment;
	uint8_t ttl, protocol;
	uint16_t sum;
	uint32_t from, to;
	uint16_t from_port, to_port, udp_len, udp_sum;
	uint8_t data[];
} __attribute__((packed));

static uint8_t mac[6], router_mac[6];
static uint32_t guest_ip, router_ip;

static void post_buffer(unsigned int i)
{
	struct iovec iov = { RX + RX_SIZE * i, RX_SIZE };

	guest.queues[0].free = i;
	add_chain(0, &iov, 0, 1);
}

static bool machine(const char *spec, const char *ip, const char *router)
{
	unsigned int i;

	guest_create();
	if (virtio_net_create(&guest.vm, spec) || vm_start_devices(&guest.vm) ||
	    !bring_up(2, NO_OFFLOAD, 64))
		return false;
	for (i = 0; i < 6; i++)
		bus_access(&guest.vm.bus, BUS_MMIO, false, guest.base + R_CONFIG + i, 1, &mac[i]);
	for (i = 0; i < RX_BUFFERS; i++)
		post_buffer(i);
	notify(0);
	inet_pton(AF_INET, ip, &guest_ip);
	inet_pton(AF_INET, router, &router_ip);
	return true;
}

static bool send_frame(const void *frame, uint32_t len)
{
	struct iovec iov[2] = { { TX, HEADER }, { TX + 64, len } };
	uint32_t head, used;

	memset(TX, 0, HEADER);
	memcpy(TX + 64, frame, len);
	add_chain(1, iov, 2, 2);
	notify(1);
	return wait_used(1, SOON, &head, &used) && !used;
}

/* The next frame of a type; NULL if none comes in time. Valid until the buffer is used again. */
static const uint8_t *receive_frame(uint16_t type, int ms, uint32_t *len)
{
	static uint8_t frame[RX_SIZE];
	uint32_t head, used;

	while (wait_used(0, ms, &head, &used)) {
		memcpy(frame, RX + RX_SIZE * head, used);
		post_buffer(head);
		notify(0);
		if (used < HEADER + sizeof(struct ethernet) || frame[10] != 1)
			return NULL;
		*len = used - HEADER - sizeof(struct ethernet);
		if (((struct ethernet *)(frame + HEADER))->type == htons(type))
			return frame + HEADER + sizeof(struct ethernet);
	}
	return NULL;
}

/* Who has the router's address? */
static bool find_router(void)
{
	struct {
		struct ethernet ethernet;
		struct arp arp;
	} __attribute__((packed)) ask = {
		{ .type = htons(0x806) }, { htons(1), htons(0x800), 6, 4, htons(1) },
	};
	const struct arp *answer;
	uint32_t len;

	memset(ask.ethernet.to, 0xff, 6);
	memcpy(ask.ethernet.from, mac, 6);
	memcpy(ask.arp.sender_mac, mac, 6);
	ask.arp.sender = guest_ip;
	ask.arp.target = router_ip;
	if (!send_frame(&ask, sizeof(ask)))
		return false;
	do {
		answer = (const struct arp *)receive_frame(0x806, SOON, &len);
	} while (answer && answer->operation != htons(2));
	if (!answer || answer->sender != router_ip || memcmp(answer->target_mac, mac, 6))
		return false;
	memcpy(router_mac, answer->sender_mac, 6);
	return true;
}

static uint16_t checksum(const void *data, unsigned int len)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (; len > 1; len -= 2)
		sum += *p++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static bool send_udp(uint16_t from, uint16_t to, const char *text)
{
	uint8_t frame[sizeof(struct ethernet) + sizeof(struct udp_packet) + 64] __attribute__((aligned(4)));
	struct ethernet *ethernet = (void *)frame;
	struct udp_packet packet = {
		.version = 0x45, .ttl = 64, .protocol = 17,
		.len = htons(sizeof(packet) + strlen(text)), .from = guest_ip, .to = router_ip,
		.from_port = htons(from), .to_port = htons(to), .udp_len = htons(8 + strlen(text)),
	};

	packet.sum = checksum(&packet, 20);
	memcpy(ethernet->to, router_mac, 6);
	memcpy(ethernet->from, mac, 6);
	ethernet->type = htons(0x800);
	memcpy(frame + sizeof(*ethernet), &packet, sizeof(packet));
	memcpy(frame + sizeof(*ethernet) + sizeof(packet), text, strlen(text));
	return send_frame(frame, sizeof(*ethernet) + sizeof(packet) + strlen(text));
}

static const struct udp_packet *receive_udp(int ms)
{
	uint32_t len;
	const struct udp_packet *packet = (const struct udp_packet *)receive_frame(0x800, ms, &len);

	return packet && len >= sizeof(*packet) && packet->protocol == 17 ? packet : NULL;
}

/* Inside a new namespace the loopback interface is down: nothing reaches anybody. */
static bool loopback_is_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool up = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_UP;

	close(fd);
	return up;
}

/* A UDP socket on the loopback address, and its port. */
static int make_socket(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval timeout = { .tv_sec = SOON / 1000 };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	*port = ntohs(a.sin_port);
	return fd;
}

static void test_user(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	const struct udp_packet *packet;
	char text[64] = "";
	uint16_t port;
	int fd = make_socket(&port);
	bool good;

	if (!machine("user", "10.0.2.15", "10.0.2.2"))
		abort();
	tap_result(find_router(), "the guest finds its router");
	good = send_udp(1234, port, "hello") &&
	       recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len) == 5;
	tap_result(good && !strcmp(text, "hello"), "a packet of the guest reaches a socket of the host");
	good = sendto(fd, "world!", 6, 0, (struct sockaddr *)&from, len) == 6;
	packet = receive_udp(SOON);
	tap_result(good && packet && packet->to_port == htons(1234) && packet->from_port == htons(port) &&
		   ntohs(packet->udp_len) == 14 && !memcmp(packet->data, "world!", 6),
		   "and the answer the guest");
	vm_free(&guest.vm);
	close(fd);
}

static void test_forward(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint8_t mac_wanted[6] = { 0x52, 0x54, 0, 1, 2, 3 };
	const struct udp_packet *packet;
	uint16_t port, port2;
	unsigned int i, n = 200, got = 0, head, used;
	int fd = make_socket(&port), other = make_socket(&port2);
	char spec[100];
	uint32_t len;

	/* A port that was free a moment ago */
	close(other);
	to.sin_port = htons(port2);
	snprintf(spec, sizeof(spec), "user,mac=52:54:00:01:02:03,hostfwd=udp:127.0.0.1:%u:53", port2);
	if (!machine(spec, "10.0.2.15", "10.0.2.2") || !find_router())
		abort();
	tap_result(!memcmp(mac, mac_wanted, 6), "the address of the card is the user's");
	sendto(fd, "knock", 5, 0, (struct sockaddr *)&to, sizeof(to));
	/* libslirp asks where the guest is, when it does not know */
	packet = receive_udp(SOON);
	tap_result(packet && packet->to_port == htons(53) && !memcmp(packet->data, "knock", 5),
		   "a forwarded port of the host leads to the guest");

	/* The guest takes nothing for a while, and then all. */
	while (receive_frame(0x800, 10, &len))
		;
	reg_write(R_QUEUE, 0);
	reg_write(R_QUEUE_READY, 0);
	setup_queue(0, 64);
	for (i = 0; i < n; i++) {
		sendto(fd, &i, sizeof(i), 0, (struct sockaddr *)&to, sizeof(to));
		usleep(100);
	}
	usleep(50000);
	for (i = 0; i < RX_BUFFERS; i++)
		post_buffer(i);
	notify(0);
	for (i = 0; i < n && wait_used(0, SOON, &head, &used); i++) {
		packet = (void *)(RX + RX_SIZE * head + HEADER + sizeof(struct ethernet));
		got += used > HEADER + sizeof(struct ethernet) && !memcmp(packet->data, &i, sizeof(i));
		post_buffer(head);
		notify(0);
	}
	tap_result(got == n, "%u of %u packets wait, in order, for a guest without buffers", got, n);
	vm_free(&guest.vm);
	close(fd);
}

static void test_bad_frames(void)
{
	struct iovec iov[2] = { { TX, HEADER - 1 }, { TX, 1 << 20 } };
	uint32_t head, used;
	const char *text;
	bool good;

	if (!machine("user", "10.0.2.15", "10.0.2.2"))
		abort();
	memset(TX, 0xff, 1 << 20);
	add_chain(1, iov + 1, 1, 1);
	notify(1);
	good = wait_used(1, SOON, &head, &used);
	add_chain(1, iov + 1, 0, 1);
	iov[0].iov_len = HEADER;
	add_chain(1, iov, 1, 1);
	capture();
	notify(1);
	good &= wait_status(VIRTIO_STATUS_NEEDS_RESET, SOON);
	text = captured_text();
	tap_result(good && lines_of(text) == 1,
		   "a frame of a megabyte is dropped; one without a header stops the card");
	vm_free(&guest.vm);
}

/*
 * Frames of anything into libslirp, which is a library that a guest talks to: what it
 * cannot stand must be known.
 */
static void test_any_frame(struct random *r)
{
	unsigned long i, rounds = scaled(20000), sent = 0;
	uint8_t frame[1600];
	uint32_t len;

	if (!machine("user", "10.0.2.15", "10.0.2.2") || !find_router())
		abort();
	capture();
	for (i = 0; i < rounds; i++) {
		struct ethernet *e = (void *)frame;
		struct udp_packet *p = (void *)(e + 1);

		len = 15 + random_below(r, random_below(r, 4) ? 200 : 1500);
		random_bytes(r, frame, len);
		memcpy(e->to, router_mac, 6);
		memcpy(e->from, mac, 6);
		e->type = htons(random_below(r, 5) ? 0x800 : random_below(r, 2) ? 0x806 : 0x86dd);
		if (len >= sizeof(*e) + 20 && random_below(r, 8)) {
			static const uint8_t protocols[] = { 1, 6, 17, 6 };

			p->version = random_below(r, 8) ? 0x45 : 0x40 | random_below(r, 16);
			p->len = htons(len - sizeof(*e));
			p->fragment = random_below(r, 4) ? 0 : random_u64(r);
			p->protocol = protocols[random_below(r, 4)];
			p->from = guest_ip;
			p->to = router_ip;
			p->sum = 0;
			p->sum = checksum(p, 20);
		}
		sent += send_frame(frame, len);
		while (guest.queues[0].used[1] != guest.queues[0].seen)
			receive_frame(0, 1, &len);
	}
	captured_text();
	tap_result(sent == rounds && find_router(), "%lu random frames, and the router still answers", i);
	vm_free(&guest.vm);
}

static bool refuses(const char *spec, const char *says)
{
	const char *text;
	bool good;
	int err;

	guest_create();
	capture();
	err = virtio_net_create(&guest.vm, spec);
	text = captured_text();
	good = err && lines_of(text) == 1 && strstr(text, "--net") && strstr(text, says);
	if (!good)
		tap_note("%s: %d, %s", spec, err, text);
	vm_free(&guest.vm);
	return good;
}

static void test_options(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char spec[64];
	bool good;

	good = refuses("", "not understood") && refuses("usr", "'usr'") && refuses("tap=", "'tap='") &&
		refuses("user,tap=x", "'tap=x'") && refuses("user,mac=1:2", "'mac=1:2'") &&
		refuses("user,mac=01:00:00:00:00:00", "mac=01") &&
		refuses("user,hostfwd=tcp:22", "hostfwd") && refuses("user,hostfwd=tcp:0:22", "hostfwd") &&
		refuses("user,hostfwd=icmp:1:2", "hostfwd") && refuses("user,hostfwd=tcp:1:65536", "hostfwd") &&
		refuses("user,hostfwd=tcp:1.2.3:1:2", "hostfwd") && refuses("tap=x,hostfwd=tcp:1:2", "hostfwd") &&
		refuses("tap=an_interface_with_a_long_name", "too long");
	tap_result(good, "wrong options are refused in one line that shows the wrong word");
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	snprintf(spec, sizeof(spec), "user,hostfwd=tcp:%u:22", ntohs(a.sin_port));
	tap_result(refuses(spec, "in use"), "a port of the host that is taken is refused");
	close(fd);
}

/* --- tap: in a network of our own, where we may make one ----------------------------------- */

static bool set_address(const char *name)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0a80901) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { 0 };
	bool good;

	strcpy(ifr.ifr_name, name);
	memcpy(&ifr.ifr_addr, &a, sizeof(a));
	good = !ioctl(fd, SIOCSIFADDR, &ifr);
	a.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&ifr.ifr_netmask, &a, sizeof(a));
	good &= !ioctl(fd, SIOCSIFNETMASK, &ifr);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	good &= !ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return good;
}

/* Exit codes of the child, if it can't even begin. */
enum { NO_NAMESPACE = 64, NO_TUN };

/* The results of the child, as bits: ran, found the router, sent, received. */
static int tap_child(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(99) };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct timeval timeout = { .tv_sec = SOON / 1000 };
	const struct udp_packet *packet;
	char text[16] = "";
	int fd, result = 1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return NO_NAMESPACE;
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		return NO_TUN;
	close(fd);
	if (!machine("tap=test0", "192.168.9.2", "192.168.9.1") || !set_address("test0"))
		return 0;
	if (!find_router())
		return result;
	result |= 2;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		return result;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (send_udp(98, 99, "over") &&
	    recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len) == 4 && !strcmp(text, "over"))
		result |= 4;
	sendto(fd, "back", 4, 0, (struct sockaddr *)&from, len);
	packet = receive_udp(SOON);
	if (packet && packet->to_port == htons(98) && !memcmp(packet->data, "back", 4))
		result |= 8;
	vm_free(&guest.vm);
	return result;
}

static void test_tap(void)
{
	int status = 0, code;
	pid_t pid = fork();

	if (!pid) {
		munmap(guest.memory, GUEST_SIZE);
		guest.memory = NULL;
		_exit(tap_child());
	}
	waitpid(pid, &status, 0);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code == NO_NAMESPACE)
		tap_skip("a tap carries frames both ways", "no namespaces for users and networks");
	else if (code == NO_TUN)
		tap_skip("a tap carries frames both ways", "no /dev/net/tun");
	else
		tap_result(code == 15, "a tap carries frames both ways (%d)", code);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(11);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	if (!loopback_is_up()) {
		tap_skip_rest("the loopback interface is down");
		return tap_exit();
	}
	test_user();
	test_forward();
	test_bad_frames();
	test_any_frame(&r);
	test_options();
	test_tap();
	munmap(guest.memory, GUEST_SIZE);
	return tap_exit();
}
