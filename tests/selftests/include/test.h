/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TEST_H
#define SELFTESTS_TEST_H
/*
 * Cases and assertions, on the host's side.
 *
 * A test program is a set of cases: CASE(function, "property it proves") { ... }.
 * Each runs in a process of its own with a time limit, so that one that fails,
 * crashes or hangs neither takes the others along nor leaves anything open. The
 * result of each is one line of TAP.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "types.h"

/* Of a test that wants no cases. */
int main(int argc, char **argv);

struct test_case {
	const char *title;
	void (*fn)(void);
	unsigned int timeout;		/* seconds; 0: the default */
	int line;
};

#define __TEST_STR(x)	#x
#define TEST_STR(x)	__TEST_STR(x)
#define TEST_CASES	TEST_STR(TEST_NAME) "_cases"

#define CASE_TIMEOUT(name, what, seconds)				\
	static void name(void);						\
	static const struct test_case name##_case			\
	__attribute__((used, section(TEST_CASES), aligned(8))) = {	\
		.title = what, .fn = name, .timeout = seconds, .line = __LINE__ \
	};								\
	static void name(void)

#define CASE(name, what)	CASE_TIMEOUT(name, what, 0)

/* The device under test, and whether it is KVM's own. */
extern const char *test_device;
extern bool test_is_kvm;

/* Called when a case is out of time, to say where it hangs. */
extern void (*test_on_timeout)(void);

/* A loop count, scaled by BELLOWS_TEST_SCALE (percent), at least 1. */
unsigned long test_scale(unsigned long n);
/* The longest that something may take, in milliseconds on the fastest machine, here. */
u64 test_at_most(u64 ms);
/* Milliseconds since some point in the past. */
u64 test_ms(void);
/* The same sequence on every run; seed it for another. */
u64 test_random(u64 *state);
/* Is this one of AMD's (or a CPU with SVM's) hosts, or one of Intel's? */
bool test_host_is_amd(void);

/* Is the host's CPU one of QEMU's own making (TCG)? It has errata. */
bool test_host_is_tcg(void);

/* Is this the test machine of that name, with errata of its own? */
bool test_on_machine(const char *name);

/*
 * What this test machine's CPU lacks for running VMs, in the module's words, or NULL.
 * It goes by the machine and not by what the module says, which could be wrong.
 */
const char *test_cpu_lacks(void);

void test_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_fail(const char *file, int line, bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Ends the process with TEST_EXIT_SKIP; the reason is shared with who started it. */
#define TEST_EXIT_SKIP	77
extern char *test_skip_reason;
void test_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Ends the case when the condition does not hold. */
#define ASSERT(cond, ...)						\
	do {								\
		if (!(cond))						\
			test_fail(__FILE__, __LINE__, true,		\
				  #cond ": " __VA_ARGS__);		\
	} while (0)

#define __COMPARE(fatal, a, op, b)					\
	do {								\
		u64 __a = (u64)(a), __b = (u64)(b);			\
		if (!(__a op __b))					\
			test_fail(__FILE__, __LINE__, fatal,		\
				  "%s: 0x%llx (%lld) against 0x%llx (%lld)", \
				  #a " " #op " " #b, __a, (s64)__a, __b, (s64)__b); \
	} while (0)

#define ASSERT_EQ(a, b)		__COMPARE(true, a, ==, b)
#define ASSERT_NE(a, b)		__COMPARE(true, a, !=, b)

/* The case fails, but goes on. */
#define EXPECT(cond, ...)						\
	do {								\
		if (!(cond))						\
			test_fail(__FILE__, __LINE__, false,		\
				  #cond ": " __VA_ARGS__);		\
	} while (0)
#define EXPECT_EQ(a, b)		__COMPARE(false, a, ==, b)
#define EXPECT_NE(a, b)		__COMPARE(false, a, !=, b)

/* Skips the case, with the reason. */
#define SKIP(...)		test_skip(__VA_ARGS__)
#define REQUIRE(cond, ...)						\
	do {								\
		if (!(cond))						\
			test_skip(__VA_ARGS__);				\
	} while (0)

/* Skips the case on machines that cannot run VMs. */
#define REQUIRE_VMS()							\
	REQUIRE(!test_cpu_lacks(), "no VMs are possible here: this CPU lacks %s", test_cpu_lacks())

/* A system call that must succeed. */
#define x(call)								\
	({								\
		long __r = (long)(call);				\
		if (__r < 0)						\
			test_fail(__FILE__, __LINE__, true, "%s: %s", #call, strerror(errno)); \
		__r;							\
	})

/* Minus errno instead of -1. */
#define __x(call)							\
	({								\
		long __r = (long)(call);				\
		__r < 0 ? -(long)errno : __r;				\
	})

#endif
