// SPDX-License-Identifier: GPL-2.0
/*
 * Starting processors the way systems do: INIT, SIPI, a trampoline in real mode
 * that finds its way to 64-bit code; and the states userspace sees meanwhile.
 */
#include "apic.h"

#define TRAMPOLINE	0x8000		/* SIPI vector 8 */
#define VECTOR		0x50
#define CPUS		5

extern const char ap_start[], ap_end[];

/*
 * Real mode, CS at the trampoline's page. The root of the page tables is at its
 * end. Which CPU this is says the APIC's ID, read in 64-bit mode.
 */
asm(".pushsection .text\n"
    "	.code16\n"
    "	.globl ap_start, ap_end\n"
    "ap_start:\n"
    "	cli\n"
    "	mov	%cs, %ax\n"
    "	mov	%ax, %ds\n"
    "	lgdtl	ap_gdt - ap_start\n"
    "	mov	%cr4, %eax\n"
    "	or	$0x620, %eax\n"
    "	mov	%eax, %cr4\n"
    "	mov	ap_end - ap_start, %eax\n"
    "	mov	%eax, %cr3\n"
    "	mov	$0xc0000080, %ecx\n"
    "	mov	$0x900, %eax\n"
    "	xor	%edx, %edx\n"
    "	wrmsr\n"
    "	mov	$0x80010033, %eax\n"
    "	mov	%eax, %cr0\n"
    "	ljmpl	$0x08, $(0x8000 + ap_long - ap_start)\n"
    "ap_gdt:\n"
    "	.word	0xfff\n"
    "	.long	0x1000\n"
    "ap_idt:\n"
    "	.word	0xfff\n"
    "	.quad	0x2000\n"
    "	.code64\n"
    "ap_long:\n"
    "	mov	$0x10, %eax\n"
    "	mov	%eax, %ds\n"
    "	mov	%eax, %es\n"
    "	mov	%eax, %ss\n"
    "	lidt	ap_idt(%rip)\n"
    "	mov	$0xfee00020, %ecx\n"
    "	mov	(%rcx), %edi\n"
    "	shr	$24, %edi\n"
    "	mov	%edi, %eax\n"
    "	shl	$15, %eax\n"
    "	lea	0x101ff0(%rax), %rsp\n"
    "	mov	%edi, %eax\n"
    "	shl	$4, %eax\n"
    "	add	$0x80, %eax\n"
    "	ltr	%ax\n"
    "	mov	$ap_main, %eax\n"
    "	call	*%rax\n"
    "ap_end:\n"
    ".popsection\n");

static volatile u64 started[CPUS], woken[CPUS], finish;

static void handler(struct guest_frame *frame)
{
	woken[guest_cpu_id()]++;
	apic_write(APIC_EOI, 0);
}

void ap_main(u64 id);
void __attribute__((used)) ap_main(u64 id)
{
	GUEST_ASSERT_EQ(guest_cpu_id(), id);
	GUEST_ASSERT_EQ(apic_read(APIC_SVR), 0xff);
	/* INIT has left nothing. */
	GUEST_ASSERT_EQ(apic_read(APIC_TPR), 0);
	GUEST_ASSERT_EQ(apic_read(APIC_LINT0), APIC_MASKED);
	GUEST_ASSERT(!(rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP));
	apic_on();
	apic_write(APIC_TPR, 0x10);
	started[id]++;
	while (!finish) {
		sti_hlt();
		cli();
	}
	for (;;)
		GUEST_DONE();
}

static void pause_a_little(void)
{
	for (unsigned int i = 0; i < 1000; i++)
		cpu_relax();
}

static void boot(u32 id, u64 times)
{
	/* A busy descriptor can't be loaded. */
	*(volatile u8 *)(GDT_BASE + SEL_TSS + 16UL * id + 5) = 0x89;
	apic_send(id, ICR_INIT | ICR_LEVEL);
	pause_a_little();
	apic_send(id, ICR_SIPI | TRAMPOLINE >> 12);
	apic_send(id, ICR_SIPI | TRAMPOLINE >> 12);
	while (started[id] != times)
		cpu_relax();
}

static void boot_all(u64 rounds)
{
	guest_handlers[VECTOR] = handler;
	apic_on();
	for (u64 n = 1; n <= rounds; n++) {
		for (u32 i = 1; i < CPUS; i++)
			boot(i, n);
		/* One that runs takes no SIPI. */
		apic_send(1, ICR_SIPI | 0x66);
		for (u32 i = 1; i < CPUS; i++) {
			apic_send(i, VECTOR);
			while (woken[i] != n)
				cpu_relax();
		}
	}
	finish = 1;
	apic_send(0, VECTOR | ICR_OTHERS);
}

static void *run_ap(void *arg)
{
	struct vcpu *vcpu = arg;
	struct ucall uc;
	long ret;

	/* What a processor that was not started says when it is. */
	ret = __vcpu_run(vcpu);
	EXPECT_EQ(ret, -EAGAIN);
	EXPECT_EQ(vcpu_next(vcpu, &uc), UCALL_DONE);
	return NULL;
}

static struct vm *vm_with_trampoline(void)
{
	struct vm *vm = apic_vm();
	char *page = vm_host(vm, TRAMPOLINE);

	memcpy(page, ap_start, ap_end - ap_start);
	memcpy(page + (ap_end - ap_start), &vm->pt_root, 4);
	return vm;
}

