// SPDX-License-Identifier: GPL-2.0
/* Model specific registers, from both sides. */
#include "guest.h"
#include "vm.h"

#define MAX_MSRS	512

static struct kvm_msr_list *msr_list(unsigned long cmd)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + MAX_MSRS * sizeof(u32));
	int ret = __dev_ioctl(cmd, list);

	ASSERT(ret == -E2BIG || (!ret && !list->nmsrs), "%d", ret);
	ASSERT(list->nmsrs <= MAX_MSRS, "%u", list->nmsrs);
	dev_ioctl(cmd, list);
	return list;
}

static void nothing(u64 arg)
{
}

/* The paravirtual ones of Hyper-V and KVM are not plain registers. */
static bool paravirtual(u32 msr)
{
	return msr >> 16 == 0x4000 || msr >> 8 == 0x4b564d;
}

CASE(round_trip, "every MSR of KVM_GET_MSR_INDEX_LIST can be read, and written back")
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);
	struct vcpu *vcpu = long_guest(nothing, 0);
	u64 value, again;

	ASSERT(list->nmsrs > 10, "%u", list->nmsrs);
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		u32 msr = list->indices[i];

		EXPECT(__vcpu_get_msr(vcpu, msr, &value) == 1, "cannot read 0x%x", msr);
		if (paravirtual(msr))
			continue;
		EXPECT(__vcpu_set_msr(vcpu, msr, value) == 1, "cannot write 0x%llx to 0x%x", value, msr);
		EXPECT(__vcpu_get_msr(vcpu, msr, &again) == 1, "cannot read 0x%x", msr);
		if (msr != MSR_TSC)
			EXPECT(value == again, "0x%x: wrote 0x%llx, read 0x%llx", msr, value, again);
	}
	vm_free(vcpu->vm);
}

CASE(together, "all of them in one call")
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);
	struct vcpu *vcpu = long_guest(nothing, 0);
	struct kvm_msrs *m = calloc(1, sizeof(*m) + list->nmsrs * sizeof(m->entries[0]));

	for (unsigned int i = 0; i < list->nmsrs; i++)
		if (!paravirtual(list->indices[i]))
			m->entries[m->nmsrs++].index = list->indices[i];
	long got = vcpu_ioctl(vcpu, KVM_GET_MSRS, m), set = vcpu_ioctl(vcpu, KVM_SET_MSRS, m);

	EXPECT_EQ(got, m->nmsrs);
	EXPECT_EQ(set, m->nmsrs);
	vm_free(vcpu->vm);
}

CASE(values, "values of the guest's choice survive in the MSRs that have no side effects")
{
	static const struct {
		u32 msr;
		u64 value;
	} list[] = {
		{ MSR_SYSENTER_CS, 0x1234 }, { MSR_SYSENTER_ESP, 0x12345678 },
		{ MSR_SYSENTER_EIP, 0x81234567 }, { MSR_STAR, 0x0018000800000000 },
		{ MSR_LSTAR, 0xffffffff81000000 }, { MSR_CSTAR, 0x7fffffffffff },
		{ MSR_SFMASK, 0x47700 }, { MSR_KERNEL_GS_BASE, 0xffff888000000000 },
		{ MSR_PAT, 0x0007010600070106 },
	};
	struct vcpu *vcpu = long_guest(nothing, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		vcpu_set_msr(vcpu, list[i].msr, list[i].value);
		EXPECT_EQ(vcpu_get_msr(vcpu, list[i].msr), list[i].value);
	}
	vm_free(vcpu->vm);
}

