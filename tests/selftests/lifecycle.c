// SPDX-License-Identifier: GPL-2.0
/* VMs and vCPUs come and go: with their processes, in any order, at any moment. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "guest.h"
#include "vm.h"

#define PORT	0x80

static void spin(u64 arg)
{
	sti();		/* Bochs would hold the host's interrupts back */
	for (;;)
		cpu_relax();
}

static void leave(u64 arg)
{
	for (;;)
		outb(PORT, 0);
}

static void *run_forever(void *arg)
{
	struct vcpu *vcpu = arg;

	for (;;)
		__vcpu_run(vcpu);
	return NULL;
}

static void start_and_be_killed(unsigned int vcpus, void (*fn)(u64), bool mixed)
{
	struct vm *vm = vm_new(GUEST_LONG);

	for (unsigned int i = 0; i < vcpus; i++) {
		pthread_t t;

		pthread_create(&t, NULL, run_forever, vcpu_new(vm, mixed && (i & 1) ? leave : fn, 0));
	}
	usleep(30000);
	kill(getpid(), SIGKILL);
	pause();
}

static void killed(unsigned int vcpus, bool mixed)
{
	for (unsigned long round = 0; round < test_scale(4); round++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			start_and_be_killed(vcpus, spin, mixed);
		x(waitpid(pid, &status, 0));
		ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
	}
}

CASE(kill_sixteen, "16 running vCPUs are killed with their process")
{
	killed(16, false);
}

CASE(kill_mixed, "the same while half of them leave all the time")
{
	killed(16, true);
}

CASE(order, "fds closed in any order: VM first, vCPU first, object first")
{
	for (int order = 0; order < 3; order++) {
		struct vcpu *vcpu = long_guest(leave, 0);
		struct vm *vm = vcpu->vm;

		if (order == 0)
			x(close(vm->fd));
		if (order == 1 && vm->mem->fd >= 0)
			x(close(vm->mem->fd));
		/* The vCPU holds all that it needs. */
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		x(close(vcpu->fd));
		if (order)
			x(close(vm->fd));
		/* struct kvm_run is still mapped, and stays readable. */
		EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_IO);
		x(munmap(vcpu->run, vcpu->run_size));
	}
}

CASE(forked, "an ioctl from a forked child is EIO, the parent's go on")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_regs regs;
	int status;
	pid_t pid;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	pid = fork();
	if (!pid) {
		int bad = 0;

		bad |= __vcpu_run(vcpu) != -EIO;
		bad |= (__vcpu_ioctl(vcpu, KVM_GET_REGS, &regs) != -EIO) << 1;
		bad |= (__vm_ioctl(vcpu->vm, KVM_CREATE_VCPU, 5UL) != -EIO) << 2;
		bad |= (__vm_slot(vcpu->vm, 0, 0, 0, NULL, 0) != -EIO) << 3;
		_exit(bad);
	}
	x(waitpid(pid, &status, 0));
	EXPECT_EQ(status, 0);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

CASE(orphan, "a child keeps the fds of a parent that is gone, and can only close them")
{
	int sv[2], status;
	pid_t parent;
	char result = 'x';

	x(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	parent = fork();
	if (!parent) {
		struct vcpu *vcpu = long_guest(leave, 0);

		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (fork())
			_exit(0);
		usleep(50000);
		result = __vcpu_run(vcpu) == -EIO ? 'y' : 'n';
		x(write(sv[1], &result, 1));
		_exit(0);
	}
	x(waitpid(parent, &status, 0));
	x(close(sv[1]));
	ASSERT_EQ(read(sv[0], &result, 1), 1);
	EXPECT_EQ(result, 'y');
}

CASE(executed, "exec with a running vCPU thread ends the thread and the VM")
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct vm *vm = vm_new(GUEST_LONG);
		pthread_t t;

		for (int i = 0; i < 4; i++)
			pthread_create(&t, NULL, run_forever, vcpu_new(vm, spin, 0));
		usleep(20000);
		dup2(open("/dev/null", O_WRONLY), 1);
		execl("/proc/self/exe", "selftests", "--tests", NULL);
		_exit(9);
	}
	x(waitpid(pid, &status, 0));
	EXPECT_EQ(status, 0);
}

CASE(exit_open, "exit with everything open, a vCPU running")
{
	for (int i = 0; i < 5; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			struct vm *vm = vm_new(GUEST_LONG);
			pthread_t t;

			pthread_create(&t, NULL, run_forever, vcpu_new(vm, i & 1 ? spin : leave, 0));
			usleep(10000);
			_exit(3);
		}
		x(waitpid(pid, &status, 0));
		EXPECT_EQ(WEXITSTATUS(status), 3);
	}
}

