// SPDX-License-Identifier: GPL-2.0
/* Lines that several threads raise, route and close at the same time. Nothing is counted: all must end. */
#define _GNU_SOURCE
#include <pthread.h>
#include "irqchip.h"

#define VECTOR		0x51
#define PIN		18
#define MSI_LINE	40

#define RESAMPLE	KVM_IRQFD_FLAG_RESAMPLE
#define DEASSIGN	KVM_IRQFD_FLAG_DEASSIGN

/* One at a time: on a slow machine the next is always there already. */
static void end(struct guest_frame *f)
{
	f->rflags &= ~FLAG_IF;
	apic_eoi();
}

static void guest(u64 low)
{
	guest_handlers[VECTOR] = end;
	apic_on();
	ioapic_entry(PIN, low);
	for (;;) {
		take_interrupts();
		GUEST_SYNC(1);
	}
}

static void take_some(struct vcpu *vcpu)
{
	struct ucall uc;

	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
}

/* Eventfds are signalled without a pause, while irqfds and VMs come and go. */
#define THREADS	3

static int race_fd[THREADS], race_again[THREADS];
static bool race_stop;

static void *race_signal(void *arg)
{
	while (!READ_ONCE(race_stop))
		for (int i = 0; i < THREADS; i++)
			signal_eventfd(race_fd[i]);
	return NULL;
}

static void race_round(unsigned long n)
{
	struct vm *vm = irqchip_vm();
	static const struct kvm_irq_routing_entry routes[] = {
		CHIP_ROUTE(PIN, KVM_IRQCHIP_IOAPIC, PIN), MSI_ROUTE(MSI_LINE, VECTOR),
	};

	vcpu_new(vm, guest, VECTOR | ENTRY_LEVEL);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(__irqfd(vm, race_fd[i], i ? PIN : MSI_LINE, i ? RESAMPLE : 0, race_again[i]), 0);
	ASSERT_EQ(__set_routes(vm, routes, n & 1 ? 2 : 1), 0);
	if (n & 2)
		for (int i = 0; i < THREADS; i++)
			ASSERT_EQ(__irqfd(vm, race_fd[i], i ? PIN : MSI_LINE, DEASSIGN, 0), 0);
	if ((n & 3) == 1)
		take_some(vm->vcpu[0]);
	vm_free(vm);
}

CASE_TIMEOUT(race, "eventfds that are signalled all the time while irqfds and VMs come and go", 60)
{
	pthread_t thread[2];
	unsigned long n;

	for (int i = 0; i < THREADS; i++) {
		race_fd[i] = new_eventfd();
		race_again[i] = new_eventfd();
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, race_signal, NULL), 0);
	for (n = test_scale(16) + 4; n; n--)
		race_round(n);
	WRITE_ONCE(race_stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

static struct vm *close_vm;

static void *close_eventfds(void *arg)
{
	int fd = new_eventfd();

	while (!READ_ONCE(race_stop)) {
		int twin = x(dup(fd));

		__irqfd(close_vm, twin, PIN, 0, 0);
		signal_eventfd(twin);
		close(fd);
		close(twin);
		fd = new_eventfd();
	}
	close(fd);
	return NULL;
}

CASE_TIMEOUT(race_close, "eventfds that are closed while others are taken away", 60)
{
	pthread_t thread[2];

	close_vm = irqchip_vm();
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, close_eventfds, NULL), 0);
	for (unsigned long n = test_scale(100) + 5; n; n--) {
		int fd = new_eventfd();

		ASSERT_EQ(__irqfd(close_vm, fd, PIN, 0, 0), 0);
		signal_eventfd(fd);
		ASSERT_EQ(__irqfd(close_vm, fd, PIN, n & 1 ? DEASSIGN : 0, 0), n & 1 ? 0 : -EBUSY);
		close(fd);
	}
	WRITE_ONCE(race_stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	vm_free(close_vm);
}

static struct vm *race_vm;

static void *race_lines(void *arg)
{
	while (!READ_ONCE(race_stop)) {
		for (u32 gsi = 0; gsi < 30; gsi++) {
			for (u32 level = 2; level--; )
				set_line(race_vm, gsi, level);
		}
	}
	return NULL;
}

CASE(race_routes, "tables are replaced while lines are pulsed")
{
	static const struct kvm_irq_routing_entry a[] = {
		MSI_ROUTE(29, VECTOR), MSI_ROUTE(3, VECTOR), CHIP_ROUTE(4, KVM_IRQCHIP_IOAPIC, 4),
	};
	pthread_t thread;

	race_vm = irqchip_vm();
	vcpu_new(race_vm, guest, VECTOR);
	ASSERT_EQ(pthread_create(&thread, NULL, race_lines, NULL), 0);
	for (unsigned long n = test_scale(400) + 4; n; n--)
		ASSERT_EQ(__set_routes(race_vm, a, n % 4), 0);
	WRITE_ONCE(race_stop, true);
	pthread_join(thread, NULL);
	vm_free(race_vm);
}
