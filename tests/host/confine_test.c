// SPDX-License-Identifier: GPL-2.0
/*
 * What a confined launcher can and cannot do, in a process of its own: devices, loop,
 * console and threads work on, also those that exist already; files by name,
 * programs, processes and executable memory are out of reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"
#include "userspace/confine.h"
#include "userspace/pc/pc.h"
#include "userspace/terminal.h"

static int no_irq(struct vm *vm, unsigned int gsi, bool level)
{
	return 0;
}

static const struct vm_backend backend = { .irq = no_irq };
static int ready = -1;		/* of the thread: what opening a file gave */
static pthread_barrier_t barrier;

void acpi_pm_press(struct vm *vm)
{
}

static void *older_thread(void *arg)
{
	pthread_barrier_wait(&barrier);
	ready = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
	return NULL;
}

static bool refused(long ret)
{
	return ret < 0 && errno == EPERM;
}

/* Each is a bit of the exit code, so that the parent can say which failed. */
static int confined(bool network)
{
	char *const argv[] = { NULL };
	pthread_t thread;
	int bad = 0, fd;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, older_thread, NULL);
	if (confine(network))
		return 255;
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	fd = open("/etc/passwd", O_RDONLY);
	bad |= (network ? fd < 0 || ready : !refused(fd) || ready != EPERM) << 0;
	bad |= !refused(open("/tmp/bellows-confine", O_WRONLY | O_CREAT, 0600)) << 1;
	bad |= !refused(execv("/bin/true", argv)) << 2;
	bad |= !refused(fork()) << 3;
	bad |= !refused(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED ? -1 : 0) << 4;
	bad |= !refused(kill(getppid(), SIGKILL)) << 5;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	bad |= (network ? fd < 0 : !refused(fd)) << 6;
	return bad;
}

static int works(void)
{
	struct terminal *t;
	int p[2], bad;
	struct vm vm;
	char text[8] = "";
	void *big;

	if (pipe(p) || vm_init(&vm, "test", &backend))
		return 1;
	t = terminal_create(&vm, -1, p[1]);
	if (!t || serial_create(&vm, t) || vm_start_devices(&vm) || terminal_start(t) || confine(false))
		return 2;
	/* Without an end of line: the timer and the loop's thread write it. */
	bus_access(&vm.bus, BUS_PIO, true, 0x3f8, 1, "x");
	bad = read(p[0], text, 1) != 1 || *text != 'x';
	big = malloc(64 << 20);
	bad |= !big << 1;
	memset(big, 1, 64 << 20);
	free(big);
	vm_stop_devices(&vm);
	terminal_free(t);
	vm_free(&vm);
	return bad << 2;
}

/* The resolver's own directory is read. */
static int few_files(void)
{
	pthread_t thread;
	int bad = 0, fd = open("/etc/resolv.conf", O_RDONLY);

	pthread_barrier_init(&barrier, NULL, 2);
	if (confine_files())
		return 255;
	pthread_create(&thread, NULL, older_thread, NULL);
	if (confine(true))
		return 254;
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	bad |= (fd >= 0 && open("/etc/resolv.conf", O_RDONLY) < 0) << 0;
	bad |= (open("/proc/self/maps", O_RDONLY) >= 0 || errno != EACCES) << 1;
	bad |= (open("/", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES) << 2;
	bad |= (socket(AF_INET, SOCK_STREAM, 0) < 0) << 3;
	/* The thread may read a file of /etc, if that is the resolver's */
	bad |= (ready != 0 && ready != EACCES) << 4;
	return bad;
}

static int in_child(int (*fn)(bool), bool arg, int (*plain)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(plain ? plain() : fn(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

int main(void)
{
	int code;

	tap_plan(4);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EINVAL) {
		tap_skip_rest("this kernel has no filters of system calls");
		return tap_exit();
	}
	code = in_child(confined, false, NULL);
	tap_result(!code, "files, programs, processes, code and sockets are out of reach of all threads (%#x)", code);
	code = in_child(confined, true, NULL);
	tap_result(!code, "with a user-mode network, sockets and reading files are not (%#x)", code);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0) {
		tap_skip("of all files only the resolver's can be read", "no Landlock here");
	} else {
		code = in_child(NULL, false, few_files);
		tap_result(!code, "of all files only the resolver's can be read (%#x)", code);
	}
	code = in_child(NULL, false, works);
	tap_result(!code, "the console, the loop and memory go on working (%#x)", code);
	return tap_exit();
}
