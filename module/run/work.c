// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread owes the kernel on its way to user mode (rescheduling, task
 * work, signals) it owes on its way into a guest too. The kernel has a function
 * for that, made for KVM: its argument is KVM's vCPU, of which it only marks
 * that a signal came. It gets one that is never read.
 *
 * A file of its own, because KVM's header and ours claim the same type names.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#include "run/work.h"

static struct kvm_run unread_run;
static struct kvm_vcpu unread_vcpu = { .run = &unread_run };

int run_work_handle(void)
{
	return xfer_to_guest_mode_handle_work(&unread_vcpu);
}
