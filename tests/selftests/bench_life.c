// SPDX-License-Identifier: GPL-2.0
/* What a VM's life costs: created, entered once, destroyed; and a vCPU's beginning. */
#define _GNU_SOURCE
#include "bench.h"

static u64 life(void)
{
	u64 best = ~0ULL;

	if (guest_bench_watch) {
		run_guest(guest_bench_nothing, 0);
		__BENCH_WATCH(run_guest(guest_bench_nothing, 0));
		return 0;
	}
	for (unsigned int r = 0; r < BENCH_ROUNDS; r++)
		__BENCH_LEAST(best, 1, run_guest(guest_bench_nothing, 0));
	return best;
}

static u64 vcpu_life(void)
{
	struct vm *vm = vm_new(GUEST_LONG);
	u64 best = ~0ULL;

	for (unsigned int r = 0; r < BENCH_ROUNDS; r++)
		__BENCH_LEAST(best, 1, x(ioctl(vm->fd, KVM_CREATE_VCPU, (long)r)));
	return best;
}

static const struct bench_row rows[] = {
	{ "vm-create", .measure = life },
	{ "vcpu-create", .measure = vcpu_life },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, ARRAY_SIZE(rows));
}
