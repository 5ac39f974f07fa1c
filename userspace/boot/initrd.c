// SPDX-License-Identifier: GPL-2.0
/*
 * Looks at an initial RAM disk before Linux gets it. All that Linux says of a damaged
 * one is that it found no root, some seconds later and in many lines; here it is one,
 * and it names the file.
 *
 * A RAM disk is cpio archives one behind the other, perhaps with zeros between them, of which
 * the last may be compressed. Archives are followed to their ends, and so are
 * the blocks of zstd and LZ4, which Debian's tools write. What xz writes ends with a
 * mark. Of the others the end cannot be known without unpacking them; they are taken.
 * Behind all of it may be a boot configuration, which says its own size.
 *
 * What is read is guest memory before the guest runs: it does not change.
 */
#include <stdlib.h>
#include <string.h>
#include "boot/boot.h"
#include "exit_codes.h"
#include "message.h"

#define CPIO_HEADER	110
#define CPIO_SIZE	54		/* offsets of fields of eight digits */
#define CPIO_NAME_SIZE	94
#define CPIO_LAST	"TRAILER!!!"

#define LZ4_MAGIC	0x184c2102u
#define ZSTD_MAGIC	0xfd2fb528u
#define ZSTD_SKIPPED	0x184d2a50u	/* and the 15 that follow it */
#define ZSTD_ONE_SEGMENT 0x20
#define ZSTD_CHECKSUM	4
#define ZSTD_REPEATED	1		/* kinds of blocks */
#define ZSTD_RESERVED	3

struct bytes {
	const uint8_t *p;
	uint64_t n;
};

/* Goes on by so much; false if there is less. */
static bool pass(struct bytes *b, uint64_t n)
{
	if (n > b->n)
		return false;
	b->p += n;
	b->n -= n;
	return true;
}

static uint32_t little(const struct bytes *b)
{
	return b->p[0] | b->p[1] << 8 | b->p[2] << 16 | (uint32_t)b->p[3] << 24;
}

static bool has(const struct bytes *b, unsigned int at, const char *magic, unsigned int len)
{
	return b->n >= at + len && !memcmp(b->p + at, magic, len);
}

/* --- cpio ---------------------------------------------------------------------------- */

static bool is_cpio(const struct bytes *b)
{
	return has(b, 0, "070701", 6) || has(b, 0, "070702", 6);
}

static uint64_t number(const uint8_t *digits)
{
	char text[9] = "", *end;
	uint64_t value;

	memcpy(text, digits, 8);
	value = strtoul(text, &end, 16);
	return *end ? UINT64_MAX : value;
}

static uint64_t padded(uint64_t n)
{
	return (n + 3) & ~3ull;
}

/* To the end of one archive. */
static bool pass_cpio(struct bytes *b)
{
	uint64_t name_size, size;
	bool last;

	do {
		if (!is_cpio(b) || b->n < CPIO_HEADER)
			return false;
		name_size = number(b->p + CPIO_NAME_SIZE);
		size = number(b->p + CPIO_SIZE);
		if (name_size > b->n - CPIO_HEADER || size > b->n)
			return false;
		last = name_size == sizeof(CPIO_LAST) && !memcmp(b->p + CPIO_HEADER, CPIO_LAST, sizeof(CPIO_LAST));
		if (!pass(b, padded(CPIO_HEADER + name_size)))
			return last && pass(b, b->n);
		/* The padding of the very last one may be missing. */
		if (!pass(b, padded(size) <= b->n ? padded(size) : size))
			return false;
	} while (!last);
	return true;
}

/* --- What is compressed ---------------------------------------------------------------- */

static bool pass_lz4(struct bytes *b)
{
	uint32_t size;

	while (b->n >= 4) {
		size = little(b);
		if (!size)
			return true;
		pass(b, 4);
		if (size != LZ4_MAGIC && !pass(b, size))
			return false;
	}
	return true;
}

static bool pass_zstd_blocks(struct bytes *b)
{
	uint32_t head, kind;

	do {
		if (b->n < 3)
			return false;
		head = b->p[0] | b->p[1] << 8 | b->p[2] << 16;
		kind = head >> 1 & 3;
		if (kind == ZSTD_RESERVED || !pass(b, 3) || !pass(b, kind == ZSTD_REPEATED ? 1 : head >> 3))
			return false;
	} while (!(head & 1));
	return true;
}

