// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's thread: into the guest, and from each exit to the device that answers.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include "cpu.h"
#include "machine.h"
#include "message.h"
#include "thread.h"

static void died(struct cpu *cpu, const char *what, unsigned long long detail)
{
	struct kvm_regs regs = { };

	machine_call(cpu->vcpu.fd, KVM_GET_REGS, &regs);
	complain("the guest died: %s (%#llx), CPU %u at %#llx", what, detail, cpu->id,
		 (unsigned long long)regs.rip);
	vm_end(&cpu->machine->vm, VM_DIED, 0);
}

static void on_io(struct cpu *cpu, struct kvm_run *run)
{
	struct bus *bus = &cpu->machine->vm.bus;
	uint8_t *data = libbellows_io_data(&cpu->vcpu);
	unsigned int i;

	for (i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(bus, BUS_PIO, run->io.direction == KVM_EXIT_IO_OUT, run->io.port, run->io.size,
			   data);
}

static void on_system_event(struct cpu *cpu, struct kvm_run *run)
{
	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(&cpu->machine->vm, VM_POWERED_OFF, 0);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_end(&cpu->machine->vm, VM_REBOOTS, 0);
		break;
	default:
		died(cpu, "it reported a crash", run->system_event.type);
	}
}

static void on_exit(struct cpu *cpu)
{
	struct kvm_run *run = cpu->vcpu.run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		on_io(cpu, run);
		break;
	case KVM_EXIT_MMIO:
		bus_access(&cpu->machine->vm.bus, BUS_MMIO, run->mmio.is_write, run->mmio.phys_addr,
			   run->mmio.len, run->mmio.data);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_HLT:	/* only without interrupt controllers */
		vm_end(&cpu->machine->vm, VM_HALTED, 0);
		break;
	case KVM_EXIT_SHUTDOWN:
		died(cpu, "triple fault", 0);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		on_system_event(cpu, run);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		died(cpu, "the CPU refused to enter it", run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		died(cpu, "the module cannot go on", run->internal.suberror);
		break;
	default:
		died(cpu, "an unexpected exit", run->exit_reason);
	}
}

/* Returns false when the thread is to end. */
static bool rest(struct cpu *cpu)
{
	struct machine *m = cpu->machine;
	bool quit;

	pthread_mutex_lock(&m->lock);
	m->resting++;
	pthread_cond_broadcast(&m->changed);
	while (!m->quit && (m->paused || m->asleep || __atomic_load_n(&m->vm.end, __ATOMIC_ACQUIRE) != VM_RUNS))
		pthread_cond_wait(&m->changed, &m->lock);
	m->resting--;
	quit = m->quit;
	pthread_mutex_unlock(&m->lock);
	/* That time stood still is no reason for the guest to believe that it hung. */
	if (!quit)
		machine_value(cpu->vcpu.fd, KVM_KVMCLOCK_CTRL, 0);
	return !quit;
}

static bool must_rest(struct machine *m)
{
	bool must;

	if (__atomic_load_n(&m->vm.end, __ATOMIC_ACQUIRE) != VM_RUNS)
		return true;
	pthread_mutex_lock(&m->lock);
	must = m->quit || m->paused || m->asleep;
	pthread_mutex_unlock(&m->lock);
	return must;
}

static void *thread(void *arg)
{
	struct cpu *cpu = arg;
	struct machine *m = cpu->machine;
	int err;

	while (rest(cpu)) {
		for (;;) {
			err = libbellows_vcpu_run(&cpu->vcpu);
			/* A thread that was kicked looks why: the reason was set before the kick. */
			if (err == -EINTR || err == -EAGAIN) {
				__atomic_store_n(&cpu->vcpu.run->immediate_exit, 0, __ATOMIC_SEQ_CST);
				if (must_rest(m))
					break;
				continue;
			}
			if (err) {
				complain("cannot run the guest: %s", strerror(-err));
				vm_end(&m->vm, VM_FAILED, 0);
				break;
			}
			cpu->exits++;
			on_exit(cpu);
			if (__atomic_load_n(&m->vm.end, __ATOMIC_ACQUIRE) != VM_RUNS)
				break;
		}
	}
	pthread_mutex_lock(&m->lock);
	m->resting++;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* A thread takes no signal but the kick. */
int cpu_start(struct cpu *cpu)
{
	sigset_t most, old;
	int err;

	sigfillset(&most);
	sigdelset(&most, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &most, &old);
	pthread_mutex_lock(&cpu->machine->lock);
	err = thread_start(&cpu->thread, thread, cpu);
	cpu->alive = !err;
	pthread_mutex_unlock(&cpu->machine->lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}
