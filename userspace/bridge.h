/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BRIDGE_H
#define BRIDGE_H
/* Joins a terminal with a console device that knows only descriptors. */
struct terminal;
struct vm;

/*
 * *fd is where the device reads and writes what the terminal shows; it stays the
 * bridge's, and the bridge the VM's. 0 or -errno.
 */
int bridge_create(struct vm *vm, struct terminal *terminal, int *fd);

#endif
