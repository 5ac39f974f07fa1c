/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EXIT_PIO_H
#define BELLOWS_EXIT_PIO_H

struct bellows_vcpu;

/* An access to a port. As bellows_handle_exit(). */
int pio_handle(struct bellows_vcpu *vcpu);

#endif
