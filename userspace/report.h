/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REPORT_H
#define REPORT_H
/* What a VM and this program cost, at their end. */
#include <stdbool.h>
#include <stdio.h>
#include "machine.h"
#include "options.h"

struct report {
	FILE *smaps, *file;
};

/* Before this process is confined. 0, or an exit code after a message. */
int report_open(struct report *r, const struct options *o);
/* The same; what stood in the file goes. */
void report_begin(struct report *r);
/* When the guest has ended, and its memory is still there. */
void report_write(struct report *r, const struct options *o, const struct machine *m);
void report_close(struct report *r);

#endif
