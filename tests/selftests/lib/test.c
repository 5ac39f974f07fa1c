// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the cases of a test and reports them in TAP.
 *
 * One executable holds all tests, since each would carry the same C library and
 * test machines load everything from an initial RAM disk: the test to run is
 * the name under which the program is called, or its first argument.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "host.h"
#include "test.h"
#include "test_list.h"

#define DEFAULT_TIMEOUT	30

const char *test_device = "/dev/bellows";
bool test_is_kvm;

void (*test_on_timeout)(void);

static unsigned int scale = 100;
static unsigned int slow = 1;
char *test_skip_reason;	/* shared with the case's process */
static volatile bool case_failed;

unsigned long test_scale(unsigned long n)
{
	n = n * scale / 100;
	return n ? n : 1;
}

u64 test_at_most(u64 ms)
{
	return ms * slow;
}

u64 test_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

u64 test_random(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

bool test_host_is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & BIT(2);
}

bool test_host_is_tcg(void)
{
	unsigned int eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

bool test_on_machine(const char *name)
{
	const char *machine = getenv("BELLOWS_MACHINE");

	return machine && !strcmp(machine, name);
}

const char *test_cpu_lacks(void)
{
	if (test_is_kvm)
		return NULL;
	if (test_on_machine("bochs-vmx-noept"))
		return "EPT";
	if (test_on_machine("bochs-vmx-noug"))
		return "unrestricted guest";
	return NULL;
}

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];
	size_t n = strlen(prefix);

	memcpy(text, prefix, n);
	vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	for (char *p = text + n; *p; p++)
		if (*p == '\n')
			*p = ' ';
	strcat(text, "\n");
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

void test_diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("# ", fmt, ap);
	va_end(ap);
}

