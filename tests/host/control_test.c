// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket against clients that make mistakes or mean harm: lines of any
 * length and content, pieces, silence, too many connections, and a console whose
 * reader does not read. Every whole line gets one line of JSON; nothing stops the VM.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "random.h"
#include "tap.h"
#include "userspace/control.h"
#include "userspace/control_client.h"
#include "userspace/control_protocol.h"
#include "userspace/exit_codes.h"
#include "userspace/message.h"
#include "userspace/pc/pc.h"

/* --- In place of the machine ----------------------------------------------------------- */

static char message[512];
static struct machine machine = { .device_path = "/dev/test" };
static _Atomic bool paused, pressed;

bool message_raw;

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
}

void machine_ask_pause(struct machine *m, bool pause)
{
	paused = pause;
}

const char *machine_state(struct machine *m)
{
	return paused ? "paused" : "running";
}

int machine_memory_used(const struct machine *m, uint64_t *used, uint64_t *large)
{
	*used = 12345;
	*large = 0;
	return 0;
}

unsigned long long machine_exits(const struct machine *m)
{
	return 7;
}

void acpi_pm_press(struct vm *vm)
{
	pressed = true;
}

static int no_irq(struct vm *vm, unsigned int gsi, bool level)
{
	return 0;
}

static const struct vm_backend backend = { .irq = no_irq };

/* How long to wait for what must come, in milliseconds: a machine may be slow and busy. */
#define SOON	20000

/* --- A client without manners ------------------------------------------------------------- */

static char name[32];

/* Sends bytes; returns what came back within a while, as a string. */
static const char *talk(int fd, const void *data, size_t len)
{
	static char reply[8192];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	ssize_t n;

	if (len && send(fd, data, len, MSG_NOSIGNAL) < 0)
		return "";
	while (used < sizeof(reply) - 1 && poll(&p, 1, SOON) > 0) {
		n = recv(fd, reply + used, sizeof(reply) - 1 - used, 0);
		if (n <= 0)
			break;
		used += n;
		if (reply[used - 1] == '\n')
			break;
	}
	reply[used] = 0;
	return reply;
}

static const char *say(const char *line)
{
	static char reply[8192];
	int fd = control_connect(name);

	snprintf(reply, sizeof(reply), "%s", fd < 0 ? "" : talk(fd, line, strlen(line)));
	close(fd);
	return reply;
}

static bool alive(void)
{
	return strstr(say("{\"command\":\"status\"}\n"), "\"ok\":true") != NULL;
}

