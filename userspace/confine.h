/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONFINE_H
#define CONFINE_H
#include <stdbool.h>

/*
 * Gives up files by name but the resolver's configuration, for the calling thread and those
 * that it creates from now on. 0, also where the kernel cannot do that, or -errno.
 */
int confine_files(void);

/* Gives up, for all threads and for good, what running a guest does not need. 0 or -errno. */
int confine(bool user_network);

#endif
