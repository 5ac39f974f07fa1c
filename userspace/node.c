// SPDX-License-Identifier: GPL-2.0
/*
 * Explains in the user's terms what stands in the way: which file, which module, what to
 * do about it.
 */
#include <errno.h>
#include <string.h>
#include "exit_codes.h"
#include "libbellows.h"
#include "message.h"
#include "node.h"

int node_open(const char *path)
{
	int fd = libbellows_open_path(path);

	switch (fd) {
	case -ENOENT:
	case -ENXIO:
		complain("%s is not there: load the module first (sudo modprobe %s)", path,
			 strcmp(path, LIBBELLOWS_DEVICE) ? "kvm-intel or kvm-amd" : "bellows");
		return -1;
	case -EACCES:
		complain("%s: permission denied: ask for access to it, or run as root",
			 path);
		return -1;
	case -ENOTTY:
	case -EPROTO:
		complain("%s does not speak KVM's ABI as this command does: give /dev/bellows or /dev/kvm",
			 path);
		return -1;
	}
	if (fd < 0) {
		complain("%s: %s", path, strerror(-fd));
		return -1;
	}
	return fd;
}

int node_explain(int device, int err)
{
	struct bellows_host_info info = { .why = "" };

	libbellows_host_info(device, &info);
	switch (err) {
	case -EOPNOTSUPP:
	case -ENODEV:
		complain("this machine cannot run VMs: %s",
			 info.why[0] ? info.why : "the CPU lacks what is needed (see the kernel's log)");
		return EXIT_UNAVAILABLE;
	case -EBUSY:
		complain("another hypervisor holds the CPUs: end its VMs, or unload it (the kernel's log names the CPU)");
		return EXIT_UNAVAILABLE;
	case -ENOMEM:
		complain("not enough memory to create a VM");
		return EXIT_SYSTEM;
	default:
		complain("cannot create a VM: %s", strerror(-err));
		return EXIT_SYSTEM;
	}
}
