/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_LAUNCHER_H
#define SELFTESTS_LAUNCHER_H
/*
 * Drives the bellows command: one that runs a VM in the background, whose console is
 * read and typed at, and others that come and go beside it.
 */
#include <termios.h>
#include "types.h"

#define LAUNCHER	"/bin/bellows"
#define LAUNCHER_TEXT	(1 << 20)

/* A command that runs. Its output, what is on stderr too, is kept from the start. */
struct launcher {
	int pid;
	int in, out;		/* the same on a terminal: its other end */
	int tty;		/* the command's end, or -1 */
	size_t used, seen;	/* seen: behind what was waited for */
	char *text;		/* LAUNCHER_TEXT bytes */
};

/* Skips the case where there is no launcher, or no VM for it. */
void launcher_need(void);

/* Arguments end with NULL. The device under test is given by --device. */
void launcher_start(struct launcher *l, const char *const *args);
/* The same with a terminal of its own. */
void launcher_start_on_tty(struct launcher *l, const char *const *args);
/* Reads what comes; false at the end, or when it is time. */
bool launcher_more(struct launcher *l, u64 end);
/* Waits for a text behind what was waited for before; the case fails without it. */
void launcher_expect(struct launcher *l, const char *text, u64 ms);
/* Nothing more than white space comes for so long. */
bool launcher_is_silent(struct launcher *l, u64 ms);
void launcher_type(struct launcher *l, const char *text);
/* Waits for the end and returns the exit code. */
int launcher_finish(struct launcher *l, u64 ms);

/* What another command said. */
struct said {
	int code;
	char out[16384], err[4096];
};

/* Runs a command to its end, at most 20 s. */
void launcher_command(struct said *said, const char *const *args);

/*
 * Runs a command that must refuse: this exit code, one line on stderr with this text, nothing
 * on stdout. The case goes on if it does not.
 */
void launcher_refuses(int code, const char *text, const char *const *args);

#define ARGS(...)		((const char *const[]) { __VA_ARGS__, NULL })
#define COMMAND(said, ...)	launcher_command(said, ARGS(__VA_ARGS__))

void launcher_write_file(const char *path, const void *data, size_t size);
/* A multiboot kernel that says what it was given, and obeys letters at its serial port. */
void launcher_write_kernel(const char *path);

/* --- Linux as a guest: Debian's kernel in both forms, and a RAM disk with a shell ---------- */

#define LINUX_KERNEL	"/guest/vmlinuz"
#define LINUX_UNPACKED	"/guest/vmlinux"
#define LINUX_INITRD	"/guest/initrd"
#define LINUX_BOOT_MS	200000
#define LINUX_MS	60000	/* for a command in it */

/* Skips the case where there is none. */
void linux_need(void);
/* A command line for its init: shell, tick, reboot, poweroff. */
const char *linux_append(const char *what);

/*
 * A line for its shell: writes a megabyte to the disk, in so many pieces of 64 KiB from its
 * start, and reads it back by another kind of access. Says "same".
 */
#define LINUX_WRITE_AND_CHECK(offset)							\
	"yes bellows | head -c 1048576 >/tmp/data; "					\
	"dd if=/tmp/data of=/dev/vda bs=64k seek=" #offset " conv=fsync,notrunc 2>/dev/null; "	\
	LINUX_CHECK(offset, sa''me)
#define LINUX_CHECK(offset, word)							\
	"echo 3 >/proc/sys/vm/drop_caches; "						\
	"dd if=/dev/vda bs=64k skip=" #offset " count=16 2>/dev/null | cmp - /tmp/data && echo " #word "\n"

/* Time limits for this machine. */
u64 launcher_ms(u64 ms);

#endif
