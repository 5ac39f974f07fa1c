// SPDX-License-Identifier: GPL-2.0
/*
 * The init of a guest whose work is measured: processes that come and go, two that
 * wake each other, a walk through memory.
 *
 * The host measures: a word on the debug port says that init runs, and one after each
 * piece of work how often it was done. What a word costs is little beside the work.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBUG_PORT	0xe9
#define EXIT_PORT	0xf4
#define FORKS		40
#define ROUND_TRIPS	1000
#define MEMORY		(16UL << 20)
#define LINE_SIZE	64
#define WALKS		8

static void say(const char *what, unsigned int count)
{
	char text[64];

	snprintf(text, sizeof(text), "@%s %u\n", what, count);
	for (char *c = text; *c; c++)
		outb(*c, DEBUG_PORT);
}

static void leave(int status)
{
	outb(status, EXIT_PORT);
	for (;;)
		pause();
}

static void check(int good)
{
	if (!good)
		leave(1);
}

/* What a shell does all day. */
static void fork_loop(char *self)
{
	char *const argv[] = { self, "nothing", NULL };

	for (unsigned int i = 0; i < FORKS; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			execv(self, argv);
			_exit(1);
		}
		check(waitpid(pid, &status, 0) == pid && !status);
	}
}

static void pipe_pingpong(void)
{
	int there[2], back[2];
	char byte = 0;

	check(!pipe(there) && !pipe(back));
	if (!fork()) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			check(write(back[1], &byte, 1) == 1);
		_exit(0);
	}
	for (unsigned int i = 0; i < ROUND_TRIPS; i++)
		check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1);
	close(there[1]);
	check(wait(NULL) > 0);
}

/* More than any cache holds, fresh at first. */
static void memory_loop(void)
{
	uint64_t *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = 1;

	check(p != MAP_FAILED);
	for (unsigned int w = 0; w < WALKS; w++) {
		for (size_t i = 0; i < MEMORY / LINE_SIZE; i++) {
			at = at * 6364136223846793005ULL + 1442695040888963407ULL;
			p[(at >> 33) % (MEMORY / LINE_SIZE) * (LINE_SIZE / 8)] += at;
		}
	}
	munmap(p, MEMORY);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	if (iopl(3))
		return 1;
	say("boot-debian", 1);
	fork_loop(argv[0]);
	say("fork-loop", FORKS);
	pipe_pingpong();
	say("pipe-pingpong", ROUND_TRIPS);
	memory_loop();
	say("memory-loop", 1);
	leave(0);
}
