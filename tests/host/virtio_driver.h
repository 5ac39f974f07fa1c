/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small virtio driver for tests of the launcher's devices: a machine without a
 * kernel module behind it, whose guest is the test. Registers are reached
 * through the bus, as a vCPU would, and the rings are in the machine's memory.
 */
#ifndef BELLOWS_TESTS_HOST_VIRTIO_DRIVER_H
#define BELLOWS_TESTS_HOST_VIRTIO_DRIVER_H

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "tap.h"
#include "userspace/virtio/virtio.h"

#define VIRTIO_MMIO_SIZE_MINUS_4	0x1fc
#define GUEST_SIZE	(16u << 20)
#define GUEST_RINGS	0x10000u	/* 64 KiB for each queue */
#define GUEST_BUFFERS	0x100000u

enum {
	R_MAGIC = 0x00, R_VERSION = 0x04, R_DEVICE = 0x08, R_VENDOR = 0x0c, R_OFFERED = 0x10,
	R_OFFERED_SELECT = 0x14, R_ACCEPTED = 0x20, R_ACCEPTED_SELECT = 0x24, R_QUEUE = 0x30,
	R_QUEUE_MAX = 0x34, R_QUEUE_SIZE = 0x38, R_QUEUE_READY = 0x44, R_NOTIFY = 0x50, R_ISR = 0x60,
	R_ACK = 0x64, R_STATUS = 0x70, R_DESC = 0x80, R_DRIVER = 0x90, R_USED = 0xa0,
	R_GENERATION = 0xfc, R_CONFIG = 0x100,
};

struct guest_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct guest_queue {
	struct guest_desc *desc;
	uint16_t *avail, *used;
	uint16_t size, seen, free;
};

static struct {
	struct vm vm;
	uint8_t *memory;
	int line[64];			/* levels of the interrupt lines */
	unsigned int raised[64];	/* how often each went up */
	int kick_fds[VIRTIO_QUEUES];	/* of the last device that asked */
	struct guest_queue queues[VIRTIO_QUEUES];
	uint64_t base;			/* of the device under test */
	unsigned int gsi;
	bool with_ioeventfd;
} guest;

