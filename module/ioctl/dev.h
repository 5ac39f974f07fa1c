/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IOCTL_DEV_H
#define BELLOWS_IOCTL_DEV_H

int bellows_dev_init(void);		/* module load: /dev/bellows appears, last of all */
void bellows_dev_exit(void);

#endif
