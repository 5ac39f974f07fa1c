// SPDX-License-Identifier: GPL-2.0
/*
 * KVM on the same machine: whoever has the CPUs' bit keeps it, the other one
 * gets a clear error, and neither disturbs the other.
 *
 * Kernels differ in when KVM takes the CPUs: with its first VM, or when its
 * modules are loaded unless told otherwise.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "guest.h"
#include "host.h"
#include "vm.h"

#define BUSY_MESSAGE	"another hypervisor holds it"

/* Each process's last descriptor of a module goes a moment after the process. */
static int unload(const char *name)
{
	int ret = -EWOULDBLOCK;

	for (unsigned int i = 0; ret == -EWOULDBLOCK && i < 100; i++) {
		if (i)
			usleep(10000);
		ret = module_unload(name);
	}
	return ret;
}

/* Nobody is loaded, whatever a case before this one left. */
static void nobody(void)
{
	REQUIRE_VMS();
	EXPECT_EQ(module_loaded(BELLOWS_MODULE) ? unload(BELLOWS_MODULE) : 0, 0);
	EXPECT_EQ(kvm_unload(), 0);
}

static void load_both(const char *kvm_params, bool kvm_first)
{
	nobody();
	REQUIRE(kvm_available(), "there are no modules of KVM here");
	if (kvm_first)
		ASSERT_EQ(kvm_load(kvm_params), 0);
	ASSERT_EQ(bellows_load(""), 0);
	if (!kvm_first)
		ASSERT_EQ(kvm_load(kvm_params), 0);
}

static void unload_both(void)
{
	EXPECT_EQ(unload(BELLOWS_MODULE), 0);
	EXPECT_EQ(kvm_unload(), 0);
}

/* Does KVM take the CPUs when it is loaded? */
static bool kvm_eager(void)
{
	return !access("/sys/module/kvm/parameters/enable_virt_at_load", F_OK);
}

/* Until KVM's VM asks, and no earlier. */
static const char *lazily(void)
{
	struct utsname u;
	unsigned long major, minor;
	char *rest;

	x(uname(&u));
	major = strtoul(u.release, &rest, 10);
	minor = strtoul(rest + 1, NULL, 10);
	return major * 100 + minor >= 612 ? "enable_virt_at_load=0" : "";
}

static int device_vm(const char *device)
{
	int fd = x(open(device, O_RDWR | O_CLOEXEC));
	int vm = __x(ioctl(fd, KVM_CREATE_VM, 0));

	close(fd);
	return vm;
}

static int bellows_vm(void)
{
	return device_vm("/dev/bellows");
}

static int kvm_vm(void)
{
	return device_vm("/dev/kvm");
}

static void two_plus_two(u64 arg)
{
	GUEST_SYNC(1, arg + 2);
}

/* A guest on /dev/bellows works; nothing of it is open afterwards. */
static void bellows_works(void)
{
	struct vcpu *vcpu;
	struct ucall uc;
	int status;
	pid_t pid = x(fork());

	if (!pid) {
		vcpu = long_guest(two_plus_two, 2);
		ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
		ASSERT_EQ(uc.args[1], 4);
		vcpu_run_to_done(vcpu);
		_exit(0);
	}
	x(waitpid(pid, &status, 0));
	EXPECT_EQ(status, 0);
}

static void share(bool kvm_first)
{
	int vm, kvm;

	load_both(lazily(), kvm_first);
	bellows_works();
	vm = bellows_vm();
	ASSERT(vm >= 0, "%s", strerror(-vm));
	kvm = kvm_vm();
	EXPECT(kvm == -EBUSY || kvm == -EIO, "KVM got a VM while Bellows has one: %d", kvm);
	bellows_works();
	close(vm);

	kvm = kvm_vm();
	ASSERT(kvm >= 0, "%s", strerror(-kvm));
	log_mark();
	for (unsigned int i = 0; i < 100; i++)
		EXPECT_EQ(bellows_vm(), -EBUSY);
	EXPECT_EQ(log_count(BUSY_MESSAGE), 1);
	close(kvm);
	usleep(200000);
	bellows_works();
	unload_both();
}

CASE(kvm_first, "KVM loaded first: whoever has a VM has the CPUs, the other one gets EBUSY")
{
	share(true);
}

CASE(kvm_second, "KVM loaded second: whoever has a VM has the CPUs, the other one gets EBUSY")
{
	share(false);
}

CASE(eager, "KVM that takes the CPUs when loaded: EBUSY until it is unloaded")
{
	int vm;

	REQUIRE(*lazily(), "this kernel's KVM takes the CPUs with its first VM only");
	load_both("", true);
	ASSERT(kvm_eager(), "KVM has lost its parameter");
	EXPECT_EQ(bellows_vm(), -EBUSY);
	EXPECT_EQ(kvm_unload(), 0);
	vm = bellows_vm();
	EXPECT(vm >= 0, "%s", strerror(-vm));
	close(vm);
	EXPECT_EQ(unload(BELLOWS_MODULE), 0);
}

CASE(kvm_during, "KVM loaded while a VM is there: it fails or waits, and the VM goes on")
{
	struct vcpu *vcpu;
	struct ucall uc;
	int ret;

	nobody();
	REQUIRE(kvm_available(), "there are no modules of KVM here");
	ASSERT_EQ(bellows_load(""), 0);
	vcpu = long_guest(two_plus_two, 2);
	for (unsigned int i = 0; i < 3; i++) {
		ret = kvm_load("");
		if (*lazily())
			EXPECT(ret == -EBUSY || ret == -EIO, "KVM took the CPUs: %d", ret);
		else
			EXPECT_EQ(ret, 0);
		EXPECT_EQ(kvm_unload(), 0);
	}
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 4);
	vm_free(vcpu->vm);
	close(dev_open());
	EXPECT_EQ(unload(BELLOWS_MODULE), 0);
}
