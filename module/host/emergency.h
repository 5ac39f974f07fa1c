/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EMERGENCY_H
#define BELLOWS_EMERGENCY_H
#include <linux/types.h>

/* fn ends virtualization on the CPU it is called on; any context, NMI included. */
int emergency_init(void (*fn)(void));
void emergency_exit(void);
/* Virtualization is on (from the first VM to the last): fn should be called in an emergency. */
void emergency_want(bool want);

#endif
