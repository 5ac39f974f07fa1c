// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's phases are recognized by what Linux and its usual login program write,
 * each the first time. A prompt has no end of line, so lines are looked at while
 * they grow; but what is found in one that goes on is told when the next one begins,
 * by when this one has been shown whole.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "progress.h"

static const struct {
	const char *text, *phase;
	bool prompt;
} phases[] = {
	{ "Linux version ", "the kernel runs", false },
	{ " as init process", "the kernel starts init", false },
	{ "systemd[1]: ", "systemd runs", false },
	{ "login: ", "the guest asks for a login", true },
};

#define N_PHASES	(sizeof(phases) / sizeof(phases[0]))

static double seconds(const struct progress *p)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - p->begin.tv_sec + (now.tv_nsec - p->begin.tv_nsec) / 1e9;
}

void progress_report(const struct progress *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!p->wanted)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain("%7.3f s  %s", seconds(p), text);
}

static void look(struct progress *p)
{
	unsigned int i;

	p->line[p->used] = 0;
	for (i = 0; i < N_PHASES; i++) {
		if (p->seen & 1u << i || !strstr(p->line, phases[i].text))
			continue;
		p->seen |= 1u << i;
		if (phases[i].prompt) {
			progress_report(p, "%s", phases[i].phase);
		} else {
			p->found = phases[i].phase;
			p->found_at = seconds(p);
		}
	}
}

static void on_output(struct terminal_follower *follower, const void *data, size_t len)
{
	struct progress *p = container_of(follower, struct progress, follower);
	const char *text = data;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!p->used && p->found && text[i] != '\n') {
			complain("%7.3f s  %s", p->found_at, p->found);
			p->found = NULL;
		}
		if (text[i] == '\n') {
			p->used = 0;
			continue;
		}
		if (p->used < sizeof(p->line) - 1)
			p->line[p->used++] = text[i];
		if (text[i] == ' ' || text[i] == 's')
			look(p);
	}
}

void progress_start(struct progress *p, bool wanted)
{
	*p = (struct progress) { .wanted = wanted, .follower.output = on_output };
	clock_gettime(CLOCK_MONOTONIC, &p->begin);
}

void progress_watch(struct progress *p, struct terminal *terminal)
{
	if (p->wanted)
		terminal_follow(terminal, &p->follower);
}