CASE(unknown, "KVM_GET_MSRS and KVM_SET_MSRS stop at the first MSR that does not exist")
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry[3];
	} m = { .header.nmsrs = 3 };
	struct vcpu *vcpu = long_guest(nothing, 0);

	m.entry[0].index = MSR_STAR;
	m.entry[1].index = 0xdeadbeef;
	m.entry[2].index = MSR_LSTAR;
	EXPECT_EQ(vcpu_ioctl(vcpu, KVM_GET_MSRS, &m), 1);
	m.entry[0].data = 0x11111111;
	m.entry[2].data = 0x22222222;
	EXPECT_EQ(vcpu_ioctl(vcpu, KVM_SET_MSRS, &m), 1);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_STAR), 0x11111111);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_LSTAR), 0);
	m.header.nmsrs = 0;
	EXPECT_EQ(vcpu_ioctl(vcpu, KVM_GET_MSRS, &m), 0);
	EXPECT_EQ(vcpu_ioctl(vcpu, KVM_SET_MSRS, &m), 0);
	vm_free(vcpu->vm);
}

CASE(limits, "more than 255 entries are E2BIG, bad pointers EFAULT")
{
	struct vcpu *vcpu = long_guest(nothing, 0);
	struct kvm_msrs *m = calloc(1, sizeof(*m) + 256 * sizeof(m->entries[0]));

	m->nmsrs = 256;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_MSRS, m), -E2BIG);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MSRS, m), -E2BIG);
	m->nmsrs = ~0U;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MSRS, m), -E2BIG);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_MSRS, (void *)16), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MSRS, (void *)16), -EFAULT);
	for (unsigned int i = 0; i < 255; i++)
		m->entries[i].index = MSR_STAR;
	m->nmsrs = 255;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_MSRS, m), 255);
	vm_free(vcpu->vm);
}

CASE(bad_values, "values that the architecture forbids are not taken")
{
	static const struct {
		u32 msr;
		u64 value;
	} list[] = {
		{ MSR_LSTAR, 0x0000800000000000 }, { MSR_CSTAR, 0x8000000000000000 },
		{ MSR_KERNEL_GS_BASE, 0x8000000000000000 }, { MSR_FS_BASE, 0x0001000000000000 },
		{ MSR_GS_BASE, 0x8000000000000000 }, { MSR_SYSENTER_EIP, 0x8000000000000000 },
		{ MSR_PAT, 0x0000000000000002 }, { MSR_PAT, 0x0800000000000000 },
		{ MSR_EFER, 1ULL << 9 }, { MSR_EFER, 1ULL << 40 }, { 0x2ff, 1ULL << 20 },
	};
	struct vcpu *vcpu = long_guest(nothing, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		u64 before = vcpu_get_msr(vcpu, list[i].msr);
		int ret = __vcpu_set_msr(vcpu, list[i].msr, list[i].value);

		/* Intel keeps SYSENTER_EIP canonical by itself, AMD has 32 bits of it. */
		if (list[i].msr == MSR_SYSENTER_EIP && ret == 1)
			continue;
		EXPECT(!ret, "0x%x = 0x%llx: %d", list[i].msr, list[i].value, ret);
		EXPECT_EQ(vcpu_get_msr(vcpu, list[i].msr), before);
	}
	vm_free(vcpu->vm);
}

static void guest_msrs(u64 arg)
{
	static const u32 plain[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSENTER_ESP,
		MSR_SYSENTER_EIP, MSR_FS_BASE, MSR_GS_BASE,
	};
	u64 v;

	for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++) {
		GUEST_ASSERT_EQ(wrmsr_try(plain[i], 0x12345600 + i), NO_VECTOR);
		GUEST_ASSERT_EQ(rdmsr_try(plain[i], &v), NO_VECTOR);
		GUEST_ASSERT_EQ(v, 0x12345600 + i);
	}
	GUEST_SYNC(1);
	/* The host put others there */
	for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++)
		GUEST_ASSERT_EQ(rdmsr(plain[i]), 0x76543000 + i);
	wrmsr(MSR_GS_BASE, 0x900000);
	*(u64 *)0x900010 = 0x1122334455667788;
	asm volatile("mov %%gs:0x10, %0" : "=r"(v));
	GUEST_ASSERT_EQ(v, 0x1122334455667788);
	wrmsr(MSR_KERNEL_GS_BASE, 0x910000);
	*(u64 *)0x910010 = 0x99;
	asm volatile("swapgs; mov %%gs:0x10, %0" : "=r"(v));
	GUEST_ASSERT_EQ(v, 0x99);
	GUEST_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x900000);
	GUEST_SYNC(2);
}

