// SPDX-License-Identifier: GPL-2.0
/*
 * A disk for the guest. Each chain is a request: a header, data, and a byte for
 * the status. Requests are checked here, so that a backend sees only whole
 * sectors within the disk, and run on their own: completions come in any order, in
 * the loop's thread, and each gives its chain back.
 *
 * A request in flight is an allocation that ends with the buffers of its chain;
 * there are never more than the queue has entries, because a chain cannot be taken
 * twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "disk/disk.h"
#include "message.h"
#include "virtio/blk.h"
#include "virtio/virtio.h"

#define F_SEG_MAX	VIRTIO_FEATURE(2)
#define F_READ_ONLY	VIRTIO_FEATURE(5)
#define F_BLK_SIZE	VIRTIO_FEATURE(6)
#define F_FLUSH		VIRTIO_FEATURE(9)
#define F_DISCARD	VIRTIO_FEATURE(13)
#define F_WRITE_ZEROES	VIRTIO_FEATURE(14)

#define QUEUE_SIZE	128
#define ID_SIZE		20
/* Of one discard or zeroing, in sectors: the time it may take stays sensible. */
#define MAX_RANGE	(1u << 21)

enum { T_READ = 0, T_WRITE = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPPORTED = 2 };

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct range {
	uint64_t sector;
	uint32_t n_sectors, flags;
};

#define RANGE_UNMAP	1

struct config {
	uint64_t capacity;
	uint32_t size_max, seg_max;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp, alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback, unused;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap, unused2[3];
};

_Static_assert(offsetof(struct config, max_discard_sectors) == 36, "layout of the standard");
_Static_assert(offsetof(struct config, write_zeroes_may_unmap) == 56, "layout of the standard");

struct blk {
	struct virtio v;
	struct disk *disk;
	struct config config;
	char id[ID_SIZE + 1];
};

struct request {
	struct disk_request disk;
	struct blk *blk;
	uint8_t *status;
	uint32_t written;	/* of the chain, when all goes well */
	uint16_t head;
	struct iovec iov[];
};

static struct blk *blk_of(struct virtio *v)
{
	return container_of(v, struct blk, v);
}

/* --- Requests ---------------------------------------------------------------------- */

static void finish(struct blk *blk, uint16_t head, uint8_t *status, uint8_t value, uint32_t written)
{
	*status = value;
	virtio_give(&blk->v, 0, head, written);
}

static void on_done(struct disk_request *disk, int error)
{
	static const char *const verbs[] = {
		[DISK_READ] = "reading", [DISK_WRITE] = "writing", [DISK_FLUSH] = "flushing",
		[DISK_DISCARD] = "discarding", [DISK_ZERO] = "zeroing",
	};
	struct request *r = container_of(disk, struct request, disk);
	struct blk *blk = r->blk;

	if (error)
		vm_warn(blk->v.vm, "disk %s: %s failed: %s; the guest is told so", blk->disk->path,
			verbs[disk->op], strerror(error));
	pthread_mutex_lock(&blk->v.lock);
	finish(blk, r->head, r->status, error ? S_IOERR : S_OK, error ? 1 : r->written);
	virtio_settle(&blk->v);
	pthread_mutex_unlock(&blk->v.lock);
	free(r);
}

static bool within(const struct blk *blk, uint64_t sector, uint64_t n)
{
	uint64_t capacity = blk->config.capacity;

	return sector <= capacity && n <= capacity - sector;
}

/* The range of a discard or zeroing. */
static uint8_t parse_range(struct blk *blk, struct vring_span *out, struct disk_request *disk,
			   bool offered)
{
	struct range range;

	if (!offered)
		return S_UNSUPPORTED;
	if (out->size != sizeof(range))
		return S_IOERR;
	vring_pull(out, &range, sizeof(range));
	if (range.flags & ~RANGE_UNMAP || (disk->op == DISK_DISCARD && range.flags))
		return S_UNSUPPORTED;
	if (!range.n_sectors || range.n_sectors > MAX_RANGE ||
	    !within(blk, range.sector, range.n_sectors))
		return S_IOERR;
	disk->may_unmap = range.flags & RANGE_UNMAP;
	disk->offset = range.sector * DISK_SECTOR;
	disk->length = (uint64_t)range.n_sectors * DISK_SECTOR;
	return S_OK;
}

static uint8_t parse_data(struct blk *blk, const struct header *header, struct vring_span *data,
			  struct disk_request *disk)
{
	if (data->size % DISK_SECTOR || !within(blk, header->sector, data->size / DISK_SECTOR))
		return S_IOERR;
	disk->offset = header->sector * DISK_SECTOR;
	disk->length = data->size;
	disk->iov = data->iov;
	disk->n_iov = data->n;
	return S_OK;
}

/* What the disk has to do; S_OK only if it has to do something. */
static uint8_t parse(struct blk *blk, const struct header *header, struct vring_span *out,
		     struct vring_span *in, struct disk_request *disk)
{
	bool writes = header->type != T_READ && header->type != T_FLUSH;

	if (writes && blk->disk->read_only)
		return S_IOERR;
	switch (header->type) {
	case T_READ:
		disk->op = DISK_READ;
		return parse_data(blk, header, in, disk);
	case T_WRITE:
		disk->op = DISK_WRITE;
		return parse_data(blk, header, out, disk);
	case T_FLUSH:
		disk->op = DISK_FLUSH;
		return S_OK;
	case T_DISCARD:
		disk->op = DISK_DISCARD;
		return parse_range(blk, out, disk, virtio_has(&blk->v, F_DISCARD));
	case T_WRITE_ZEROES:
		disk->op = DISK_ZERO;
		return parse_range(blk, out, disk, virtio_has(&blk->v, F_WRITE_ZEROES));
	default:
		return S_UNSUPPORTED;
	}
}