void test_fail(const char *file, int line, bool fatal, const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	test_diag("%s:%d: %s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, text);
	case_failed = true;
	if (fatal)
		_exit(1);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	if (case_failed)
		_exit(1);
	va_start(ap, fmt);
	vsnprintf(test_skip_reason, PAGE_SIZE, fmt, ap);
	va_end(ap);
	_exit(TEST_EXIT_SKIP);
}

static void out_of_time(int sig)
{
	(void)sig;
	if (write(1, "# out of time\n", 14) < 0)
		_exit(1);
	/* A vCPU may be stuck in another thread, and then we would be, too. */
	signal(SIGALRM, SIG_DFL);
	alarm(3);
	if (test_on_timeout)
		test_on_timeout();
	_exit(1);
}

static void run_in_process(const struct test_case *c)
{
	signal(SIGALRM, out_of_time);
	alarm((c->timeout ? c->timeout : DEFAULT_TIMEOUT) * slow);
	c->fn();
	/* Threads and memory go with the process: what a user's crash would do, too. */
	_exit(case_failed);
}

static int run_case(const struct test_case *c, unsigned int number, bool use_fork)
{
	int status;
	pid_t pid;

	*test_skip_reason = 0;
	if (!use_fork) {
		c->fn();
		status = case_failed ? 1 << 8 : 0;
	} else {
		pid = fork();
		if (!pid)
			run_in_process(c);
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return 1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_EXIT_SKIP) {
		printf("ok %u - %s # SKIP %s\n", number, c->title, test_skip_reason);
		return 0;
	}
	if (WIFSIGNALED(status))
		printf("# killed by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	printf("%sok %u - %s\n", status ? "not " : "", number, c->title);
	return !!status;
}

static int by_line(const void *a, const void *b)
{
	const struct test_case *const *p = a, *const *q = b;

	return (*p)->line - (*q)->line;
}

static int run_cases(const struct test *t, const char *only, bool use_fork, bool list)
{
	size_t n = t->cases_end - t->cases, failed = 0, number = 0, wanted;
	const struct test_case **order = calloc(n, sizeof(*order));
	char *end = "";

	/* Digits are a number, though titles may have them, too. */
	wanted = only ? strtoul(only, &end, 10) : 0;
	for (size_t i = 0; i < n; i++)
		order[i] = &t->cases[i];
	qsort(order, n, sizeof(*order), by_line);
	if (list) {
		for (size_t i = 0; i < n; i++)
			printf("%zu - %s\n", i + 1, order[i]->title);
		free(order);
		return 0;
	}
	printf("TAP version 13\n1..%zu\n", only ? 1 : n);
	for (size_t i = 0; i < n; i++) {
		if (only && (*end ? !strstr(order[i]->title, only) : wanted != i + 1))
			continue;
		if (only && number)
			break;
		number++;
		u64 start = test_ms();

		failed += run_case(order[i], number, use_fork);
		if (getenv("BELLOWS_TEST_TIME"))
			printf("# %llu ms\n", test_ms() - start);
		fflush(stdout);
	}
	free(order);
	return !!failed;
}

/*
 * KVM is not there until somebody loads it, and must not stay: Bellows wants the
 * same CPUs. On a host of its own /dev/kvm is there already, and stays.
 */
static int run_with_kvm(const struct test *t, const char *only, bool use_fork)
{
	int ret;

	if (!kvm_available()) {
		puts("1..0 # SKIP there are no modules of KVM here");
		return 4;
	}
	ret = kvm_load("");
	if (!ret)
		ret = run_cases(t, only, use_fork, false);
	else
		printf("# KVM cannot be loaded: %s\n", strerror(-ret));
	return kvm_unload() || ret;
}

static void usage(void)
{
	puts("usage: selftests TEST [--device FILE] [--case NUMBER|TEXT] [--no-fork] [--list]\n"
	     "       selftests --tests\n"
	     "environment: BELLOWS_DEVICE, BELLOWS_TEST_SCALE (percent), BELLOWS_SLOW (factor),\n"
	     "             BELLOWS_TEST_TIME");
	exit(2);
}

static void environment(void)
{
	const char *s = getenv("BELLOWS_TEST_SCALE");
	struct rlimit files = { 4096, 4096 };

	/* The runner says by which factor this machine is slower than the fastest. */
	if (getenv("BELLOWS_SLOW") && atoi(getenv("BELLOWS_SLOW")) > 0) {
		slow = atoi(getenv("BELLOWS_SLOW"));
		scale = 100 / slow + 1;
	}
	if (s && atoi(s) > 0)
		scale = atoi(s);
	setrlimit(RLIMIT_NOFILE, &files);
	if (getenv("BELLOWS_DEVICE"))
		test_device = getenv("BELLOWS_DEVICE");
	test_skip_reason = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (test_skip_reason == MAP_FAILED)
		exit(1);
}

static int run_test(const struct test *t, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "case", required_argument, NULL, 'c' },
		{ "no-fork", no_argument, NULL, 'n' },
		{ "list", no_argument, NULL, 'l' },
		{ }
	};
	bool use_fork = true, list = false;
	const char *only = NULL;
	int o;

	setvbuf(stdout, NULL, _IOLBF, 0);
	test_is_kvm = strstr(test_device, "kvm");
	if (t->main)
		return t->main(argc, argv);
	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (o) {
		case 'd':
			test_device = optarg;
			test_is_kvm = strstr(test_device, "kvm");
			break;
		case 'c':
			only = optarg;
			break;
		case 'n':
			use_fork = false;
			break;
		case 'l':
			list = true;
			break;
		default:
			usage();
		}
	}
	if (test_is_kvm && !list && access(test_device, F_OK))
		return run_with_kvm(t, only, use_fork);
	return run_cases(t, only, use_fork, list);
}

int main(int argc, char **argv)
{
	char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];

	environment();
	if (!strcmp(name, "selftests")) {
		if (argc < 2)
			usage();
		argc--;
		argv++;
		name = argv[0];
	}
	if (!strcmp(name, "--tests")) {
		for (const struct test *t = tests; t->name; t++)
			puts(t->name);
		return 0;
	}
	for (const struct test *t = tests; t->name; t++) {
		if (strcmp(t->name, name))
			continue;
		test_current = t;
		return run_test(t, argc, argv);
	}
	fprintf(stderr, "selftests: no test %s\n", name);
	return 2;
}
