/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TEST_LIST_H
#define SELFTESTS_TEST_LIST_H
/* What the executable holds: the build makes the list from the names of the sources. */
#include "types.h"

struct test_case;

/* A piece of the program that a guest sees at the same address. */
struct image_part {
	char *start, *end;
};

#define IMAGE_PARTS	4	/* text, rodata, data, bss */

struct test {
	const char *name;
	int (*main)(int argc, char **argv);	/* of a test that wants no cases */
	const struct test_case *cases, *cases_end;
	struct image_part parts[IMAGE_PARTS];
};

extern const struct test tests[];		/* ends with a name NULL */
extern const struct image_part lib_parts[IMAGE_PARTS];
extern const struct test *test_current;

#endif
