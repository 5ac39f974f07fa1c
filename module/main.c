// SPDX-License-Identifier: GPL-2.0
/*
 * The module's entry and exit: what is set up when it loads, in which order,
 * and undone in reverse.
 */
#include <linux/module.h>

static int __init bellows_init(void)
{
	return 0;
}

static void __exit bellows_exit(void)
{
}

module_init(bellows_init);
module_exit(bellows_exit);

MODULE_DESCRIPTION("Bellows: virtual machines and the management of their memory");
MODULE_LICENSE("GPL");
