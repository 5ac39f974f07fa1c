// SPDX-License-Identifier: GPL-2.0
/* FPU, SSE and AVX registers: the guest's stay the guest's, the host's the host's. */
#define _GNU_SOURCE
#include <pthread.h>
#include "guest.h"
#include "vm.h"

#define PORT	0x80

/* Fills or compares all registers with a pattern. AVX only where arg bit 0 says so. */
static void fill(u64 seed, bool avx)
{
	u64 x[4] = { seed, seed * 3, seed * 5, seed * 7 };

	if (avx)
		asm volatile("vmovups (%0), %%ymm0; vmovups (%0), %%ymm7; vmovups (%0), %%ymm15" :: "r"(x), "m"(x));
	else
		asm volatile("movups (%0), %%xmm0; movups (%0), %%xmm7; movups (%0), %%xmm15" :: "r"(x), "m"(x));
}

static bool same(u64 seed, bool avx)
{
	u64 x[4] = { seed, seed * 3, seed * 5, seed * 7 }, a[4], b[4], c[4];

	if (avx)
		asm volatile("vmovups %%ymm0, (%0); vmovups %%ymm7, (%1); vmovups %%ymm15, (%2)"
			     :: "r"(a), "r"(b), "r"(c) : "memory");
	else
		asm volatile("movups %%xmm0, (%0); movups %%xmm7, (%1); movups %%xmm15, (%2)"
			     :: "r"(a), "r"(b), "r"(c) : "memory");
	for (unsigned int i = 0; i < (avx ? 4 : 2); i++)
		if (a[i] != x[i] || b[i] != x[i] || c[i] != x[i])
			return false;
	return true;
}

static u64 rounds;

static void keep(u64 arg)
{
	u64 seed = arg >> 1;
	bool avx = arg & 1;

	for (u64 i = 1; i <= rounds; i++) {
		fill(seed * i, avx);
		outb(PORT, i);
		if (!same(seed * i, avx))
			GUEST_ABORT("registers changed across an exit", i, seed);
		cpuid(0);
		if (!same(seed * i, avx))
			GUEST_ABORT("registers changed across CPUID", i, seed);
	}
}

static struct vcpu *fpu_vcpu(struct vm *vm, u64 seed, bool avx)
{
	struct vcpu *vcpu = vcpu_new(vm, keep, seed << 1 | avx);
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 7 } };
	struct kvm_sregs s;

	GUEST_VAR(vm, rounds) = test_scale(300);
	if (avx) {
		vcpu_sregs(vcpu, &s);
		s.cr4 |= CR4_OSXSAVE;
		vcpu_set_sregs(vcpu, &s);
		vcpu_ioctl(vcpu, KVM_SET_XCRS, &xcrs);
	}
	return vcpu;
}

/* Runs the guest while this thread has values of its own in the same registers. */
static void run_with_own(struct vcpu *vcpu, u64 own, bool avx)
{
	struct ucall uc;

	for (;;) {
		int ret;

		fill(own, avx);
		ret = ioctl(vcpu->fd, KVM_RUN, 0);
		if (!same(own, avx))
			ASSERT(false, "the host's registers changed");
		ASSERT(!ret || errno == EINTR, "%s", strerror(errno));
		if (ret)
			continue;
		if (vcpu->run->io.port != PORT)
			break;
	}
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
}

static void run_one(bool avx)
{
	struct vm *vm = vm_new(GUEST_LONG);

	run_with_own(fpu_vcpu(vm, 0x123456789abcdef1, avx), 0xfedcba9876543211, avx);
	vm_free(vm);
}

CASE(sse, "SSE registers of guest and host survive each other")
{
	run_one(false);
}

CASE(avx, "AVX registers of guest and host survive each other")
{
	REQUIRE(HAS_AVX, "no AVX for guests");
	run_one(true);
}

CASE(one_thread, "two vCPUs that one thread runs in turns keep their own")
{
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *a = fpu_vcpu(vm, 0x1111, false), *b = fpu_vcpu(vm, 0x2222, false);
	unsigned long n = GUEST_VAR(vm, rounds);

	for (unsigned long i = 0; i < n; i++) {
		vcpu_run_to(a, KVM_EXIT_IO);
		ASSERT_EQ(a->run->io.port, PORT);
		vcpu_run_to(b, KVM_EXIT_IO);
		ASSERT_EQ(b->run->io.port, PORT);
	}
	vcpu_run_to_done(a);
	vcpu_run_to_done(b);
	vm_free(vm);
}

static void *thread(void *arg)
{
	struct vcpu *vcpu = arg;

	run_with_own(vcpu, 0x5555 + vcpu->id, HAS_AVX);
	return NULL;
}

