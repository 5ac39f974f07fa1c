/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EXIT_TASK_H
#define BELLOWS_EXIT_TASK_H

struct bellows_vcpu;

/* A hardware task switch. As bellows_handle_exit(). */
int task_switch_handle(struct bellows_vcpu *vcpu);

#endif
