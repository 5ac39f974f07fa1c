/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RUN_H
#define RUN_H
/* The life of a VM in the foreground. */
#include "options.h"

/* Both return the exit code. */
int run_flat(const struct options *o);
int run_kernel(const struct options *o);

#endif
