// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own life: loaded twice, unloaded too early, loaded again. Each
 * kind of descriptor and mapping keeps the module by itself, so each case holds
 * exactly one thing, however that came into being.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "guest.h"
#include "host.h"
#include "vm.h"

#define AUDIT	"/sys/kernel/debug/bellows/audit"

/* Threads and processes that ended drop their files a moment later. */
static int unload_soon(void)
{
	int ret = -EWOULDBLOCK;

	for (unsigned int i = 0; ret == -EWOULDBLOCK && i < 200; i++) {
		if (i)
			usleep(10000);
		ret = module_unload(BELLOWS_MODULE);
	}
	return ret;
}

/* Freshly loaded, whatever a case before this one left. */
static void load(void)
{
	if (module_loaded(BELLOWS_MODULE))
		ASSERT_EQ(unload_soon(), 0);
	ASSERT_EQ(bellows_load(""), 0);
}

/* rmmod -w aside, the answer is at once: in use. */
static void expect_in_use(void)
{
	usleep(50000);		/* what was closed a moment ago is gone */
	EXPECT_EQ(module_unload(BELLOWS_MODULE), -EWOULDBLOCK);
	EXPECT(module_loaded(BELLOWS_MODULE), "refused, and gone");
}

static void expect_unload(void)
{
	EXPECT_EQ(unload_soon(), 0);
	EXPECT(!module_loaded(BELLOWS_MODULE), "unloaded, and still there");
}

static int device(void)
{
	return x(open("/dev/bellows", O_RDWR | O_CLOEXEC));
}

static int lone_vm(void)
{
	int dev = device(), vm = x(ioctl(dev, KVM_CREATE_VM, 0));

	close(dev);
	return vm;
}

static int lone_vcpu(void)
{
	int vm = lone_vm(), vcpu = x(ioctl(vm, KVM_CREATE_VCPU, 0));

	close(vm);
	return vcpu;
}

static int lone_object(void)
{
	struct bellows_memory_create create = { .size = 2 * MB };
	int dev = device(), fd = x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create));

	close(dev);
	return fd;
}

static void *lone_map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	close(fd);
	return p;
}

static void lone_descriptor(int (*make)(void))
{
	int fd;

	load();
	fd = make();
	expect_in_use();
	close(fd);
	expect_unload();
}

CASE(device_fd, "an open device keeps the module")
{
	lone_descriptor(device);
}

CASE(vm_fd, "a VM's descriptor alone keeps the module")
{
	lone_descriptor(lone_vm);
}

CASE(vcpu_fd, "a vCPU's descriptor alone keeps the module")
{
	lone_descriptor(lone_vcpu);
}

CASE(object_fd, "a memory object's descriptor alone keeps the module")
{
	lone_descriptor(lone_object);
}

CASE(vcpu_map, "a mapping of struct kvm_run alone keeps the module")
{
	volatile char *p;

	load();
	p = lone_map(lone_vcpu(), PAGE_SIZE);
	expect_in_use();
	EXPECT_EQ(p[0], 0);
	x(munmap((void *)p, PAGE_SIZE));
	expect_unload();
}

CASE(object_map, "a mapping of a memory object alone keeps the module, touched or not")
{
	volatile char *p;

	load();
	p = lone_map(lone_object(), 2 * MB);
	expect_in_use();
	p[MB] = 1;
	expect_in_use();
	EXPECT_EQ(p[MB], 1);
	x(munmap((void *)p, 2 * MB));
	expect_unload();
}

CASE(slot, "a VM with memory keeps the module when the object's descriptor and mapping are gone")
{
	struct kvm_userspace_memory_region r = { .memory_size = 2 * MB };
	int vm;
	void *p;

	load();
	vm = lone_vm();
	p = lone_map(lone_object(), 2 * MB);
	r.userspace_addr = (unsigned long)p;
	x(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r));
	x(munmap(p, 2 * MB));
	expect_in_use();
	close(vm);
	expect_unload();
}

static void send_fd(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	x(sendmsg(socket, &msg, 0));
}

CASE(in_flight, "a descriptor that waits in a socket, open in no process, keeps the module")
{
	int sv[2], fd;

	load();
	x(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	fd = lone_object();
	send_fd(sv[0], fd);
	close(fd);
	expect_in_use();
	close(sv[0]);
	close(sv[1]);
	expect_unload();
}

CASE(inherited, "a descriptor that only a child has left keeps the module")
{
	int fd, status;
	pid_t child;

	load();
	fd = lone_vcpu();
	child = x(fork());
	if (!child) {
		pause();
		_exit(1);
	}
	close(fd);
	expect_in_use();
	kill(child, SIGKILL);
	x(waitpid(child, &status, 0));
	expect_unload();
}

static volatile u64 rounds, stop;

static void count(u64 arg)
{
	sti();		/* one emulator wants it in order to interrupt the host */
	while (!stop)
		rounds++;
}

static void *run_to_done(void *arg)
{
	vcpu_run_to_done(arg);
	return NULL;
}

static void expect_running(struct vm *vm)
{
	u64 before = READ_ONCE(GUEST_VAR(vm, rounds));

	while (READ_ONCE(GUEST_VAR(vm, rounds)) == before)
		usleep(1000);
}

CASE(twice, "loading a second time gives EEXIST, and a guest that runs does not notice")
{
	struct vcpu *vcpu;
	pthread_t thread;

	load();
	vcpu = long_guest(count, 0);
	x(-pthread_create(&thread, NULL, run_to_done, vcpu));
	expect_running(vcpu->vm);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(bellows_load(""), -EEXIST);
	expect_running(vcpu->vm);
	expect_in_use();
	expect_running(vcpu->vm);
	WRITE_ONCE(GUEST_VAR(vcpu->vm, stop), 1);
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
	close(dev_open());
	expect_unload();
}

CASE(unknown_parameter, "a parameter that does not exist is ignored, as for every module")
{
	if (module_loaded(BELLOWS_MODULE))
		ASSERT_EQ(unload_soon(), 0);
	EXPECT_EQ(bellows_load("no_such_parameter=1"), 0);
	expect_unload();
}

CASE(debugfs_file, "an open file in debugfs keeps the module")
{
	int fd;

	load();
	fd = x(open(AUDIT, O_RDONLY | O_CLOEXEC));
	expect_in_use();
	close(fd);
	expect_unload();
}

CASE(gone, "without the module there is no device, and nothing in debugfs")
{
	load();
	EXPECT(!access("/dev/bellows", F_OK), "no device");
	EXPECT(!access(AUDIT, F_OK), "no debugfs");
	expect_unload();
	EXPECT(access("/dev/bellows", F_OK), "the device is there");
	EXPECT(access("/sys/kernel/debug/bellows", F_OK), "debugfs is there");
}

/* A kernel with KUnit runs the module's suites at each load. */
CASE_TIMEOUT(reload, "the module can be loaded, run a guest and be unloaded again and again", 90)
{
	for (unsigned int i = 0; i < test_scale(4); i++) {
		int status;
		pid_t pid;

		load();
		pid = x(fork());
		if (!pid) {
			struct vcpu *vcpu = long_guest(count, 0);

			WRITE_ONCE(GUEST_VAR(vcpu->vm, stop), 1);
			vcpu_run_to_done(vcpu);
			_exit(0);
		}
		x(waitpid(pid, &status, 0));
		EXPECT_EQ(status, 0);
		expect_unload();
	}
}
