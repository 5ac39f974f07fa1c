// SPDX-License-Identifier: GPL-2.0
/*
 * Which format an image has is what the user says, or else the file's name; never
 * its content: a guest can write anything to the first sector of a raw disk,
 * and an image that names other files of the host would be opened with
 * their content at the next start. Content is only looked at to refuse what was meant otherwise,
 * or was cut off: a file system or partition table that speaks of more than is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "disk/disk.h"
#include "message.h"

/* Where file systems and partitions say how large they are */
#define START		4096
#define EXT_SUPER	1024
#define EXT_BLOCKS	4
#define EXT_BLOCK_SHIFT	24		/* less ten */
#define EXT_MAGIC_AT	56
#define EXT_MAGIC	0xef53
#define EXT_INCOMPATIBLE 96
#define EXT_64BIT	0x80
#define EXT_BLOCKS_HIGH	336
#define MBR_TABLE	446
#define MBR_ENTRY	16
#define MBR_TYPE	4
#define MBR_FIRST	8
#define MBR_COUNT	12
#define MBR_MAGIC_AT	510
#define MBR_MAGIC	0xaa55
#define GPT_LAST	32		/* the sector of its copy, at the end of the disk */

/* The first is the one that can be used. */
static const struct {
	const char *name, *magic;
	unsigned int len;
} foreign[] = {
	{ "a qcow2", "QFI\xfb", 4 },
	{ "a VMDK", "KDMV", 4 },
	{ "a VMDK", "# Disk DescriptorFile", 21 },
	{ "a VHDX", "vhdxfile", 8 },
	{ "a QED", "QED\0", 4 },
	{ "a VDI", "<<< ", 4 },
	{ "a VHD", "conectix", 8 },
	{ "a compressed (gzip)", "\x1f\x8b\x08", 3 },
	{ "a compressed (xz)", "\xfd\067zXZ\0", 6 },
	{ "a compressed (zstd)", "\x28\xb5\x2f\xfd", 4 },
};

#define N_FOREIGN	(sizeof(foreign) / sizeof(foreign[0]))

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

static uint64_t field(const uint8_t *p, unsigned int bytes)
{
	return bytes ? p[0] | field(p + 1, bytes - 1) << 8 : 0;
}

/* How many bytes the file system or the partitions need that begin here; 0: they do not say. */
static uint64_t size_of_ext(const uint8_t *start)
{
	const uint8_t *super = start + EXT_SUPER;
	unsigned int shift = field(super + EXT_BLOCK_SHIFT, 4);
	uint64_t blocks = field(super + EXT_BLOCKS, 4);

	if (field(super + EXT_MAGIC_AT, 2) != EXT_MAGIC || shift > 6)
		return 0;
	if (field(super + EXT_INCOMPATIBLE, 4) & EXT_64BIT)
		blocks |= field(super + EXT_BLOCKS_HIGH, 4) << 32;
	return blocks > UINT64_MAX >> (10 + shift) ? UINT64_MAX : blocks << (10 + shift);
}

static uint64_t size_of_partitions(const uint8_t *start)
{
	const uint8_t *p = start + MBR_TABLE, *gpt = start + DISK_SECTOR;
	uint64_t end = 0, last;

	if (field(start + MBR_MAGIC_AT, 2) != MBR_MAGIC)
		return 0;
	if (!memcmp(gpt, "EFI PART", 8)) {
		last = field(gpt + GPT_LAST, 8);
		return last >= UINT64_MAX / DISK_SECTOR ? UINT64_MAX : (last + 1) * DISK_SECTOR;
	}
	for (; p < start + MBR_MAGIC_AT; p += MBR_ENTRY) {
		if (p[0] & 0x7f)
			return 0;		/* a boot sector's code or text */
		last = field(p + MBR_FIRST, 4) + field(p + MBR_COUNT, 4);
		if (p[MBR_TYPE] && last > end)
			end = last;
	}
	return end * DISK_SECTOR;
}

static bool is_cut_off(const char *path, const uint8_t *start, uint64_t size)
{
	uint64_t ext = size_of_ext(start), partitions = size_of_partitions(start);
	bool by_ext = ext > size;

	if (!by_ext && partitions <= size)
		return false;
	complain("--disk %s: truncated: it has %llu bytes, but its %s need %llu: get a complete copy, or say format=raw if the guest is to see it as it is",
		 path, (unsigned long long)size, by_ext ? "file system's blocks" : "partitions",
		 (unsigned long long)(by_ext ? ext : partitions));
	return true;
}

/* False after a message: the user did not mean that the guest sees it byte by byte. */
static bool is_raw(const char *path, int fd)
{
	uint8_t start[START] = { };
	ssize_t n = pread(fd, start, sizeof(start), 0);
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned int i;

	for (i = 0; i < N_FOREIGN; i++) {
		if (n < (ssize_t)foreign[i].len || memcmp(start, foreign[i].magic, foreign[i].len))
			continue;
		complain("--disk %s: this is %s image: %s, or say format=raw if the guest is to see it as it is",
			 path, foreign[i].name, i ? "convert it with 'qemu-img convert'" : "say format=qcow2");
		return false;
	}
	return n < 0 || size <= 0 || !is_cut_off(path, start, size);
}

struct disk *disk_open(const char *path, enum disk_format format, bool read_only)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool qcow2 = format == DISK_FORMAT_QCOW2, good;

	if (fd < 0) {
		complain("--disk %s: %s", path, strerror(errno));
		return NULL;
	}
	if (format == DISK_FORMAT_BY_NAME)
		qcow2 = ends_with(path, ".qcow2");
	good = qcow2 ? !disk_qcow2_is_cut_off(path, fd) : format == DISK_FORMAT_RAW || is_raw(path, fd);
	close(fd);
	if (!good)
		return NULL;
	return qcow2 ? disk_nbd_open(path, read_only) : disk_raw_open(path, read_only);
}

void disk_close(struct disk *disk)
{
	disk->ops->close(disk);
}

int disk_attach(struct disk *disk, struct loop *loop)
{
	return disk->ops->attach(disk, loop);
}

void disk_detach(struct disk *disk)
{
	disk->ops->detach(disk);
}

void disk_submit(struct disk *disk, struct disk_request *request)
{
	disk->ops->submit(disk, request);
}

void disk_commit(struct disk *disk)
{
	disk->ops->commit(disk);
}

void disk_advance(struct disk_request *request, uint64_t bytes)
{
	while (bytes && request->n_iov) {
		struct iovec *iov = request->iov;
		uint64_t n = bytes < iov->iov_len ? bytes : iov->iov_len;

		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
		bytes -= n;
		if (!iov->iov_len) {
			request->iov++;
			request->n_iov--;
		}
	}
}
