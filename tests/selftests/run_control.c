// SPDX-License-Identifier: GPL-2.0
/* Getting a thread out of KVM_RUN: signals, masks, immediate_exit, other threads' calls. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "guest.h"
#include "vm.h"

static u64 counter;

/*
 * Guests that do not leave by themselves enable interrupts, of which they get
 * none: Bochs holds those of the host back while a guest runs that was entered
 * with them disabled.
 */
static void spin(u64 arg)
{
	sti();
	for (;;)
		WRITE_ONCE(counter, counter + 1);
}

static void leave(u64 arg)
{
	for (;;)
		outb(0x80, 0);
}

static volatile int signals;

static void on_signal(int sig)
{
	signals++;
}

static void catch(int sig)
{
	struct sigaction a = { .sa_handler = on_signal };

	x(sigaction(sig, &a, NULL));
}

static void timer_in(unsigned int us)
{
	struct itimerval t = { .it_value.tv_usec = us };

	x(setitimer(ITIMER_REAL, &t, NULL));
}

CASE(immediate, "immediate_exit: KVM_RUN returns EINTR and the guest has not run")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_regs a, b;

	vcpu_regs(vcpu, &a);
	vcpu->run->immediate_exit = 1;
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	vcpu_regs(vcpu, &b);
	EXPECT_EQ(a.rip, b.rip);
	vcpu->run->immediate_exit = 0;
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

CASE(signal_running, "a signal ends a guest that never leaves by itself: EINTR, KVM_EXIT_INTR")
{
	struct vcpu *vcpu = long_guest(spin, 0);

	catch(SIGALRM);
	for (int i = 1, useconds = 20000; i <= 3; i++) {
		u64 before = GUEST_VAR(vcpu->vm, counter);

		/* On a busy host it may come before the guest does: that tells nothing. */
		for (; useconds < 1000000; useconds *= 2) {
			signals = 0;
			timer_in(useconds);
			EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
			EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_INTR);
			EXPECT_EQ(signals, 1);
			if (GUEST_VAR(vcpu->vm, counter) > before)
				break;
		}
		EXPECT(GUEST_VAR(vcpu->vm, counter) > before, "the guest did not run");
	}
	vm_free(vcpu->vm);
}

CASE(signal_pending, "a signal that is pending already keeps KVM_RUN from entering")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	sigset_t set, empty;
	struct {
		struct kvm_signal_mask mask;
		u64 bits;
	} m = { .mask.len = 8 };

	catch(SIGUSR1);
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	x(sigprocmask(SIG_BLOCK, &set, NULL));
	x(raise(SIGUSR1));
	EXPECT_EQ(signals, 0);
	/* Unblocked while in KVM_RUN only: it ends at once, and the signal stays pending. */
	memcpy(m.mask.sigset, &empty, 8);
	vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &m);
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, counter), 0);
	EXPECT_EQ(signals, 0);
	x(sigpending(&empty));
	EXPECT_EQ(sigismember(&empty, SIGUSR1), 1);
	x(sigprocmask(SIG_UNBLOCK, &set, NULL));
	EXPECT_EQ(signals, 1);
	vm_free(vcpu->vm);
}

CASE(mask_blocks, "KVM_SET_SIGNAL_MASK: a signal that is blocked there does not end KVM_RUN")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct {
		struct kvm_signal_mask mask;
		u64 bits;
	} m = { .mask.len = 8 };
	sigset_t set;

	catch(SIGUSR1);
	catch(SIGALRM);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	memcpy(m.mask.sigset, &set, 8);
	vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &m);
	x(sigprocmask(SIG_BLOCK, &set, NULL));
	x(raise(SIGUSR1));
	timer_in(20000);
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	EXPECT_EQ(signals, 1);	/* the timer's */
	EXPECT(GUEST_VAR(vcpu->vm, counter) > 0, "the guest did not run");
	/* Without a mask the thread's own counts. */
	vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, NULL);
	x(sigprocmask(SIG_UNBLOCK, &set, NULL));
	EXPECT_EQ(signals, 2);
	vm_free(vcpu->vm);
}

CASE(mask_errors, "KVM_SET_SIGNAL_MASK: a wrong length is EINVAL, a bad pointer EFAULT")
{
	struct vcpu *vcpu = long_guest(spin, 0);
	struct kvm_signal_mask m = { .len = 4 };

	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &m), -EINVAL);
	m.len = 16;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &m), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, (void *)8), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, NULL), 0);
	vm_free(vcpu->vm);
}

