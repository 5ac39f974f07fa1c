/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EXIT_MMIO_H
#define BELLOWS_EXIT_MMIO_H

struct bellows_vcpu;

/* A nested fault where no memory is. As bellows_handle_exit(). */
int mmio_handle(struct bellows_vcpu *vcpu);

#endif
