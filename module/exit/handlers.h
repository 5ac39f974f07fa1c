/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EXIT_HANDLERS_H
#define BELLOWS_EXIT_HANDLERS_H

struct bellows_vcpu;

/* Serves vcpu->exit: RUN_ENTER, RUN_TO_USER, or -errno for KVM_RUN; loaded. */
int bellows_handle_exit(struct bellows_vcpu *vcpu);

/*
 * The same between two entries of one stay, with interrupts off; what was to go
 * into the guest has arrived. RUN_LATER: not here. Then nothing was
 * done, and the exit is to be decoded again and handled as above.
 */
int bellows_handle_quickly(struct bellows_vcpu *vcpu);

#endif
