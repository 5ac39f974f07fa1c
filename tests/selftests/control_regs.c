// SPDX-License-Identifier: GPL-2.0
/* CR0, CR3, CR4, CR8, EFER and XCR0: what the guest may write, and what is #GP. */
#include "guest.h"
#include "vm.h"

#define WINDOW	0x40000000UL
#define RAM	0x900000UL

static void cr0(u64 arg)
{
	u64 v = read_cr0();

	/* Bits that do nothing to us */
	write_cr0(v | CR0_TS);
	GUEST_ASSERT_EQ(read_cr0(), v | CR0_TS);
	write_cr0(v ^ CR0_AM);
	GUEST_ASSERT_EQ(read_cr0(), v ^ CR0_AM);
	write_cr0(v | CR0_CD);
	GUEST_ASSERT_EQ(read_cr0(), v | CR0_CD);
	write_cr0(v | CR0_CD | CR0_NW);
	GUEST_ASSERT_EQ(read_cr0(), v | CR0_CD | CR0_NW);
	write_cr0(v);
	/* Forbidden: PG without PE, NW without CD, bits above 31, PG off in 64-bit code */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr0", "r"(v & ~CR0_PE));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr0", "r"(v | CR0_NW));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr0", "r"(v & ~CR0_PG));
	if (!guest_on_tcg)
		GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr0", "r"(v | 1ULL << 32));
	GUEST_ASSERT_EQ(read_cr0(), v);
	/* ET can't be cleared; LMSW sets PE, MP, EM, TS and can't clear PE */
	write_cr0(v & ~CR0_ET);
	GUEST_ASSERT_EQ(read_cr0(), v);
	asm volatile("lmsw %w0" :: "r"(CR0_TS | CR0_MP));
	GUEST_ASSERT_EQ(read_cr0(), v | CR0_TS | CR0_MP);
	u64 smsw;

	asm volatile("smsw %0" : "=r"(smsw));
	GUEST_ASSERT_EQ(smsw & 0xffff, (v | CR0_TS | CR0_MP) & 0xffff);
	asm volatile("clts");
	GUEST_ASSERT_EQ(read_cr0(), v | CR0_MP);
}

CASE(cr0_writes, "CR0: MOV, LMSW, SMSW, CLTS; forbidden combinations are #GP and change nothing")
{
	run_guest(cr0, 0);
}

CASE(cr0_host_sees, "the host reads the CR0, CR3 and CR4 that the guest wrote")
{
	struct vcpu *vcpu = long_guest(cr0, 0);
	struct kvm_sregs s;

	vcpu_run_to_done(vcpu);
	vcpu_sregs(vcpu, &s);
	EXPECT_EQ(s.cr0 & (CR0_PE | CR0_MP | CR0_PG | CR0_WP), CR0_PE | CR0_MP | CR0_PG | CR0_WP);
	EXPECT_EQ(s.cr0 & (CR0_TS | CR0_CD | CR0_NW), 0);
	vm_free(vcpu->vm);
}

static void cr4(u64 arg)
{
	static const struct {
		u64 bit;
		u32 leaf;
		char reg;
		u8 index;
	} bits[] = {
		{ CR4_DE, 1, 'd', 2 }, { CR4_PSE, 1, 'd', 3 }, { CR4_MCE, 1, 'd', 7 },
		{ CR4_PGE, 1, 'd', 13 }, { CR4_OSFXSR, 1, 'd', 24 }, { CR4_UMIP, 7, 'c', 2 },
		{ CR4_FSGSBASE, 7, 'b', 0 }, { CR4_OSXSAVE, 1, 'c', 26 }, { CR4_SMEP, 7, 'b', 7 },
		{ CR4_SMAP, 7, 'b', 20 }, { CR4_PKE, 7, 'c', 3 }, { CR4_PCIDE, 1, 'c', 17 },
	};
	u64 v = read_cr4();

	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
		struct cpuid_result r = cpuid(bits[i].leaf);
		u32 reg = bits[i].reg == 'b' ? r.ebx : bits[i].reg == 'c' ? r.ecx : r.edx;

		if (bits[i].bit == CR4_SMEP || bits[i].bit == CR4_SMAP)
			continue;	/* all of this guest's pages are user pages */
		if (reg & BIT(bits[i].index)) {
			write_cr4(v ^ bits[i].bit);
			GUEST_ASSERT_EQ(read_cr4(), v ^ bits[i].bit);
			write_cr4(v);
		} else if (!arg) {
			GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v | bits[i].bit));
		}
	}
	/* Never for this guest */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v & ~CR4_PAE));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v | 1ULL << 15));
	if (!arg)
		GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v | 1ULL << 40));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v | CR4_VMXE));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(v ^ CR4_LA57));
	GUEST_ASSERT_EQ(read_cr4(), v);
}

