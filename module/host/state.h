/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_HOST_STATE_H
#define BELLOWS_HOST_STATE_H
/* Facts of the host CPU that never change after boot, read once when the module loads; and its TSC. */
#include <linux/types.h>
#include <asm/msr.h>

struct host_state {
	u64 xcr0;			/* 0: no XSAVE */
	u64 xss;
	u64 efer;
	u64 arch_capabilities;
	bool has_pku;			/* and the host uses it */
};

extern struct host_state bellows_host;

/* Changed only while the host sleeps and no task runs. */
struct bellows_host_sleep {
	u64 tsc_lost;			/* by which the TSC is behind the one before the first sleep */
	unsigned int count;		/* of sleeps */
};

extern struct bellows_host_sleep bellows_host_sleep;

/* The host's TSC, as if it had never begun again. */
static inline u64 bellows_host_tsc(void)
{
	return rdtsc() + bellows_host_sleep.tsc_lost;
}

void bellows_host_state_init(void);

#endif
