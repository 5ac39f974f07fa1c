// SPDX-License-Identifier: GPL-2.0
/*
 * The serial port as drivers use it, and the terminal behind it: nothing is lost in
 * either direction when a side is slow, interrupts come when they should, and the
 * phases of a boot are recognized in what passes by.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tap.h"
#include "userspace/pc/pc.h"
#include "userspace/progress.h"

#define PORT	0x3f8

static char message[512];
static _Atomic bool irq;
static _Atomic unsigned int edges;
static struct vm vm;

bool message_raw;

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
}

void acpi_pm_press(struct vm *v)
{
}

static int on_irq(struct vm *v, unsigned int gsi, bool level)
{
	if (gsi == 4) {
		edges += level && !irq;
		irq = level;
	}
	return 0;
}

static const struct vm_backend backend = { .irq = on_irq };

static void out(unsigned int reg, uint8_t value)
{
	bus_access(&vm.bus, BUS_PIO, true, PORT + reg, 1, &value);
}

static uint8_t in(unsigned int reg)
{
	uint8_t value;

	bus_access(&vm.bus, BUS_PIO, false, PORT + reg, 1, &value);
	return value;
}

static bool within(bool (*fn)(void))
{
	int i;

	for (i = 0; i < 500 && !fn(); i++)
		usleep(10000);
	return fn();
}

static bool has_irq(void)
{
	return irq;
}

static bool has_data(void)
{
	return in(5) & 1;
}

static void test_registers(void)
{
	bool ok;

	out(7, 0x5a);
	out(3, 0x80);
	out(0, 0x34);
	out(1, 0x12);
	ok = in(7) == 0x5a && in(0) == 0x34 && in(1) == 0x12;
	out(3, 0x03);
	ok = ok && in(1) == 0 && in(3) == 3;
	out(2, 0x01);
	ok = ok && (in(2) & 0xc0) == 0xc0;
	tap_result(ok, "the registers of a 16550A are there");
	out(4, 0x10 | 0x0b);
	ok = (in(6) & 0xf0) == 0xb0;
	out(4, 0x10 | 0x02);
	ok = ok && (in(6) & 0xf0) == 0x10;
	out(0, 'L');
	ok = ok && in(5) & 1 && in(0) == 'L' && !(in(5) & 1);
	out(4, 0x0b);
	tap_result(ok && (in(6) & 0xf0) == 0xb0, "a loop is a loop, for data and modem lines");
}

static void test_send_irq(int reader)
{
	char text[32] = "";
	unsigned int before = edges, i;
	bool ok;

	out(1, 0x02);
	ok = irq && (in(2) & 0xf) == 2 && !irq && (in(2) & 0xf) == 1;
	for (i = 0; i < 5; i++) {
		out(0, 'a' + i);
		ok = ok && irq && (in(2) & 0xf) == 2 && !irq;
	}
	out(1, 0);
	ok = ok && edges - before == 6;
	out(0, '\n');
	tap_result(ok, "each byte sent makes an interrupt, which reading its cause ends");
	ok = read(reader, text, sizeof(text)) == 6 && !strcmp(text, "abcde\n");
	tap_result(ok, "and a line is one write");
	out(0, '$');
	ok = read(reader, text, sizeof(text)) == 1 && *text == '$';
	tap_result(ok, "a prompt without an end of line comes soon");
}

static void test_receive(int writer)
{
	char big[40000], back[40000];
	unsigned int i;
	bool ok;

	for (i = 0; i < sizeof(big); i++)
		big[i] = 'A' + i % 26;
	out(1, 0x01);
	ok = write(writer, "x", 1) == 1 && within(has_irq);
	ok = ok && (in(2) & 0xf) == 0xc && in(0) == 'x' && !irq;
	tap_result(ok, "a typed byte makes an interrupt until it is read");
	ok = write(writer, big, sizeof(big)) == sizeof(big);
	for (i = 0; i < sizeof(back) && within(has_data); i++)
		back[i] = in(0);
	tap_result(ok && i == sizeof(back) && !memcmp(big, back, sizeof(big)),
		   "a long paste arrives whole (%u of %zu)", i, sizeof(back));
	out(1, 0);
}

/* A reader who stops reading fills first the pipe, then the terminal, then the port. */
static void test_full(int reader)
{
	static char back[1 << 18];
	size_t sent = 0, got = 0;
	ssize_t n;
	bool ok;

	while (in(5) & 0x20 && sent < sizeof(back)) {
		out(0, 'a' + sent % 26);
		sent++;
	}
	ok = sent > 16384 && sent < sizeof(back);
	out(1, 0x02);
	ok = ok && !irq;
	tap_result(ok, "a full terminal makes the transmitter busy (%zu bytes)", sent);
	while (got < sent) {
		struct pollfd p = { .fd = reader, .events = POLLIN };

		if (poll(&p, 1, 5000) <= 0)
			break;
		n = read(reader, back + got, sizeof(back) - got);
		if (n <= 0)
			break;
		got += n;
	}
	ok = got == sent && within(has_irq) && in(5) & 0x20;
	for (got = 0; got < sent; got++)
		ok = ok && back[got] == (char)('a' + got % 26);
	out(1, 0);
	tap_result(ok, "nothing is lost, and an interrupt says that there is room again");
}

static void say(const char *text)
{
	while (*text)
		out(0, *text++);
}

static void test_progress(struct terminal *terminal)
{
	static struct progress p;
	bool ok;

	progress_start(&p, true);
	progress_watch(&p, terminal);
	message[0] = 0;
	say("[    0.000000] Linux version 6.1.0 (x)\r\n");
	ok = !message[0];	/* not within a line */
	say("[");
	ok = ok && strstr(message, "the kernel runs");
	message[0] = 0;
	say("Linux version again\r\n[    1.0] Run /init as init process\r\n");
	ok = ok && !message[0];
	say("[    2.0]\r\n");
	ok = ok && strstr(message, "starts init");
	say("debian login: ");
	tap_result(ok && strstr(message, "asks for a login"), "phases of a boot are reported, each once");
	terminal_unfollow(terminal, &p.follower);
}

int main(void)
{
	struct terminal *terminal;
	int typed[2], shown[2];

	tap_plan(10);
	if (pipe(typed) || pipe(shown) || vm_init(&vm, "test", &backend))
		return 1;
	terminal = terminal_create(&vm, typed[0], shown[1]);
	if (!terminal || serial_create(&vm, terminal) || vm_start_devices(&vm) || terminal_start(terminal))
		return 1;
	test_registers();
	test_send_irq(shown[0]);
	test_receive(typed[1]);
	test_full(shown[0]);
	test_progress(terminal);
	vm_stop_devices(&vm);
	terminal_free(terminal);
	vm_free(&vm);
	return tap_exit();
}
