/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONFINE_H
#define CONFINE_H
#include <stdbool.h>

/* Gives up, for all threads and for good, what running a guest does not need. 0 or -errno. */
int confine(bool user_network);

#endif
