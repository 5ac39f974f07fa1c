/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_DEBUGFS_H
#define BELLOWS_DEBUGFS_H

/* Never fail: without debugfs the module works all the same. */
void bellows_debugfs_init(void);
void bellows_debugfs_exit(void);

#endif
