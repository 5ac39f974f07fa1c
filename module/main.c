// SPDX-License-Identifier: GPL-2.0
/*
 * The module's entry and exit. What is set up, in which order, is the table:
 * each line may use those above it; unloading, and a failure on the way, undo
 * in reverse. The device comes late, because with it users come; the module
 * cannot be unloaded while any fd of ours is open, so that on the way out
 * nothing is in use. Loading that fails does not wait for fds: what comes after
 * the first file of ours, the device or one in debugfs, must not fail.
 *
 * A CPU without virtualization, or with one that lacks what we need, is no
 * failure: memory objects work there, and KVM_CREATE_VM says what is missing.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include "backend.h"
#include "host/host.h"
#include "host/state.h"
#include "ioctl/debugfs.h"
#include "ioctl/dev.h"
#include "irq/irqfd.h"
#include "memory/memory.h"
#include "run/vm_life.h"
#include "vm/request.h"
#include "vm/vm.h"

static int main_host_state_init(void)
{
	bellows_host_state_init();
	return 0;
}

static int main_debugfs_init(void)
{
	bellows_debugfs_init();
	return 0;
}

static const struct {
	int (*init)(void);
	void (*exit)(void);
} parts[] = {
	{ bellows_memory_init, bellows_memory_exit },
	{ main_host_state_init, NULL },
	{ bellows_backend_init, NULL },
	{ bellows_host_init, bellows_host_exit },
	{ bellows_irqfd_init, bellows_irqfd_exit },
	{ bellows_requests_init, bellows_requests_exit },
	{ bellows_vms_init, bellows_vms_exit },
	{ bellows_dev_init, bellows_dev_exit },
	{ main_debugfs_init, bellows_debugfs_exit },
};

static void main_undo(int n)
{
	while (n--) {
		if (parts[n].exit)
			parts[n].exit();
	}
}

static int __init bellows_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		err = parts[i].init();
		if (err) {
			main_undo(i);
			return err;
		}
	}
	if (bellows_backend_current)
		pr_info("bellows: loaded, VMs by %s\n", bellows_backend_current->name);
	else
		pr_info("bellows: loaded, no VMs: %s\n", bellows_host_why());
	return 0;
}

static void __exit bellows_exit(void)
{
	main_undo(ARRAY_SIZE(parts));
}

module_init(bellows_init);
module_exit(bellows_exit);

MODULE_DESCRIPTION("Bellows: virtual machines and the management of their memory");
MODULE_LICENSE("GPL");
