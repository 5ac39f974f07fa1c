// SPDX-License-Identifier: GPL-2.0
/* The guest's own debug registers, and debugging a guest from the host. */
#include "guest.h"
#include "vm.h"

#define PORT	0x80
#define DATA	0x900000UL

static u64 hits, hit_rip, hit_dr6;

static void on_debug(struct guest_frame *f)
{
	hits++;
	hit_rip = f->rip;
	hit_dr6 = read_dr6();
	write_dr6(DR6_FIXED);
	f->rflags |= FLAG_RF;		/* go on over an instruction breakpoint */
}

static void registers(u64 arg)
{
	write_dr0(0x1111);
	write_dr1(0x2222);
	write_dr2(0x3333);
	write_dr3(0xffff800000004444);
	GUEST_ASSERT_EQ(read_dr0(), 0x1111);
	GUEST_ASSERT_EQ(read_dr1(), 0x2222);
	GUEST_ASSERT_EQ(read_dr2(), 0x3333);
	GUEST_ASSERT_EQ(read_dr3(), 0xffff800000004444);
	GUEST_ASSERT_EQ(read_dr6(), DR6_FIXED);
	GUEST_ASSERT_EQ(read_dr7(), DR7_FIXED);
	write_dr7(DR7_FIXED | 0x300);
	GUEST_ASSERT_EQ(read_dr7(), DR7_FIXED | 0x300);
	write_dr7(0);
	GUEST_ASSERT_EQ(read_dr7(), DR7_FIXED);
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%dr7", "r"(1ULL << 32));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%dr6", "r"(1ULL << 32));
	/* DR4 is DR6 without CR4.DE */
	u64 v;

	asm volatile(".byte 0x0f, 0x21, 0xe0" : "=a"(v));
	GUEST_ASSERT_EQ(v, read_dr6());
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(read_dr0(), 0xaaaa);
	GUEST_ASSERT_EQ(read_dr3(), 0xdddd);
	GUEST_SYNC(2);
}

CASE(reads_writes, "DR0 to DR7: what the guest wrote, what the host wrote; bits that do not exist are #GP")
{
	struct vcpu *vcpu = long_guest(registers, 0);
	struct kvm_debugregs d;

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_GET_DEBUGREGS, &d);
	EXPECT_EQ(d.db[0], 0x1111);
	EXPECT_EQ(d.db[3], 0xffff800000004444);
	d.db[0] = 0xaaaa;
	d.db[3] = 0xdddd;
	vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &d);
	vcpu_run_to_sync(vcpu, 2);
	vm_free(vcpu->vm);
}

static void breakpoints(u64 arg)
{
	u64 at;

	guest_handlers[VEC_DB] = on_debug;
	/* Execution */
	asm volatile("lea 1f(%%rip), %0; mov %0, %%dr0; mov $0x402, %%eax; mov %%rax, %%dr7\n"
		     "nop\n1: nop; nop" : "=&r"(at) :: "rax", "memory");
	GUEST_ASSERT_EQ(hits, 1);
	GUEST_ASSERT_EQ(hit_rip, at);
	GUEST_ASSERT_EQ(hit_dr6, DR6_FIXED | 1);
	/* Write of 4 bytes, through DR1 */
	write_dr1(DATA + 4);
	write_dr7(DR7_FIXED | 0x8 | 0xdULL << 20);
	*(volatile u32 *)DATA = 1;
	GUEST_ASSERT_EQ(hits, 1);
	(void)*(volatile u32 *)(DATA + 4);
	GUEST_ASSERT_EQ(hits, 1);
	*(volatile u8 *)(DATA + 6) = 1;
	GUEST_ASSERT_EQ(READ_ONCE(hits), 2);
	GUEST_ASSERT_EQ(hit_dr6, DR6_FIXED | 2);
	/* Read or write of 8 bytes, through DR3 */
	write_dr3(DATA + 8);
	write_dr7(DR7_FIXED | 0x80 | 0xbULL << 28);
	(void)*(volatile u8 *)(DATA + 15);
	GUEST_ASSERT_EQ(READ_ONCE(hits), 3);
	GUEST_ASSERT_EQ(hit_dr6, DR6_FIXED | 8);
	*(volatile u8 *)(DATA + 16) = 1;
	GUEST_ASSERT_EQ(READ_ONCE(hits), 3);
	/* Still armed after the guest was left */
	outb(PORT, 0);
	(void)*(volatile u8 *)(DATA + 9);
	GUEST_ASSERT_EQ(READ_ONCE(hits), 4);
	write_dr7(DR7_FIXED);
	(void)*(volatile u8 *)(DATA + 9);
	GUEST_ASSERT_EQ(READ_ONCE(hits), 4);
}

