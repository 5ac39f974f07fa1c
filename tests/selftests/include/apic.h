/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_APIC_H
#define SELFTESTS_APIC_H
/* Local APICs in the kernel: machines that have them, and what guests do with them. */
#include <pthread.h>
#include "guest.h"
#include "vm.h"

#define APIC_PAGE		0xfee00000UL
#define APIC_X2_BASE		0x800
#define MSR_DEADLINE		0x6e0
#define APIC_BASE_BSP		BIT64(8)
#define APIC_BASE_EXTD		BIT64(10)
#define APIC_BASE_EN		BIT64(11)

/* Offsets in the page; an MSR is APIC_X2_BASE + offset / 16. */
#define APIC_ID			0x20
#define APIC_VERSION		0x30
#define APIC_TPR		0x80
#define APIC_PPR		0xa0
#define APIC_EOI		0xb0
#define APIC_LDR		0xd0
#define APIC_DFR		0xe0
#define APIC_SVR		0xf0
#define APIC_ISR		0x100
#define APIC_TMR		0x180
#define APIC_IRR		0x200
#define APIC_ESR		0x280
#define APIC_ICR		0x300
#define APIC_ICR2		0x310
#define APIC_LVTT		0x320
#define APIC_LINT0		0x350
#define APIC_LINT1		0x360
#define APIC_LVTERR		0x370
#define APIC_TMICT		0x380
#define APIC_TMCCT		0x390
#define APIC_TDCR		0x3e0

#define APIC_MASKED		BIT(16)
#define APIC_PERIODIC		BIT(17)
#define APIC_DEADLINE		BIT(18)
#define ICR_FIXED		0
#define ICR_LOWEST		0x100
#define ICR_NMI			0x400
#define ICR_INIT		0x500
#define ICR_SIPI		0x600
#define ICR_LOGICAL		BIT(11)
#define ICR_ASSERT		BIT(14)
#define ICR_LEVEL		BIT(15)
#define ICR_SELF		(1U << 18)
#define ICR_ALL			(2U << 18)
#define ICR_OTHERS		(3U << 18)

static inline u32 apic_read(u32 reg)
{
	return *(volatile u32 *)(APIC_PAGE + reg);
}

static inline void apic_write(u32 reg, u32 value)
{
	*(volatile u32 *)(APIC_PAGE + reg) = value;
}

static inline u64 x2_read(u32 reg)
{
	return rdmsr(APIC_X2_BASE + reg / 16);
}

static inline void x2_write(u32 reg, u64 value)
{
	wrmsr(APIC_X2_BASE + reg / 16, value);
}

static inline bool apic_vector_set(u32 bank, u8 vector)
{
	return apic_read(bank + vector / 32 * 16) & BIT(vector % 32);
}

static inline void apic_on(void)
{
	apic_write(APIC_SVR, 0x1ff);
}

static inline void apic_x2_on(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	x2_write(APIC_SVR, 0x1ff);
}

static inline void apic_send(u32 dest, u32 command)
{
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, command | ICR_ASSERT);
}

/* Interrupts handled so far by this vCPU. */
static inline u64 apic_count(u8 vector)
{
	return READ_ONCE(guest_cpu()->count[vector]);
}

static inline void apic_eoi_handler(struct guest_frame *frame)
{
	apic_write(APIC_EOI, 0);
}

static inline void x2_eoi_handler(struct guest_frame *frame)
{
	x2_write(APIC_EOI, 0);
}

/* Host's side: a machine with controllers in the kernel, without vCPUs. */
static inline struct vm *apic_vm(void)
{
	struct vm *vm = vm_new(GUEST_LONG);

	vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	return vm;
}

static inline void apic_set_mp_state(struct vcpu *vcpu, u32 state)
{
	struct kvm_mp_state mp = { state };

	vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &mp);
}

static inline u32 apic_mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state mp = { ~0U };

	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &mp);
	return mp.mp_state;
}

/* SUPPORTED_CPUID with the timer's third mode, whoever tells of it where. */
static inline struct kvm_cpuid2 *apic_cpuid(void)
{
	struct kvm_cpuid2 *cpuid = supported_cpuid();

	if (check_extension(KVM_CAP_TSC_DEADLINE_TIMER))
		cpuid_entry(cpuid, 1, 0)->ecx |= BIT(24);
	return cpuid;
}

/* Ready to run, also where it would wait for a SIPI. */
static inline struct vcpu *apic_vcpu(struct vm *vm, void (*fn)(u64 arg), u64 arg)
{
	struct vcpu *vcpu;

	apic_cpuid();
	vcpu = vcpu_new(vm, fn, arg);
	apic_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
	return vcpu;
}

static inline void apic_run_guest(void (*fn)(u64 arg), u64 arg)
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), fn, arg);

	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* vCPUs in threads, each until its guest is done. */
static inline void *apic_thread(void *arg)
{
	vcpu_run_to_done((struct vcpu *)arg);
	return NULL;
}

#define APIC_MAX_THREADS 8

static inline void apic_run_all(struct vm *vm, unsigned int n)
{
	pthread_t threads[APIC_MAX_THREADS];

	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, apic_thread, vm->vcpu[i]), 0);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
}

#endif