CASE(threads, "four vCPUs in four threads on fewer CPUs keep their own")
{
	struct vm *vm = vm_new(GUEST_LONG);
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, thread, fpu_vcpu(vm, 0x1000 + i, HAS_AVX));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	vm_free(vm);
}

/* Registers stay what they are without an exit of the guest's own: only the host interrupts it. */
static u64 enough;

static void keep_long(u64 arg)
{
	bool avx = arg & 1;

	sti();
	for (u64 i = 1; !READ_ONCE(enough); i++) {
		fill(arg * i, avx);
		for (u64 n = 0; n < 20000; n++)
			barrier();
		if (!same(arg * i, avx))
			GUEST_ABORT("registers changed while nothing happened", i, arg);
	}
}

#define PARAMETERS	"/sys/module/bellows/parameters/"

static unsigned long timer_uses(void)
{
	unsigned long n = 0;
	FILE *f = fopen(PARAMETERS "fpu_timer_uses", "r");

	if (f && fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static bool set_timer(const char *us)
{
	FILE *f = fopen(PARAMETERS "fpu_timer_us", "w");

	return f && fputs(us, f) >= 0 && !fclose(f);
}

#define USES	100

static void *end_after_uses(void *arg)
{
	struct vm *vm = arg;
	unsigned long before = timer_uses();

	while (timer_uses() - before < USES)
		usleep(1000);
	WRITE_ONCE(GUEST_VAR(vm, enough), 1);
	return NULL;
}

CASE(interrupts_use_it, "the host's interrupts and softirqs that use the FPU leave the guest's registers alone")
{
	bool avx = HAS_AVX;
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *vcpu = fpu_vcpu(vm, 0, avx);
	struct ucall uc;
	pthread_t t;
	int ret;

	REQUIRE(!test_is_kvm && set_timer("0"), "this module was built without a timer that uses the FPU");
	vcpu_call(vcpu, keep_long, 0x4444 | avx);
	pin_to_cpu(0);
	set_timer("500");
	x(-pthread_create(&t, NULL, end_after_uses, vm));
	do {
		fill(0x987654321, avx);
		ret = ioctl(vcpu->fd, KVM_RUN, 0);
		if (!same(0x987654321, avx))
			ret = -2;
	} while (ret == -1 && errno == EINTR);
	set_timer("0");
	ASSERT(ret != -2, "the host's registers changed");
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
	pthread_join(t, NULL);
	vm_free(vm);
}

static void x87(u64 arg)
{
	u16 control = 0x27f, got;
	u32 mxcsr = 0x3f80, got_mxcsr;
	u64 v;

	asm volatile("fninit; fldcw %0; fldpi; fld1; ldmxcsr %1" :: "m"(control), "m"(mxcsr));
	outb(PORT, 0);
	asm volatile("fnstcw %0; fistpq %1; stmxcsr %2" : "=m"(got), "=m"(v), "=m"(got_mxcsr));
	GUEST_ASSERT_EQ(got, 0x27f);
	GUEST_ASSERT_EQ(v, 1);
	GUEST_ASSERT_EQ(got_mxcsr, 0x3f80);
	asm volatile("fistpq %0" : "=m"(v));
	GUEST_ASSERT_EQ(v, 4);		/* rounding up: of 3.14 */
}

CASE(x87_state, "x87 stack, control word and MXCSR survive an exit; KVM_GET_FPU shows them")
{
	struct vcpu *vcpu = long_guest(x87, 0);
	struct kvm_fpu fpu;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vcpu_ioctl(vcpu, KVM_GET_FPU, &fpu);
	EXPECT_EQ(fpu.fcw, 0x27f);
	if (!test_is_kvm)	/* leaves it out */
		EXPECT_EQ(fpu.mxcsr, 0x3f80);
	fpu.fcw = 0xa7f;	/* the host makes it round up */
	vcpu_ioctl(vcpu, KVM_SET_FPU, &fpu);
	fpu.fcw = 0;
	vcpu_ioctl(vcpu, KVM_GET_FPU, &fpu);
	EXPECT_EQ(fpu.fcw, 0xa7f);
	vm_free(vcpu->vm);
}

static void from_host(u64 arg)
{
	u64 v[2];

	asm volatile("movups %%xmm5, (%0)" :: "r"(v) : "memory");
	GUEST_SYNC(1, v[0], v[1]);
}

CASE(set_fpu, "what KVM_SET_FPU and KVM_SET_XSAVE put into a register is there in the guest")
{
	struct vcpu *vcpu = long_guest(from_host, 0);
	struct kvm_xsave *xsave = aligned_alloc(64, 65536);
	struct kvm_fpu fpu;
	struct ucall uc;

	vcpu_ioctl(vcpu, KVM_GET_FPU, &fpu);
	memset(fpu.xmm[5], 0x5a, 16);
	vcpu_ioctl(vcpu, KVM_SET_FPU, &fpu);
	vcpu_next(vcpu, &uc);
	/* KVM forgets to mark a component as used that was in its initial state. */
	if (!test_is_kvm)
		EXPECT_EQ(uc.args[1], 0x5a5a5a5a5a5a5a5a);
	vcpu_call(vcpu, from_host, 0);
	vcpu_ioctl(vcpu, KVM_GET_XSAVE, xsave);
	if (!test_is_kvm)
		EXPECT_EQ(xsave->region[160 / 4 + 20], 0x5a5a5a5a);
	memset(&xsave->region[160 / 4 + 20], 0xa5, 16);
	xsave->region[512 / 4] |= 2;
	vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave);
	vcpu_next(vcpu, &uc);
	EXPECT_EQ(uc.args[1], 0xa5a5a5a5a5a5a5a5);
	EXPECT_EQ(uc.args[2], 0xa5a5a5a5a5a5a5a5);
	vm_free(vcpu->vm);
}

CASE(bad_xsave, "KVM_SET_XSAVE refuses a header and an MXCSR that would fault: EINVAL")
{
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	struct vcpu *vcpu = long_guest(from_host, 0);
	struct kvm_xsave *xsave = aligned_alloc(64, 65536);

	vcpu_ioctl(vcpu, KVM_GET_XSAVE, xsave);
	xsave->region[6] = 0xffffffff;
	xsave->region[512 / 4] |= 3;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave), -EINVAL);
	vcpu_ioctl(vcpu, KVM_GET_XSAVE, xsave);
	xsave->region[512 / 4 + 1] |= 0x40000000;	/* a component that does not exist */
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave), -EINVAL);
	vcpu_run_to_sync(vcpu, 1);
	vm_free(vcpu->vm);
}

