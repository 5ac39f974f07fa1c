// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU without VT-x and SVM, or with too little of it: no VMs there, but a
 * reason; memory objects as everywhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/utsname.h>
#include "host.h"
#include "launcher.h"
#include "object.h"
#include "vm.h"

static struct bellows_host_info info(void)
{
	struct bellows_host_info info;

	memset(&info, 0xff, sizeof(info));
	dev_ioctl(BELLOWS_HOST_INFO, &info);
	return info;
}

CASE(reason, "BELLOWS_HOST_INFO names no backend, and says what is missing")
{
	struct bellows_host_info i = info();

	test_diag("why: %s", i.why);
	EXPECT_EQ(i.backend[0], 0);
	EXPECT_EQ(i.nested_levels, 0);
	EXPECT(strnlen(i.why, sizeof(i.why)) < sizeof(i.why), "no end");
	if (test_on_machine("qemu-svm-nonpt")) {
		EXPECT(strcasestr(i.why, "nested pag") || strstr(i.why, "NPT"), "does not name nested paging");
	} else {
		EXPECT(strstr(i.why, "VMX") || strstr(i.why, "VT-x"), "does not name VMX");
		EXPECT(strstr(i.why, "SVM"), "does not name SVM");
	}
}

CASE(create_vm, "KVM_CREATE_VM is EOPNOTSUPP, however often, and nobody fills the log with it")
{
	log_mark();
	for (unsigned int i = 0; i < 1000; i++)
		ASSERT_EQ(__dev_ioctl(KVM_CREATE_VM, 0), -EOPNOTSUPP);
	EXPECT_EQ(log_count("bellows"), 0);
}

CASE(other_ioctls, "the ioctls that need no VM answer, and promise nothing")
{
	static struct {
		struct kvm_msr_list list;
		u32 indices[256];
	} msrs = { .list.nmsrs = 256 };

	EXPECT_EQ(__dev_ioctl(KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	for (long cap = 0; cap < 300; cap++)
		EXPECT(__dev_ioctl(KVM_CHECK_EXTENSION, cap) >= 0, "capability %ld", cap);
	EXPECT(__dev_ioctl(KVM_GET_VCPU_MMAP_SIZE, 0) > 0);
	EXPECT_EQ(__dev_ioctl(KVM_GET_MSR_INDEX_LIST, &msrs), 0);
	EXPECT(supported_cpuid()->nent > 0);
	EXPECT_EQ(__dev_ioctl(KVM_CREATE_VM, 1), -EINVAL);
}

CASE(objects, "memory objects hold data, are mapped twice, discarded and given back")
{
	int fd = object_create(2 * LARGE_SIZE, 0);
	char *p = object_map(fd, 0, 2 * LARGE_SIZE), *q = object_map(fd, LARGE_SIZE, LARGE_SIZE);

	p[LARGE_SIZE + 5] = 'x';
	EXPECT_EQ(q[5], 'x');
	EXPECT_EQ(object_stat(fd).large, LARGE_PAGES);
	object_discard(fd, LARGE_SIZE, LARGE_SIZE);
	EXPECT_EQ(q[5], 0);
	EXPECT_EQ(object_stat(fd).absent, 2 * LARGE_PAGES);
}

CASE(launcher, "the bellows command says in one line that there can be no VMs, and why")
{
	struct bellows_host_info i = info();
	static struct said said;

	REQUIRE(!access(LAUNCHER, X_OK), "there is no launcher here");
	COMMAND(&said, "host");
	EXPECT_EQ(said.code, 69);
	EXPECT(strstr(said.out, "memory objects  yes\n") && strstr(said.out, "VMs             no\n"), "said: %s", said.out);
	EXPECT(strstr(said.err, "this machine cannot run VMs: ") && strstr(said.err, i.why), "said: %s", said.err);
	launcher_write_kernel("kernel");
	launcher_refuses(69, i.why, ARGS("run", "--device", test_device, "--kernel", "kernel", "--memory-stats=report"));
	EXPECT(access("report", F_OK), "a report was made");
}

CASE(reload, "the module goes and comes back there, too")
{
	int ret;

	close(dev_open());
	ret = module_unload(BELLOWS_MODULE);
	for (unsigned int i = 0; ret == -EWOULDBLOCK && i < 100; i++) {
		usleep(10000);
		ret = module_unload(BELLOWS_MODULE);
	}
	EXPECT_EQ(ret, 0);
	EXPECT_EQ(bellows_load(""), 0);
}
