// SPDX-License-Identifier: GPL-2.0
/*
 * Which format an image has is what the user says, or else the file's name; never
 * its content: a guest can write anything to the first sector of a raw disk,
 * and an image that names other files of the host would be opened with
 * their content at the next start. Content is only looked at to refuse what was meant otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "disk.h"
#include "message.h"

static const struct {
	const char *name, *magic;
	unsigned int len;
} foreign[] = {
	{ "a qcow2", "QFI\xfb", 4 },
	{ "a VMDK", "KDMV", 4 },
	{ "a VMDK", "# Disk DescriptorFile", 21 },
	{ "a VHDX", "vhdxfile", 8 },
	{ "a QED", "QED\0", 4 },
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

/* What the file's first bytes look like; NULL: like nothing in particular. */
static const char *looks_like(const char *path, bool *readable)
{
	char start[32] = "";
	unsigned int i;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	*readable = fd >= 0;
	if (fd < 0)
		return NULL;
	n = pread(fd, start, sizeof(start), 0);
	close(fd);
	for (i = 0; i < N_FOREIGN; i++) {
		if (n >= (ssize_t)foreign[i].len && !memcmp(start, foreign[i].magic, foreign[i].len))
			return foreign[i].name;
	}
	return NULL;
}

struct disk *disk_open(const char *path, enum disk_format format, bool read_only)
{
	bool by_name = format == DISK_FORMAT_BY_NAME, readable;
	const char *kind = looks_like(path, &readable);

	if (!readable) {
		complain("--disk %s: %s", path, strerror(errno));
		return NULL;
	}
	if (by_name)
		format = ends_with(path, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
	if (format == DISK_FORMAT_QCOW2)
		return disk_nbd_open(path, read_only);
	if (by_name && kind) {
		complain("--disk %s: this is %s image: %s, or say format=raw if the guest is to see it as it is",
			 path, kind, strcmp(kind, "a qcow2") ? "convert it with 'qemu-img convert'" :
			 "say format=qcow2");
		return NULL;
	}
	return disk_raw_open(path, read_only);
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