CASE(guest, "the guest's MSRs are what it wrote, and what the host wrote")
{
	static const u32 plain[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSENTER_ESP,
		MSR_SYSENTER_EIP, MSR_FS_BASE, MSR_GS_BASE,
	};
	struct vcpu *vcpu = long_guest(guest_msrs, 0);

	vcpu_run_to_sync(vcpu, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++) {
		EXPECT_EQ(vcpu_get_msr(vcpu, plain[i]), 0x12345600 + i);
		vcpu_set_msr(vcpu, plain[i], 0x76543000 + i);
	}
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_GS_BASE), 0x910000);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_KERNEL_GS_BASE), 0x900000);
	vm_free(vcpu->vm);
}

static void unknown_msrs(u64 arg)
{
	static const u32 list[] = { 0x12345678, 0xdeadbeef, 0xc0009999, 0x4fff, 0x40005555 };
	u64 v;

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		GUEST_ASSERT_EQ(rdmsr_try(list[i], &v), VEC_GP);
		GUEST_ASSERT_EQ(guest_cpu()->error, 0);
		GUEST_ASSERT_EQ(wrmsr_try(list[i], 0), VEC_GP);
		GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	}
	/* Read-only, and bits that do not exist */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, rdmsr(MSR_EFER) | 1ULL << 9), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_LME), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_PAT, 2), VEC_GP);
}

CASE(guest_unknown, "MSRs that do not exist, and bad values, are #GP(0) in the guest")
{
	run_guest(unknown_msrs, 0);
}

static u64 user_rdmsr(u64 msr)
{
	return rdmsr(msr);
}

static void user_msr(u64 arg)
{
	GUEST_ASSERT_EQ(guest_user(user_rdmsr, MSR_STAR), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_GP);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
}

CASE(user, "RDMSR in user mode is #GP(0)")
{
	run_guest(user_msr, 0);
}

void syscall_entry(void);
asm(".text\nsyscall_entry:\n	mov $0x1234, %eax\n	sysretq\n");

static u64 user_syscall(u64 arg)
{
	u64 result = 0;

	asm volatile("syscall" : "+a"(result) :: "rcx", "r11", "memory");
	return result;
}

static void syscall_guest(u64 arg)
{
	wrmsr(MSR_LSTAR, (unsigned long)syscall_entry);
	wrmsr(MSR_STAR, (u64)(SEL_USER32 - 3) << 48 | 3ULL << 48 | (u64)SEL_CODE64 << 32);
	wrmsr(MSR_SFMASK, 0);
	GUEST_ASSERT_EQ(guest_user(user_syscall, 0), 0x1234);
}

CASE(syscall_sysret, "SYSCALL and SYSRET go where the MSRs say")
{
	run_guest(syscall_guest, 0);
}

CASE(feature_msrs, "KVM_GET_MSR_FEATURE_INDEX_LIST: each can be read on the device")
{
	REQUIRE(check_extension(KVM_CAP_GET_MSR_FEATURES) > 0, "no KVM_CAP_GET_MSR_FEATURES");
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);

	for (unsigned int i = 0; i < list->nmsrs; i++) {
		struct {
			struct kvm_msrs header;
			struct kvm_msr_entry entry;
		} m = { .header.nmsrs = 1, .entry.index = list->indices[i] };

		EXPECT(__dev_ioctl(KVM_GET_MSRS, &m) == 1, "0x%x", list->indices[i]);
	}
}

