// SPDX-License-Identifier: GPL-2.0
/*
 * The socket is bound and listened on here, and handed over as systemd would do it
 * (LISTEN_FDS): connecting then needs no waiting, and works before the server is up. It has
 * a name only in a directory of our own, and only until it is connected.
 *
 * What qemu-nbd says when it refuses an image is the best message there is, so
 * that the first line of its stderr becomes ours.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk/nbd_server.h"
#include "message.h"

#define PROGRAM		"qemu-nbd"
#define NOT_FOUND	127

#define NBD_MAGIC	0x4e42444d41474943ull	/* "NBDMAGIC" */
#define OPTION_MAGIC	0x49484156454f5054ull	/* "IHAVEOPT" */
#define REPLY_MAGIC	0x0003e889045565a9ull
#define FIXED_NEWSTYLE	1
#define NO_ZEROES	2
#define OPTION_GO	7
#define REPLY_ACK	1
#define REPLY_INFO	3
#define INFO_EXPORT	0
#define FLAG_READ_ONLY	2
#define FLAG_TRIM	32
#define FLAG_ZERO	64
#define REPLIES_MAX	64

/* --- The process ------------------------------------------------------------------------ */

/* The option that opens exactly this file as exactly qcow2; commas are doubled. */
static char *image_option(const char *path)
{
	static const char start[] = "driver=qcow2,discard=unmap,file.driver=file,file.discard=unmap,file.filename=";
	char *text = malloc(sizeof(start) + 2 * strlen(path)), *to;

	if (!text)
		return NULL;
	to = stpcpy(text, start);
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = 0;
	return text;
}

static _Noreturn void child(const char *option, bool read_only, int listener, int errors)
{
	const char *args[8] = { PROGRAM, "--image-opts", "--shared=1", "--cache=writeback" };
	sigset_t none;
	char pid[16];
	int n = 4;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A Ctrl-C at the terminal is for the launcher, which ends this program in order. */
	setpgid(0, 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	/* Above 3, so that neither replaces the other. */
	listener = fcntl(listener, F_DUPFD, 10);
	errors = fcntl(errors, F_DUPFD, 10);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(errors, 2);
	dup2(listener, 3);
	closefrom(4);
	if (read_only)
		args[n++] = "--read-only";
	args[n++] = option;
	execvp(PROGRAM, (char **)args);
	_exit(NOT_FOUND);
}

/* A listening socket in a new directory; the address says where. */
static int make_listener(struct sockaddr_un *address)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	int fd, n;

	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	n = snprintf(address->sun_path, sizeof(address->sun_path) - 8, "%s/bellows-XXXXXX",
		     base && strlen(base) < 64 ? base : "/tmp");
	if (!mkdtemp(address->sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address->sun_path + n, "/nbd");
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) || listen(fd, 1)) {
		if (fd >= 0)
			close(fd);
		address->sun_path[n] = 0;
		rmdir(address->sun_path);
		return -1;
	}
	return fd;
}

static void remove_listener(struct sockaddr_un *address)
{
	unlink(address->sun_path);
	*strrchr(address->sun_path, '/') = 0;
	rmdir(address->sun_path);
}

static bool spawn(struct nbd_server *s, const char *option, bool read_only, int listener)
{
	int errors[2];

	if (pipe2(errors, O_CLOEXEC))
		return false;
	s->pid = fork();
	if (!s->pid)
		child(option, read_only, listener, errors[1]);
	close(errors[1]);
	s->errors = errors[0];
	return s->pid > 0;
}

/* --- The conversation ---------------------------------------------------------------------- */

