// SPDX-License-Identifier: GPL-2.0
/*
 * bellows host: what this machine offers, and what stands in the way.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cmd/command.h"
#include "exit_codes.h"
#include "libbellows.h"
#include "message.h"
#include "node.h"

static int extension(int device, int cap)
{
	int value = ioctl(device, KVM_CHECK_EXTENSION, cap);

	return value < 0 ? 0 : value;
}

static void show_offer(int device, const struct bellows_host_info *info)
{
	printf("virtualization  %s, nested tables of %u levels\n", info->backend, info->nested_levels);
	printf("guest memory    up to %u address bits, in up to %d slots\n", info->maxphyaddr,
	       extension(device, KVM_CAP_NR_MEMSLOTS));
	printf("vCPUs           %d recommended, %d at most\n", extension(device, KVM_CAP_NR_VCPUS),
	       extension(device, KVM_CAP_MAX_VCPUS));
	printf("extended state  xcr0 %#llx\n", (unsigned long long)info->xcr0);
}

static int run(int argc, char **argv)
{
	struct bellows_host_info info;
	int device, vm, err;

	if (argc > 1)
		return usage_error("host", "host takes no arguments, but got '%s'", argv[1]);
	device = node_open(LIBBELLOWS_DEVICE);
	if (device < 0)
		return EXIT_UNAVAILABLE;
	err = libbellows_host_info(device, &info);
	if (err) {
		complain("%s does not describe the host: %s", LIBBELLOWS_DEVICE, strerror(-err));
		return EXIT_SYSTEM;
	}
	printf("memory objects  yes\n");
	if (!info.why[0])
		show_offer(device, &info);
	fflush(stdout);

	/* Only trying tells whether the CPUs are free now. */
	vm = libbellows_vm_create(device);
	printf("VMs             %s\n", vm >= 0 ? "yes" : "no");
	if (vm < 0)
		return node_explain(device, vm);
	close(vm);
	close(device);
	return EXIT_OK;
}

const struct command command_host = {
	.name = "host",
	.summary = "shows what this machine offers, and what stands in the way",
	.usage =
		"usage: bellows host\n\n"
		"Exits with 0 if VMs can be created now, with 69 and the reason if not.\n\n"
		"Example:\n"
		"  bellows host && bellows run --kernel vmlinuz --initrd initrd.img\n",
	.run = run,
};