CASE(guest_breakpoints, "the guest's breakpoints on execution, writes and accesses hit, across exits")
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM exits for #DB before it says in DR6 what it was");
	REQUIRE(!test_host_is_tcg(), "QEMU's SVM does not arm breakpoints when it loads DR7");
	struct vcpu *vcpu = long_guest(breakpoints, 0);

	vcpu_run(vcpu);
	if (vcpu->run->io.port == PORT)
		vcpu_run(vcpu);
	struct ucall uc;

	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
	vm_free(vcpu->vm);
}

static void general_detect(u64 arg)
{
	guest_handlers[VEC_DB] = on_debug;
	write_dr7(DR7_FIXED | DR7_GD);
	u64 at, v;

	asm volatile("lea 1f(%%rip), %0\n1: mov %%dr0, %1" : "=&r"(at), "=r"(v));
	GUEST_ASSERT_EQ(hits, 1);
	GUEST_ASSERT_EQ(hit_rip, at);
	GUEST_ASSERT_EQ(hit_dr6, DR6_FIXED | DR6_BD);
	GUEST_ASSERT_EQ(read_dr7() & DR7_GD, 0);
}

CASE(gd, "DR7.GD: an access to a debug register is #DB with DR6.BD, and clears GD")
{
	REQUIRE(!test_is_kvm || !test_host_is_tcg(), "KVM on QEMU's SVM loses the bit");
	run_guest(general_detect, 0);
}

static void io_code(u64 arg)
{
	/* What the host steps over: nop, cpuid, out, rdmsr; then int3 */
	asm volatile("1: nop; xor %%eax, %%eax; cpuid; nop; mov $0xc0000080, %%ecx; rdmsr; nop"
		     ::: "rax", "rbx", "rcx", "rdx");
	/* In the shadows of MOV SS and STI */
	asm volatile("mov %%ss, %%eax; mov %%eax, %%ss; cpuid; nop" ::: "rax", "rbx", "rcx", "rdx");
	asm volatile("sti; cpuid; cli" ::: "rax", "rbx", "rcx", "rdx");
	outb(PORT, 1);
	GUEST_SYNC(1);
}

static void set_debug(struct vcpu *vcpu, u32 control, u64 dr0, u64 dr7)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = dr0;
	d.arch.debugreg[7] = dr7;
	vcpu_ioctl(vcpu, KVM_SET_GUEST_DEBUG, &d);
}