static bool start_request(struct blk *blk, const struct disk_request *disk, uint8_t *status,
			  uint16_t head, uint32_t written)
{
	struct request *r = malloc(sizeof(*r) + disk->n_iov * sizeof(struct iovec));

	if (!r)
		return false;
	*r = (struct request) { *disk, blk, status, written, head };
	if (disk->n_iov)
		memcpy(r->iov, disk->iov, disk->n_iov * sizeof(struct iovec));
	r->disk.iov = r->iov;
	r->disk.done = on_done;
	disk_submit(blk->disk, &r->disk);
	return true;
}

static void serve(struct virtio *v, struct vring_chain *chain)
{
	struct vring_span out = vring_out(chain), in = vring_in(chain);
	struct disk_request disk = { 0 };
	struct blk *blk = blk_of(v);
	struct header header;
	uint32_t written = 1;
	uint8_t *status, value;

	status = vring_cut_last(&in);
	if (!status || vring_pull(&out, &header, sizeof(header)) < sizeof(header)) {
		/* There is no place for an answer. */
		virtio_give(v, 0, chain->head, 0);
		virtio_fail(v, "a disk request has no header or no status");
		return;
	}
	if (header.type == T_GET_ID) {
		written += vring_push(&in, blk->id, ID_SIZE);
		finish(blk, chain->head, status, S_OK, written);
		return;
	}
	value = parse(blk, &header, &out, &in, &disk);
	if (value == S_OK && disk.op == DISK_READ)
		written += disk.length;
	if (value == S_OK && disk.op != DISK_FLUSH && !disk.length)
		finish(blk, chain->head, status, S_OK, 1);
	else if (value != S_OK || !start_request(blk, &disk, status, chain->head, written))
		finish(blk, chain->head, status, value != S_OK ? value : S_IOERR, 1);
}

static void kick(struct virtio *v, unsigned int q)
{
	virtio_drain(v, q, serve);
	disk_commit(blk_of(v)->disk);
}

/* --- Life ---------------------------------------------------------------------------- */

static int blk_start(struct virtio *v)
{
	int err = disk_attach(blk_of(v)->disk, v->vm->loop);

	if (err)
		complain("%s: %s", v->device.name, strerror(-err));
	return err;
}

static void blk_stop(struct virtio *v)
{
	disk_detach(blk_of(v)->disk);
}

static void blk_free(struct virtio *v)
{
	struct blk *blk = blk_of(v);

	disk_close(blk->disk);
	free(blk);
}

static const struct virtio_ops blk_ops = {
	.type = VIRTIO_TYPE_BLOCK,
	.n_queues = 1,
	.queue_size = QUEUE_SIZE,
	.kick = kick,
	.start = blk_start,
	.stop = blk_stop,
	.free = blk_free,
};

struct options {
	char *path;
	const char *serial;
	enum disk_format format;
	bool read_only;
};

/* Splits text, in place, at its first single comma; the rest, or NULL. */
static char *split(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == ',' && *++text != ',') {
			*to = 0;
			return text;
		}
		*to++ = *text;
	}
	*to = 0;
	return NULL;
}

static bool parse_options(const char *spec, char *text, struct options *o)
{
	char *rest = split(text), *word;

	*o = (struct options) { .path = text, .serial = "" };
	while ((word = rest)) {
		rest = split(word);
		if (!strcmp(word, "readonly"))
			o->read_only = true;
		else if (!strcmp(word, "format=raw"))
			o->format = DISK_FORMAT_RAW;
		else if (!strcmp(word, "format=qcow2"))
			o->format = DISK_FORMAT_QCOW2;
		else if (!strncmp(word, "serial=", 7) && strlen(word + 7) <= ID_SIZE)
			o->serial = word + 7;
		else {
			complain("--disk %s: '%s' is not format=raw, format=qcow2, readonly or serial= with at most %d characters (a comma in a file's name is written twice)",
				 spec, word, ID_SIZE);
			return false;
		}
	}
	if (!*o->path)
		complain("--disk %s: names no file", spec);
	return *o->path;
}

static uint64_t describe(struct blk *blk)
{
	const struct disk *disk = blk->disk;

	blk->config = (struct config) {
		.capacity = disk->size / DISK_SECTOR,
		.seg_max = QUEUE_SIZE - 2,	/* header and status */
		.blk_size = DISK_SECTOR,
		.max_discard_sectors = MAX_RANGE,
		.max_discard_seg = 1,
		.discard_sector_alignment = 4096 / DISK_SECTOR,
		.max_write_zeroes_sectors = MAX_RANGE,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = disk->can_discard,
	};
	return F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (disk->read_only ? F_READ_ONLY : 0) |
	       (disk->can_discard ? F_DISCARD : 0) | (disk->can_zero ? F_WRITE_ZEROES : 0);
}

int virtio_blk_create(struct vm *vm, const char *spec)
{
	char *text = strdup(spec);
	struct blk *blk = NULL;
	struct options options;
	int err = -EINVAL;

	if (!text || !parse_options(spec, text, &options))
		goto out;
	blk = calloc(1, sizeof(*blk));
	if (blk)
		blk->disk = disk_open(options.path, options.format, options.read_only);
	err = -EIO;
	if (!blk || !blk->disk)
		goto out;
	snprintf(blk->id, sizeof(blk->id), "%s", options.serial);
	err = virtio_init(&blk->v, vm, "virtio-blk", &blk_ops, describe(blk), &blk->config,
			  sizeof(blk->config));
	if (err) {
		disk_close(blk->disk);
		goto out;
	}
	blk = NULL;
out:
	free(blk);
	free(text);
	return err;
}
