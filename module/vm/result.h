/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_RESULT_H
#define BELLOWS_VM_RESULT_H
/* What functions answer that several folders share. */

/* Of a quick handler: see there. */
#define EXIT_LATER	2

/* Of an access to an MSR. */
enum {
	MSR_RESULT_OK,
	MSR_RESULT_GP,		/* the guest may not have this value, or not now */
	MSR_RESULT_UNKNOWN,	/* no such MSR here; the guest gets #GP as well */
	MSR_RESULT_LATER,	/* only of QUICKLY: may sleep, nothing was done */
};

#endif