CASE_TIMEOUT(starts_processors, "INIT and SIPI start four processors, and start them again", 60)
{
	struct vm *vm = vm_with_trampoline();
	pthread_t threads[CPUS];

	vcpu_new(vm, boot_all, test_scale(20));
	for (unsigned int i = 1; i < CPUS; i++) {
		struct vcpu *vcpu = vcpu_new(vm, boot_all, 0);

		EXPECT_EQ(apic_mp_state(vcpu), KVM_MP_STATE_UNINITIALIZED);
		ASSERT_EQ(pthread_create(&threads[i], NULL, run_ap, vcpu), 0);
	}
	EXPECT_EQ(apic_mp_state(vm->vcpu[0]), KVM_MP_STATE_RUNNABLE);
	vcpu_run_to_done(vm->vcpu[0]);
	for (unsigned int i = 1; i < CPUS; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	vm_free(vm);
}

static void send_init(u64 arg)
{
	apic_on();
	apic_send(1, ICR_INIT | ICR_LEVEL);
	GUEST_SYNC(1);
	apic_send(1, ICR_SIPI | TRAMPOLINE >> 12);
	GUEST_SYNC(2);
}

CASE(states, "userspace sees the states of a processor that is being started")
{
	struct vm *vm = vm_with_trampoline();
	struct vcpu *bsp = vcpu_new(vm, send_init, 0);
	struct vcpu *ap = vcpu_new(vm, send_init, 0);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	EXPECT_EQ(apic_mp_state(ap), KVM_MP_STATE_UNINITIALIZED);
	vcpu_run_to_sync(bsp, 1);
	EXPECT_EQ(apic_mp_state(ap), KVM_MP_STATE_INIT_RECEIVED);
	vcpu_regs(ap, &regs);
	vcpu_sregs(ap, &sregs);
	EXPECT_EQ(regs.rip, 0xfff0);
	EXPECT_EQ(regs.rflags, 2);
	EXPECT_EQ(sregs.cs.selector, 0xf000);
	EXPECT_EQ(sregs.cr0 & (CR0_PE | CR0_PG), 0);
	EXPECT_EQ(sregs.efer, 0);
	vcpu_run_to_sync(bsp, 2);
	EXPECT_EQ(apic_mp_state(ap), KVM_MP_STATE_RUNNABLE);
	vcpu_regs(ap, &regs);
	vcpu_sregs(ap, &sregs);
	EXPECT_EQ(regs.rip, 0);
	EXPECT_EQ(sregs.cs.base, TRAMPOLINE);
	EXPECT_EQ(sregs.cs.selector, TRAMPOLINE >> 4);
	vm_free(vm);
}

CASE(sipi_by_userspace, "SIPI_RECEIVED starts a processor where userspace says")
{
	struct vm *vm = vm_with_trampoline();
	struct kvm_vcpu_events events;
	struct vcpu *ap;
	struct kvm_sregs sregs;

	vcpu_new(vm, send_init, 0);
	ap = vcpu_new(vm, send_init, 0);
	vcpu_ioctl(ap, KVM_GET_VCPU_EVENTS, &events);
	events.sipi_vector = 0x42;
	events.flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	vcpu_ioctl(ap, KVM_SET_VCPU_EVENTS, &events);
	apic_set_mp_state(ap, KVM_MP_STATE_SIPI_RECEIVED);
	EXPECT_EQ(apic_mp_state(ap), KVM_MP_STATE_RUNNABLE);
	vcpu_sregs(ap, &sregs);
	EXPECT_EQ(sregs.cs.base, 0x42000);
	EXPECT_EQ(sregs.cs.selector, 0x4200);
	vm_free(vm);
}

static void interrupted(int sig)
{
}

static void *run_waiting(void *arg)
{
	return (void *)(long)__vcpu_run(arg);
}

CASE(waits_for_init, "a processor that was not started waits, until a signal comes")
{
	static const u32 states[] = { KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED };
	struct sigaction sa = { .sa_handler = interrupted };
	struct vm *vm = vm_with_trampoline();
	struct vcpu *ap;
	pthread_t thread;
	void *result;

	x(sigaction(SIGUSR1, &sa, NULL));
	vcpu_new(vm, send_init, 0);
	ap = vcpu_new(vm, send_init, 0);
	for (int i = 0; i < 2; i++) {
		apic_set_mp_state(ap, states[i]);
		ASSERT_EQ(pthread_create(&thread, NULL, run_waiting, ap), 0);
		usleep(50000);
		pthread_kill(thread, SIGUSR1);
		ASSERT_EQ(pthread_join(thread, &result), 0);
		EXPECT_EQ((long)result, -EINTR);
		EXPECT_EQ(apic_mp_state(ap), states[i]);
	}
	ap->run->immediate_exit = 1;
	EXPECT_EQ(__vcpu_run(ap), -EINTR);
	vm_free(vm);
}

CASE(boot_cpu, "KVM_SET_BOOT_CPU_ID says which processor need not be started")
{
	struct vm *vm = apic_vm();

	vm_ioctl(vm, KVM_SET_BOOT_CPU_ID, 1UL);
	EXPECT_EQ(apic_mp_state(vcpu_create(vm, 0)), KVM_MP_STATE_UNINITIALIZED);
	EXPECT_EQ(apic_mp_state(vcpu_create(vm, 1)), KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(vcpu_get_msr(vm->vcpu[0], MSR_APIC_BASE), APIC_PAGE | APIC_BASE_EN);
	EXPECT_EQ(vcpu_get_msr(vm->vcpu[1], MSR_APIC_BASE), APIC_PAGE | APIC_BASE_EN | APIC_BASE_BSP);
	vm_free(vm);
}
