/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_RESULT_H
#define BELLOWS_VM_RESULT_H
/* What functions answer that several folders share. */

/* Of a quick handler: see there. */
#define BELLOWS_EXIT_LATER	2

/* Of an access to an MSR. */
enum {
	BELLOWS_MSR_OK,
	BELLOWS_MSR_GP,		/* the guest may not have this value, or not now */
	BELLOWS_MSR_UNKNOWN,	/* no such MSR here; the guest gets #GP as well */
	BELLOWS_MSR_LATER,	/* only of QUICKLY: may sleep, nothing was done */
};

#endif