static bool pass_zstd(struct bytes *b)
{
	static const uint8_t dictionary[] = { 0, 1, 2, 4 }, content[] = { 0, 2, 4, 8 };
	uint8_t head;

	while (b->n >= 4 && little(b) == ZSTD_MAGIC) {
		if (b->n < 5)
			return false;
		head = b->p[4];
		/* A frame of one segment says its size, all others the size of their window. */
		if (!pass(b, 5 + dictionary[head & 3] + (head >> 6 ? content[head >> 6] : !!(head & ZSTD_ONE_SEGMENT)) +
			  !(head & ZSTD_ONE_SEGMENT)) ||
		    !pass_zstd_blocks(b) || !pass(b, head & ZSTD_CHECKSUM ? 4 : 0))
			return false;
		while (b->n >= 8 && (little(b) & ~15u) == ZSTD_SKIPPED) {
			pass(b, 4);
			if (!pass(b, 4ull + little(b)))
				return false;
		}
	}
	return true;
}

static bool pass_xz(struct bytes *b)
{
	uint64_t n = b->n;

	while (n && !b->p[n - 1])
		n--;
	return n > 12 && !memcmp(b->p + n - 2, "YZ", 2) && pass(b, b->n);
}

static bool pass_all(struct bytes *b)
{
	return pass(b, b->n);
}

/* File systems are what RAM disks were before there were archives. */
static const struct {
	unsigned int at, len;
	const char *magic;
	bool (*pass)(struct bytes *b);
} kinds[] = {
	{ 0, 4, "\x02\x21\x4c\x18", pass_lz4 },
	{ 0, 4, "\x28\xb5\x2f\xfd", pass_zstd },
	{ 0, 6, "\xfd\067zXZ\0", pass_xz },
	{ 0, 2, "\x1f\x8b", pass_all },
	{ 0, 2, "\x1f\x9e", pass_all },
	{ 0, 3, "BZh", pass_all },
	{ 0, 3, "\x5d\0\0", pass_all },
	{ 0, 4, "\x89LZO", pass_all },
	{ 0, 4, "hsqs", pass_all },
	{ 0, 4, "\x45\x3d\xcd\x28", pass_all },
	{ 0, 8, "-rom1fs-", pass_all },
	{ 0x438, 2, "\x53\xef", pass_all },
};

static bool pass_kind(struct bytes *b, bool *known)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*known = has(b, kinds[i].at, kinds[i].magic, kinds[i].len);
		if (*known)
			return kinds[i].pass(b);
	}
	return true;
}

/* Size and checksum stand between the configuration and its mark. */
static void cut_configuration(struct bytes *b)
{
	static const char mark[] = "#BOOTCONFIG\n";
	const uint64_t tail = sizeof(mark) - 1 + 8;
	struct bytes size = *b;

	if (b->n < tail || memcmp(b->p + b->n - strlen(mark), mark, strlen(mark)))
		return;
	pass(&size, b->n - tail);
	if (little(&size) <= b->n - tail)
		b->n -= tail + little(&size);
}

int boot_check_initrd(const struct vm *vm, const struct boot_config *config)
{
	const struct boot_file *m = &config->modules[0];
	struct bytes b = { .n = m->size };
	bool known = false, whole = true;
	const uint8_t *start;

	if (!config->n_modules || strcmp(m->option, "--initrd"))
		return 0;
	b.p = start = vm_memory(vm, m->gpa, m->size);
	cut_configuration(&b);
	while (b.n && whole) {
		if (!*b.p && b.p != start) {
			pass(&b, 1);
		} else if (is_cpio(&b)) {
			known = true;
			whole = pass_cpio(&b);
		} else {
			whole = pass_kind(&b, &known);
			if (!known)
				break;
		}
	}
	if (whole && !b.n)
		return 0;
	complain("--initrd: %s: %s", m->path, b.p == start && !known ?
		 "is no initial RAM disk: give a cpio archive, which may be compressed, such as initramfs-tools makes" :
		 "is truncated or damaged: get a complete copy, or make it again");
	return EXIT_INPUT;
}
