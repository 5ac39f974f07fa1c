/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NODE_H
#define NODE_H
/* The device node of a module: /dev/bellows or /dev/kvm. */

/* A descriptor, or -1 after having said why not and what to do. */
int node_open(const char *path);
/* What a failed KVM_CREATE_VM means here: says so and returns the exit code. */
int node_explain(int device, int err);

#endif
