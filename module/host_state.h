/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_HOST_STATE_H
#define BELLOWS_HOST_STATE_H
/* Facts of the host CPU that never change after boot, read once when the module loads. */
#include <linux/types.h>

struct bellows_host_state {
	u64 xcr0;			/* 0: no XSAVE */
	u64 xss;
	u64 efer;
	u64 arch_capabilities;
	bool has_pku;			/* and the host uses it */
};

extern struct bellows_host_state bellows_host;

void bellows_host_state_init(void);

#endif
