// SPDX-License-Identifier: GPL-2.0
/*
 * The reports of --stats and --memory-stats. They are for people on stderr, which often
 * is where the guest's console is, too: what it says at its end then stands between. So
 * programs have the memory's in a file of its own, as an object of JSON. What the guest's
 * costs has the names that `bellows stat --json` gives it.
 *
 * What the report is made of is opened before the process gives up the right to open
 * files, and emptied just before it gives up that: what stood in it is not lost to a VM
 * that cannot start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "exit_codes.h"
#include "message.h"
#include "report.h"

#define MIB	(1ull << 20)

int report_open(struct report *r, const struct options *o)
{
	int fd;

	if (!o->memory_stats)
		return 0;
	r->smaps = fopen("/proc/self/smaps", "re");
	if (!o->memory_stats_file)
		return 0;
	/* A pipe without a reader is an error, rather than something to wait for. */
	fd = open(o->memory_stats_file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	r->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (r->file && !fcntl(fd, F_SETFL, 0))
		return 0;
	complain("--memory-stats: %s: %s: name a file that can be written", o->memory_stats_file, strerror(errno));
	return EXIT_INPUT;
}

void report_begin(struct report *r)
{
	/* Of a pipe there is nothing to throw away. */
	if (r->file && ftruncate(fileno(r->file), 0) && errno != EINVAL)
		complain("--memory-stats: cannot empty the file: %s", strerror(errno));
}

/*
 * The launcher's own memory: what is dirty and no other process's, besides the guest's. Where
 * programs are in a RAM disk their code is dirty, too: of what cannot be written to, only
 * what is no file's any more counts.
 */
static long private_kib(struct report *r, const struct machine *m)
{
	unsigned long begin, end, guest = (unsigned long)m->memory.map;
	bool ours = true, writable = true;
	char line[512], mode[5];
	long kib, total = 0;

	if (!r->smaps)
		return -1;
	rewind(r->smaps);
	while (fgets(line, sizeof(line), r->smaps)) {
		if (sscanf(line, "%lx-%lx %4s", &begin, &end, mode) == 3) {
			ours = end <= guest || begin >= guest + m->memory.size;
			writable = mode[1] == 'w';
		} else if (ours && sscanf(line, writable ? "Private_Dirty: %ld kB" : "Anonymous: %ld kB", &kib) == 1) {
			total += kib;
		}
	}
	return total;
}

static void write_file(struct report *r, const char *path, const struct machine *m, uint64_t used, uint64_t large, long own)
{
	fprintf(r->file, "{\"memory\": %llu, \"memory_used\": %llu", (unsigned long long)m->memory.size,
		(unsigned long long)used);
	if (!m->is_kvm)
		fprintf(r->file, ", \"memory_large_pages\": %llu", (unsigned long long)large);
	if (own >= 0)
		fprintf(r->file, ", \"own\": %llu", own * 1024ull);
	fprintf(r->file, "}\n");
	if (fflush(r->file))
		complain("--memory-stats: %s: %s: the report is lost", path, strerror(errno));
}

static void write_text(const struct machine *m, uint64_t used, uint64_t large)
{
	complain("guest memory: %llu MiB, of which %llu KiB cost memory%s", (unsigned long long)(m->memory.size / MIB),
		 (unsigned long long)used >> 10, m->is_kvm ? "" : ":");
	if (!m->is_kvm)
		complain("  %llu KiB in large pages, %llu KiB in small ones", (unsigned long long)large >> 10,
			 (unsigned long long)(used - large) >> 10);
}

void report_write(struct report *r, const struct options *o, const struct machine *m)
{
	uint64_t used, large;
	long own = private_kib(r, m);

	if (o->stats)
		complain("exits to this program: %llu", machine_exits(m));
	if (machine_memory_used(m, &used, &large)) {
		complain("what the guest's memory costs cannot be read");
		return;
	}
	if (r->file)
		write_file(r, o->memory_stats_file, m, used, large, own);
	if (o->stats || (o->memory_stats && !r->file))
		write_text(m, used, large);
	if (o->memory_stats && !r->file && own >= 0)
		complain("this program: %ld KiB of its own", own);
}

void report_close(struct report *r)
{
	if (r->smaps)
		fclose(r->smaps);
	if (r->file)
		fclose(r->file);
}
