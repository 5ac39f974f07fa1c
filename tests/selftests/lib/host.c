// SPDX-License-Identifier: GPL-2.0
/* Loading modules, CPUs on and off, the kernel's log. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "host.h"
#include "test.h"

#define KVM_DIR		"/lib/modules/kvm/"
#define MAX_MODULES	16

int module_load(const char *file, const char *params)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

bool module_loaded(const char *name)
{
	char path[128];

	/* Built-in parts of the kernel have a folder there, too, but no state. */
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return !access(path, F_OK);
}

int bellows_load(const char *params)
{
	const char *file = getenv("BELLOWS_KO");

	return module_load(file ? file : "/lib/modules/bellows.ko", params);
}

/* Names of KVM's modules in loading order. */
static unsigned int kvm_modules(char names[MAX_MODULES][64])
{
	FILE *f = fopen(KVM_DIR "order", "re");
	unsigned int n = 0;

	while (f && n < MAX_MODULES && fscanf(f, "%63s", names[n]) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

bool kvm_available(void)
{
	char names[MAX_MODULES][64];

	return kvm_modules(names);
}

int kvm_load(const char *kvm_params)
{
	char names[MAX_MODULES][64], path[2048];
	unsigned int n = kvm_modules(names);
	int ret = -ENOENT, vendor = -ENOENT;

	for (unsigned int i = 0; i < n; i++) {
		bool is_vendor = !strncmp(names[i], "kvm", 3) && names[i][3];

		snprintf(path, sizeof(path), KVM_DIR "%s.ko", names[i]);
		ret = module_load(path, strcmp(names[i], "kvm") ? "" : kvm_params);
		if (ret == -EEXIST)
			ret = 0;
		/* Of the vendors' two modules one fits this CPU. */
		if (is_vendor && (!ret || vendor))
			vendor = ret;
		if (ret && ret != -EOPNOTSUPP)
			return ret;
	}
	return vendor;
}

int kvm_unload(void)
{
	char names[MAX_MODULES][64];
	int ret = 0;

	for (unsigned int i = kvm_modules(names); i--; ) {
		/* The file's name may have a hyphen, the module's has not. */
		for (char *c = names[i]; *c; c++)
			*c = *c == '-' ? '_' : *c;
		if (!module_loaded(names[i]))
			continue;
		/* The last user of a process that ended goes a little later. */
		for (unsigned int tries = 0; tries < 100; tries++) {
			ret = module_unload(names[i]);
			if (ret != -EWOULDBLOCK)
				break;
			usleep(10000);
		}
		if (ret && !strncmp(names[i], "kvm", 3))
			return ret;
	}
	return 0;
}

static void cpu_path(char *path, size_t size, unsigned int cpu)
{
	snprintf(path, size, "/sys/devices/system/cpu/cpu%u/online", cpu);
}

bool cpu_is_online(unsigned int cpu)
{
	char path[64], state = '0';
	int fd;

	cpu_path(path, sizeof(path), cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return !cpu;		/* the first one cannot always be turned off */
	if (read(fd, &state, 1) != 1)
		state = '0';
	close(fd);
	return state == '1';
}

int cpu_set_online(unsigned int cpu, bool online)
{
	char path[64];
	int fd, ret;

	cpu_path(path, sizeof(path), cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, online ? "1" : "0", 1) == 1 ? 0 : -errno;
	close(fd);
	return ret;
}

static int kmsg = -1;

void log_mark(void)
{
	if (kmsg < 0)
		kmsg = x(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	x(lseek(kmsg, 0, SEEK_END));
}

unsigned int log_count(const char *text)
{
	unsigned int n = 0;
	char record[8192];
	ssize_t len;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return n;
		record[len] = 0;
		n += !!strstr(record, text);
	}
}
