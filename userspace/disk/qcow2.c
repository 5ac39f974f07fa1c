// SPDX-License-Identifier: GPL-2.0
/*
 * What must be known of a qcow2 image before qemu-nbd serves it: whether it is all there, and
 * what its first blocks hold. qemu-nbd leaves the first to its users: it opens what
 * is left of an image that was cut off, and a guest reads zeros where its data were.
 *
 * An image counts the references to each of its clusters, in blocks that a table names.
 * The last cluster with a reference must begin before the file ends. That takes
 * two reads, however large the image is. Images whose counts may be behind, or
 * whose data are in another file, are left to qemu-nbd, as is what is no image at all.
 */
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "disk/disk.h"
#include "message.h"

#define MAGIC		0x514649fbu
#define DIRTY		1u		/* incompatible features */
#define OTHER_FILE	4u
#define OFFSET_MASK	(~0ull << 9)
#define CLUSTER_MASK	(OFFSET_MASK & ~(0xffull << 56))
#define COMPRESSED	(1ull << 62)	/* in a cluster's entry */
#define ALL_ZERO	1ull
#define TABLE_MAX	(8u << 20)	/* that of the program that made it */

struct header {
	uint32_t magic, version;
	uint64_t backing;
	uint32_t backing_len, cluster_bits;
	uint64_t size;
	uint32_t encryption, n_l1;
	uint64_t l1, counts;
	uint32_t counts_clusters, n_snapshots;
	uint64_t snapshots;
	/* Since version 3 */
	uint64_t incompatible, compatible, autoclear;
	uint32_t count_order, length;
} __attribute__((packed));

struct image {
	int fd;
	uint64_t file_size, counts, counts_len, l1;
	unsigned int cluster_bits, count_order;
};

/* False: nothing can be said about it. */
static bool read_header(struct image *image)
{
	struct header h = { };

	if (pread(image->fd, &h, sizeof(h), 0) < (ssize_t)offsetof(struct header, incompatible) ||
	    be32toh(h.magic) != MAGIC)
		return false;
	image->cluster_bits = be32toh(h.cluster_bits);
	image->count_order = be32toh(h.version) < 3 ? 4 : be32toh(h.count_order);
	image->counts = be64toh(h.counts);
	image->l1 = be64toh(h.l1);
	if (image->cluster_bits < 9 || image->cluster_bits > 21 || image->count_order > 6)
		return false;
	image->counts_len = (uint64_t)be32toh(h.counts_clusters) << image->cluster_bits;
	return image->counts_len && image->counts_len <= TABLE_MAX &&
	       (be32toh(h.version) < 3 || !(be64toh(h.incompatible) & (DIRTY | OTHER_FILE)));
}

/* A piece of the file, which the caller frees; NULL if it is not there. */
static void *read_piece(const struct image *image, uint64_t offset, uint64_t len)
{
	void *data;

	if (len > image->file_size || offset > image->file_size - len)
		return NULL;
	data = malloc(len);
	if (data && pread(image->fd, data, len, offset) == (ssize_t)len)
		return data;
	free(data);
	return NULL;
}

/* The number of the last of n bytes that is not zero; 0: none, or the first. */
static uint64_t last_byte(const uint8_t *data, uint64_t n)
{
	while (n && !data[n - 1])
		n--;
	return n ? n - 1 : 0;
}

/* Where the last cluster with a reference begins; false if even its count is not there. */
static bool find_end(const struct image *image, uint64_t *end)
{
	const uint64_t *table = read_piece(image, image->counts, image->counts_len);
	uint64_t block_len = 1ull << image->cluster_bits, entry, offset, cluster;
	uint8_t *block;

	if (!table)
		return false;
	entry = last_byte((const uint8_t *)table, image->counts_len) / sizeof(*table);
	offset = be64toh(table[entry]) & OFFSET_MASK;
	free((void *)table);
	block = read_piece(image, offset, block_len);
	if (!block)
		return false;
	cluster = (entry * block_len + last_byte(block, block_len)) * 8 >> image->count_order;
	free(block);
	*end = cluster << image->cluster_bits;
	return true;
}

bool disk_qcow2_is_cut_off(const char *path, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct image image = { .fd = fd, .file_size = size };
	uint64_t end;

	if (size < 0 || !read_header(&image) || (find_end(&image, &end) && end < image.file_size))
		return false;
	complain("--disk %s: truncated: the qcow2 image goes on behind the end of the file: get a complete copy ('qemu-img check' says more)",
		 path);
	return true;
}

static uint64_t entry_at(const struct image *image, uint64_t table, uint64_t number)
{
	uint64_t entry;

	return pread(image->fd, &entry, sizeof(entry), table + number * sizeof(entry)) == sizeof(entry) ?
	       be64toh(entry) : 0;
}

bool disk_qcow2_read(int fd, uint64_t at, void *data, size_t len)
{
	struct image image = { .fd = fd };
	uint64_t number, entries, table, cluster;

	if (!read_header(&image))
		return false;
	number = at >> image.cluster_bits;
	entries = (1ull << image.cluster_bits) / sizeof(uint64_t);
	table = entry_at(&image, image.l1, number / entries) & CLUSTER_MASK;
	cluster = table ? entry_at(&image, table, number % entries) : 0;
	if (cluster & (COMPRESSED | ALL_ZERO) || !(cluster & CLUSTER_MASK))
		return false;
	at -= number << image.cluster_bits;
	return pread(fd, data, len, (cluster & CLUSTER_MASK) + at) == (ssize_t)len;
}