CASE(host_step, "KVM_GUESTDBG_SINGLESTEP: KVM_EXIT_DEBUG after each instruction, intercepted ones too")
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM takes a step that is pending at an exit into the host, which dies");
	REQUIRE(!test_is_kvm || !test_on_machine("bochs-vmx"),
		"Bochs' VMX saves a pending step with each exit, and KVM takes it for one");
	struct vcpu *vcpu = long_guest(io_code, 0);
	unsigned int steps = 0, io = 0;
	struct kvm_regs r;
	u64 last = 0;

	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_IO) {
			io++;
			if (vcpu->run->io.port == UCALL_PORT)
				break;
			continue;
		}
		__vcpu_expect_exit(vcpu, KVM_EXIT_DEBUG, __FILE__, __LINE__);
		EXPECT_EQ(vcpu->run->debug.arch.exception, VEC_DB);
		EXPECT_EQ(vcpu->run->debug.arch.dr6 & DR6_BS, DR6_BS);
		vcpu_regs(vcpu, &r);
		EXPECT_EQ(vcpu->run->debug.arch.pc, r.rip);
		EXPECT_EQ(r.rflags & FLAG_TF, 0);
		EXPECT(r.rip != last, "no progress at %llx", r.rip);
		last = r.rip;
		ASSERT(++steps < 1000, "the guest does not come to its end");
	}
	EXPECT(steps > 10, "%u", steps);
	EXPECT_EQ(io, 2);
	set_debug(vcpu, 0, 0, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void with_breakpoint(u64 arg)
{
	asm volatile("int3");
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(GUEST_TRY("int3"), VEC_BP);
	GUEST_SYNC(2);
}

CASE(host_sw_breakpoint, "KVM_GUESTDBG_USE_SW_BP: INT3 is the host's, and the guest's again when it is off")
{
	REQUIRE(!test_host_is_tcg(), "QEMU's SVM does not intercept INT3");
	struct vcpu *vcpu = long_guest(with_breakpoint, 0);
	struct kvm_regs r;

	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	vcpu_run_to(vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(vcpu->run->debug.arch.exception, VEC_BP);
	vcpu_regs(vcpu, &r);
	EXPECT_EQ(vcpu->run->debug.arch.pc, r.rip);
	EXPECT_EQ(*(u8 *)vm_host(vcpu->vm, r.rip), 0xcc);
	r.rip++;
	vcpu_set_regs(vcpu, &r);
	vcpu_run_to_sync(vcpu, 1);
	set_debug(vcpu, 0, 0, 0);
	vcpu_run_to_sync(vcpu, 2);
	vm_free(vcpu->vm);
}

void debug_target(void);
asm(".text\ndebug_target:	nop\n	ret\n");

static void hw_target(u64 arg)
{
	write_dr0(0x7777);
	debug_target();
	GUEST_ASSERT_EQ(read_dr0(), 0x7777);
	*(volatile u32 *)DATA = 5;
	GUEST_ASSERT_EQ(read_dr7(), DR7_FIXED);
	GUEST_SYNC(1);
}

CASE(host_hw_breakpoint, "KVM_GUESTDBG_USE_HW_BP: execution and data, behind the guest's back")
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM exits for #DB before it says in DR6 what it was");
	REQUIRE(!test_host_is_tcg(), "QEMU's SVM does not arm breakpoints when it loads DR7");
	struct vcpu *vcpu = long_guest(hw_target, 0);
	struct kvm_regs r;

	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, (unsigned long)debug_target,
		  DR7_FIXED | 2);
	vcpu_run_to(vcpu, KVM_EXIT_DEBUG);
	vcpu_regs(vcpu, &r);
	EXPECT_EQ(r.rip, (unsigned long)debug_target);
	EXPECT_EQ(vcpu->run->debug.arch.exception, VEC_DB);
	EXPECT_EQ(vcpu->run->debug.arch.dr6 & 15, 1);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, DATA,
		  DR7_FIXED | 2 | 0xdULL << 16);
	vcpu_run_to(vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(vcpu->run->debug.arch.dr6 & 15, 1);
	EXPECT_EQ(*(u32 *)vm_host(vcpu->vm, DATA), 5);
	set_debug(vcpu, 0, 0, 0);
	vcpu_run_to_sync(vcpu, 1);
	vm_free(vcpu->vm);
}

static void injected(u64 arg)
{
	guest_handlers[VEC_DB] = on_debug;
	guest_handlers[VEC_BP] = on_debug;
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(READ_ONCE(hits), 1);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(READ_ONCE(hits), 2);
	GUEST_SYNC(3);
}

CASE(inject, "KVM_GUESTDBG_INJECT_DB and _BP raise the exception in the guest")
{
	REQUIRE(!test_is_kvm || !test_on_machine("bochs-vmx"),
		"KVM injects #BP with an instruction length of 0, which Bochs' VMX refuses");
	struct vcpu *vcpu = long_guest(injected, 0);

	vcpu_run_to_sync(vcpu, 1);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, 0, 0);
	vcpu_run_to_sync(vcpu, 2);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP, 0, 0);
	vcpu_run_to_sync(vcpu, 3);
	vm_free(vcpu->vm);
}

CASE(host_own, "a guest's breakpoints do not fire in the host")
{
	static volatile u32 same_address;
	struct vcpu *vcpu = long_guest(breakpoints, 0);
	struct kvm_debugregs d = { .dr6 = DR6_FIXED, .dr7 = DR7_FIXED | 2 | 0xfULL << 16 };

	d.db[0] = (unsigned long)&same_address;
	vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &d);
	for (int i = 0; i < 3; i++) {
		vcpu->run->immediate_exit = 1;
		EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
		same_address++;
	}
	vcpu->run->immediate_exit = 0;
	vcpu_run(vcpu);
	same_address++;
	EXPECT_EQ(same_address, 4);
	vm_free(vcpu->vm);
}
