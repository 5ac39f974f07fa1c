/* SPDX-License-Identifier: GPL-2.0 */
/* Which places of a module the calls of a program reached, where the kernel has KCOV. */
#ifndef TEST_KCOV_H
#define TEST_KCOV_H

#include <stddef.h>
#include "types.h"

/* Memory that parent and children share; NULL without. */
void *kcov_shared(size_t size);

/* Before the fork, so that parent and child count in the same place. */
void kcov_find_module(const char *name);

/* In each thread: what to give to kcov_take() after a call; NULL where there is no KCOV. */
u64 *kcov_start(void);
void kcov_take(u64 *cover);

/* A line of diagnostics. */
void kcov_print(void);

#endif
