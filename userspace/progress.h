/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H
/*
 * Reports on stderr how far a VM is, with the time since its start: what this program
 * does, and what the guest's console shows of its boot.
 */
#include <time.h>
#include "terminal.h"

struct progress {
	struct terminal_follower follower;
	bool wanted;
	struct timespec begin;
	unsigned int seen;		/* phases of the guest, a bit each */
	const char *found;		/* one that has not been told yet, or NULL */
	double found_at;
	char line[160];			/* what the guest has written since its last new line */
	unsigned int used;
};

/* Without wanted, everything is silent. */
void progress_start(struct progress *p, bool wanted);
void progress_watch(struct progress *p, struct terminal *terminal);
void progress_report(const struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