static bool receive(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static bool skip(int fd, uint32_t len)
{
	char data[256];
	uint32_t n;

	for (; len; len -= n) {
		n = len < sizeof(data) ? len : sizeof(data);
		if (!receive(fd, data, n))
			return false;
	}
	return true;
}

static bool greet(int fd)
{
	struct {
		uint64_t magic, option_magic;
		uint16_t flags;
	} __attribute__((packed)) hello;
	struct {
		uint32_t flags;
		uint64_t magic;
		uint32_t option, len, name_len;
		uint16_t n_infos;
	} __attribute__((packed)) go = {
		htobe32(FIXED_NEWSTYLE | NO_ZEROES), htobe64(OPTION_MAGIC), htobe32(OPTION_GO),
		htobe32(6), 0, 0,
	};

	return receive(fd, &hello, sizeof(hello)) && be64toh(hello.magic) == NBD_MAGIC &&
	       be64toh(hello.option_magic) == OPTION_MAGIC &&
	       be16toh(hello.flags) & FIXED_NEWSTYLE &&
	       send(fd, &go, sizeof(go), MSG_NOSIGNAL) == sizeof(go);
}

static bool read_info(struct nbd_server *s, uint32_t len)
{
	struct {
		uint16_t type;
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) info = { 0 };
	uint32_t n = len < sizeof(info) ? len : sizeof(info);
	uint16_t flags;

	if (!receive(s->socket, &info, n) || !skip(s->socket, len - n))
		return false;
	if (n < sizeof(info) || be16toh(info.type) != INFO_EXPORT)
		return true;
	flags = be16toh(info.flags);
	s->size = be64toh(info.size);
	s->read_only = flags & FLAG_READ_ONLY;
	s->can_trim = flags & FLAG_TRIM;
	s->can_zero = flags & FLAG_ZERO;
	return true;
}

static bool negotiate(struct nbd_server *s)
{
	struct {
		uint64_t magic;
		uint32_t option, type, len;
	} __attribute__((packed)) reply;
	unsigned int replies;

	if (!greet(s->socket))
		return false;
	for (replies = 0; replies < REPLIES_MAX; replies++) {
		if (!receive(s->socket, &reply, sizeof(reply)) || be64toh(reply.magic) != REPLY_MAGIC)
			return false;
		if (be32toh(reply.type) == REPLY_ACK)
			return skip(s->socket, be32toh(reply.len));
		if (be32toh(reply.type) != REPLY_INFO || !read_info(s, be32toh(reply.len)))
			return false;
	}
	return false;
}

/* Why it did not come up, when it has ended. */
static void explain(struct nbd_server *s, const char *path)
{
	char text[512] = "";
	int status = 0;
	const char *line = text;
	ssize_t n = read(s->errors, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	if (!strncmp(line, PROGRAM ": ", strlen(PROGRAM) + 2))
		line += strlen(PROGRAM) + 2;
	kill(s->pid, SIGTERM);
	waitpid(s->pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		complain("--disk %s: qcow2 needs " PROGRAM ": install the package qemu-utils", path);
	else
		complain("--disk %s: " PROGRAM ": %s", path, *line ? line : "does not speak NBD");
}

int nbd_server_start(struct nbd_server *s, const char *path, bool read_only)
{
	char *option = image_option(path);
	struct sockaddr_un address;
	int listener;

	*s = (struct nbd_server) { .pid = -1, .socket = -1, .errors = -1 };
	listener = option ? make_listener(&address) : -1;
	if (listener >= 0)
		s->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || s->socket < 0 ||
	    connect(s->socket, (struct sockaddr *)&address, sizeof(address)) ||
	    !spawn(s, option, read_only, listener))
		complain("--disk %s: cannot start " PROGRAM ": %s", path, strerror(errno));
	free(option);
	if (listener >= 0) {
		remove_listener(&address);
		close(listener);
	}
	if (s->pid > 0 && negotiate(s))
		return 0;
	if (s->pid > 0)
		explain(s, path);
	s->pid = -1;
	nbd_server_stop(s);
	return -1;
}

void nbd_server_stop(struct nbd_server *s)
{
	if (s->socket >= 0)
		close(s->socket);
	if (s->pid > 0)
		waitpid(s->pid, NULL, 0);
	if (s->errors >= 0)
		close(s->errors);
	s->socket = s->errors = -1;
	s->pid = -1;
}