CASE(cr4_writes, "CR4: each bit that CPUID shows can be set and cleared, each other is #GP")
{
	/* KVM lets some bits through that only the host's CPU has. */
	run_guest(cr4, test_is_kvm);
}

static void cr3(u64 other)
{
	u64 v = read_cr3();

	write_cr3(v | 0x18);			/* PWT and PCD */
	GUEST_ASSERT_EQ(read_cr3(), v | 0x18);
	write_cr3(other);
	GUEST_ASSERT_EQ(read_cr3(), other);
	write_cr3(v);
	if (!guest_on_tcg) {
		GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr3", "r"(v | 1ULL << 63));
		GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr3", "r"(v | 1ULL << 56));
	}
	GUEST_ASSERT_EQ(read_cr3(), v);
}

CASE(cr3_writes, "CR3: other tables take effect, reserved bits are #GP")
{
	struct vm *vm = vm_new(GUEST_LONG);
	u64 first = vm->pt_root, other = vm_make_tables(vm, GUEST_LONG);

	vm->pt_root = first;
	vcpu_run_to_done(vcpu_new(vm, cr3, other));
	vm_free(vm);
}

static void cr8(u64 arg)
{
	for (u64 i = 0; i < 16; i++) {
		write_cr8(i);
		GUEST_ASSERT_EQ(read_cr8(), i);
	}
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr8", "r"(16ULL));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr8", "r"(1ULL << 32));
	GUEST_ASSERT_EQ(read_cr8(), 15);
	write_cr8(0);
}

CASE(cr8_writes, "CR8: 0 to 15, more is #GP")
{
	REQUIRE(!test_host_is_tcg() || !test_is_kvm, "QEMU's CPU takes any value without exit");
	struct vcpu *vcpu = long_guest(cr8, 0);

	do {
		vcpu_run(vcpu);
	} while (vcpu->run->exit_reason == KVM_EXIT_SET_TPR);
	struct ucall uc;

	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
	vm_free(vcpu->vm);
}

static void efer(u64 arg)
{
	u64 v = rdmsr(MSR_EFER);

	GUEST_ASSERT_EQ(v & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v ^ EFER_SCE), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr(MSR_EFER), v ^ EFER_SCE);
	if (!(rdmsr(MSR_EFER) & EFER_SCE))
		GUEST_ASSERT_EQ(GUEST_TRY("syscall", "a"(0)), VEC_UD);
	wrmsr(MSR_EFER, v);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v ^ EFER_NX), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr(MSR_EFER), v ^ EFER_NX);
	wrmsr(MSR_EFER, v);
	/* LMA is not for the guest to change: ignored. LME is: #GP while paging is on */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v ^ EFER_LMA), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr(MSR_EFER), v);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v ^ EFER_LME), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v | 1ULL << 1), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, v | 1ULL << 63), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr(MSR_EFER), v);
}

CASE(efer_writes, "EFER: SCE and NX take effect, LME and reserved bits are #GP")
{
	run_guest(efer, 0);
}

static void xcr0(u64 avx)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
	GUEST_ASSERT_EQ(xgetbv(0), 1);
	xsetbv(0, 3);
	GUEST_ASSERT_EQ(xgetbv(0), 3);
	if (avx) {
		xsetbv(0, 7);
		GUEST_ASSERT_EQ(xgetbv(0), 7);
		GUEST_ASSERT_TRAP(VEC_GP, 0, "xsetbv", "c"(0), "a"(5), "d"(0));	/* AVX without SSE */
	}
	GUEST_ASSERT_TRAP(VEC_GP, 0, "xsetbv", "c"(0), "a"(2), "d"(0));		/* without x87 */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "xsetbv", "c"(0), "a"(0), "d"(0));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "xsetbv", "c"(0), "a"(3), "d"(0x40000000));
	GUEST_ASSERT_TRAP(VEC_GP, 0, "xsetbv", "c"(1), "a"(3), "d"(0));
	GUEST_ASSERT_EQ(xgetbv(0), avx ? 7 : 3);
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	GUEST_ASSERT_EQ(GUEST_TRY("xsetbv", "c"(0), "a"(3), "d"(0)), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("xgetbv", "c"(0), "a"(3), "d"(0)), VEC_UD);
}

