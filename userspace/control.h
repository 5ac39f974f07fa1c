/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CONTROL_H
#define CONTROL_H
/* The VM's end of its control socket. */
#include <stdbool.h>
#include <stdint.h>
#include "machine.h"
#include "terminal.h"

struct control;

/* Listens; EXIT_* after a message. name is that of the VM. */
int control_create(struct control **control, struct machine *machine, struct terminal *terminal,
		   const char *name);
/* With the loop at rest. */
void control_free(struct control *control);

#endif
