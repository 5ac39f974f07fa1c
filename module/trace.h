/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bellows

#if !defined(BELLOWS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BELLOWS_TRACE_H
/*
 * Tracepoints, named as users of perf and trace-cmd know KVM's:
 *
 *	trace-cmd record -e bellows
 *
 * One that is off costs the instruction that skips it. Arguments are what is at
 * hand; what must be fetched is fetched by the tracepoint, when it is on.
 */
#include <linux/tracepoint.h>
#include "types.h"

struct bellows_vcpu;

/* Of the numbers whose names are told; only where the tracepoints are made. */
#ifdef BELLOWS_TRACE_ENUMS
BELLOWS_TRACE_ENUMS
#endif

/*
 * A stay in the guest begins. It may be several entries; while bellows_exit is traced, it is
 * one.
 */
TRACE_EVENT(bellows_entry,
	TP_PROTO(struct bellows_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->rip = bellows_reg_read(vcpu, VCPU_RIP);
	),
	TP_printk("vm %u vcpu %u rip 0x%llx", __entry->vm, __entry->vcpu, __entry->rip)
);

/* An exit is about to be served. */
TRACE_EVENT(bellows_exit,
	TP_PROTO(struct bellows_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, rip)
		__field(u32, reason)
		__field(u32, hardware_reason)
	),
	TP_fast_assign(
		__entry->vm = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->rip = bellows_reg_read(vcpu, VCPU_RIP);
		__entry->reason = vcpu->exit.reason;
		__entry->hardware_reason = vcpu->exit.hardware_reason;
	),
	TP_printk("vm %u vcpu %u reason %s rip 0x%llx hardware 0x%x", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->reason, BELLOWS_TRACE_REASONS), __entry->rip,
		  __entry->hardware_reason)
);

/* A nested page fault, with what came of it. */
TRACE_EVENT(bellows_page_fault,
	TP_PROTO(u64 gpa, u32 access, int result),
	TP_ARGS(gpa, access, result),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u32, access)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
		__entry->access = access;
		__entry->result = result;
	),
	TP_printk("gpa 0x%llx access 0x%x result %d", __entry->gpa, __entry->access, __entry->result)
);

/* Goes in with the next entry, or was taken by the guest from hardware that offered it. */
TRACE_EVENT(bellows_inj_virq,
	TP_PROTO(u32 vcpu, u8 vector),
	TP_ARGS(vcpu, vector),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->vector = vector;
	),
	TP_printk("vcpu %u irq 0x%x", __entry->vcpu, __entry->vector)
);

TRACE_EVENT(bellows_inj_exception,
	TP_PROTO(u32 vcpu, u8 vector, bool has_error, u32 error),
	TP_ARGS(vcpu, vector, has_error, error),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u8, vector)
		__field(bool, has_error)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->vector = vector;
		__entry->has_error = has_error;
		__entry->error = error;
	),
	TP_printk("vcpu %u vector %u error %s0x%x", __entry->vcpu, __entry->vector,
		  __entry->has_error ? "" : "none ", __entry->error)
);

TRACE_EVENT(bellows_inj_nmi,
	TP_PROTO(u32 vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(__field(u32, vcpu)),
	TP_fast_assign(__entry->vcpu = vcpu;),
	TP_printk("vcpu %u", __entry->vcpu)
);

/* A request to all vCPUs of a VM; the requester waits until each has seen it. */
TRACE_EVENT(bellows_request,
	TP_PROTO(u32 vm, u32 request),
	TP_ARGS(vm, request),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, request)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->request = request;
	),
	TP_printk("vm %u request %s", __entry->vm,
		  __print_symbolic(__entry->request, BELLOWS_TRACE_REQUESTS))
);

/*
 * Pages of a block of a memory object changed what they are: so many more, or less,
 * of a kind that the object counts.
 */
TRACE_EVENT(bellows_memory_change,
	TP_PROTO(unsigned long inode, u64 block, u32 what, long delta),
	TP_ARGS(inode, block, what, delta),
	TP_STRUCT__entry(
		__field(unsigned long, inode)
		__field(u64, block)
		__field(u32, what)
		__field(long, delta)
	),
	TP_fast_assign(
		__entry->inode = inode;
		__entry->block = block;
		__entry->what = what;
		__entry->delta = delta;
	),
	TP_printk("object %lu block %llu %s %+ld", __entry->inode, __entry->block,
		  __print_symbolic(__entry->what, BELLOWS_TRACE_COUNTS), __entry->delta)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
