// SPDX-License-Identifier: GPL-2.0
/* What guests of the benchmark have in common. */
#include "bench.h"

bool guest_bench_watch;

void guest_bench_nothing(u64 arg)
{
}