/* While it has not noticed that others have gone there may be no room. */
static bool alive_again(void)
{
	unsigned int i;

	for (i = 0; i < SOON / 10; i++, usleep(10000))
		if (alive())
			return true;
	return false;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void test_commands(void)
{
	bool ok;

	ok = strstr(say("{\"command\":\"status\"}\n"), "\"state\":\"running\"") != NULL;
	say("{\"command\":\"pause\"}\n");
	ok = ok && paused && strstr(say("{\"command\": \"status\"}\n"), "\"state\":\"paused\"");
	say(" { \"command\" : \"resume\" }\n");
	say("{\"command\":\"power-button\"}\n");
	tap_result(ok && !paused && pressed, "commands are carried out");
	ok = strstr(say("{\"command\":\"fly\"}\n"), "there is no such command") &&
	     strstr(say("{\"command\":5}\n"), "no command is named") && strstr(say("{}\n"), "no command is named") &&
	     strstr(say("[]\n"), "not a JSON object") && strstr(say("\n"), "not a JSON object") &&
	     strstr(say("{\"command\":\"status\"}}\n"), "not a JSON object") &&
	     strstr(say("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{}}}}}}\n"), "not a JSON object");
	tap_result(ok && alive(), "what is no command is answered with what is wrong");
}

static void test_name(void)
{
	struct control *second = NULL;
	int err = control_create(&second, &machine, NULL, name);

	tap_result(err == EXIT_USAGE && !second && strstr(message, "--name") && alive(),
		   "a second VM cannot have the name: %s", message);
}

static bool found;

static void look(const char *other, void *opaque)
{
	found = found || !strcmp(other, name);
}

static void test_list(void)
{
	tap_result(!control_each(look, NULL) && found, "the VM is found in the list");
}

/* Lines of every length, whole and in pieces. */
static void test_lengths(void)
{
	static char line[CONTROL_LINE + 2];
	bool ok = true;
	size_t len;
	int fd;

	for (len = 1; len <= sizeof(line) && ok; len += len < 40 || len > CONTROL_LINE - 40 ? 1 : 97) {
		memset(line, 'x', len - 1);
		line[len - 1] = '\n';
		fd = control_connect(name);
		ok = fd >= 0 && strstr(talk(fd, line, len), len > CONTROL_LINE ? "too long" : "not a JSON object");
		close(fd);
	}
	tap_result(ok && alive(), "a line of any length gets an answer (%zu)", len);
	fd = control_connect(name);
	ok = fd >= 0;
	for (len = 0; len < strlen("{\"command\":\"status\"}") && ok; len++) {
		ok = send(fd, "{\"command\":\"status\"}" + len, 1, MSG_NOSIGNAL) == 1;
		usleep(100);
	}
	ok = ok && strstr(talk(fd, "\n{\"command\":\"status\"}\n", 22), "\"ok\":true");
	close(fd);
	tap_result(ok, "a line may come in pieces, and two at once");
}

static void test_noise(struct random *r)
{
	static const char words[] = "{}[]\",:command status console null 1e999 \\u0000\n ";
	unsigned int i, j, len, rounds = scaled(2000);
	char data[300];
	int fd;

	for (i = 0; i < rounds; i++) {
		fd = control_connect(name);
		if (fd < 0)
			continue;
		len = random_below(r, sizeof(data));
		for (j = 0; j < len; j++)
			data[j] = i & 1 ? words[random_below(r, sizeof(words) - 1)] : (char)random_u64(r);
		if (len && send(fd, data, len, MSG_NOSIGNAL) < 0)
			len = 0;
		close(fd);
	}
	tap_result(alive_again(), "%u connections with noise do no harm", rounds);
}

static void test_crowd(void)
{
	int fds[40], i;

	for (i = 0; i < 40; i++)
		fds[i] = control_connect(name);
	usleep(200000);
	for (i = 0; i < 40; i++)
		close(fds[i]);
	tap_result(alive_again(), "too many connections at once leave room for later ones");
}

static void test_console(struct terminal *terminal)
{
	static char flood[4096];
	char typed[16] = "";
	int fd = control_connect(name), i;
	bool ok;

	ok = strstr(talk(fd, "{\"command\":\"console\"}\n", 22), "\"ok\":true");
	terminal_write(terminal, "hello\n", 6);
	ok = ok && !strcmp(talk(fd, "typed", 5), "hello\n");
	for (i = 0; i < SOON / 10 && !terminal_read(terminal, typed, sizeof(typed) - 1); i++)
		usleep(10000);
	tap_result(ok && !strcmp(typed, "typed"), "the console goes both ways: '%s'", typed);
	/* Nobody reads: the guest must not notice. */
	memset(flood, 'y', sizeof(flood));
	for (i = 0; i < 1000; i++)
		ok = ok && terminal_write(terminal, flood, sizeof(flood)) > 0;
	ok = ok && alive();
	close(fd);
	usleep(100000);
	terminal_write(terminal, "bye\n", 4);
	tap_result(ok && alive(), "a reader who does not read holds nobody up");
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct terminal *terminal;
	struct control *control = NULL;
	struct random r;

	random_seed(&r, seed);
	tap_note("SEED=%llu", (unsigned long long)seed);
	tap_plan(11);
	snprintf(name, sizeof(name), "test-%d", (int)getpid());
	vm_init(&machine.vm, name, &backend);
	terminal = terminal_create(&machine.vm, -1, -1);
	if (control_create(&control, &machine, terminal, name) || vm_start_devices(&machine.vm))
		return 1;
	test_commands();
	test_name();
	test_list();
	test_lengths();
	test_noise(&r);
	test_crowd();
	test_console(terminal);
	say("{\"command\":\"kill\"}\n");
	tap_result(machine.vm.end == VM_STOPPED, "kill ends the VM");
	vm_stop_devices(&machine.vm);
	control_free(control);
	terminal_free(terminal);
	vm_free(&machine.vm);
	return tap_exit();
}
