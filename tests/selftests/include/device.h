/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_DEVICE_H
#define SELFTESTS_DEVICE_H
/* Devices that the host plays: memory-like MMIO and ports, with a record of accesses. */
#include "vm.h"

#define DEVICE_LOG	64

struct access {
	u64 address;
	u8 size;
	bool write;
	u32 count;		/* ports: how many */
	u64 data;		/* of the first */
};

struct device {
	u64 base, size;		/* of the MMIO region */
	u8 *data;		/* what it holds */
	unsigned int n;		/* accesses so far; the first ones are in the log */
	struct access log[DEVICE_LOG];
};

void device_init(struct device *dev, u64 base, u64 size);
/* Answers an MMIO exit; the case fails when it is not one for this device. */
void device_serve(struct device *dev, struct vcpu *vcpu);
/* Runs the guest to its next call, playing the device meanwhile. */
u64 device_next(struct device *dev, struct vcpu *vcpu, struct ucall *uc);
void device_run_to_done(struct device *dev, struct vcpu *vcpu);

/* The data of the current port exit */
static inline void *port_data(struct vcpu *vcpu)
{
	return (char *)vcpu->run + vcpu->run->io.data_offset;
}

#endif
