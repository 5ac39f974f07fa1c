// SPDX-License-Identifier: GPL-2.0
/* The interval timer in the kernel: counters, ticks, lost ticks, state. */
#include "irqchip.h"

#define HZ100	11932		/* a count of 10 ms */

static u64 n_taken;

static void tick(struct guest_frame *f)
{
	n_taken++;
	pic_eoi(0);
}

static struct vcpu *pit_guest(void (*fn)(u64 arg), u64 arg)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct vm *vm = irqchip_vm();

	vm_ioctl(vm, KVM_CREATE_PIT2, &config);
	return vcpu_new(vm, fn, arg);
}

/* Low half, then high half. */
static void program(u32 channel, u8 mode, u32 count)
{
	outb(0x43, channel << 6 | 0x30 | mode << 1);
	outb(0x40 + channel, count);
	outb(0x40 + channel, count >> 8);
}

static u32 latched(u32 channel)
{
	u32 low;

	outb(0x43, channel << 6);
	low = inb(0x40 + channel);
	return low | inb(0x40 + channel) << 8;
}

static void start_ticks(u8 mode, u32 count)
{
	guest_handlers[PIC_BASE] = tick;
	pic_start(1);
	program(0, mode, count);
}

static void periodic_guest(u64 mode)
{
	start_ticks(mode, HZ100);
	while (READ_ONCE(n_taken) < 20)
		sti_hlt();
	cli();
}

static void run_periodic(u8 mode)
{
	struct vcpu *vcpu = pit_guest(periodic_guest, mode);
	u64 before = test_ms(), took;

	vcpu_run_to_done(vcpu);
	took = test_ms() - before;
	EXPECT(took >= 195, "20 ticks of 10 ms in %llu ms", took);
	vm_free(vcpu->vm);
}

CASE(periodic, "modes 2 and 3 tick on and on, and wake a halted guest")
{
	run_periodic(2);
	run_periodic(3);
}

static void once_guest(u64 arg)
{
	start_ticks(0, HZ100);
	GUEST_SYNC(1);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 1);
	program(0, 4, 100);
	GUEST_SYNC(2);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);
	program(0, 2, HZ100);
	program(0, 5, HZ100);		/* needs a gate: never */
	take_interrupts();		/* the old mode's, if this took long */
	n_taken = 0;
	GUEST_SYNC(3);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 0);
}

