// SPDX-License-Identifier: GPL-2.0
/*
 * The clock with battery-backed memory of a PC. The time is the host's, in UTC,
 * plus what the guest has set it forward; the memory says how large the machine is,
 * for kernels that look there. It makes no interrupts: alarms do not ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "pc/pc.h"
#include "vm.h"

#define PORT		0x70
#define BYTES		128
#define REG_A		0x0a
#define REG_B		0x0b
#define REG_C		0x0c
#define REG_D		0x0d
#define CENTURY		0x32
#define A_DIVIDER	0x26
#define A_UPDATING	0x80
#define B_SET		0x80
#define B_BINARY	0x04
#define B_24_HOURS	0x02
#define D_VALID		0x80
#define KIB		1024ull

struct cmos {
	struct device device;
	pthread_mutex_t lock;		/* protects the rest */
	uint8_t index;
	uint8_t bytes[BYTES];
	time_t offset;
};

static uint8_t encode(const struct cmos *c, unsigned int value)
{
	return c->bytes[REG_B] & B_BINARY ? value : (value / 10) << 4 | value % 10;
}

static int decode(const struct cmos *c, uint8_t value)
{
	return c->bytes[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t hour(const struct cmos *c, int value)
{
	if (c->bytes[REG_B] & B_24_HOURS)
		return encode(c, value);
	return encode(c, value % 12 ? value % 12 : 12) | (value >= 12 ? 0x80 : 0);
}

static void show_time(struct cmos *c)
{
	time_t now = time(NULL) + c->offset;
	unsigned int year;
	struct tm tm;

	if (c->bytes[REG_B] & B_SET || !gmtime_r(&now, &tm))
		return;
	c->bytes[0] = encode(c, tm.tm_sec);
	c->bytes[2] = encode(c, tm.tm_min);
	c->bytes[4] = hour(c, tm.tm_hour);
	c->bytes[6] = encode(c, tm.tm_wday + 1);
	c->bytes[7] = encode(c, tm.tm_mday);
	c->bytes[8] = encode(c, tm.tm_mon + 1);
	/* A guest can set it to before the year 0: that is as wrong in any digits. */
	year = tm.tm_year + 1900;
	c->bytes[9] = encode(c, year % 100);
	c->bytes[CENTURY] = encode(c, year / 100 % 100);
}

static void take_time(struct cmos *c)
{
	bool pm = !(c->bytes[REG_B] & B_24_HOURS) && c->bytes[4] & 0x80;
	int h = decode(c, c->bytes[4] & 0x7f);
	struct tm tm = {
		.tm_sec = decode(c, c->bytes[0]),
		.tm_min = decode(c, c->bytes[2]),
		.tm_hour = c->bytes[REG_B] & B_24_HOURS ? decode(c, c->bytes[4]) : h % 12 + 12 * pm,
		.tm_mday = decode(c, c->bytes[7]),
		.tm_mon = decode(c, c->bytes[8]) - 1,
		.tm_year = decode(c, c->bytes[9]) + 100 * (decode(c, c->bytes[CENTURY]) - 19),
	};

	c->offset = timegm(&tm) - time(NULL);
}

static bool is_time(uint8_t index)
{
	return index == CENTURY || (index < REG_A && index != 1 && index != 3 && index != 5);
}

static uint8_t read_byte(struct cmos *c)
{
	if (is_time(c->index))
		show_time(c);
	return c->bytes[c->index];
}

static void write_byte(struct cmos *c, uint8_t value)
{
	uint8_t old = c->bytes[REG_B];

	if (c->index == REG_C || c->index == REG_D)
		return;
	if (is_time(c->index))
		show_time(c);
	if (c->index == REG_B && value & B_SET)
		show_time(c);
	c->bytes[c->index] = c->index == REG_A ? value & ~A_UPDATING : value;
	if ((is_time(c->index) && !(old & B_SET)) || (c->index == REG_B && old & ~value & B_SET))
		take_time(c);
}

static uint64_t cmos_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct cmos *c = opaque;
	uint8_t value = 0xff;

	pthread_mutex_lock(&c->lock);
	if (offset)
		value = read_byte(c);
	pthread_mutex_unlock(&c->lock);
	return ~0xffull | value;
}

static void cmos_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct cmos *c = opaque;

	pthread_mutex_lock(&c->lock);
	if (!offset)
		c->index = value & (BYTES - 1);
	else
		write_byte(c, value);
	if (!offset && size > 1)
		write_byte(c, value >> 8);
	pthread_mutex_unlock(&c->lock);
}

static const struct bus_ops ops = { cmos_read, cmos_write };

static void put16(struct cmos *c, unsigned int at, uint64_t value)
{
	if (value > 0xffff)
		value = 0xffff;
	c->bytes[at] = value;
	c->bytes[at + 1] = value >> 8;
}

/* KiB from 1 MiB, and units of 64 KiB from 16 MiB up to 4 GiB. */
static void put_memory(struct cmos *c, uint64_t memory)
{
	uint64_t low = memory < VM_HOLE ? memory : VM_HOLE;
	uint64_t extended = low > 1024 * KIB ? low / KIB - 1024 : 0;

	put16(c, 0x15, 640);
	put16(c, 0x17, extended);
	put16(c, 0x30, extended);
	put16(c, 0x34, low > 16384 * KIB ? (low - 16384 * KIB) / (64 * KIB) : 0);
}

static void cmos_free(struct device *device)
{
	struct cmos *c = container_of(device, struct cmos, device);

	pthread_mutex_destroy(&c->lock);
	free(c);
}

static const struct device_ops life = { .free = cmos_free };

int cmos_create(struct vm *vm, uint64_t memory)
{
	struct cmos *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	c->bytes[REG_A] = A_DIVIDER;
	c->bytes[REG_B] = B_24_HOURS;
	c->bytes[REG_D] = D_VALID;
	put_memory(c, memory);
	vm_add_device(vm, &c->device, "clock", &life);
	return bus_add(&vm->bus, BUS_PIO, PORT, 2, "clock", &ops, c);
}