CASE(xsetbv_writes, "XSETBV: valid sets take effect, others are #GP; without OSXSAVE #UD")
{
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	REQUIRE(!test_host_is_tcg(), "QEMU's SVM does not intercept XSETBV");
	run_guest(xcr0, HAS_AVX);
}

static u64 user_cr0(u64 a) { return read_cr0(); }
static u64 user_cr3(u64 a) { write_cr3(a); return 0; }
static u64 user_clts(u64 a) { asm volatile("clts"); return 0; }
static u64 user_hlt(u64 a) { hlt(); return 0; }
static u64 user_lgdt(u64 a) { asm volatile("lgdt (%0)" :: "r"(a)); return 0; }
static u64 user_invlpg(u64 a) { invlpg((void *)a); return 0; }
static u64 user_wbinvd(u64 a) { asm volatile("wbinvd"); return 0; }
static u64 user_dr(u64 a) { return read_dr7(); }
static u64 user_cli(u64 a) { asm volatile("pushfq; andl $~0x3000, (%%rsp); popfq; cli" ::: "memory", "cc"); return 0; }

static void user_all(u64 arg)
{
	static u64 (*const list[])(u64) = {
		user_cr0, user_cr3, user_clts, user_hlt, user_lgdt, user_invlpg, user_wbinvd, user_dr,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		GUEST_ASSERT_EQ(guest_user(list[i], TEST_BASE), ~0ULL);
		GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_GP);
		GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	}
	/* User mode can't lower IOPL, so CLI works with IOPL 3 */
	GUEST_ASSERT_EQ(guest_user(user_cli, 0), 0);
}

CASE(user, "privileged instructions are #GP in user mode, whether they are intercepted or not")
{
	run_guest(user_all, 0);
}

static void umip(u64 arg)
{
	GUEST_ASSERT_EQ(arg, arg);
	write_cr4(read_cr4() | CR4_UMIP);
	u64 smsw;

	asm volatile("smsw %0" : "=r"(smsw));	/* the kernel still may */
	write_cr4(read_cr4() & ~CR4_UMIP);
}

CASE(umip_kernel, "CR4.UMIP can be set, and leaves the kernel alone")
{
	REQUIRE(HAS_UMIP, "no UMIP for guests");
	run_guest(umip, 0);
}

static void pcid(u64 arg)
{
	u64 v = read_cr3();

	/* PCIDE can be set only with CR3[11:0] zero */
	write_cr3(v | 8);
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() | CR4_PCIDE));
	write_cr3(v);
	write_cr4(read_cr4() | CR4_PCIDE);
	write_cr3(v | 5);
	GUEST_ASSERT_EQ(read_cr3(), v | 5);
	write_cr3(v | 7 | 1ULL << 63);		/* do not flush: not a reserved bit now, reads as 0 */
	GUEST_ASSERT_EQ(read_cr3(), v | 7);
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr0", "r"(read_cr0() & ~CR0_PG));
	write_cr3(v);
	write_cr4(read_cr4() & ~CR4_PCIDE);
}

CASE(pcid_rules, "CR4.PCIDE and CR3 with PCIDs")
{
	REQUIRE(HAS_PCID, "no PCID for guests");
	run_guest(pcid, 0);
}

static void fsgsbase(u64 arg)
{
	u64 v;

	GUEST_ASSERT_EQ(GUEST_TRY("rdfsbase %%rax", "a"(0)), VEC_UD);
	write_cr4(read_cr4() | CR4_FSGSBASE);
	asm volatile("wrfsbase %0" :: "r"(0x123456789ULL));
	GUEST_ASSERT_EQ(rdmsr(MSR_FS_BASE), 0x123456789);
	wrmsr(MSR_GS_BASE, 0x987654321);
	asm volatile("rdgsbase %0" : "=r"(v));
	GUEST_ASSERT_EQ(v, 0x987654321);
}

CASE(fsgsbase_rules, "CR4.FSGSBASE turns RDFSBASE and its like on")
{
	REQUIRE(HAS_FSGSBASE, "no FSGSBASE for guests");
	run_guest(fsgsbase, 0);
}

static void wp_guest(u64 arg)
{
	u64 *pte = guest_pte(WINDOW, 1);

	*(volatile u64 *)WINDOW = 1;
	*pte &= ~PTE_W;
	invlpg((void *)WINDOW);
	for (int i = 0; i < 10; i++) {
		GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), VEC_PF);
		write_cr0(read_cr0() & ~CR0_WP);
		GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
		write_cr0(read_cr0() | CR0_WP);
	}
}

CASE(wp_toggle, "CR0.WP takes effect at once, each time")
{
	struct vcpu *vcpu = long_guest(wp_guest, 0);

	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
