// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints' own code. The names behind numbers come from the lists that make
 * the numbers, for the kernel's text and, through TRACE_DEFINE_ENUM, for programs
 * that read the raw records.
 */
#include "memory/block.h"
#include "vm/exit.h"
#include "vm/request.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

#define REASON(name)			{ EXIT_##name, #name },
#define REQUEST(name)			{ VCPU_REQ_##name, #name },
#define COUNT(name, text)		{ COUNT_##name, #name },
#define BELLOWS_TRACE_REASONS		EXIT_REASONS(REASON) { -1, NULL }
#define BELLOWS_TRACE_REQUESTS		VCPU_REQUESTS(REQUEST) { -1, NULL }
#define BELLOWS_TRACE_COUNTS		MEMORY_COUNTS(COUNT) { -1, NULL }

#define REASON_ENUM(name)		TRACE_DEFINE_ENUM(EXIT_##name);
#define REQUEST_ENUM(name)		TRACE_DEFINE_ENUM(VCPU_REQ_##name);
#define COUNT_ENUM(name, text)		TRACE_DEFINE_ENUM(COUNT_##name);
#define BELLOWS_TRACE_ENUMS		\
	EXIT_REASONS(REASON_ENUM) VCPU_REQUESTS(REQUEST_ENUM) MEMORY_COUNTS(COUNT_ENUM)

#define CREATE_TRACE_POINTS
#include "trace.h"