static void host_values(u64 arg)
{
	/* What the host's kernel keeps in these must not show, and must not change */
	wrmsr(MSR_STAR, 1);
	wrmsr(MSR_LSTAR, 0x1000);
	wrmsr(MSR_CSTAR, 0x2000);
	wrmsr(MSR_SFMASK, 0x3000);
	wrmsr(MSR_KERNEL_GS_BASE, 0x4000);
	wrmsr(MSR_SYSENTER_EIP, 0x5000);
	wrmsr(MSR_PAT, 0x0606060606060606);
	for (u64 i = 0; i < arg; i++)
		outb(0x80, i);
	GUEST_ASSERT_EQ(rdmsr(MSR_STAR), 1);
	GUEST_ASSERT_EQ(rdmsr(MSR_LSTAR), 0x1000);
	GUEST_ASSERT_EQ(rdmsr(MSR_SFMASK), 0x3000);
	GUEST_ASSERT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x4000);
	GUEST_ASSERT_EQ(rdmsr(MSR_PAT), 0x0606060606060606);
}

CASE(host_kept, "the host's system calls work between exits of a guest that changed those MSRs")
{
	unsigned int n = 100;
	struct vcpu *vcpu = long_guest(host_values, n);
	pid_t pid = getpid();

	for (unsigned int i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(vcpu->run->io.port, 0x80);
		ASSERT_EQ(getpid(), pid);
		if (!(i % 10))
			usleep(1000);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void fs_gs(u64 arg)
{
	wrmsr(MSR_FS_BASE, 0x900000 + arg);
	for (int i = 0; i < 50; i++) {
		outb(0x80, i);
		GUEST_ASSERT_EQ(rdmsr(MSR_FS_BASE), 0x900000 + arg);
	}
}

CASE(segment_bases, "two vCPUs of one thread keep their own FS and GS bases, the host its own")
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *a = vcpu_new(vm, fs_gs, 1), *b = vcpu_new(vm, fs_gs, 2);

	for (int i = 0; i < 50; i++) {
		vcpu_run_to(a, KVM_EXIT_IO);
		vcpu_run_to(b, KVM_EXIT_IO);
		errno = i;	/* lives at the host's FS base */
		ASSERT_EQ(errno, i);
	}
	vcpu_run_to_done(a);
	vcpu_run_to_done(b);
	vm_free(vm);
}

/* What the kernel says of a bug of this CPU. */
static bool not_affected(const char *bug)
{
	char path[128], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/%s", bug);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return !strncmp(text, "Not affected", 12);
}

CASE(arch_capabilities, "IA32_ARCH_CAPABILITIES says of bugs what the kernel knows, and announces no MSR that is not there")
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = 0x10a };
	struct kvm_cpuid_entry2 *leaf = cpuid_entry(supported_cpuid(), 7, 0);
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	u64 value;

	ASSERT_EQ(dev_ioctl(KVM_GET_MSRS, &msrs), 1);
	value = msrs.entry.data;
	test_diag("0x%llx", value);
	/* Whatever the CPU has: a guest that does not know of it expects the worst. */
	EXPECT(!leaf || leaf->edx & BIT(29), "ARCH_CAPABILITIES");
	EXPECT_EQ(vcpu_get_msr(vcpu, 0x10a), value);
	if (not_affected("meltdown"))
		EXPECT(value & BIT64(0), "RDCL_NO");
	if (not_affected("mds"))
		EXPECT(value & BIT64(5), "MDS_NO");
	if (not_affected("spec_store_bypass"))
		EXPECT(value & BIT64(4), "SSB_NO");
	/* FB_CLEAR_CTRL, XAPIC_DISABLE_STATUS, GDS_CTRL; KVM has TSX_CTRL. */
	EXPECT(!(value & (BIT64(18) | BIT64(21) | BIT64(25))));
	EXPECT(test_is_kvm || !(value & BIT64(7)));
	vm_free(vcpu->vm);
}
