/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_PERMISSION_H
#define BELLOWS_SVM_PERMISSION_H
/*
 * The permission maps: bits that are set make an access exit. That of I/O
 * ports is all ones and the same for every guest. That of MSRs has two bits each,
 * read then write, for three ranges of 8192 MSRs; others always exit.
 */
#include "svm/vmcb.h"

#define SVM_IOPM_SIZE		(3 * 4096)	/* a bit a port, and 3 more for the last */
#define SVM_MSRPM_SIZE		(2 * 4096)
#define SVM_MSRPM_RANGE		0x2000u

/* Number of the read bit of an MSR in the map; -1: it has none. */
static inline int svm_msrpm_bit(u32 msr)
{
	static const u32 start[] = { 0x00000000, 0xc0000000, 0xc0010000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(start); i++)
		if (msr - start[i] < SVM_MSRPM_RANGE)
			return 2 * (i * SVM_MSRPM_RANGE + (msr - start[i]));
	return -1;
}

/* Lets the guest read or write an MSR that is in the map, or not. */
static inline void svm_msrpm_set(u8 *map, u32 msr, bool read, bool write)
{
	int bit = svm_msrpm_bit(msr);
	u8 mask;

	if (bit < 0)
		return;
	mask = 3u << (bit & 7);
	map[bit / 8] = (map[bit / 8] & ~mask) | (((read ? 0 : 1) | (write ? 0 : 2)) << (bit & 7));
}

#endif
