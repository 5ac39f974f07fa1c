/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_HOST_STATE_H
#define BELLOWS_HOST_STATE_H
/* Facts of the host CPU that never change after boot, read once when the module loads. */
#include <linux/types.h>
#include <asm/fpu/types.h>

/* What a guest's XCR0 may have: no tiles (AMX needs a permission of its own), no supervisor parts. */
#define BELLOWS_XCR0_SUPPORTED	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
				 XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR | \
				 XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU)

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