CASE(once, "modes 0 and 4 tick once, and a new mode ends the old one's ticks")
{
	struct vcpu *vcpu = pit_guest(once_guest, 0);

	for (u64 stage = 1; stage <= 3; stage++) {
		vcpu_run_to_sync(vcpu, stage);
		usleep(80000);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void counters_guest(u64 arg)
{
	u32 a, b;

	program(1, 2, 0);
	a = latched(1);
	GUEST_SYNC(1);			/* 10 ms: 11932 or more */
	b = latched(1);
	GUEST_ASSERT(((a - b) & 0xffff) >= 11900 || arg == 2);
	/* A latched value stays. */
	outb(0x43, 0x40);
	GUEST_SYNC(2);
	a = inb(0x41);
	a |= inb(0x41) << 8;
	b = latched(1);
	GUEST_ASSERT(a != b);
	/* Status and count of channel 2, latched together: both halves, mode 0. */
	program(2, 0, 1000);
	outb(0x43, 0xc8);
	GUEST_ASSERT_EQ(inb(0x42) & 0x3f, 0x30);
	/* Low half only; high half only. */
	outb(0x43, 0x50);
	outb(0x41, 0x34);
	GUEST_ASSERT(inb(0x43) == 0 || arg);
	outb(0x43, 0x60);
	outb(0x41, 0x12);
	GUEST_SYNC(3);
}

CASE(counters, "counters count down in time, and can be latched")
{
	/* KVM leaves what was in the buffer when nothing can be read. */
	struct vcpu *vcpu = pit_guest(counters_guest, test_is_kvm);
	struct kvm_pit_state2 state;

	vcpu_run_to_sync(vcpu, 1);
	usleep(10000);
	vcpu_run_to_sync(vcpu, 2);
	usleep(10000);
	vcpu_run_to_sync(vcpu, 3);
	vm_ioctl(vcpu->vm, KVM_GET_PIT2, &state);
	EXPECT_EQ(state.channels[1].count, 0x1200);
	EXPECT_EQ(state.channels[1].rw_mode, 2);
	EXPECT_EQ(state.channels[2].count, 1000);
	vm_free(vcpu->vm);
}

/* As Linux measures its clock. */
static void speaker_guest(u64 arg)
{
	u64 polls = 0;

	outb(0x61, (inb(0x61) & ~2) | 1);
	GUEST_ASSERT_EQ(inb(0x61) & 3, 1);
	program(2, 0, HZ100);
	GUEST_ASSERT_EQ(inb(0x61) & 0x20, 0);
	while (!(inb(0x61) & 0x20))
		polls++;
	GUEST_ASSERT(polls > 0);
	outb(0x61, 3);
	GUEST_ASSERT_EQ(inb(0x61) & 3, 3);
	outb(0x61, 0);
	GUEST_ASSERT_EQ(inb(0x61) & 3, 0);
	GUEST_SYNC(1);
}

CASE(speaker, "channel 2's output is seen at port 0x61 when its time is over")
{
	struct vcpu *vcpu = pit_guest(speaker_guest, 0);
	u64 before = test_ms();

	vcpu_run_to_sync(vcpu, 1);
	EXPECT(test_ms() - before >= 9, "10 ms in %llu ms", test_ms() - before);
	vm_free(vcpu->vm);
}

CASE(no_speaker, "without the flag port 0x61 is userspace's")
{
	struct kvm_pit_config config = { };
	struct vm *vm = irqchip_vm();
	struct vcpu *vcpu;

	vm_ioctl(vm, KVM_CREATE_PIT2, &config);
	vcpu = vcpu_new(vm, speaker_guest, 0);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, 0x61);
	vm_free(vm);
}

/* The longest period there is, so that a slow machine catches up much faster than ticks come. */
#define LONGEST	0xffff		/* a count of 55 ms */
#define MISSED	20		/* ticks, 1.1 s */
#define ENOUGH	18
#define SOON	600		/* ms, for most of them one after the other */
#define LATE	850		/* ms, if they have to come one by one */

static void wait_for_ticks(void)
{
	GUEST_SYNC(1);			/* and nobody takes ticks */
	while (READ_ONCE(n_taken) < ENOUGH)
		sti_hlt();
	cli();
}

static void lost_guest(u64 arg)
{
	start_ticks(2, LONGEST);
	wait_for_ticks();
}

static void ioapic_tick(struct guest_frame *f)
{
	n_taken++;
	apic_eoi();
}

static void ioapic_guest(u64 arg)
{
	guest_handlers[0x71] = ioapic_tick;
	apic_on();
	ioapic_entry(0, 0x71);
	program(0, 2, LONGEST);
	wait_for_ticks();
}

/* How long it takes the guest to get most of what it missed, in milliseconds. */
static u64 catch_up(void (*guest)(u64 arg), bool reinject)
{
	struct kvm_reinject_control control = { .pit_reinject = reinject };
	struct vcpu *vcpu = pit_guest(guest, 0);
	u64 before;

	vm_ioctl(vcpu->vm, KVM_REINJECT_CONTROL, &control);
	vcpu_run_to_sync(vcpu, 1);
	usleep(MISSED * 55000);
	before = test_ms();
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
	return test_ms() - before;
}

CASE(reinject, "ticks that a guest missed come one after the other")
{
	u64 ms = catch_up(lost_guest, true);

	EXPECT(ms < SOON, "%llu ms", ms);
}

CASE(no_reinject, "unless they are not wanted")
{
	u64 ms = catch_up(lost_guest, false);

	EXPECT(ms >= LATE, "%llu ms", ms);
}

CASE(reinject_ioapic, "the same through the IOAPIC, where the end of an edge is heard of too")
{
	u64 ms = catch_up(ioapic_guest, true);

	EXPECT(ms < SOON, "%llu ms", ms);
	ms = catch_up(ioapic_guest, false);
	EXPECT(ms >= LATE, "%llu ms", ms);
}

/* A slow machine may do nothing else any more: the fiftieth is the last. */
static void tiny_tick(struct guest_frame *f)
{
	if (n_taken == 49)
		outb(0x21, 0xff);
	tick(f);
}

static void tiny_guest(u64 arg)
{
	start_ticks(2, 1);
	guest_handlers[PIC_BASE] = tiny_tick;
	while (READ_ONCE(n_taken) < 50)
		sti_hlt();
	cli();
}

CASE(tiny, "a period of a microsecond is stretched: host and guest live on")
{
	struct vcpu *vcpu = pit_guest(tiny_guest, 0);
	u64 before = test_ms();

	vcpu_run_to_done(vcpu);
	EXPECT(test_ms() - before >= 9, "50 ticks in %llu ms", test_ms() - before);
	vm_free(vcpu->vm);
}

static void state_guest(u64 arg)
{
	guest_handlers[PIC_BASE] = tick;
	pic_start(1);
	GUEST_SYNC(1);
	while (READ_ONCE(n_taken) < 3)
		sti_hlt();
	cli();
}

CASE(state, "the state reads back, and a restored timer ticks")
{
	struct vcpu *vcpu = pit_guest(state_guest, 0);
	struct kvm_pit_state2 state, back;
	struct kvm_pit_state old;

	memset(&state, 0xff, sizeof(state));
	vm_ioctl(vcpu->vm, KVM_GET_PIT2, &state);
	EXPECT_EQ(state.flags, 0);
	EXPECT_EQ(state.reserved[8], 0);
	for (u32 i = 0; i < 3; i++) {
		EXPECT_EQ(state.channels[i].mode, 0xff);
		EXPECT_EQ(state.channels[i].count, 0x10000);
		EXPECT_EQ(state.channels[i].gate, i != 2);
	}
	vcpu_run_to_sync(vcpu, 1);
	state.flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	state.channels[0].mode = 2;
	state.channels[0].count = HZ100;
	state.channels[0].rw_mode = 3;
	vm_ioctl(vcpu->vm, KVM_SET_PIT2, &state);
	vm_ioctl(vcpu->vm, KVM_GET_PIT2, &back);
	EXPECT_EQ(back.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	EXPECT_EQ(back.channels[0].mode, 2);
	EXPECT_EQ(back.channels[0].count, HZ100);
	EXPECT_EQ(back.channels[0].rw_mode, 3);
	vm_ioctl(vcpu->vm, KVM_GET_PIT, &old);
	EXPECT_EQ(old.channels[0].count, HZ100);
	vm_ioctl(vcpu->vm, KVM_SET_PIT, &old);
	vm_ioctl(vcpu->vm, KVM_GET_PIT2, &back);
	EXPECT_EQ(back.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	vcpu_run_to_done(vcpu);
	/* An HPET in its place: channel 0 is cut off. */
	state.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	vm_ioctl(vcpu->vm, KVM_SET_PIT2, &state);
	vm_ioctl(vcpu->vm, KVM_GET_PIT2, &back);
	EXPECT_EQ(back.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	usleep(30000);
	EXPECT(!(chip_state(vcpu->vm, KVM_IRQCHIP_PIC_MASTER).chip.pic.irr & 1), "it ticks");
	vm_free(vcpu->vm);
}

CASE(wild_state, "any state can be set, and the timer lives with it")
{
	struct vcpu *vcpu = pit_guest(counters_guest, 2);
	u64 random = 1;

	for (unsigned long n = test_scale(200); n; n--) {
		struct kvm_pit_state2 state;

		for (unsigned int i = 0; i < sizeof(state); i++)
			((u8 *)&state)[i] = test_random(&random);
		vm_ioctl(vcpu->vm, KVM_SET_PIT2, &state);
		vm_ioctl(vcpu->vm, KVM_GET_PIT2, &state);
	}
	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to_sync(vcpu, 2);
	vm_free(vcpu->vm);
}

CASE(close_ticking, "a VM that goes while its timer ticks fast leaves nothing")
{
	for (unsigned long n = test_scale(20) + 2; n; n--) {
		struct vcpu *vcpu = pit_guest(state_guest, 0);
		struct kvm_pit_state2 state = { .channels[0] = { .mode = 2, .count = 240 } };

		vm_ioctl(vcpu->vm, KVM_SET_PIT2, &state);
		usleep(test_random(&(u64){ n }) % 2000);
		vm_free(vcpu->vm);
	}
}

CASE(bad, "KVM's errors without a timer, without chips, and for a second one")
{
	struct vm *vm = vm_create();
	struct kvm_pit_config config = { };
	struct kvm_reinject_control control = { };
	struct kvm_pit_state2 state = { };

	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_PIT2, &state), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_PIT2, &state), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_PIT, &state), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_PIT, &state), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_REINJECT_CONTROL, &control), -ENXIO);
	if (!test_is_kvm)		/* KVM of 6.1 makes one that never ticks */
		EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_PIT2, &config), -ENOENT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_PIT2, (void *)8), -EFAULT);
	vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_PIT2, &state), -ENXIO);
	vm_ioctl(vm, KVM_CREATE_PIT2, &config);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_PIT2, &config), -EEXIST);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_PIT, NULL), -EEXIST);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_PIT2, (void *)8), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_PIT2, (void *)8), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_REINJECT_CONTROL, (void *)8), -EFAULT);
	vm_free(vm);
}

CASE(caps, "the capabilities say so")
{
	EXPECT_EQ(check_extension(KVM_CAP_PIT2), 1);
	EXPECT_EQ(check_extension(KVM_CAP_PIT_STATE2), 1);
	EXPECT_EQ(check_extension(KVM_CAP_REINJECT_CONTROL), 1);
}
