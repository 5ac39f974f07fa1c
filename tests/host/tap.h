/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output of the host tests: TAP, version 13. A program announces its plan, calls
 * tap_result() once per test, and returns tap_exit() from main(). Tests that
 * never ran count as failed.
 */
#ifndef BELLOWS_TESTS_HOST_TAP_H
#define BELLOWS_TESTS_HOST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static struct {
	unsigned int planned;
	unsigned int done;
	unsigned int failed;
} tap;

static inline void tap_plan(unsigned int tests)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	tap.planned = tests;
	printf("TAP version 13\n1..%u\n", tests);
}

__attribute__((format(printf, 1, 2)))
static inline void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

__attribute__((format(printf, 2, 3)))
static inline void tap_result(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %u - ", ok ? "" : "not ", ++tap.done);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	tap.failed += !ok;
}

static inline void tap_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap.done, name, why);
}

/* All that is still planned. */
static inline void tap_skip_rest(const char *why)
{
	while (tap.done < tap.planned)
		tap_skip("not run", why);
}

static inline int tap_exit(void)
{
	if (tap.done != tap.planned)
		tap_note("planned %u tests, ran %u", tap.planned, tap.done);
	return tap.failed || tap.done != tap.planned;
}

#endif /* BELLOWS_TESTS_HOST_TAP_H */
