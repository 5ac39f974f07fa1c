// SPDX-License-Identifier: GPL-2.0
/* Devices that the host plays. */
#include "device.h"

void device_init(struct device *dev, u64 base, u64 size)
{
	memset(dev, 0, sizeof(*dev));
	dev->base = base;
	dev->size = size;
	dev->data = calloc(1, size);
}

void device_serve(struct device *dev, struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 offset = run->mmio.phys_addr - dev->base;
	struct access a = {
		.address = run->mmio.phys_addr, .size = run->mmio.len, .write = run->mmio.is_write
	};

	ASSERT(run->exit_reason == KVM_EXIT_MMIO, "exit %s", exit_name(run->exit_reason));
	ASSERT(run->mmio.len >= 1 && run->mmio.len <= 8, "%u", run->mmio.len);
	ASSERT(offset < dev->size && offset + run->mmio.len <= dev->size, "MMIO at 0x%llx",
	       run->mmio.phys_addr);
	if (run->mmio.is_write)
		memcpy(dev->data + offset, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, dev->data + offset, run->mmio.len);
	memcpy(&a.data, run->mmio.data, run->mmio.len);
	if (dev->n < DEVICE_LOG)
		dev->log[dev->n] = a;
	dev->n++;
}

u64 device_next(struct device *dev, struct vcpu *vcpu, struct ucall *uc)
{
	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
			device_serve(dev, vcpu);
			continue;
		}
		__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
		if (vcpu_ucall(vcpu, uc))
			return uc->cmd;
	}
}

void device_run_to_done(struct device *dev, struct vcpu *vcpu)
{
	struct ucall uc;

	device_next(dev, vcpu, &uc);
	ASSERT(uc.cmd == UCALL_DONE, "stage %llu", uc.args[0]);
}
