// SPDX-License-Identifier: GPL-2.0
/*
 * How others reach a vCPU that may be in the guest at that moment: they set a
 * request and kick it.
 *
 * Requests. A thread that changes something on which running vCPUs rely (a
 * translation removed, a filter replaced) sets a bit in each vCPU's requests
 * and must not go on before no vCPU is still inside the guest without having
 * seen it. The two sides order their accesses like this:
 *
 *     requester                         vCPU's thread, interrupts off
 *     change                            mode = VCPU_IN_GUEST
 *     set the request bit               full barrier
 *     full barrier                      read requests: any? then do not enter
 *     read mode                         enter; later: mode = VCPU_OUTSIDE_GUEST
 *
 * One of the two sees the other's write, so no request is missed. Either the
 * vCPU reads the bit and stays out, or the requester reads a mode other than
 * OUTSIDE and sends that CPU an interrupt. Interrupts are off from before
 * "mode = IN_GUEST" until the guest runs, so that the interrupt is taken as an
 * exit and not before the entry, and is only served once the vCPU is out again:
 * waiting for the interrupt to be served is waiting for that. A vCPU that was
 * read as OUTSIDE has yet to pass its barrier, after which it sees the bit.
 *
 * So a thread that frees what translations point to waits here, and frees: a vCPU
 * that was in the guest is out by then, and serves the flush before it enters again.
 *
 * A vCPU that sleeps is woken by the same request and kick; that protocol is
 * told where it waits.
 *
 * Death. A VM dies from an error of ours, or because the host loses
 * virtualization; it is never brought back. Every ioctl looks, and a request
 * brings running vCPUs out.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/smp.h>
#include "compat.h"
#include "trace.h"
#include "vm/request.h"
#include "vm/vm.h"

static cpumask_t __percpu *kick_masks;		/* used with preemption off */

void bellows_vcpu_kick(struct bellows_vcpu *vcpu)
{
	int me, cpu;

	/*
	 * A thread that slept was not in the guest, and looks at the requests before it goes
	 * there. The full barrier between request and mode is in this, too.
	 */
	if (rcuwait_wake_up(&vcpu->wait))
		return;
	me = get_cpu();
	/* Its own thread is here, so it is not in the guest. */
	if (READ_ONCE(vcpu->mode) == VCPU_IN_GUEST &&
	    cmpxchg(&vcpu->mode, VCPU_IN_GUEST, VCPU_EXITING) == VCPU_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu != me && cpu >= 0 && cpu_online(cpu))
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

static void request_served(void *unused)
{
}

void bellows_vm_request_all(struct bellows_vm *vm, unsigned int request)
{
	/* Pairs with the release in vCPU creation: what is counted is complete. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus);
	cpumask_t *mask;

	lockdep_assert_irqs_enabled();
	trace_bellows_request(vm->id, request);
	for (i = 0; i < n; i++)
		bellows_request(vm->vcpus[i], request);

	/* The full barrier between the request bits and .mode, see above. */
	smp_mb();

	guard(preempt)();
	mask = this_cpu_ptr(kick_masks);
	cpumask_clear(mask);
	for (i = 0; i < n; i++) {
		struct bellows_vcpu *vcpu = vm->vcpus[i];
		int cpu;

		if (READ_ONCE(vcpu->mode) == VCPU_OUTSIDE_GUEST)
			continue;
		/* Moved on since? Then it went out and has seen the request coming in. */
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0)
			cpumask_set_cpu(cpu, mask);
	}
	smp_call_function_many(mask, request_served, NULL, true);
}

void bellows_vm_flush_tlb(struct bellows_vm *vm)
{
	bellows_vm_request_all(vm, VCPU_REQ_TLB_FLUSH);
}

void bellows_vm_kill(struct bellows_vm *vm)
{
	unsigned int i, n;

	WRITE_ONCE(vm->dead, true);
	/* A vCPU that is not counted here sees it: its ioctls look after it was published. */
	smp_mb();
	n = smp_load_acquire(&vm->nvcpus);
	for (i = 0; i < n; i++) {
		bellows_request(vm->vcpus[i], VCPU_REQ_VM_DEAD);
		bellows_vcpu_kick(vm->vcpus[i]);
	}
}

void bellows_vm_bug(struct bellows_vm *vm, const char *what)
{
	bellows_vm_kill(vm);
	if (xchg(&vm->dead_reported, true))
		return;
	/* Once per boot: the trace is for us; what the user needs is the line below. */
	WARN_ONCE(1, "bellows: internal error: %s\n", what);
	pr_err_ratelimited("bellows: VM %u stopped: %s\n", vm->id, what);
}

int bellows_requests_init(void)
{
	kick_masks = __alloc_percpu(cpumask_size(), __alignof__(unsigned long));
	return kick_masks ? 0 : -ENOMEM;
}

void bellows_requests_exit(void)
{
	free_percpu(kick_masks);
}
