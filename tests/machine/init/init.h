/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a test machine's first process: how it speaks, looks, and runs a program. */
#ifndef MACHINE_INIT_H
#define MACHINE_INIT_H

#include <stdbool.h>
#include <stddef.h>

#define LINE		1024
#define MAX_ARGS	64
#define MODULE_SYS	"/sys/module/bellows"
#define AUDIT_FILE	"/sys/kernel/debug/bellows/audit"
#define KMEMLEAK_FILE	"/sys/kernel/debug/kmemleak"
#define CGROUP		"/sys/fs/cgroup/program"

struct program {
	int test;
	double timeout;		/* seconds */
	bool unloaded;		/* to run without the module */
	char *args[MAX_ARGS + 1];
};

/* Proves to the runner who speaks. */
extern char nonce[64];

/* A report line leaves through the port at once: nothing is buffered. */
void say(const char *kind, int test, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A file, line by line; false when there is none. */
bool say_file(const char *kind, int test, const char *path);
/* What the kernel logged since the last call. */
void open_log(void);
void say_log(const char *kind, int test);
void say_kmsg(int test);

double now(void);
void pause_ms(int ms);
bool write_file(const char *path, const char *text);

void say_use_count(int test);
long slab_objects(char *names, size_t size);
void say_charged(int test);
void say_stacks(const struct program *p);
void say_kunit(void);
void say_leaks(void);
void say_sections(void);

/* How often the machine restarted, and that it may. */
void expect_restarts(void);
/* The rest of a plan line: "test NUMBER SECONDS loaded|unloaded FILE ARGS". */
bool parse_program(char *rest, struct program *p);
void run_program(const struct program *p);

#endif
