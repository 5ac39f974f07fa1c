/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_RESULT_H
#define BELLOWS_VM_RESULT_H
/*
 * What functions answer that several folders share. Where a negative errno is
 * possible as well, a function returns int.
 */

/* Of what serves an exit, or goes on with an instruction; a negative errno is KVM_RUN's result. */
enum run_result {
	RUN_TO_USER,		/* vcpu->run says why userspace must act */
	RUN_ENTER,		/* enter the guest again */
	RUN_LATER,		/* only between two entries: not here, and nothing was done */
};

/* Of an access to an MSR. */
enum msr_result {
	MSR_RESULT_OK,
	MSR_RESULT_GP,		/* the guest may not have this value, or not now */
	MSR_RESULT_UNKNOWN,	/* no such MSR here; the guest gets #GP as well */
	MSR_RESULT_LATER,	/* only of QUICKLY: may sleep, nothing was done */
};

/* Of a write to a control or debug register, or XCR0. */
enum guest_write {
	GUEST_WRITE_OK,
	GUEST_WRITE_GP,		/* nothing was written: the guest gets #GP(0) */
};

#endif