CASE(many_vms, "a hundred VMs one after the other, and twenty at a time")
{
	struct vcpu *v[20];

	for (unsigned long i = 0; i < test_scale(100); i++) {
		struct vcpu *vcpu = long_guest(leave, 0);

		vcpu_run_to(vcpu, KVM_EXIT_IO);
		vm_free(vcpu->vm);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = long_guest(leave, 0);
	for (unsigned int round = 0; round < 3; round++)
		for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
			vcpu_run_to(v[i], KVM_EXIT_IO);
	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
		vm_free(v[i]->vm);
}

CASE(empty, "VMs without memory, without vCPUs, vCPUs that never ran")
{
	for (int i = 0; i < 20; i++) {
		struct vm *vm = vm_create();

		if (i & 1)
			vcpu_create(vm, 0);
		if (i & 2)
			vcpu_create(vm, 7);
		vm_free(vm);
	}
}

CASE(no_memory, "a vCPU that runs without any memory: an exit, not a hang")
{
	REQUIRE(!test_is_kvm, "KVM answers with an errno that depends on the CPU");
	struct vm *vm = vm_create();
	struct vcpu *vcpu = vcpu_create(vm, 0);

	vcpu_run(vcpu);
	EXPECT(vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
	       vcpu->run->exit_reason == KVM_EXIT_MMIO, "%s", exit_name(vcpu->run->exit_reason));
	vm_free(vm);
}

static void *close_later(void *arg)
{
	struct vcpu *vcpu = arg;

	usleep(5000);
	close(vcpu->vm->fd);
	close(vcpu->fd);
	return NULL;
}

CASE(close_running, "fds closed while another thread is in KVM_RUN on them")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	pthread_t t;
	int ret;

	pthread_create(&t, NULL, close_later, vcpu);
	do {
		ret = __vcpu_run(vcpu);
	} while (!ret || ret == -EINTR);
	EXPECT_EQ(ret, -EBADF);
	pthread_join(t, NULL);
}

#define SHARED_GPA	0x10000000ULL
#define SHARED_BLOCKS	64
#define SHARED_SIZE	(SHARED_BLOCKS * BLOCK)
#define BLOCK		0x200000UL

static pthread_barrier_t both;

static void *take_away(void *arg)
{
	for (unsigned long i = 0; i < test_scale(200); i++) {
		pthread_barrier_wait(&both);
		mem_invalidate(arg, 0, SHARED_SIZE);
	}
	return NULL;
}

static void touch_shared(u64 arg)
{
	for (u64 at = 0; at < SHARED_SIZE; at += BLOCK)
		*(volatile u8 *)(SHARED_GPA + at) = 1;
	GUEST_DONE();
}

/*
 * Whoever takes memory away flushes the VMs that use it, block by block; one of them
 * goes meanwhile, sooner or later.
 */
CASE(going_while_flushed, "a VM goes while translations to its memory are removed")
{
	struct mem *mem = mem_create(SHARED_SIZE, MEM_SMALL_PAGES);
	pthread_t t;

	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&t, NULL, take_away, mem);
	for (unsigned long i = 0; i < test_scale(200); i++) {
		struct vcpu *vcpu = long_guest(touch_shared, 0);

		vm_slot(vcpu->vm, 1, SHARED_GPA, SHARED_SIZE, mem->host, 0);
		vcpu_run_to_done(vcpu);
		pthread_barrier_wait(&both);
		usleep(i % 20 * 20);
		vm_free(vcpu->vm);
	}
	pthread_join(t, NULL);
	pthread_barrier_destroy(&both);
	mem_free(mem);
}

/* O_DIRECT writes the file's blocks into the frames of the guest while it looks at them. */
static void watch(u64 words)
{
	volatile u64 *p = (u64 *)0x10000000;

	for (;;) {
		for (u64 i = 0; i < words; i++) {
			u64 v = p[i];

			if (v != 0 && v != 0x5a5a5a5a5a5a5a5a && v != 0xa5a5a5a5a5a5a5a5)
				GUEST_ABORT("neither old nor new", v, i);
		}
		outb(PORT, 0);
	}
}

/* The small kernels have a RAM disk for that, newer ones a tmpfs that can. */
static int open_direct(void)
{
	static const char *const dirs[] = { "/tmp", "/", "/dev/shm" };
	char name[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/direct.%d", dirs[i], getpid());
		fd = open(name, O_RDWR | O_CREAT | O_DIRECT, 0600);
		unlink(name);
		if (fd >= 0)
			return fd;
	}
	return open("/dev/ram0", O_RDWR | O_DIRECT);
}

CASE(direct_io, "O_DIRECT into guest memory: the guest sees what was read, the file what it wrote")
{
	struct vcpu *vcpu = long_guest(watch, 8192);
	struct mem *mem = mem_create(2 * MB, 0);
	int fd = open_direct();

	REQUIRE(fd >= 0, "neither a file system nor a RAM disk here has O_DIRECT");
	vm_slot(vcpu->vm, 1, 0x10000000, 2 * MB, mem->host, 0);
	for (unsigned long i = 0; i < test_scale(20); i++) {
		memset((char *)mem->host + MB, i & 1 ? 0x5a : 0xa5, 65536);
		ASSERT_EQ(pwrite(fd, (char *)mem->host + MB, 65536, 0), 65536);
		ASSERT_EQ(pread(fd, mem->host, 65536, 0), 65536);
		ASSERT(!memcmp(mem->host, (char *)mem->host + MB, 65536), "differs");
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT(vcpu->run->io.port == PORT, "the guest saw something else");
		if (i & 4)
			mem_invalidate(mem, 0, 2 * MB);
	}
	vm_free(vcpu->vm);
}
