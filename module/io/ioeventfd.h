/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_IOEVENTFD_H
#define BELLOWS_IRQ_IOEVENTFD_H
/* A guest's write to a port or an address that signals an eventfd, and nothing else. */

struct bellows_vm;
struct kvm_ioeventfd;

/* KVM_IOEVENTFD: assigns or deassigns. 0 or -errno. */
int bellows_ioeventfd(struct bellows_vm *vm, const struct kvm_ioeventfd *args);
/* The VM goes: none of its vCPUs runs, no ioctl comes, and its buses are not used again. */
void bellows_ioeventfd_release(struct bellows_vm *vm);

#endif