struct kicker {
	pthread_t target;
	unsigned int n;
};

static void *kick(void *arg)
{
	struct kicker *k = arg;

	for (unsigned int i = 0; i < k->n; i++) {
		pthread_kill(k->target, SIGUSR1);
		usleep(100);
	}
	return NULL;
}

static void compute(u64 n)
{
	u64 sum = 0;

	sti();
	for (u64 i = 0; i < n; i++)
		sum = sum * 3 + i;
	GUEST_SYNC(1, sum);
}

CASE(many_signals, "hundreds of signals leave the guest's computation alone")
{
	unsigned long n = test_scale(20000000);
	struct vcpu *vcpu = long_guest(compute, n);
	struct kicker k = { pthread_self(), test_scale(500) };
	u64 sum = 0, interrupted = 0;
	struct ucall uc;
	pthread_t t;
	int ret;

	catch(SIGUSR1);
	for (u64 i = 0; i < n; i++)
		sum = sum * 3 + i;
	pthread_create(&t, NULL, kick, &k);
	while ((ret = __vcpu_run(vcpu)) == -EINTR)
		interrupted++;
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], sum);
	pthread_join(t, NULL);
	test_diag("%llu interruptions", interrupted);
	vm_free(vcpu->vm);
}

static void *read_state(void *arg)
{
	struct vcpu *vcpu = arg;
	struct kvm_regs regs;

	for (int i = 0; i < 200; i++)
		vcpu_regs(vcpu, &regs);
	return NULL;
}

CASE(concurrent, "four threads that call and run one vCPU take turns")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, read_state, vcpu);
	for (int i = 0; i < 1000; i++)
		vcpu_run_to(vcpu, KVM_EXIT_IO);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	vm_free(vcpu->vm);
}

static void *run_elsewhere(void *arg)
{
	vcpu_run_to((struct vcpu *)arg, KVM_EXIT_IO);
	return NULL;
}

CASE(threads, "a vCPU that a new thread runs each time goes on where it was")
{
	struct vcpu *vcpu = long_guest(leave, 0);

	for (int i = 0; i < 50; i++) {
		pthread_t t;

		pthread_create(&t, NULL, run_elsewhere, vcpu);
		pthread_join(t, NULL);
	}
	vm_free(vcpu->vm);
}

static void halt(u64 arg)
{
	for (;;)
		hlt();
}

CASE(hlt_exit, "HLT ends KVM_RUN each time, RIP is behind it")
{
	struct vcpu *vcpu = long_guest(halt, 0);
	struct kvm_regs r;

	for (int i = 0; i < 5; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_HLT);
		vcpu_regs(vcpu, &r);
		EXPECT_EQ(((u8 *)vm_host(vcpu->vm, r.rip))[-1], 0xf4);
	}
	vm_free(vcpu->vm);
}

CASE(bad_entry, "state that no CPU can enter: KVM_EXIT_FAIL_ENTRY with the CPU's reason, and the host goes on")
{
	struct vcpu *vcpu = long_guest(leave, 0);
	struct kvm_sregs s;

	/* A code segment that is both 64-bit and 32-bit */
	vcpu_sregs(vcpu, &s);
	s.cs.db = 1;
	s.tr.type = 0;
	s.tr.present = 0;
	vcpu_set_sregs(vcpu, &s);
	vcpu_run_to(vcpu, KVM_EXIT_FAIL_ENTRY);
	/* VMEXIT_INVALID in KVM's width; VMX's basic reason with the bit for failed entries. */
	EXPECT_EQ(vcpu->run->fail_entry.hardware_entry_failure_reason,
		  test_host_is_amd() ? 0xffffffff : 0x80000021);
	EXPECT(vcpu->run->fail_entry.cpu < host_cpus(), "CPU %u", vcpu->run->fail_entry.cpu);
	vm_free(vcpu->vm);
	vcpu = long_guest(leave, 0);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vm_free(vcpu->vm);
}

static void hypercall(u64 arg)
{
	u64 r;

	/* The vendor's own instruction; an unknown number is -KVM_ENOSYS */
	if (arg)
		asm volatile("vmmcall" : "=a"(r) : "a"(0x7777) : "memory");
	else
		asm volatile("vmcall" : "=a"(r) : "a"(0x7777) : "memory");
	GUEST_ASSERT_EQ(r, (u64)-1000);
}

CASE(hypercalls, "an unknown hypercall answers -KVM_ENOSYS")
{
	run_guest(hypercall, test_host_is_amd());
}