static int guest_irq(struct vm *vm, unsigned int gsi, bool level)
{
	if (level && !__atomic_load_n(&guest.line[gsi], __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&guest.raised[gsi], 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&guest.line[gsi], level, __ATOMIC_SEQ_CST);
	return 0;
}

static int guest_ioeventfd(struct vm *vm, const struct vm_ioeventfd *e, bool assign)
{
	if (!guest.with_ioeventfd)
		return -EOPNOTSUPP;
	guest.kick_fds[e->value] = assign ? e->fd : -1;
	return 0;
}

static const struct vm_backend guest_backend = { .irq = guest_irq, .ioeventfd = guest_ioeventfd };

static inline void guest_create(void)
{
	memset(&guest.vm, 0, sizeof(guest.vm));
	if (!guest.memory)
		guest.memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	vm_init(&guest.vm, "test", &guest_backend);
	vm_add_memory(&guest.vm, 0, GUEST_SIZE, guest.memory);
	guest.base = VM_VIRTIO_BASE;
	guest.gsi = VM_VIRTIO_GSI;
}

static inline uint32_t reg_read(uint32_t offset)
{
	uint32_t value = 0;

	bus_access(&guest.vm.bus, BUS_MMIO, false, guest.base + offset, 4, &value);
	return value;
}

static inline void reg_write(uint32_t offset, uint32_t value)
{
	bus_access(&guest.vm.bus, BUS_MMIO, true, guest.base + offset, 4, &value);
}

static inline uint64_t guest_gpa(const void *p)
{
	return (const uint8_t *)p - guest.memory;
}

static inline uint64_t offered_features(void)
{
	uint64_t value;

	reg_write(R_OFFERED_SELECT, 1);
	value = (uint64_t)reg_read(R_OFFERED) << 32;
	reg_write(R_OFFERED_SELECT, 0);
	return value | reg_read(R_OFFERED);
}

static inline void accept_features(uint64_t features)
{
	reg_write(R_ACCEPTED_SELECT, 0);
	reg_write(R_ACCEPTED, features);
	reg_write(R_ACCEPTED_SELECT, 1);
	reg_write(R_ACCEPTED, features >> 32);
}

static inline void setup_queue(unsigned int q, uint16_t size)
{
	struct guest_queue *queue = &guest.queues[q];
	uint8_t *at = guest.memory + GUEST_RINGS + 0x10000 * q;

	memset(at, 0, 0x10000);
	*queue = (struct guest_queue) { (void *)at, (void *)(at + 0x4000), (void *)(at + 0x8000), size };
	reg_write(R_QUEUE, q);
	reg_write(R_QUEUE_SIZE, size);
	reg_write(R_DESC, guest_gpa(at));
	reg_write(R_DESC + 4, 0);
	reg_write(R_DRIVER, guest_gpa(at + 0x4000));
	reg_write(R_DRIVER + 4, 0);
	reg_write(R_USED, guest_gpa(at + 0x8000));
	reg_write(R_USED + 4, 0);
	reg_write(R_QUEUE_READY, 1);
}

/* As a driver does it; true if the device agreed. */
static inline bool bring_up(unsigned int n_queues, uint64_t features, uint16_t size)
{
	unsigned int q;

	reg_write(R_STATUS, 0);
	reg_write(R_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
	reg_write(R_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	accept_features((offered_features() & features) | VIRTIO_F_VERSION_1);
	reg_write(R_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
	if (!(reg_read(R_STATUS) & VIRTIO_STATUS_FEATURES_OK))
		return false;
	for (q = 0; q < n_queues; q++)
		setup_queue(q, size);
	reg_write(R_STATUS, 15);
	return reg_read(R_STATUS) == 15;
}

static inline void notify(unsigned int q)
{
	if (guest.with_ioeventfd && guest.kick_fds[q] >= 0)
		eventfd_write(guest.kick_fds[q], 1);
	else
		reg_write(R_NOTIFY, q);
}

/* One chain of n buffers, of which the first n_out are for the device to read; its head. */
static inline uint16_t add_chain(unsigned int q, const struct iovec *iov, unsigned int n_out,
				 unsigned int n)
{
	struct guest_queue *queue = &guest.queues[q];
	uint16_t head = queue->free, i;
	unsigned int k;

	for (k = 0; k < n; k++) {
		i = (head + k) % queue->size;
		queue->desc[i] = (struct guest_desc) { guest_gpa(iov[k].iov_base), iov[k].iov_len,
			(k + 1 < n ? 1 : 0) | (k >= n_out ? 2 : 0), (i + 1) % queue->size };
	}
	queue->free = (head + n) % queue->size;
	queue->avail[2 + queue->avail[1] % queue->size] = head;
	__atomic_store_n(&queue->avail[1], queue->avail[1] + 1, __ATOMIC_RELEASE);
	return head;
}

/*
 * How long to wait for what must come. It is short only where nothing may come: a
 * machine may be slow, and busy with other things.
 */
#define SOON	20000

/* Waits for the next used entry; false if there is none in time. */
static inline bool wait_used(unsigned int q, int ms, uint32_t *head, uint32_t *len)
{
	struct guest_queue *queue = &guest.queues[q];
	const uint32_t *entry = (uint32_t *)(queue->used + 2) + 2 * (queue->seen % queue->size);

	for (; __atomic_load_n(&queue->used[1], __ATOMIC_ACQUIRE) == queue->seen; ms--) {
		if (ms <= 0)
			return false;
		usleep(1000);
	}
	queue->seen++;
	*head = entry[0];
	*len = entry[1];
	return true;
}

static inline bool wait_line(bool level, int ms)
{
	for (; ms > 0; ms--, usleep(1000)) {
		if (__atomic_load_n(&guest.line[guest.gsi], __ATOMIC_SEQ_CST) == level)
			return true;
	}
	return false;
}

static inline bool wait_status(uint8_t bits, int ms)
{
	for (; ms > 0; ms--, usleep(1000)) {
		if ((reg_read(R_STATUS) & bits) == bits)
			return true;
	}
	return false;
}

/* What is printed on stderr meanwhile goes into a file; returns it as text. */
static int saved_stderr = -1;
static FILE *captured;

static inline void capture(void)
{
	fflush(stderr);
	captured = tmpfile();
	saved_stderr = dup(2);
	dup2(fileno(captured), 2);
}

static inline const char *captured_text(void)
{
	static char text[8192];
	ssize_t n;

	fflush(stderr);
	dup2(saved_stderr, 2);
	close(saved_stderr);
	n = pread(fileno(captured), text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	fclose(captured);
	return text;
}

static inline unsigned int lines_of(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
