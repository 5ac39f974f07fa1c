// SPDX-License-Identifier: GPL-2.0
/*
 * Headers of qcow2 images with any content. What looks at them believes nothing: the
 * sanitizers see reads outside of what was read, the alarm a loop without an end.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "random.h"
#include "tap.h"
#include "userspace/disk/disk.h"
#include "userspace/message.h"

#define IMAGE_SIZE	(256 << 10)

static uint8_t image[IMAGE_SIZE];
static unsigned int messages;

void complain(const char *fmt, ...)
{
	messages++;
}

static void put32(unsigned int at, uint32_t value)
{
	value = htobe32(value);
	memcpy(image + at, &value, sizeof(value));
}

static void put64(unsigned int at, uint64_t value)
{
	value = htobe64(value);
	memcpy(image + at, &value, sizeof(value));
}

/* Of 64 KiB a cluster: counts in the second, the table of tables in the fourth. */
static void make_image(void)
{
	memset(image, 0, sizeof(image));
	put32(0, 0x514649fb);
	put32(4, 3);
	put32(20, 16);
	put64(24, 1 << 20);
	put32(36, 1);
	put64(40, 3 << 16);
	put64(48, 1 << 16);
	put32(56, 1);
	put32(96, 4);
	put32(100, 104);
	put64(1 << 16, 2 << 16);
	memset(image + (2 << 16), 1, 8);
}

static bool look(int fd, size_t len)
{
	uint8_t data[16];

	messages = 0;
	if (ftruncate(fd, 0) || pwrite(fd, image, len, 0) != (ssize_t)len)
		return false;
	disk_qcow2_read(fd, 0x10040, data, 8);
	return disk_qcow2_is_cut_off("image", fd) == (messages == 1) && messages <= 1;
}

/* A field of four or eight bytes gets a value that is wrong in one way or another. */
static void damage(struct random *r)
{
	static const uint64_t values[] = { 0, 1, ~0ull, 1ull << 63, 1ull << 31, 512, 21, IMAGE_SIZE };
	unsigned int at = random_below(r, 26) * 4;
	uint64_t value = random_below(r, 4) ? values[random_below(r, 8)] : random_u64(r);

	if (at < 4)
		return;
	if (random_below(r, 2))
		put32(at, value);
	else
		put64(at, value);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	unsigned int i, bad = 0;
	struct random r;
	int fd = memfd_create("image", 0);
	bool good;

	tap_plan(3);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	alarm(100);

	make_image();
	good = look(fd, IMAGE_SIZE) && !messages;
	tap_result(good && look(fd, 3 << 16) && messages == 1, "an image is taken whole, and not when its last cluster is gone");
	make_image();
	put32(56, 0);
	tap_result(look(fd, IMAGE_SIZE) && !messages, "one without any counts is left to its server");
	for (i = 0; i < scaled(5000); i++) {
		make_image();
		damage(&r);
		if (random_below(&r, 2))
			damage(&r);
		bad += !look(fd, random_below(&r, 4) ? IMAGE_SIZE : random_below(&r, IMAGE_SIZE));
	}
	tap_result(!bad, "damaged headers are refused in one message, or left to the server (%u)", bad);
	return tap_exit();
}