CASE(xcrs, "KVM_SET_XCRS: valid values round trip, invalid ones and flags are EINVAL")
{
	REQUIRE(HAS_XSAVE, "no XSAVE for guests");
	struct vcpu *vcpu = long_guest(from_host, 0);
	struct kvm_xcrs x = { .nr_xcrs = 1 };

	x.xcrs[0].value = 3;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XCRS, &x), 0);
	memset(&x, 0, sizeof(x));
	vcpu_ioctl(vcpu, KVM_GET_XCRS, &x);
	EXPECT_EQ(x.nr_xcrs, 1);
	EXPECT_EQ(x.xcrs[0].value, 3);
	x.xcrs[0].value = 2;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XCRS, &x), -EINVAL);
	x.xcrs[0].value = 5;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XCRS, &x), -EINVAL);
	x.xcrs[0].value = 3;
	x.flags = 1;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XCRS, &x), -EINVAL);
	x.flags = 0;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_XCRS, &x), -EINVAL);
	vm_free(vcpu->vm);
}

/* Protection keys */

static inline void guest_wrpkru(u32 value)
{
	asm volatile("wrpkru" :: "a"(value), "c"(0), "d"(0) : "memory");
}

static inline u32 guest_rdpkru(void)
{
	u32 value;

	asm volatile("rdpkru" : "=a"(value) : "c"(0) : "rdx");
	return value;
}

static void keep_pkru(u64 arg)
{
	write_cr4(read_cr4() | CR4_PKE);
	for (u64 i = 0; i < 10; i++) {
		guest_wrpkru((u32)arg + i * 16);
		GUEST_SYNC(i);
		GUEST_ASSERT_EQ(guest_rdpkru(), (u32)arg + i * 16);
		cpuid(0);
		GUEST_ASSERT_EQ(guest_rdpkru(), (u32)arg + i * 16);
	}
}

CASE(pkru, "PKRU: two guests in turns and the process between them each have their own")
{
	struct vcpu *a, *b;
	u32 own;

	REQUIRE(HAS_PKU, "no protection keys for guests");
	a = long_guest(keep_pkru, 0x55555554);
	b = long_guest(keep_pkru, 0xaaaaaaa8);
	for (int i = 0; i < 10; i++) {
		own = 0x40000000 + i * 4;
		guest_wrpkru(own);
		vcpu_run_to_sync(a, i);
		EXPECT_EQ(guest_rdpkru(), own);
		vcpu_run_to_sync(b, i);
		EXPECT_EQ(guest_rdpkru(), own);
	}
	guest_wrpkru(0);
	vcpu_run_to_done(a);
	vcpu_run_to_done(b);
	vm_free(a->vm);
	vm_free(b->vm);
}
