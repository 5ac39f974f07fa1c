/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MESSAGE_H
#define MESSAGE_H
/* The one way in which this program talks to its user on stderr. */
#include <stdbool.h>

/*
 * Prints "bellows: ..." with a newline. Name the option or the file, and say what
 * to do about it. May be called by any thread.
 */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same of a command line; says in the same line where help is, and returns EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The user's terminal is in raw mode: a new line needs a carriage return. */
extern bool message_raw;

#endif
