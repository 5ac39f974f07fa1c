// SPDX-License-Identifier: GPL-2.0
/*
 * Where a disk's root file system is, unless the user says it: on the disk itself
 * if that holds a file system, in its first partition otherwise. That is where
 * Debian's own images have it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "disk/disk.h"

#define EXT_MAGIC	0x438		/* of ext2 to ext4; 53 ef */
#define BTRFS_MAGIC	0x10040

/* The file of a --disk option: up to a comma that is not doubled. */
static void file_of(const char *spec, char *path, size_t size)
{
	size_t n = 0;

	for (; *spec && n < size - 1; spec++) {
		if (*spec == ',' && spec[1] != ',')
			break;
		path[n++] = *spec;
		if (*spec == ',')
			spec++;
	}
	path[n] = 0;
}

/* Whether these bytes are there, on the disk or on the one that an image holds. */
static bool has(int fd, uint64_t at, const char *magic, unsigned int len)
{
	char found[16];

	return (pread(fd, found, len, at) == (ssize_t)len && !memcmp(found, magic, len)) ||
	       (disk_qcow2_read(fd, at, found, len) && !memcmp(found, magic, len));
}

const char *disk_root_device(const char *spec)
{
	char path[4096];
	bool whole;
	int fd;

	file_of(spec, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	whole = has(fd, EXT_MAGIC, "\x53\xef", 2) || has(fd, BTRFS_MAGIC, "_BHRfS_M", 8) || has(fd, 0, "XFSB", 4);
	close(fd);
	return whole ? "/dev/vda" : "/dev/vda1";
}
